"""RGL101."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint import keras_api
from reglint.analysis.syntax import code, cst, is_name
from reglint.keras_api import Generation
from reglint.model import Finding, Fix, Safety
from reglint.rules.rule import Rule
from reglint.rules.values import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Argument, Call

LEGACY = frozenset({"W_regularizer", "b_regularizer", "U_regularizer"})
# Parameters for the sizes of a kernel, of which Keras 1 took one for each dimension.
_SIZES = frozenset({"nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3"})


class LegacyRegularizerArgument(Rule):
    """A regularizer is passed under a name that its layer does not have any more.

    Keras 2 renamed the arguments of Keras 1: `W_regularizer` to `kernel_regularizer`,
    `b_regularizer` to `bias_regularizer`, `U_regularizer` to `recurrent_regularizer`. In an
    `Embedding` the weights are `embeddings_regularizer`, and never the kernel. Keras 2.0 to 2.3
    converted the old names with a warning; tf.keras raises `TypeError`, Keras 3 `ValueError`.

    `weight_regularizer` and `weights_regularizer`, which much advice on the web speaks of, were
    never arguments of a Keras layer. Where a layer has just one kind of weight besides the bias,
    they can mean only that one.

    A call written for Keras 1 often passes more that is gone (`border_mode`, `init`, sizes as
    separate numbers). The message says so: there, the new name alone does not make the call run
    on Keras 3.

    ## Example

    ```python
    keras.layers.Dense(64, W_regularizer=keras.regularizers.l2(0.01))
    ```

    Use instead:

    ```python
    keras.layers.Dense(64, kernel_regularizer=keras.regularizers.l2(0.01))
    ```

    ## Fix safety

    Safe: the penalty is the same number on the same weights as in Keras 2. (Keras 1.2 mixed up the
    arguments of `LSTM` and `GRU`, and ignored those of `ConvLSTM2D`.) It is unsafe where the name
    is a key of a dictionary that is used for other things too, and there is none where the call
    passes the new name as well. It is also unsafe for the bias of a `GRU`, of which there are
    two since tf.keras (`reset_after=True`).

    ## References

    The names are those that Keras 2.3.1 converts (`keras/legacy/interfaces.py`), each tried with
    a penalty of known value. Run on Keras 1.2.2, 2.3.1, tf.keras 2.15, Keras 3.0.5 and 3.15.1.
    """

    code = "RGL101"
    name = "legacy-regularizer-argument"
    since = (2, 0)
    triggers = (b"keras", b"egulariz", rb"\b[WbU]_regularizer|weights?_regularizer")
    calls = ("keras.layers.*",)
    argument = "_regularizer"

    def check_call(self, call: Call) -> Iterator[Finding]:
        layer = keras_api.layer(call.short)
        if layer is None:
            return
        for argument in call.arguments:
            new = renamed(argument.name or "", layer)
            if new is None:
                continue
            message = f"`{call.short}` has no `{argument.name}`: its name is `{new}`"
            if argument.name in LEGACY:
                message = f"`{argument.name}` of `{call.short}` is `{new}` since Keras 2"
            fixes = () if call.keyword(new) else (_fix(argument, new, call),)
            yield Finding(argument.key, message + caveat(call, layer), fixes)


def renamed(argument: str, layer: keras_api.Layer) -> str | None:
    """Return what a layer calls a legacy regularizer argument today."""
    if argument in LEGACY:
        return layer.renames.get(argument)
    return layer.main_regularizer if argument in keras_api.NEVER_ARGUMENTS else None


def _fix(argument: Argument, new: str, call: Call) -> Fix:
    title = f"Rename `{argument.name}` to `{new}`"
    reason = _other_weights(argument, call)
    if argument.shared:
        reason = "the dictionary it is a key of is used elsewhere too"
    safety = Safety.UNSAFE if reason else Safety.SAFE
    return Fix(title, (argument.renamed(new),), safety, reason)


def _other_weights(argument: Argument, call: Call) -> str:
    """Return how the weights under the new name differ from those under the old one."""
    reset_after = call.keyword("reset_after")
    if call.short != "GRU" or argument.name != "b_regularizer":
        return ""
    if reset_after and is_name(reset_after.value, "False"):
        return ""
    return "a `GRU` has two biases since tf.keras, unless `reset_after=False`"


def caveat(call: Call, layer: keras_api.Layer) -> str:
    """Return what else keeps the call from running on Keras 3, honestly."""
    if all(version < (3, 0) for version in call.versions):
        return ""
    if call.short not in layer.names(Generation.KERAS_3):
        return f"; Keras 3 has no `{call.short}` at all"
    names = [a.name for a in call.arguments if a.name and not a.name.endswith("_regularizer")]
    gone = layer.refused(names, Generation.KERAS_3)
    problems = []
    if gone:
        problems.append(f"does not take {listed(gone)} either")
    sizes = _separate_sizes(call, layer)
    if sizes:
        problems.append(f"reads the sizes `{sizes}` as kernel size and strides")
    return f"; Keras 3 {' and '.join(problems)}" if problems else ""


def _separate_sizes(call: Call, layer: keras_api.Layer) -> str:
    """Return the kernel sizes that a call passes one by one, as only Keras 1 understands."""
    old = layer.positional(Generation.KERAS_1)
    places = [i for i, name in enumerate(old) if name in _SIZES]
    given = [a.value for a in call.positional]
    if len(places) < 2 or len(given) <= places[-1]:  # noqa: PLR2004 - one size is one size
        return ""
    if any(isinstance(given[i], (cst.Tuple, cst.List, cst.SimpleString)) for i in places):
        return ""
    return ", ".join(code(given[i]) for i in places)
