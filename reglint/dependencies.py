"""What a project says of itself in the files of one folder: its name, and the Keras it depends on.

Requirements are read as written, and only those that tell something about Keras; nothing is run
or installed. What is damaged, or means nothing here, is passed over: other tools complain of it.
"""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from reglint import files
from reglint.setup_py import Setup
from reglint.tomlfile import ConfigError, Document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from configparser import RawConfigParser
    from pathlib import Path

    from reglint.setup_py import Line

# The packages that decide which Keras there is, as PyPI and conda call them.
_PACKAGES = {"keras": "keras", "keras-gpu": "keras", "tf-keras": "tf-keras"} | {
    f"tensorflow{variant}": "tensorflow"
    for variant in (
        "", "-cpu", "-gpu", "-macos", "-intel", "-rocm", "-cpu-aws", "-mkl", "-eigen", "-base"
    )
}  # fmt: skip
_MENTIONED = re.compile(rb"(?im)keras|tensorflow|^\s*(?:-[rc]|--requirement|--constraint)\b")
_REQUIREMENT = re.compile(
    r"""
    (?:[\w-]+::)?                        # a channel of conda
    (?P<name>[a-z0-9](?:[\w.-]*[a-z0-9])?) \s*
    (?:\[[^\]]*\])? \s*                  # extras
    \(? (?P<specifier>[^;\#@()]*) \)? \s*
    (?P<marker>;.*)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LARGE = 20_000_000  # bytes; no lock file is that long


class Kind(Enum):
    """How much what a list of requirements says counts."""

    LOCK = "lock"  # the releases that were resolved
    MAIN = "main"  # what the project needs in any case
    EXTRA = "extra"  # what some of those who use or develop it install


@dataclass(frozen=True, slots=True)
class Requirement:
    """One of the packages that decide which Keras there is, limited to some releases."""

    package: str  # "keras", "tensorflow" or "tf-keras"
    specifier: str  # as PEP 440 has it; empty: any release
    file: Path
    line: int
    text: str  # as written, more or less
    conditional: bool = False  # whether it holds in some environments only


@dataclass(frozen=True, slots=True)
class Requirements:
    """What is installed together."""

    kind: Kind
    items: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What one folder says."""

    name: str = ""  # of the project whose top it is
    requirements: tuple[Requirements, ...] = ()


_Lists: TypeAlias = "Iterator[Requirements]"


def facts(folder: Path) -> Facts:
    """Return what the files of a folder say of the project, as far as they can be read."""
    with suppress(OSError):
        names = sorted(path.name for path in folder.iterdir())
        return Facts(_name(folder, names), tuple(_requirements(folder, names)))
    return Facts()


def _requirements(folder: Path, names: list[str]) -> _Lists:
    for name in names:
        read = next((read for pattern, read in _READERS if pattern.fullmatch(name)), None)
        if read:
            file = folder / name
            data = _read(file)
            if _MENTIONED.search(data):
                yield from read(file, data.decode(errors="replace"))
    if "requirements" in names:
        with suppress(OSError):
            for file in sorted((folder / "requirements").iterdir()):
                if file.suffix in {".txt", ".in"}:
                    yield _list(Kind.EXTRA, _included(file))


def _read(file: Path) -> bytes:
    with suppress(OSError, files.AccessError):
        if file.stat().st_size < _LARGE:
            return files.read(str(file))
    return b""


def _list(kind: Kind, items: Iterable[Requirement | None]) -> Requirements:
    return Requirements(kind, tuple(filter(None, items)))


def _parsed(line: Line, file: Path) -> Requirement | None:
    """Return the requirement in a line, as PEP 508 or conda write it, if it is about Keras."""
    number, text = line
    match = _REQUIREMENT.fullmatch(text.strip())
    package = match and _package(match["name"])
    if not match or not package:
        return None
    shown = text.strip().removesuffix(match["marker"] or "").strip()
    specifier = match["specifier"].strip()
    return Requirement(package, specifier, file, number, shown, bool(match["marker"]))


def _package(name: str) -> str | None:
    return _PACKAGES.get(re.sub(r"[-_.]+", "-", name).lower())


# -- pyproject.toml, Pipfile


def _pyproject(file: Path, text: str) -> _Lists:
    document = _toml(file, text)
    if not document:
        return
    yield _listed(Kind.MAIN, document, ("project", "dependencies"))
    yield _listed(Kind.MAIN, document, ("tool", "uv", "constraint-dependencies"))
    yield _poetry(Kind.MAIN, document, ("tool", "poetry", "dependencies"))
    yield _poetry(Kind.EXTRA, document, ("tool", "poetry", "dev-dependencies"))
    for group in _table(document, ("tool", "poetry", "group")):
        yield _poetry(Kind.EXTRA, document, ("tool", "poetry", "group", group, "dependencies"))
    for groups in (
        ("project", "optional-dependencies"),
        ("dependency-groups",),
        ("tool", "pdm", "dev-dependencies"),
    ):
        for group in _table(document, groups):
            yield _listed(Kind.EXTRA, document, (*groups, group))


def _pipfile(file: Path, text: str) -> _Lists:
    if document := _toml(file, text):
        yield _poetry(Kind.MAIN, document, ("packages",))
        yield _poetry(Kind.EXTRA, document, ("dev-packages",))


@lru_cache(maxsize=1)  # the name is asked for after the requirements
def _toml(file: Path, text: str) -> Document | None:
    try:
        return Document.parse(file, text.encode())
    except ConfigError:
        return None


def _value(document: Document, key: tuple[str, ...]) -> Any:
    value: Any = document.data
    for part in key:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _table(document: Document, key: tuple[str, ...]) -> dict[str, Any]:
    value = _value(document, key)
    return value if isinstance(value, dict) else {}


def _listed(kind: Kind, document: Document, key: tuple[str, ...]) -> Requirements:
    """Return the requirements of a list of strings."""
    value = _value(document, key)
    texts = enumerate(value if isinstance(value, list) else ())
    return _list(
        kind,
        (
            _parsed((document.problem("", (*key, index)).line, text), document.path)
            for index, text in texts
            if isinstance(text, str) and _MENTIONED.search(text.encode())
        ),
    )


def _poetry(kind: Kind, document: Document, key: tuple[str, ...]) -> Requirements:
    """Return the requirements of a table: constraints by name, or tables or lists of them."""
    found = []
    for name, value in _table(document, key).items():
        package = _package(name)
        every = value if isinstance(value, list) else [value]
        for one in every if package else ():
            table = one if isinstance(one, dict) else {"version": one}
            version = str(table.get("version", "*"))
            conditional = len(every) > 1 or not {"markers", "python", "platform"}.isdisjoint(table)
            line = document.problem("", (*key, name)).line
            text = f'{name} = "{version}"'
            found += [
                Requirement(
                    str(package), specifier, document.path, line, text,
                    conditional or "||" in version,
                )
                for specifier in map(_constraint, version.split("||"))
            ]  # fmt: skip
    return _list(kind, found)


def _constraint(text: str) -> str:
    """Return a constraint of Poetry as a specifier: `^2.10` is `>=2.10,<3`."""
    return ",".join(filter(None, map(_part, text.split(","))))


def _part(text: str) -> str:
    text = text.strip()
    match = re.fullmatch(r"(\^|~|)\s*(\d+)((?:\.\d+)*)(\.\*)?", text)
    if not match:
        return "" if text == "*" else text
    sign, major, rest, star = match.groups()
    release = f"{major}{rest}"
    if star or not sign:
        return f"=={release}{star or ''}"
    if sign == "^" or not rest:
        return f">={release},<{int(major) + 1}"
    return f">={release},<{major}.{int(rest.split('.')[1]) + 1}"


# -- Lock files

# `[[package]]` of uv, Poetry and PDM, `[[packages]]` of PEP 751: megabytes, all of this form.
_LOCKED = re.compile(r'^name = "(?P<name>[^"]+)"\s*\nversion = "(?P<version>[^"]+)"', re.MULTILINE)
_PIPFILE_LOCKED = re.compile(
    r'"(?P<name>[\w.-]+)": \{[^{}]*?"version": "==(?P<version>[^"]+)"', re.DOTALL
)


def _locked(file: Path, text: str, pattern: re.Pattern[str] = _LOCKED) -> _Lists:
    """Return what was resolved; a lock may hold several releases, for several environments."""
    found = []
    for match in pattern.finditer(text):
        if package := _package(match["name"]):
            line = text.count("\n", 0, match.start()) + 1
            shown = f"{match['name']} {match['version']}"
            specifier = f"=={match['version']}"
            found.append(Requirement(package, specifier, file, line, shown, conditional=True))
    yield _list(Kind.LOCK, found)


def _pipfile_locked(file: Path, text: str) -> _Lists:
    yield from _locked(file, text, _PIPFILE_LOCKED)


# -- Lists of requirements, one a line


def _main_requirements(file: Path, _text: str) -> _Lists:
    yield _list(Kind.MAIN, _included(file))


def _extra_requirements(file: Path, _text: str) -> _Lists:
    yield _list(Kind.EXTRA, _included(file))


_INCLUDE = re.compile(r"(?:-r|--requirement|-c|--constraint)[ =]*(?P<file>\S+)")


def _included(file: Path, seen: frozenset[Path] = frozenset()) -> Iterator[Requirement | None]:
    """Yield the requirements of a file and of those it includes."""
    if file in seen:
        return
    for number, line in enumerate(_read(file).decode(errors="replace").splitlines(), 1):
        text = re.sub(r"(^|\s)#.*|\s--\w.*|\\$", "", line).strip()
        if match := _INCLUDE.match(text):
            yield from _included(file.parent / match["file"], seen | {file})
        else:
            yield _parsed((number, text), file)


_CONDA = re.compile(r"\s*- *(['\"]?)(?P<text>[^'\"#]+?)\1 *(?:#.*)?")


def _conda(file: Path, text: str) -> _Lists:
    """Return what an environment of conda lists, which `=2.3` limits to the patches of 2.3."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _CONDA.fullmatch(line)
        parsed = _parsed((number, match["text"]), file) if match else None
        if parsed:
            specifier = re.sub(
                r"^(?:=|(?=\d))([\d.]*\d)(?:\.\*|\*)?(?:[= ].*)?$", r"==\1.*", parsed.specifier
            )
            found.append(Requirement(parsed.package, specifier, file, number, parsed.text))
    main = file.stem in {"environment", "conda"}
    yield _list(Kind.MAIN if main else Kind.EXTRA, found)


# -- setup.cfg and setup.py


def _setup_cfg(file: Path, text: str) -> _Lists:
    parser = _ini(text)
    yield _list(Kind.MAIN, _ini_lines(parser, "options", "install_requires", file, text))
    section = "options.extras_require"
    for extra in parser.options(section) if parser.has_section(section) else ():
        yield _list(Kind.EXTRA, _ini_lines(parser, section, extra, file, text))


def _ini(text: str) -> RawConfigParser:
    from configparser import Error, RawConfigParser  # noqa: PLC0415 - few projects have one

    parser = RawConfigParser(strict=False)
    with suppress(Error):
        parser.read_string(text)
    return parser


def _ini_lines(
    parser: RawConfigParser, section: str, option: str, file: Path, text: str
) -> Iterator[Requirement | None]:
    numbers = {line.strip(): n for n, line in enumerate(text.splitlines(), 1)}
    for line in parser.get(section, option, fallback="").splitlines():
        yield _parsed((numbers.get(line.strip(), 1), line), file)


def _setup_py(file: Path, text: str) -> _Lists:
    setup = Setup(text)
    yield _list(Kind.MAIN, (_parsed(line, file) for line in setup.strings("install_requires")))
    extras = setup.value("extras_require")
    for group in extras.values if isinstance(extras, ast.Dict) else [extras]:
        yield _list(Kind.EXTRA, (_parsed(line, file) for line in setup.lines(group)))


# -- The name


def _name(folder: Path, names: list[str]) -> str:
    """Return what the project is called, if the folder is the top of one that says so."""
    for file, read in _NAMES.items():
        if file in names:
            text = _read(folder / file).decode(errors="replace")
            found = read(folder / file, text) if "name" in text else ""
            if found and isinstance(found, str):
                return found
    return ""


def _pyproject_name(file: Path, text: str) -> Any:
    document = _toml(file, text)
    keys = (("project", "name"), ("tool", "poetry", "name"))
    return next(filter(None, (_value(document, key) for key in keys)), "") if document else ""


def _setup_cfg_name(_file: Path, text: str) -> str:
    return _ini(text).get("metadata", "name", fallback="")


def _setup_py_name(_file: Path, text: str) -> str:
    value = Setup(text).value("name")
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


_NAMES: dict[str, Callable[[Path, str], Any]] = {
    "pyproject.toml": _pyproject_name,
    "setup.cfg": _setup_cfg_name,
    "setup.py": _setup_py_name,
}

_READERS: tuple[tuple[re.Pattern[str], Callable[[Path, str], _Lists]], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in {
        r"pyproject\.toml": _pyproject,
        r"(?:uv|poetry|pdm)\.lock|pylock(?:\..+)?\.toml": _locked,
        r"Pipfile\.lock": _pipfile_locked,
        r"Pipfile": _pipfile,
        r"requirements\.(?:txt|in)|constraints.*\.txt": _main_requirements,
        r".*requirements.*\.(?:txt|in)": _extra_requirements,
        r"(?:environment|conda).*\.ya?ml": _conda,
        r"setup\.cfg": _setup_cfg,
        r"setup\.py": _setup_py,
    }.items()
)
