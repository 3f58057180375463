"""The calls in Python files and notebooks that make layers, and what else they call."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from os.path import abspath
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reglint import files, keras_api
from reglint.analysis.canonical import Symbol, symbol
from reglint.analysis.classes import Definition, class_of, keras_classes, resolved
from reglint.analysis.names import WITHOUT_KERAS, Module
from reglint.analysis.scopes import Class, Opaque
from reglint.analysis.syntax import code, cst, descendants, is_name, last_name, string
from reglint.config import Resolver
from reglint.engine import parse_cells
from reglint.keras_api import KNOWN_VERSIONS
from reglint.keras_api.classes import Kind
from reglint.linking.arguments import of_self
from reglint.linking.places import KERAS_CALLS, File, Site
from reglint.model import FileError, Settings
from reglint.parsing import ParseError
from reglint.project import View, project
from reglint.source import Source, SourceError
from reglint.tomlfile import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.scopes import Meaning, Scope
    from reglint.analysis.scopes import Site as Spot

# Models hold layers; what is in them counts, not they themselves.
MODELS = frozenset({"Functional", "Input", "InputLayer", "Model", "Sequential"})
# Functions that make the layer and call it.
_FUNCTIONAL = {
    name.lower(): name
    for name in (
        "Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract",
    )
}  # fmt: skip
# What makes layers that no call in the source makes.
_LOADERS = re.compile(
    r"keras\.(applications\..*|models\.(clone_model|load_model|model_from_\w+)|saving\.load_model"
    r"|(layers|saving)\.deserialize\w*|layers\.TFSMLayer)$"
)
_LOADING_METHODS = frozenset({"from_config", "from_preset", "from_pretrained"})
_SETTINGS = Settings(frozenset(), frozenset(KNOWN_VERSIONS))


class Target(NamedTuple):
    """What a call calls, if that is of interest: one of these."""

    site: Site | None = None
    function: tuple[File, cst.FunctionDef] | None = None  # of the source
    foreign: str = ""  # code elsewhere, which may make layers
    unknown: bool = False  # a value of the running program


_NOTHING = Target()


@dataclass(frozen=True, eq=False, repr=False)
class Sources:
    """All that was found."""

    files: tuple[File, ...]
    errors: tuple[FileError, ...]  # what could not be read
    _by_module: dict[int, File] = field(default_factory=dict, repr=False)
    _targets: dict[int, Target] = field(default_factory=dict, repr=False)

    @cached_property
    def sites(self) -> Mapping[str, tuple[Site, ...]]:
        """Return the calls that make layers, by class, in the order of the source."""
        found: dict[str, list[Site]] = {}
        for file in self.files:
            for site in file.sites:
                found.setdefault(site.layer_class, []).append(site)
        return {name: tuple(sites) for name, sites in found.items()}

    @cached_property
    def classes(self) -> Mapping[str, tuple[KerasClass, ...]]:
        """Return the classes of layers and models that the source defines, by name."""
        found: dict[str, list[KerasClass]] = {}
        for file in self.files:
            for cls in keras_classes(file.module):
                if cls.kind in {Kind.LAYER, Kind.MODEL}:
                    found.setdefault(cls.name, []).append(cls)
        return {name: tuple(classes) for name, classes in found.items()}

    @cached_property
    def methods(self) -> Mapping[str, int]:
        """Return how many classes of the source define a method of each name."""
        found: dict[str, int] = {}
        for file in self.files:
            for cls in file.module.classes:
                for name in {
                    n.name.value for n in cls.node.body.body if isinstance(n, cst.FunctionDef)
                }:
                    found[name] = found.get(name, 0) + 1
        return found

    @cached_property
    def handed_around(self) -> frozenset[str]:
        """Return the classes of layers that the source passes on rather than calls."""
        names = keras_api.layer_names() | self.classes.keys()
        found: set[str] = set()
        for file in self.files:
            quiet = _called_or_asked(file.module)
            spots = {id(spot.node): spot for each in file.module.loads.values() for spot in each}
            for node in descendants(file.module.tree):
                if last_name(node) not in names or id(node) in quiet:
                    continue
                spot = spots.get(id(_owner(node)))
                if spot and (made := self._class(spot._replace(node=node), file)):
                    found.add(made[0])
        return frozenset(found)

    @cached_property
    def unclear(self) -> frozenset[str]:
        """Return the classes of layers by whose name the source calls what may be one or not."""
        names = keras_api.layer_names() - MODELS
        return frozenset(
            last_name(func)
            for file in self.files
            for spot in file.module.calls_named(*names)
            if not isinstance(func := cst.ensure_type(spot.node, cst.Call).func, cst.Call)
            and self.target(spot, file)[:2] == (None, None)
            and _may_be_keras(file.module.meaning(func, spot.scope))
        )

    @cached_property
    def in_lambdas(self) -> frozenset[str]:
        """Return the classes of layers that lambdas make."""
        every = (site for sites in self.sites.values() for site in sites)
        return frozenset(s.layer_class for s in every if s.scope.enclosing(cst.Lambda))

    @cached_property
    def renames(self) -> bool:
        """Tell whether layers may get other names after they are made."""
        return bool(self.changed & {"name", "_name"})

    @cached_property
    def set_elsewhere(self) -> frozenset[str]:
        """Return the attributes that code gives a new layer from outside: `model.head = ...`."""
        return frozenset(
            name.lstrip("_")
            for name, file, node in self._outside
            if any(self._makes(each, file) for each in descendants(node.value))
        )

    @cached_property
    def changed(self) -> frozenset[str]:
        """Return the attributes that code sets of what is not `self`, or by `setattr`."""
        found = {name for name, _, _ in self._outside}
        for file in self.files:
            for spot in file.module.calls_named("setattr"):
                args = cst.ensure_type(spot.node, cst.Call).args[1:2]
                found |= {string(arg.value) or "" for arg in args}
        return frozenset(found)

    @cached_property
    def _outside(self) -> tuple[tuple[str, File, cst.Assign], ...]:
        """Return what sets the attributes of anything but `self`, with their names."""
        found = []
        for file in self.files:
            for name, spots in file.module.attributes.items():
                for spot in spots:
                    node = cst.ensure_type(spot.node, cst.Assign)
                    owners = [t.target for t in node.targets if last_name(t.target) == name]
                    if not all(of_self(owner) for owner in owners):
                        found.append((name, file, node))
        return tuple(found)

    @cached_property
    def foreign(self) -> str:
        """Return a call in the source of code elsewhere that may make layers, if there is one."""
        for file in self.files:
            for spot in file.module.calls:
                if found := self.target(spot, file).foreign:
                    return found
        return ""

    def file_of(self, module: Module) -> File | None:
        """Return the file of a module, if it is part of the source."""
        return self._by_module.get(id(module))

    def target(self, spot: Spot, file: File) -> Target:
        """Return what a call calls."""
        key = id(spot.node)
        if key not in self._targets:
            self._targets[key] = self._target(spot, file)
        return self._targets[key]

    def _target(self, spot: Spot, file: File) -> Target:
        node = cst.ensure_type(spot.node, cst.Call)
        if made := self._class(spot._replace(node=node.func), file):
            name, roots, own = made
            site = Site(file, node, spot.scope, name, roots, own, self.changed)
            return Target(site=site) if name not in MODELS or own else _NOTHING
        if function := self._function(node.func, spot.scope, file):
            return Target(function=function)
        match node.func:
            case cst.Attribute(attr=cst.Name(name)) if name in _LOADING_METHODS:
                return Target(foreign=f"`{code(node.func)}`")
        meanings = file.module.meaning(node.func, spot.scope)
        for meaning in meanings:
            if isinstance(meaning, str) and self._is_foreign(meaning, file):
                return Target(foreign=f"`{code(node.func)}`")
        match node.func:
            case cst.Attribute(attr=cst.Name(name)):
                ours = name in self.methods.keys() - KERAS_CALLS
                return Target(unknown=ours and not meanings)
            case cst.Call() if self._makes(node.func, file):
                return _NOTHING  # the layer is called
        return Target(unknown=not meanings and not self._is_layer(node.func, spot, file))

    def _makes(self, node: cst.CSTNode, file: File) -> bool:
        spot = file.calls.get(id(node))
        return spot is not None and self.target(spot, file).site is not None

    def _is_layer(self, node: cst.CSTNode, spot: Spot, file: File) -> bool:
        """Tell whether a name is bound to a layer, which is called."""
        value = file.module.expression(node, spot.scope)
        return value is not None and self._makes(value.node, file)

    def _class(
        self, spot: Spot, file: File
    ) -> tuple[str, tuple[str, ...], KerasClass | None] | None:
        """Return the class of layers that an expression surely is, and its roots."""
        meanings = file.module.meaning(spot.node, spot.scope)
        found = list(resolved(meanings, file.module))
        kinds = {_kind(each) for each in found}
        kind = kinds.pop() if len(kinds) == 1 else None
        if kind is None:
            return None
        name, own = kind
        roots = {each.root for each in found if isinstance(each, Symbol)}
        return name, tuple(sorted(roots or {own.root if own else "keras"})), own

    def _function(
        self, node: cst.BaseExpression, scope: Scope, file: File
    ) -> tuple[File, cst.FunctionDef] | None:
        """Return the function, method or constructor of the source that is called, if known."""
        for _ in range(8):  # imports of imports
            match node:
                case cst.Attribute(value=cst.Name("self"), attr=cst.Name(name)):
                    around = scope.enclosing(cst.ClassDef)
                    only = self.methods.get(name) == 1
                    method = _method(around.node, name) if around and only else None
                    return (file, method) if method else None
            function = file.module.function(node, scope)
            if function is not None:
                return (file, function) if isinstance(function, cst.FunctionDef) else None
            match [*file.module.meaning(node, scope)]:
                case [Class() as cls]:
                    init = _method(cls.node, "__init__")
                    plain = class_of(cls, file.module) is None
                    return (file, init) if init and plain else None
                case [str(path)]:
                    found = file.module.project.find(path)
                case _:
                    return None
            other = self.file_of(found[0]) if found else None
            if found is None or other is None:
                return None
            node, scope, file = cst.Name(found[1]), other.module.scope, other
        return None

    def _is_foreign(self, path: str, file: File) -> bool:
        known = symbol(path)
        if known and known.root:
            return bool(_LOADERS.match(known.name))
        top = path.partition(".")[0]
        if top == "builtins" or top in WITHOUT_KERAS or "." not in path.lstrip("."):
            return False
        found = file.module.project.find(path)
        return found is None or self.file_of(found[0]) is None


@cache
def _layer_calls() -> re.Pattern[bytes]:
    names = "|".join(sorted(keras_api.layer_names()))
    return re.compile(rf"keras|\b(?:{names})\s*\(".encode())


def find(paths: Sequence[str]) -> Sources:
    """Find the calls that make layers in the Python files and notebooks at `paths`.

    Passed over is what git or the configuration excludes, and what cannot be read or parsed, which
    is told in `errors`.
    """
    project.cache_clear()  # files may have changed since
    found = _discovered(paths)
    errors, contents = list(found.errors), dict[str, bytes]()
    for path in found.files:
        try:
            contents[path] = files.read(path)
        except files.AccessError as failure:
            errors.append(failure.error)
    words = _layer_calls()
    wanted = {path for path, data in contents.items() if words.search(data)}
    parsed: dict[str, File] = {}
    while wanted:
        for path in sorted(wanted):
            _add(path, contents.pop(path), parsed, errors)
        # Who mentions a function or class of these may make layers by it.
        names = {name for path in wanted if path in parsed for name in _defined(parsed[path])}
        mention = re.compile(rf"\b(?:{'|'.join(sorted(names))})\b".encode()) if names else None
        wanted = {p for p, data in contents.items() if mention and mention.search(data)}
    everything = tuple(parsed[path] for path in sorted(parsed))
    sources = Sources(everything, tuple(errors), {id(file.module): file for file in everything})
    for file in everything:
        for spot in file.module.calls:
            if (site := sources.target(spot, file).site) is not None:
                file.sites.append(site)
    return sources


def _discovered(paths: Sequence[str]) -> files.Found:
    """Return the files that git and the configuration do not exclude.

    What is in a folder that is asked for by name is not excluded with that folder.
    """
    resolver, asked = Resolver(), [Path(abspath(path)) for path in paths]  # noqa: PTH100 - as below

    def excluded(path: Path, is_folder: bool) -> bool:  # noqa: FBT001 - as it is called
        try:
            config = resolver.for_directory(path.parent)
        except ConfigError:  # commands tell of it
            return False
        return config.excluded(path, is_dir=is_folder) and not any(
            path.is_relative_to(each) and config.excluded(each, is_dir=True) for each in asked
        )

    return files.discover(paths, excluded=excluded)


def _add(path: str, data: bytes, parsed: dict[str, File], errors: list[FileError]) -> None:
    try:
        source = Source.from_bytes(path, data)
        module = _module(source)
    except (SourceError, ParseError) as error:
        errors.append(FileError(path, error.message, error.place))
    except RecursionError:
        errors.append(FileError(path, "nested too deeply to be analysed"))
    else:
        parsed[path] = File(source, module)


def _module(source: Source) -> Module:
    """Return a file as its project sees it: others that import it speak of the same nodes."""
    file = Path(abspath(source.path))  # noqa: PTH100 (resolve() would follow links)
    around = project(file.parent, Path.cwd())
    if not source.is_notebook and (known := around.module(file, _SETTINGS)):
        return known
    tree, source, _ = parse_cells(source)
    return Module(tree, _SETTINGS, View(around, file, _SETTINGS, source.text))


def _defined(file: File) -> Iterable[str]:
    """Return the names that other files may import."""
    for name, bindings in file.module.scope.names.items():
        if any(isinstance(b, (Class, Opaque)) for b in bindings) and len(name) > 1:
            yield name


def _kind(found: Definition | Symbol | str) -> tuple[str, KerasClass | None] | None:
    """Return the class of layers that something is."""
    if isinstance(found, Definition):
        own = class_of(found.cls, found.module)
        return (own.name, own) if own and own.kind in {Kind.LAYER, Kind.MODEL} else None
    if not isinstance(found, Symbol):
        return None
    package, _, name = found.name.rpartition(".")
    if found.name in {f"keras.{model}" for model in MODELS}:
        return name, None
    if package != "keras.layers":
        return None
    known = keras_api.layer(_FUNCTIONAL.get(name, name))
    return (known.name, None) if known else None


def _may_be_keras(meanings: Iterable[Meaning]) -> bool:
    """Tell whether something is not known to be of another package, or of the source."""
    paths = list(meanings)
    return not paths or any(
        isinstance(path, str) and path.lstrip(".").partition(".")[0] not in WITHOUT_KERAS
        for path in paths
    )


def _method(cls: cst.CSTNode, name: str) -> cst.FunctionDef | None:
    body = cst.ensure_type(cls, cst.ClassDef).body.body
    return next((n for n in body if isinstance(n, cst.FunctionDef) and n.name.value == name), None)


def _owner(node: cst.CSTNode) -> cst.CSTNode:
    """Return the `keras` of `keras.layers.Dense`."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return node


def _called_or_asked(module: Module) -> set[int]:
    """Return the ids of the expressions that are called, derived from, compared or annotations."""
    found: set[int] = set()
    for spot in module.calls:
        call = cst.ensure_type(spot.node, cst.Call)
        found |= {id(n) for n in descendants(call.func) if not isinstance(n, cst.Arg)}
        if is_name(call.func, "isinstance") or is_name(call.func, "super"):
            found |= {id(n) for n in descendants(call)}
    for cls in module.classes:
        found |= {id(n) for base in cls.node.bases for n in descendants(base)}
    for node in descendants(module.tree):
        if isinstance(node, cst.Annotation):
            found |= {id(n) for n in descendants(node)}
    return found
