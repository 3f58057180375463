"""Layers that models hold by name, against what some code makes: one level, no nesting."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reglint.linking import names
from reglint.linking.arguments import contradiction
from reglint.linking.trace import Made, Times, Trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reglint.inspector.facts import LayerFacts
    from reglint.linking.places import Site

_SHOWN = 3  # calls that a reason lists
# Layers of Keras that make others without a name: these count in automatic names too.
_MAKERS = frozenset({"GroupQueryAttention", "GroupedQueryAttention", "MultiHeadAttention"})


@dataclass(frozen=True, slots=True)
class Choice:
    """What may have made a layer: if `certain`, the one site did."""

    sites: tuple[Site, ...]
    why: str  # they did, or it is not known which; no full stop
    certain: bool = False
    made: tuple[Made, ...] = ()  # what they make, as traced
    contradicted: bool = False  # all calls that could have made it pass other arguments

    @property
    def literal(self) -> bool:
        """Tell whether the source says the name of the layer."""
        return all(each.name.literal for each in self.made)


@dataclass(frozen=True, slots=True)
class Doubts:
    """What the source does that makes some ways of telling unsafe."""

    handed_around: frozenset[str] = frozenset()  # classes of layers that are passed on as values
    hidden: frozenset[str] = frozenset()  # classes that code makes which is called as a value
    renames: bool = False  # layers get other names after they are made

    def others(self, layer_class: str, trace: Trace) -> str:
        """Return what else may make layers of a class, if there is anything."""
        if layer_class in self.handed_around:
            return f"the source also passes `{layer_class}` on, to be called elsewhere"
        if trace.unknown and layer_class in self.hidden:
            return f"functions that make a `{layer_class}` are passed on, to be called elsewhere"
        return ""


def bare(layer: LayerFacts) -> str:
    """Return the class of a layer, without the package that it is registered under."""
    return layer.layer_class.rpartition(">")[2]


def assigned(layers: Iterable[LayerFacts], trace: Trace, doubts: Doubts) -> dict[str, Choice]:
    """Choose for each layer among what some code makes, by its class, its name and the order."""
    by_class: dict[str, list[LayerFacts]] = {}
    for layer in layers:
        by_class.setdefault(bare(layer), []).append(layer)
    chosen: dict[str, Choice] = {}
    for layer_class, group in by_class.items():
        chosen.update(_of_class(layer_class, group, trace, doubts))
    return chosen


def one(layer: LayerFacts, made: Iterable[Made], why: str) -> Choice:
    """Choose the only call that may have made a layer."""
    named = _named(layer, made)
    every = _fitting(layer, named)
    sites = distinct(every)
    if len(sites) == 1:
        return Choice(sites, why, certain=True, made=tuple(every))
    return _open(layer, sites, named)


def _open(layer: LayerFacts, sites: tuple[Site, ...], named: Sequence[Made]) -> Choice:
    """Return that it is not known which of these made a layer; `named` are all of its name."""
    if sites:
        return Choice(sites, several(bare(layer), sites))
    if not named:
        return Choice((), f"no call of `{bare(layer)}` in the source gives it this name")
    others = len(distinct(named)) - 1
    also = f"; so with {others} more" if others else ""
    return Choice((), f"{contradiction(named[0].site, layer)}{also}", contradicted=True)


def several(layer_class: str, sites: Sequence[Site]) -> str:
    """Return why a layer has no call when these are all that could have made it."""
    shown = ", ".join(str(site) for site in sites[:_SHOWN])
    more = " ..." if len(sites) > _SHOWN else ""
    return f"{len(sites)} calls of `{layer_class}` could have made it: {shown}{more}"


def distinct(made: Iterable[Made]) -> tuple[Site, ...]:
    """Return the calls, each once."""
    return tuple({id(each.site.node): each.site for each in made}.values())


def _named(layer: LayerFacts, made: Iterable[Made]) -> list[Made]:
    """Return what is of the class of a layer and may get its name."""
    cls = bare(layer)
    return [m for m in made if m.site.layer_class == cls and m.name.fits(layer.name, cls)]


def _fitting(layer: LayerFacts, named: Iterable[Made]) -> list[Made]:
    """Return those of them that do not pass other arguments."""
    return [m for m in named if not contradiction(m.site, layer)]


def _of_class(
    cls: str, layers: Sequence[LayerFacts], trace: Trace, doubts: Doubts
) -> Iterator[tuple[str, Choice]]:
    named = {layer.path: _named(layer, trace.made) for layer in layers}
    fitting = {layer.path: _fitting(layer, named[layer.path]) for layer in layers}
    ordered = in_order(cls, layers, trace)
    only = [made for made in fitting.values() if len(distinct(made)) == 1]
    shares = Counter(id(each) for made in only for each in made)
    for layer in layers:
        made = fitting[layer.path]
        sites = distinct(made)
        if len(sites) == 1:
            doubt = _doubt(layer, made, max(shares[id(each)] for each in made), trace, doubts)
            literal = all(each.name.literal for each in made)
            why = f'named "{layer.name}" there' if literal else f"the only `{cls}` that can be"
            yield layer.path, Choice(sites, doubt or why, not doubt, tuple(made))
        elif layer.path in ordered:
            yield layer.path, ordered[layer.path]
        else:
            yield layer.path, _open(layer, sites, named[layer.path])


def _doubt(layer: LayerFacts, made: list[Made], layers: int, trace: Trace, doubts: Doubts) -> str:
    """Return why the only call that fits need not have made a layer, and all others it fits."""
    cls = bare(layer)
    if all(each.name.literal for each in made):
        once = len(made) == 1 and made[0].times is not Times.MANY
        return (
            f"{layers} layers have the name that {made[0].site} gives"
            if once and layers > 1
            else ""
        )
    if doubts.renames and names.number(layer.name, cls) is None:
        return "the source gives layers other names after they are made"
    if layers == len(made) and all(each.times is Times.ONCE for each in made):
        return ""
    if trace.foreign and layers > 1:
        return f"{trace.foreign}, which is not in the source, may have made it"
    return doubts.others(cls, trace)


def in_order(cls: str, layers: Sequence[LayerFacts], trace: Trace) -> dict[str, Choice]:
    """Choose for the layers of a class with automatic names, if they match one by one."""
    numbered = (
        sorted(
            (number, layer)
            for layer in layers
            if (number := names.number(layer.name, cls)) is not None
        )
        if len({layer.name for layer in layers}) == len(layers)
        else []
    )
    made = [m for m in trace.made if m.site.layer_class == cls and m.name.automatic]
    if len(made) != len(numbered) or any(each.times is not Times.ONCE for each in made):
        return {}
    written = [m for m in trace.made if m.site.layer_class == cls]
    if any(m.name.written(layer.name) for m in written for _, layer in numbered):
        return {}
    if any(contradiction(m.site, layer) for m, (_, layer) in zip(made, numbered, strict=True)):
        return {}
    places = _places(cls, made, trace)
    steps = {number - place for (number, _), place in zip(numbered, places, strict=True)}
    mixed = any(m.site.own or m.site.layer_class in _MAKERS for m in trace.made) or trace.open
    if len(steps) > 1 and not mixed:
        return {}
    return {
        layer.path: Choice(
            (each.site,), f"number {i} of {len(made)} calls in order", certain=True, made=(each,)
        )
        for i, ((_, layer), each) in enumerate(zip(numbered, made, strict=True), 1)
    }


def _places(cls: str, made: list[Made], trace: Trace) -> list[int]:
    """Return which automatic name, counted from 0, each call uses up."""
    every = [
        each
        for outer in trace.made
        for each in (*outer.inner, outer)
        if each.site.layer_class == cls and each.name.automatic
    ]
    ids = [id(each) for each in every]
    return [ids.index(id(each)) for each in made]
