"""What the files of one project can know of each other, without importing any of them."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from os.path import normpath, relpath
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from reglint import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.model import Settings

# Top-level packages that reglint takes for Keras, and a folder that only the real ones have.
_REAL = {"keras": "src", "keras_core": "src", "tensorflow": "python", "tf_keras": "src"}
_MARKERS = (".git", "pyproject.toml", "setup.py")
_KEPT = 32  # modules of other files, between the checks of two files
_LARGE = 1_000_000  # bytes; nobody writes such a module by hand


class Signal(NamedTuple):
    """What a whole project is searched for, to know which findings matter to it."""

    words: tuple[bytes, ...]  # one of which is in every match: they are sought much faster
    pattern: re.Pattern[bytes]

    def is_in(self, data: bytes) -> bool:
        """Tell whether a file gives it."""
        return any(word in data for word in self.words) and bool(self.pattern.search(data))


SIGNALS = {
    # Models are saved with their configuration, or made from one.
    "saving": Signal(
        (b".save(", b"_model(", b"model_from_", b".to_json(", b"ModelCheckpoint("),
        re.compile(
            rb"(?:[Mm]odel|[Nn]et|[Nn]etwork|coder|[Gg]enerator|[Dd]iscriminator|[Cc]ritic)\w*\.save\("
            rb"|\b(?:save|load|clone)_model\(|\bmodel_from_(?:json|config)\("
            rb"|\.to_json\(\)|ModelCheckpoint\((?![^()]*save_weights_only\s*=\s*True)"
        ),
    ),
    # More than one backend of Keras 3 is meant to work.
    "multi-backend": Signal(
        (b"KERAS_BACKEND", b"ops"),
        re.compile(
            rb"KERAS_BACKEND|^[ \t]*(?:from|import) keras\.ops\b"
            rb"|^[ \t]*from keras import (?:.*\W)?ops\b|\bkeras\.ops\.",
            re.MULTILINE,
        ),
    ),
    # Whole models are saved in the older format; weights alone are no concern.
    "hdf5": Signal(
        (b"h5", b".hdf5"),
        re.compile(rb"""(?<!weights)\.(?:h5|hdf5)\\?["']|save_format\s*=\s*\\?["']h5"""),
    ),
    "mixed-precision": Signal((b"mixed_",), re.compile(rb"\bmixed_b?float16\b")),
}
# In notebooks, a backslash stands before each quote.
# Where a class is given to Keras by name: `{"Cubic": Cubic}`, `custom_objects["Cubic"] = Cubic`.
_CUSTOM_OBJECT = re.compile(
    rb"""["'](?:\w+>)?(\w+)\\?["']\s*(?::|\]\s*=)\s*(?:\w+\.)*\1\b"""
    rb"""|\bcustom_objects\s*=\s*\{[^{}]*?["'](?:\w+>)?(\w+)\\?["']\s*:"""
)

# A class below a decorator that registers it; what is between may be other decorators.
_REGISTERING = re.compile(rb"register_keras_serializable\b[^:]*?\bclass\s+(\w+)")


@cache
def shadowed(directory: Path, root: Path) -> frozenset[str]:
    """Return the top-level packages that mean something else to the files of `directory`.

    The folders from `directory` up to the project's are searched: up to the first one that looks
    like the top of a project, or else to `root`. Both paths are absolute.
    """
    return frozenset().union(*map(_defined, _folders(directory, root)))


@cache
def _folders(directory: Path, root: Path) -> tuple[Path, ...]:
    """Return the folders from `directory` up to the top of its project."""
    folders = (directory, *directory.parents)
    top = next((folder for folder in folders if is_project(folder)), root)
    return folders[: folders.index(top) + 1] if top in folders else folders


@cache
def is_project(folder: Path) -> bool:
    """Tell whether a folder looks like the top of a project."""
    return any((folder / marker).exists() for marker in _MARKERS)


@cache
def _defined(folder: Path) -> frozenset[str]:
    """Return the packages in `folder` that `import` finds when it is a start of the module path."""
    if (folder / "__init__.py").exists():  # a package itself: what it contains is not top-level
        return frozenset()
    return frozenset(name for name in _REAL if _is_own(folder, name))


def _is_own(folder: Path, name: str) -> bool:
    package = folder / name
    if (package / "__init__.py").is_file():
        return not (package / _REAL[name]).is_dir()
    return (folder / f"{name}.py").is_file()


class Question(NamedTuple):
    """What a file asked of its project."""

    kind: str  # "module", "signal", "custom object" or "registering"
    what: str  # the dotted path of a module, as an `import` has it; the name of the other
    folder: str  # that the import stands in, as seen from the file that is checked


Answers: TypeAlias = dict[Question, str]


