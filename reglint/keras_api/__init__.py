"""What Keras is, as data: the layers and regularizers of five generations and what they accept.

Everything was measured by running the real packages; `tools/keras_api` makes the table, and a test
compares it with the Keras at hand. Reading it takes milliseconds and happens once, on first use.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reglint.model import Version

# The releases that rules speak about: Keras, from 2.4 on as `tf.keras`, from 2.16 on as `tf_keras`.
KNOWN_VERSIONS: tuple[Version, ...] = (
    *((1, minor) for minor in range(3)),
    *((2, minor) for minor in range(22)),
    *((3, minor) for minor in range(16)),
)

# The arguments that penalize a weight, the main ones of a layer before the others.
_WEIGHT_REGULARIZERS = (
    "kernel_regularizer",
    "recurrent_regularizer",
    "depthwise_regularizer",
    "pointwise_regularizer",
    "embeddings_regularizer",
    "gamma_regularizer",
    "beta_regularizer",
    "alpha_regularizer",
    "W_regularizer",
    "U_regularizer",
    "bias_regularizer",
    "b_regularizer",
)

# Names that people try, but that no layer of any generation has.
NEVER_ARGUMENTS = frozenset({"weight_regularizer", "weights_regularizer"})


class Generation(Enum):
    """A group of releases with one set of layers; the value names the release measured for it."""

    KERAS_1 = "1.2"
    KERAS_2 = "2.3"  # multi-backend; converts most of the Keras 1 arguments
    TF_KERAS = "tf2.15"  # `tf.keras` and `tf_keras`
    KERAS_3_0 = "3.0"
    KERAS_3 = "3.15"


class Effect(Enum):
    """What a regularizer argument does when the layer is made and called by itself."""

    EFFECTIVE = "effective"  # there is a penalty
    SILENT = "silent"  # accepted, and there is none
    RAISES = "raises"  # making or calling the layer does


@dataclass(frozen=True, slots=True)
class Signature:
    """What one generation knows about a layer."""

    names: tuple[str, ...]  # its public spellings
    positional: tuple[str, ...]  # what may be passed by position, in order
    keywords: frozenset[str]  # all that it accepts, those of `positional` included
    swallows: bool  # whether it accepts any other keyword as well, and drops it
    effects: Mapping[str, Effect]  # of the accepted regularizer arguments, as far as known
    measured: bool = True  # False: only the names are known


@dataclass(frozen=True, slots=True)
class Layer:
    """A public class of layers under its newest name."""

    name: str
    signatures: Mapping[Generation, Signature]  # of the generations that have it, oldest first
    renames: Mapping[str, str]  # Keras 1 keyword -> what Keras 2.3 turns it into
    successor: str | None = None  # the layer that does the work of one that is gone

    @property
    def removed(self) -> bool:
        """Return whether Keras 3 has no such layer under any name."""
        return Generation.KERAS_3 not in self.signatures

    def names(self, generation: Generation) -> tuple[str, ...]:
        """Return its public spellings in `generation`, none if it has no such layer."""
        signature = self.signatures.get(generation)
        return signature.names if signature else ()

    def positional(self, generation: Generation) -> tuple[str, ...]:
        """Return the parameters that may be passed by position; () also if nothing is known.

        Keras 2.3 lets few be passed so, but still takes the sizes of a kernel as Keras 1 did.
        """
        signature = self.signatures.get(generation)
        return signature.positional if signature else ()

    def accepts(self, keyword: str, generation: Generation) -> bool | None:
        """Return whether the constructor takes `keyword`, None if that is not known."""
        signature = self.signatures.get(generation)
        if not signature or not signature.measured:
            return None
        return signature.swallows or keyword in signature.keywords

    def refused(self, keywords: Iterable[str], generation: Generation) -> tuple[str, ...]:
        """Return those of `keywords` that the constructor surely does not take, in their order."""
        return tuple(k for k in keywords if self.accepts(k, generation) is False)

    def effect(self, argument: str, generation: Generation) -> Effect | None:
        """Return what passing a regularizer as `argument` does, None if that is not known."""
        signature = self.signatures.get(generation)
        if not signature or not signature.measured:
            return None
        if argument in signature.keywords:
            return signature.effects.get(argument)
        return Effect.SILENT if signature.swallows else Effect.RAISES

    def regularizers(self, generation: Generation) -> tuple[str, ...]:
        """Return the arguments that penalize a weight in `generation`, the main ones first."""
        return tuple(
            argument
            for argument in _WEIGHT_REGULARIZERS
            if self.effect(argument, generation) is Effect.EFFECTIVE
        )

    @property
    def main_regularizer(self) -> str | None:
        """Return the argument for the one weight that stands for the layer, if there is one.

        A layer has one if it has a kernel or embeddings, a bias at most, and no other weight.
        """
        newest = list(self.signatures)[-1]
        main = [a for a in self.regularizers(newest) if a != "bias_regularizer"]
        if main in (["kernel_regularizer"], ["embeddings_regularizer"]):
            return main[0]
        return None


@dataclass(frozen=True, slots=True)
class Factory:
    """How one generation makes a regularizer under some name."""

    parameters: tuple[str, ...]  # in order; all may be passed by position
    defaults: Mapping[str, float | str]  # a parameter that is missing here is required
    keywords: frozenset[str]  # all that it accepts, old names included
    makes: str  # the name of the class of what it returns


@dataclass(frozen=True, slots=True)
class Regularizer:
    """A public name in `keras.regularizers`."""

    name: str
    factories: Mapping[Generation, Factory]  # of the generations that have it, oldest first


def generation(version: Version) -> Generation:
    """Return the generation whose measurements hold for `version`, a release or one to come.

    Within a generation Keras adds layers and keywords, and changes few regularizer arguments. Run
    on 1.2, 2.0 to 2.3, tf.keras 2.4 and 2.15, tf_keras 2.21 and every minor release of Keras 3,
    only these differ from the table: 2.0 drops `W_regularizer` of `SeparableConv2D`; 2.4 and 3.7
    drop `activity_regularizer` of `MultiHeadAttention`; 3.1 to 3.6 raise where `Model` swallows,
    3.1 to 3.13 for `activity_regularizer` of `Hashing`.
    """
    if version < (2, 0):
        return Generation.KERAS_1
    if version < (2, 4):
        return Generation.KERAS_2
    if version < (3, 0):
        return Generation.TF_KERAS
    return Generation.KERAS_3_0 if version < (3, 1) else Generation.KERAS_3


@cache
def layer(name: str) -> Layer | None:
    """Return the layer that has the public name `name` in any generation.

    `Input`, `Model` and `Sequential` count as layers.
    """
    canonical = _layer_names().get(name)
    if canonical is None:
        return None
    row = _table()["layers"][canonical]
    return Layer(
        name=canonical,
        signatures=MappingProxyType({g: _signature(canonical, s, g) for g, s in rows(row)}),
        renames=MappingProxyType(row.get("renames", {})),
        successor=row.get("successor"),
    )


def layer_names() -> frozenset[str]:
    """Return every public name of a layer in any generation."""
    return frozenset(_layer_names())


@cache
def regularizer(name: str) -> Regularizer | None:
    """Return what `keras.regularizers` has under `name` in any generation."""
    row = _table()["regularizers"].get(name)
    if row is None:
        return None
    factories = {
        g: Factory(
            parameters=tuple(found["parameters"]),
            defaults=MappingProxyType(found["defaults"]),
            keywords=frozenset(found["parameters"] + found["keywords"]),
            makes=found["makes"],
        )
        for g, found in rows(row)
    }
    return Regularizer(name, MappingProxyType(factories))


def regularizer_names() -> frozenset[str]:
    """Return every public name of a regularizer in any generation."""
    return frozenset(_table()["regularizers"])


@cache
def read(file: str) -> dict[str, Any]:
    """Return one of the tables."""
    import json  # noqa: PLC0415 - only those pay who ask
    from importlib.resources import files  # noqa: PLC0415 - the same

    table: dict[str, Any] = json.loads((files(__name__) / file).read_text("utf-8"))
    return table


def rows(row: dict[str, Any]) -> list[tuple[Generation, dict[str, Any]]]:
    """Return what a table says for each generation: a key may stand for several."""
    shared = {g: value for key, value in row.items() for g in key.split()}
    return [(g, shared[g.value]) for g in Generation if g.value in shared]


def _table() -> dict[str, Any]:
    return read("layers.json")


@cache
def _layer_names() -> dict[str, str]:
    return {
        name: canonical
        for canonical, row in _table()["layers"].items()
        for _, signature in rows(row)
        for name in signature.get("names", [canonical])
    }


def _signature(name: str, row: dict[str, Any], generation: Generation) -> Signature:
    positional = row.get("positional", [])
    base = set(_table()["base"][generation.value]).difference(row.get("refused", []))
    return Signature(
        names=tuple(row.get("names", [name])),
        positional=tuple(positional),
        keywords=frozenset(base.union(positional, row.get("keywords", []))),
        swallows=row.get("swallows", False),
        effects=MappingProxyType({
            argument: effect for effect in Effect for argument in row.get(effect.value, [])
        }),
        measured="positional" in row,
    )  # fmt: skip
