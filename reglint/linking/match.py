"""Which call made which layer: where that is certain, else why it is not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from reglint.analysis.syntax import cst
from reglint.keras_api.classes import Kind
from reglint.linking import assign, names
from reglint.linking.assign import Choice, Doubts, assigned, bare
from reglint.linking.sites import MODELS
from reglint.linking.trace import Made, Times, Trace, Tracer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reglint.analysis.classes import KerasClass
    from reglint.inspector.facts import LayerFacts
    from reglint.linking.places import Site
    from reglint.linking.sites import Sources

_BOTH_WAYS = "Bidirectional"
_STACK = "StackedRNNCells"


@dataclass(frozen=True, slots=True)
class Link:
    """The call that made a layer."""

    site: Site
    why: str  # what makes it certain, in a few words
    shared: tuple[str, ...] = ()  # paths of other layers that it made too
    part: bool = False  # Keras made it there, as part of the layer that is called for


@dataclass(frozen=True, slots=True)
class Links:
    """What became of each layer of a model, by path: one or the other."""

    found: Mapping[str, Link]
    refused: Mapping[str, str]  # why; one sentence without a full stop
    sources: Sources


def link(layers: Sequence[LayerFacts], sources: Sources, model_class: str = "") -> Links:
    """Find the calls that made the layers of a model.

    `layers` are in the order of creation; `model_class` is the class of the model itself, if that
    is known. Every layer is in one of the two mappings of the result.
    """
    linker = _Linker({layer.path: layer for layer in layers}, sources, model_class)
    chosen = linker.choose()
    by_site: dict[int, list[str]] = {}
    for path, choice in chosen.items():
        if choice.certain:
            by_site.setdefault(id(choice.sites[0].node), []).append(path)
    found, refused = dict[str, Link](), dict[str, str]()
    for path in linker.layers:
        choice = chosen[path]
        if choice.certain:
            others = by_site[id(choice.sites[0].node)]
            shared = tuple(other for other in others if not _related(other, path))
            part = choice.sites[0].layer_class != bare(linker.layers[path])
            found[path] = Link(choice.sites[0], choice.why, shared, part)
        else:
            refused[path] = choice.why
    return Links(found, refused, sources)


def _related(path: str, other: str) -> bool:
    """Tell whether one of two layers is the other, or is part of it."""
    return f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/")


def _parent(path: str, layers: Mapping[str, LayerFacts]) -> str | None:
    above = path
    while "/" in above:
        above = above.rpartition("/")[0]
        if above in layers:
            return above
    return None


@dataclass
class _Linker:
    layers: Mapping[str, LayerFacts]
    sources: Sources
    model_class: str
    chosen: dict[str, Choice] = field(default_factory=dict)

    def choose(self) -> dict[str, Choice]:
        """Choose for each layer what may have made it."""
        self._by_name([p for p in self.layers if self._holder(p) is None])
        for path in sorted(self.layers, key=lambda path: path.count("/")):
            if path not in self.chosen:
                self._in(self._holder(path) or "")
        return self.chosen

    @cached_property
    def _tracer(self) -> Tracer:
        return Tracer(self.sources)

    @cached_property
    def _top(self) -> list[LayerFacts]:
        return [layer for path, layer in self.layers.items() if _parent(path, self.layers) is None]

    def _holder(self, path: str) -> str | None:
        """Return the layer that a layer is part of, "" for a model that is a class of its own.

        None if nothing but models that hold their layers by name is around it.
        """
        parent = _parent(path, self.layers)
        while parent is not None:
            if bare(self.layers[parent]) not in MODELS:
                return parent
            parent = _parent(parent, self.layers)
        by_attribute = any(layer.path.partition("#")[0] != layer.name for layer in self._top)
        return "" if by_attribute else None

    # -- Layers that models hold by name

    def _by_name(self, paths: Sequence[str]) -> None:
        layers = [self.layers[path] for path in paths if bare(self.layers[path]) not in MODELS]
        self._pass_over_models(paths)
        if layers:
            chosen = self._by_roots(layers) or self._by_class(layers)
            self.chosen.update((path, self._clear(path, each)) for path, each in chosen.items())

    def _clear(self, path: str, choice: Choice) -> Choice:
        """Return a choice, no longer certain if code that is not understood may have been it."""
        cls = bare(self.layers[path])
        if not choice.certain or choice.literal or cls not in self.sources.unclear:
            return choice
        why = f"the source also calls a `{cls}` of which it does not tell whether it is Keras'"
        return replace(choice, certain=False, why=why)

    def _pass_over_models(self, paths: Iterable[str]) -> None:
        for path in paths:
            if bare(self.layers[path]) in MODELS:
                self.chosen[path] = Choice(
                    (), "it is a model, or an input, and no layer of weights"
                )

    @cached_property
    def _roots(self) -> list[Trace]:
        """What each script, function and `Sequential([...])` makes, if it makes any layer."""
        found = []
        for file in filter(self._tracer.busy, self.sources.files):
            found.append(self._tracer.module(file))
            found += [self._tracer.function(node, file) for node in file.functions]
            for spot in file.module.calls_named("Sequential"):
                args = cst.ensure_type(spot.node, cst.Call).args
                if args and isinstance(args[0].value, (cst.List, cst.Tuple)):
                    found.append(self._tracer.code(args[0].value, spot.scope, file))
            found += [self._tracer.code(cell, file.module.scope, file) for cell in file.cells]
        return [trace for trace in found if trace.made]

    @cached_property
    def _doubts(self) -> Doubts:
        hidden = frozenset(
            made.site.layer_class
            for file in self.sources.files
            for node in file.hidden_functions
            for made in self._tracer.function(node, file).made
        )
        sources = self.sources
        return Doubts(sources.handed_around, hidden | sources.in_lambdas, sources.renames)

    def _by_roots(self, layers: Sequence[LayerFacts]) -> dict[str, Choice]:
        """Choose by the pieces of code that make just such a model, if there are any."""
        found = [each for trace in self._roots if (each := self._explained(layers, trace))]
        return {
            layer.path: self._agreed(layer, [each[layer.path] for each in found])
            for layer in layers
            if found
        }

    @staticmethod
    def _agreed(layer: LayerFacts, choices: Sequence[Choice]) -> Choice:
        sites = {id(site.node): site for choice in choices for site in choice.sites}
        doubtful = next((choice for choice in choices if not choice.certain), None)
        if len(sites) > 1:
            return Choice(tuple(sites.values()), assign.several(bare(layer), [*sites.values()]))
        return doubtful or choices[0]

    def _explained(self, layers: Sequence[LayerFacts], trace: Trace) -> dict[str, Choice]:
        """Return the choices if a piece of code may make all these layers, and no more of them."""
        wanted = Counter(map(bare, layers))
        for cls, count in wanted.items():
            times = [made.times for made in trace.made if made.site.layer_class == cls]
            hidden = trace.unknown and cls in self._doubts.hidden
            few = count > len(times) and Times.MANY not in times and not hidden
            if times.count(Times.ONCE) > count or few:
                return {}
        found = assigned(layers, trace, self._doubts)
        for layer in layers:
            other = self._doubts.others(bare(layer), trace)
            if other and found[layer.path].contradicted:
                found[layer.path] = Choice((), other)
        if not any(choice.sites for choice in found.values()):
            return {}
        lacking = {bare(layer) for layer in layers if not found[layer.path].sites}
        return found if lacking <= (self._doubts.hidden if trace.unknown else frozenset()) else {}

    def _by_class(self, layers: Sequence[LayerFacts]) -> dict[str, Choice]:
        """Choose among all calls of the source."""
        everything = Trace(
            tuple(
                Made(site, names.given(site, {}), Times.MANY)
                for sites in self.sources.sites.values()
                for site in sites
            ),
            self.sources.foreign,
        )
        found = assigned(layers, everything, self._doubts)
        for cls in dict.fromkeys(map(bare, layers)):
            group = [layer for layer in layers if bare(layer) == cls]
            if not all(found[layer.path].certain for layer in group):
                found.update(self._ordered(cls, group))
        wrong = next((each for each in found.values() if each.contradicted), None)
        if wrong is None or self.sources.foreign:
            return found
        # Some of the model is not made here, so what fits may fit by chance.
        doubt = f"the source does not make all of the model: {wrong.why}"
        return {
            path: replace(each, certain=False, why=doubt)
            if each.certain and not each.literal
            else each
            for path, each in found.items()
        }

    def _ordered(self, cls: str, layers: Sequence[LayerFacts]) -> dict[str, Choice]:
        """Choose by the order of creation, if all calls of a class are in one piece of code."""
        every = {id(site.node) for site in self.sources.sites.get(cls, ())}
        found = [
            assign.in_order(cls, layers, trace)
            for trace in self._roots
            if {id(m.site.node) for m in _flat(trace.made) if m.site.layer_class == cls} == every
        ]
        return found[0] if found and all(_same(found[0], other) for other in found) else {}

    # -- Layers that other layers hold by attributes

    def _in(self, holder: str) -> None:
        """Choose for all that a layer, or the model itself, holds."""
        paths = [p for p in self.layers if p not in self.chosen and self._holder(p) == holder]
        outer = self.chosen.get(holder)
        cls = self._class_of(holder)
        if cls is not None:
            by_attribute: dict[str, list[str]] = {}
            for path in paths:
                step = path.removeprefix(f"{holder}/" if holder else "").partition("/")[0]
                by_attribute.setdefault(step, []).append(path)
            for attribute, below in by_attribute.items():
                self._at(attribute, below, cls, outer)
        elif outer is None or not outer.certain:
            reason = self._unknown(holder)
            self.chosen.update((path, Choice((), reason)) for path in paths)
        elif not any(made.inner for made in outer.made):
            why = f"part of the `{bare(self.layers[holder])}`"
            self.chosen.update((p, Choice(outer.sites, why, certain=True)) for p in paths)
        else:
            self._wrapped(holder, paths, outer)

    def _class_of(self, holder: str) -> KerasClass | None:
        """Return the class of the source that a layer, or the model itself, surely is of."""
        outer = self.chosen.get(holder)
        if outer and outer.certain:
            return outer.sites[0].own
        if holder or self.model_class:
            name = bare(self.layers[holder]) if holder else self.model_class.rpartition(">")[2]
            classes = self.sources.classes.get(name, ())
            clash = any(site.own is None for site in self.sources.sites.get(name, ()))
            return classes[0] if len(classes) == 1 and not clash else None
        models = [c for every in self.sources.classes.values() for c in every]
        covering = [c for c in models if c.kind is Kind.MODEL and self._covers(c)]
        return covering[0] if len(covering) == 1 else None

    def _covers(self, cls: KerasClass) -> bool:
        """Tell whether a class of models sets all the attributes that hold layers."""
        trace = self._tracer.cls(cls)
        return all(
            bare(layer) in MODELS
            or bare(layer) in {made.site.layer_class for made in _held(trace.made, layer.path)}
            for layer in self._top
        )

    def _unknown(self, holder: str) -> str:
        """Return why nothing can be said of what is in a layer."""
        if not holder:
            return "the class of the model itself is not known, or not in the source"
        cls = bare(self.layers[holder])
        if len(self.sources.classes.get(cls, ())) > 1:
            return f"it is part of `{holder}`, and several classes are called `{cls}`"
        return f"it is part of `{holder}`, and which call made that `{cls}` is not certain"

    def _at(
        self, attribute: str, paths: Sequence[str], cls: KerasClass, outer: Choice | None
    ) -> None:
        """Choose for what an attribute of a class of the source holds."""
        trace = self._tracer.cls(cls)
        self._pass_over_models(paths)
        made = _held(trace.made, attribute)
        below = [self.layers[p] for p in paths if p not in self.chosen]
        if attribute.partition("[")[0] in self.sources.set_elsewhere:
            why = f"code outside of `{cls.name}` sets its `{attribute}` too"
            self.chosen.update((layer.path, Choice((), why)) for layer in below)
        elif len(below) < len(paths) or len(below) > 1:  # the attribute holds a model
            part = replace(trace, made=tuple(made))
            self.chosen.update(assigned(below, part, self._doubts))
        else:
            for layer in below:
                choice = assign.one(layer, made, f"`self.{attribute}` of `{cls.name}`")
                if not choice.sites and outer and outer.certain:
                    choice = assign.one(layer, _flat(outer.made), f"given to the `{cls.name}`")
                self.chosen[layer.path] = choice

    def _wrapped(self, holder: str, paths: Sequence[str], outer: Choice) -> None:
        """Choose for what is in a layer of Keras that was given layers."""
        self._pass_over_models(paths)
        inner = Trace(tuple(each for made in outer.made for each in made.inner))
        own = {each.site.layer_class for each in inner.made}
        for path in paths:
            cls = bare(self.layers[path])
            if (
                path not in self.chosen and cls == _STACK and cls not in own
            ):  # RNN made it of a list
                why = f"part of the `{bare(self.layers[holder])}`"
                self.chosen[path] = replace(outer, why=why)
        both = outer.sites[0].argument("backward_layer") is not None
        ways: dict[str, list[LayerFacts]] = {}
        for path in paths:
            if path not in self.chosen:
                layer = self.layers[path]
                # A Bidirectional makes two layers, `forward_lstm` and `backward_lstm`, of one.
                way, _, name = layer.name.partition("_")
                copied = way in {"forward", "backward"} and bare(self.layers[holder]) == _BOTH_WAYS
                plain = replace(layer, name=name) if copied else layer
                ways.setdefault(way if copied and not both else "", []).append(plain)
        for layers in ways.values():
            self.chosen.update(assigned(layers, inner, self._doubts))


def _flat(made: Iterable[Made]) -> Iterator[Made]:
    for each in made:
        yield from _flat(each.inner)
        yield each


def _same(one: Mapping[str, Choice], other: Mapping[str, Choice]) -> bool:
    return one.keys() == other.keys() and all(
        choice.sites[0].node is other[path].sites[0].node for path, choice in one.items()
    )


def _held(made: Iterable[Made], attribute: str) -> list[Made]:
    """Return what an attribute holds: `blocks[1]` as written so, or else all of `blocks`."""
    every = [(each.held.lstrip("_"), each) for each in made if each.held]
    while attribute:
        found = [each for held, each in every if held == attribute]
        if found or not attribute.endswith("]"):
            return found
        attribute = attribute.rpartition("[")[0]
    return []