class Project:
    """The files of one project. Each is found, read and parsed only when another asks for it."""

    def __init__(self, directory: Path, root: Path) -> None:
        folders = _folders(directory, root)
        self.top = folders[-1] if is_project(folders[-1]) else directory
        self._marked = is_project(self.top)
        self._root = root
        self._located: dict[tuple[Path, str], Path | None] = {}
        self._digests: dict[Path, str] = {}
        self._modules: dict[Path, Module] = {}
        self._unreadable: set[Path] = set()
        self._signals: dict[str, bool] = {}
        self._custom_objects: set[str] = set()
        self._registering: dict[str, list[Path]] = {}

    def locate(self, directory: Path, module: str) -> Path | None:
        """Return the file of a module that is imported in `directory`, if it is the project's."""
        key = directory, module
        if key not in self._located:
            self._located[key] = next(self._candidates(directory, module), None)
        return self._located[key]

    def _candidates(self, directory: Path, module: str) -> Iterator[Path]:
        name = module.lstrip(".")
        parts = name.split(".") if name else []
        for start in self._starts(directory, len(module) - len(name)):
            if parts and not any((start / f"{parts[0]}{end}").exists() for end in ("", ".py")):
                continue
            path = start.joinpath(*parts)
            alone = path.parent / f"{path.name}.py"
            yield from (file for file in (path / "__init__.py", alone) if file.is_file())

    def _starts(self, directory: Path, dots: int) -> Iterator[Path]:
        """Yield the folders that an import may mean, the most likely first."""
        upward = [directory, *directory.parents]
        above = upward[: upward.index(self.top) + 1] if self.top in upward else [directory]
        if dots:
            yield from above[dots - 1 : dots]
        else:
            yield from above
            yield self.top / "src"

    def digest(self, file: Path) -> str:
        """Return what tells one content of a file from another; nothing if it cannot be read."""
        if file not in self._digests:
            try:
                data = files.read(str(file))
            except files.AccessError:
                data = b""
            self._digests[file] = blake2b(data, digest_size=8).hexdigest() if data else ""
        return self._digests[file]

    def module(self, file: Path, settings: Settings) -> Module | None:
        """Return another file of the project, parsed, if that is possible."""
        if file not in self._modules and file not in self._unreadable:
            module = self._parsed(file, settings)
            if module is None:
                self._unreadable.add(file)
            else:
                self._modules[file] = module
        if file in self._modules:  # as the one used last
            self._modules[file] = self._modules.pop(file)
        return self._modules.get(file)

    def kept(self, file: Path) -> Module | None:
        """Return a module that is at hand already."""
        return self._modules.get(file)

    def _parsed(self, file: Path, settings: Settings) -> Module | None:
        # Imported here: most runs never look into another file, and many never parse any.
        from reglint.analysis.names import Module  # noqa: PLC0415
        from reglint.parsing import ParseError, parse  # noqa: PLC0415
        from reglint.source import Source, SourceError  # noqa: PLC0415

        try:
            data = files.read(str(file))
            if len(data) > _LARGE:
                return None
            text = Source.from_bytes(str(file), data).text
            tree = parse(text)
        except (files.AccessError, SourceError, ParseError, RecursionError):
            return None
        shadows = shadowed(file.parent, self._root)
        own = replace(settings, shadowed=shadows)
        return Module(tree, own, View(self, file, own, text))

    def trim(self) -> None:
        """Let go of the modules looked into longest ago."""
        while len(self._modules) > _KEPT:
            self._modules.pop(next(iter(self._modules))).close()

    def mentions(self, signal: str) -> bool:
        """Tell whether anything in the project gives this one of the `SIGNALS`."""
        self._scan()
        return self._signals[signal]

    def is_custom_object(self, name: str) -> bool:
        """Tell whether a class is given to Keras by its name somewhere in the project."""
        self._scan()
        return name in self._custom_objects

    def registering(self, name: str) -> tuple[Path, ...]:
        """Return the files that seem to register a class of this name."""
        self._scan()
        return tuple(self._registering.get(name, ()))

    def _scan(self) -> None:
        """Search every file of the project, once."""
        if self._signals:
            return
        self._signals = dict.fromkeys(SIGNALS, False)
        for file, data in self.contents():
            for name, signal in SIGNALS.items():
                self._signals[name] = self._signals[name] or signal.is_in(data)
            if b"keras" in data or b"custom" in data:
                self._custom_objects |= custom_objects(data)
            if b"register_keras" in data:
                for name in {found.decode() for found in _REGISTERING.findall(data)}:
                    self._registering.setdefault(name, []).append(file)

    def contents(self) -> Iterator[tuple[Path, bytes]]:
        """Yield the files of the project, and what is in each."""
        for file in self.sources():
            with suppress(files.AccessError):
                yield file, files.read(str(file))

    def sources(self) -> tuple[Path, ...]:
        """Return the Python files and notebooks; of what is no project, those of one folder."""
        if not self._marked:
            return tuple(sorted(p for p in self.top.iterdir() if p.suffix in files.SUFFIXES))
        found = files.discover([str(self.top)], excluded=lambda _path, _is_dir: False)
        return tuple(map(Path, found.files))

    def answer(self, question: Question, directory: Path) -> str:
        """Return the answer to what a file in `directory` asked, as a short text."""
        if question.kind == "signal":
            return str(self.mentions(question.what))
        if question.kind == "custom object":
            return str(self.is_custom_object(question.what))
        if question.kind == "registering":
            found = self.registering(question.what)
            return " ".join(f"{relpath(file, directory)} {self.digest(file)}" for file in found)
        folder = Path(normpath(directory / question.folder))
        file = self.locate(folder, question.what)
        return f"{relpath(file, directory)} {self.digest(file)}" if file else ""


