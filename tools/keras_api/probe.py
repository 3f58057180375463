"""Find out by running what one Keras accepts, and what its regularizer arguments do.

    python probe.py [keras|tf_keras]

Prints JSON about the Keras installed for this Python (3.7 or newer, Keras 1.2 to 3):

    layers.NAME.names       every public spelling of the class
    layers.NAME.positional  the parameters that may be passed by position, in order
    layers.NAME.keywords    the keywords that the constructor accepts
    layers.NAME.swallows    whether it accepts any other keyword as well
    layers.NAME.effects     what each regularizer argument does: effective, silent, raises;
                            an argument is missing where that could not be found out
    layers.NAME.renames     Keras 1 keywords that this Keras converts, and to what
    regularizers.NAME       parameters, their defaults, further keywords, the class it makes

`Input`, `Model` and `Sequential` count as layers. A layer that cannot be made here (it wants a
file, a GPU, PyTorch) has names only.

A keyword is accepted if constructing the layer does not refuse it, whatever becomes of its value.
An argument is effective if there is a penalty in `losses` after the layer was called on data with
every weight set to a known number, silent if there is none, and raises if constructing or calling
the layer does. Cells are called by themselves, outside of an RNN.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from at_hand import keras_at_hand, show
from constructors import (
    constructors,
    converted,
    is_transparent,
    is_variadic,
    legacy_interface,
    legacy_words,
    parameters,
    received_both,
    words,
)
from recipes import (
    ARGUMENTS,
    CALLS,
    CLASS_VALUES,
    COMMON_KEYWORDS,
    NONSENSE,
    REFUSAL,
    SHAPES,
    TOGETHER,
    VALUES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class CallError(Exception):
    """Calling a layer raised."""


class Lab:
    """One Keras, called the way its generation wants to be called."""

    def __init__(self, keras: Any) -> None:
        self.keras = keras
        self.version = tuple(int(part) for part in keras.__version__.split(".")[:2])
        self.symbolic = self.version < (2, 4)  # no eager execution
        self.regularizer = positive_l1(keras)

    def penalty(self, layer: Any, call: Any) -> float:
        """Return the sum of the losses after `layer` was called; raise CallError if that raises."""
        shapes, invoke = call
        data = [sample(shape, i) for i, shape in enumerate(shapes)]
        try:
            if self.symbolic:
                inputs = [self.keras.layers.Input(batch_shape=array.shape) for array in data]
                model = self.keras.models.Model(inputs, invoke(self.keras, layer, *inputs))
            else:
                inputs, model = data, layer
                invoke(self.keras, layer, *inputs)
        except Exception as error:
            raise CallError from error
        model.set_weights([
            np.full_like(weight, (i + 1) / 10) if weight.dtype.kind == "f" else weight
            for i, weight in enumerate(model.get_weights())
        ])  # fmt: skip
        if not self.symbolic:
            invoke(self.keras, layer, *inputs)
            losses = layer.losses
        elif model.losses:
            backend = self.keras.backend
            run = backend.function([*inputs, backend.learning_phase()], model.losses)
            losses = run([*data, 0])
        else:
            losses = []
        return float(sum(np.sum(np.asarray(loss)) for loss in losses))

    def clear(self) -> None:
        """Keep the graph small: building in a large one is slow."""
        if self.symbolic:
            self.keras.backend.clear_session()


def positive_l1(keras: Any) -> Any:
    """Return an L1 regularizer whose penalty is never zero, not even that of zeros."""
    l1 = keras.regularizers.l1(1.0)
    ones_like = getattr(keras, "ops", keras.backend).ones_like

    class PositiveL1(keras.regularizers.Regularizer):
        def __call__(self, x: Any) -> Any:
            return l1(x) + l1(ones_like(x))

    return PositiveL1()


def sample(shape: str, seed: int) -> np.ndarray:
    """Return data, different for each seed: small whole numbers, as an `Embedding` wants them."""
    array = 1 + seed + np.arange(np.prod(SHAPES[shape]), dtype="float32") % 3
    return array.reshape(SHAPES[shape])


class Subject:
    """A public class, or function, that makes layers."""

    def __init__(self, lab: Lab, names: list[str], target: Any) -> None:
        self.lab = lab
        self.names = sorted(names)
        own_name = getattr(target, "__name__", "")
        self.name = own_name if own_name in names else self.names[0]
        self.target = target
        self.functions = list(constructors(target))
        if self.name == "Layer":  # the base class itself cannot be called
            self.target = type("Layer", (target,), {"call": lambda _self, x, **_: x})
        if inspect.isfunction(target):
            self.functions += constructors(type(self.make()))
        elif self.name == "Model":  # another class does the work
            self.functions = list(constructors(type(self.make())))
        self.makeable = self.attempt()[0]
        self.call = self.find_call() if self.makeable else None

    def arguments(self) -> dict[str, Any]:
        """Return keyword arguments that the constructor can do with, made anew."""
        if self.name == "Model":
            tensor = self.lab.keras.layers.Input((4,))
            output = self.lab.keras.layers.Dense(3)(tensor)
            if self.lab.version < (2, 0):
                return {"input": tensor, "output": output}
            return {"inputs": tensor, "outputs": output}
        named = self.parameters()
        values = {
            p.name: VALUES[p.name] for p in named if p.default is p.empty and p.name in VALUES
        }
        known = {p.name for p in named}
        for name, value in CLASS_VALUES.get(self.name, {}).items():
            if not name.endswith("?") or name[:-1] in known or inspect.isfunction(self.target):
                values[name.rstrip("?")] = value
        return {n: v(self.lab.keras) if callable(v) else v for n, v in values.items()}

    def make(self, without: str | None = None, **keywords: Any) -> Any:
        """Return a new layer with `keywords`, and what else it needs but `without`."""
        arguments = self.arguments()
        arguments.pop(without, None)
        arguments.update(keywords)
        return self.target(**arguments)

    def attempt(self, **keywords: Any) -> tuple[bool, Any]:
        """Return whether a layer can be made, and the layer or the error."""
        try:
            return True, self.make(**keywords)
        except Exception as error:  # noqa: BLE001 - whatever Keras raises
            return False, error

    def constructor(self) -> Any:
        """Return the first function that does not leave all arguments to the next."""
        return next((f for f in self.functions if not is_transparent(f)), self.functions[-1])

    def parameters(self) -> list[inspect.Parameter]:
        """Return the parameters that are declared."""
        return parameters(self.constructor())

    def positional(self) -> list[str]:
        """Return the parameters that may be passed by position."""
        names = [p.name for p in self.parameters() if p.kind is p.POSITIONAL_OR_KEYWORD]
        legacy = legacy_interface(self.constructor())
        if legacy.get("check_positional_args"):
            return [name for name in legacy["allowed_positional_args"] if name in names]
        return names

    def accepts(self, keyword: str) -> bool:
        """Return whether the constructor does not refuse `keyword`."""
        if keyword in self.arguments():
            return True
        default = {p.name: p.default for p in self.parameters()}.get(keyword)
        value = None if default is inspect.Parameter.empty else default
        made, outcome = self.attempt(**{keyword: value})
        if made:
            return True
        duplicate = received_both(outcome)
        if duplicate:  # an old name: not refused if it can stand in for the new one
            return duplicate in self.arguments()
        return not REFUSAL.search(str(outcome))  # any other error is about the value

    def find_call(self) -> Any:
        """Return the way to call this layer, None if there is none."""
        for call in CALLS:
            try:
                self.lab.penalty(self.make(), call)
            except Exception:  # noqa: BLE001, S112 - whatever Keras raises: the wrong data
                continue
            return call
        return None

    def effects(self) -> dict[str, str]:
        """Return what each regularizer argument does, as far as it can be known."""
        found = {}
        for argument in ARGUMENTS:
            made, layer = self.attempt(**{argument: self.lab.regularizer})
            if not made:
                found[argument] = "raises"
            elif self.name == "InputLayer":  # cannot be called
                found[argument] = "effective" if getattr(layer, "losses", []) else "silent"
            elif self.call:
                try:
                    penalty = self.lab.penalty(layer, self.call)
                except CallError:
                    found[argument] = "raises"
                except Exception:  # noqa: BLE001, S112 - built, but it cannot run here: no GPU
                    continue
                else:
                    found[argument] = "effective" if penalty else "silent"
        self.lab.clear()
        return found

    def renames(self) -> dict[str, str]:
        """Return what this Keras turns each Keras 1 keyword into, where that is one keyword.

        The layer must take the new keyword (Keras 2 suggests more than that), and a regularizer
        must come out as the same penalty.
        """
        found: dict[str, str] = {}
        old_names = sorted({name for f in self.functions for name in legacy_words(f)})
        groups = [(name,) for name in old_names]
        groups += [group for group in TOGETHER if set(group) <= set(old_names)]
        for group in groups:
            new = self.conversion(group)
            if len(new) == 1:
                found.update(dict.fromkeys(group, new.pop()))
        return {
            old: new
            for old, new in sorted(found.items())
            if self.accepts(new)
            and (not old.endswith("_regularizer") or self.same_penalty(old, new))
        }

    def conversion(self, group: tuple[str, ...]) -> set[str]:
        """Return the keywords that Keras says it takes for those of `group`."""
        required = self.arguments()
        for left_out in [None, *required]:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                made, outcome = self.attempt(without=left_out, **dict.fromkeys(group, "one"))
            duplicate = None if made else received_both(outcome)
            if duplicate in required:
                return {duplicate}
            known = {*required, *group} - {left_out}
            if inspect.isfunction(self.target):
                known |= words(self.target)  # what it passes on anyway
            for warning in caught:
                new = converted(str(warning.message)) - known
                if new:
                    return new
        return set()

    def same_penalty(self, old: str, new: str) -> bool:
        """Return whether a regularizer is effective, and the same, under both names."""
        try:
            penalties = [
                self.lab.penalty(self.make(**{name: self.lab.regularizer}), self.call)
                for name in (old, new)
            ]
        except Exception:  # noqa: BLE001 - whatever Keras raises
            return False
        return penalties[0] == penalties[1] != 0

    def report(self) -> dict[str, Any]:
        """Return all of it; only the names if the layer cannot be made here."""
        if not self.makeable:
            return {"names": self.names}
        renames = self.renames()
        swallows = self.accepts(NONSENSE)
        if swallows:
            keywords = {p.name for p in self.parameters() if not is_variadic(p)}
        else:
            candidates = {word for function in self.functions for word in words(function)}
            keywords = {k for k in candidates.union(ARGUMENTS, COMMON_KEYWORDS) if self.accepts(k)}
        return {
            "names": self.names,
            "positional": self.positional(),
            "keywords": sorted(keywords.union(renames)),
            "swallows": swallows,
            "effects": self.effects(),
            "renames": renames,
        }


def subjects(lab: Lab) -> Iterator[Subject]:
    """Yield every public class, and function, that makes layers."""
    layers = lab.keras.layers
    names: dict[Any, list[str]] = {}
    for name in dir(layers):
        target = getattr(layers, name)
        is_layer = inspect.isclass(target) and issubclass(target, layers.Layer)
        if name[0].isupper() and (is_layer or inspect.isfunction(target)):
            names.setdefault(target, []).append(name)
    for name in ("Model", "Sequential"):
        names[getattr(lab.keras.models, name)] = [name]
    for target, spellings in names.items():
        yield Subject(lab, spellings, target)


def regularizers(module: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each public name of a regularizer and what is known about it."""
    for name, target in sorted(vars(module).items()):
        if name.startswith("_") or not callable(target):
            continue
        named = {p.name: p for p in parameters(target) if p.kind is p.POSITIONAL_OR_KEYWORD}
        required = {n: 0.1 for n, p in named.items() if p.default is p.empty}
        made = regularizer(target, required)
        if not isinstance(made, module.Regularizer):  # get, serialize ...
            continue
        constructor = target if inspect.isfunction(target) else target.__init__
        found = {
            "parameters": list(named),
            "defaults": {n: p.default for n, p in named.items() if p.default is not p.empty},
            "keywords": [
                word
                for word in sorted(words(constructor) - set(named))
                if regularizer(target, {**required, word: 0.1})
            ],
            "makes": type(made).__name__,
        }
        yield name, found


def regularizer(target: Any, keywords: dict[str, Any]) -> Any:
    """Return what `target` makes of `keywords`, None if it raises."""
    try:
        return target(**keywords)
    except Exception:  # noqa: BLE001 - whatever Keras raises
        return None


def main() -> None:
    """Probe the Keras named on the command line, print the report."""
    keras = keras_at_hand()
    seed = getattr(keras.utils, "set_random_seed", np.random.seed)
    seed(0)
    lab = Lab(keras)
    report = {
        "keras": keras.__version__,
        "tensorflow": importlib.import_module("tensorflow").__version__,
        "layers": {subject.name: subject.report() for subject in subjects(lab)},
        "regularizers": dict(regularizers(keras.regularizers)),
    }
    show(report)


if __name__ == "__main__":
    main()