def custom_objects(data: bytes) -> set[str]:
    """Return the names of the classes that a file gives to Keras by name."""
    found = {name for pair in _CUSTOM_OBJECT.findall(data) for name in pair}
    return {name.decode(errors="replace") for name in found}


@cache
def project(directory: Path, root: Path) -> Project:
    """Return the project that the files of `directory` belong to, one object for all of them."""
    found = Project(directory, root)
    return found if found.top == directory else project(found.top, root)


class View:
    """A project as one of its files sees it, and what that file asked of it.

    Without a project, as for standard input, the text of the file is all there is.
    """

    def __init__(
        self, project: Project | None, file: Path, settings: Settings, text: str = ""
    ) -> None:
        self._project = project
        self.text = text
        self.file = file
        self.directory = file.parent
        self._settings = settings
        # What was asked, and how the module that answered sees the project.
        self.asked: dict[tuple[str, str], View | None] = {}

    def known(self, text: str, settings: Settings) -> Module | None:
        """Return this very file as a module, if another file has asked for it already."""
        module = self._project.kept(self.file) if self._project else None
        if module is None or text != self.text or module.project.text != text:
            return None
        if replace(module.settings, codes=settings.codes) != settings:
            return None
        self.asked = module.project.asked
        return module

    def find(self, path: str) -> tuple[Module, str] | None:
        """Return the module of the project that a dotted path leads into, and the name in it.

        `path` is as `Module.meaning` gives it; relative ones begin with a dot.
        """
        name = path.rpartition(".")[2]
        above = path.removesuffix(name)
        if above.strip("."):  # else these dots are the module: `from .. import name`
            above = above.removesuffix(".")
        module = self.module(above) if above and self._project else None
        return (module, name) if module else None

    def module(self, path: str) -> Module | None:
        """Return the module of the project that is imported by this path."""
        if self._project is None:
            return None
        file = self._project.locate(self.directory, path)
        module = self._project.module(file, self._settings) if file else None
        self.asked["module", path] = module.project if module else None
        return module

    def mentions(self, signal: str) -> bool:
        """Tell whether anything in the project gives this one of the `SIGNALS`."""
        if self.says(signal):
            return True
        if self._project is None:
            return False
        self.asked["signal", signal] = None
        return self._project.mentions(signal)

    def says(self, signal: str) -> bool:
        """Tell whether the file itself gives this one of the `SIGNALS`."""
        return SIGNALS[signal].is_in(self.text.encode(errors="replace"))

    def is_custom_object(self, name: str) -> bool:
        """Tell whether a class is given to Keras by its name somewhere in the project."""
        if name in custom_objects(self.text.encode(errors="replace")):
            return True
        if self._project is None:
            return False
        self.asked["custom object", name] = None
        return self._project.is_custom_object(name)

    def registering(self, name: str) -> Iterator[tuple[Path, Module]]:
        """Yield the modules of the project that seem to register a class of this name."""
        if self._project is None:
            return
        self.asked["registering", name] = None
        for file in self._project.registering(name):
            module = self._project.module(file, self._settings)
            if module:
                yield file, module

    def answers(self) -> Answers:
        """Return what was asked, also by the modules that answered, with the answers.

        A result holds as long as these are the answers.
        """
        found: Answers = {}
        waiting: list[View] = [self]
        seen: set[int] = set()
        while waiting:
            view = waiting.pop()
            if id(view) in seen or self._project is None:
                continue
            seen.add(id(view))
            folder = relpath(view.directory, self.directory)
            for (kind, what), other in view.asked.items():
                question = Question(kind, what, folder)
                found[question] = self._project.answer(question, self.directory)
                waiting += [other] if other else []
        return found
