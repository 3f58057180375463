"""RGL411."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.canonical import keras_name
from reglint.analysis.syntax import cst, number, string
from reglint.model import Finding
from reglint.rules.rule import Rule
from reglint.rules.values import regularizers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Argument, Call

_NAMES = frozenset({"OrthogonalRegularizer", "orthogonal_regularizer"})
_KERNELS = {
    **{f"Conv{n}D{end}": n + 2 for n in (1, 2, 3) for end in ("", "Transpose")},
    **{f"Convolution{n}D{end}": n + 2 for n in (1, 2, 3) for end in ("", "Transpose")},
    **{f"{kind}{n}D": n + 2 for kind in ("SeparableConv", "DepthwiseConv") for n in (1, 2)},
    **{f"ConvLSTM{n}D": n + 2 for n in (1, 2, 3)},
    "MultiHeadAttention": 3,
    "GroupQueryAttention": 3,
}
# The ranks of weights that are never matrices. (The bias of a GRU is one.)
_RANKS = {
    **{
        (layer, f"{weight}_regularizer"): rank
        for layer, rank in _KERNELS.items()
        for weight in ("kernel", "recurrent", "depthwise", "pointwise")
    },
    **{
        (layer, "bias_regularizer"): 1
        for layer in (*_KERNELS, "Dense", "LSTM", "LSTMCell", "SimpleRNN", "SimpleRNNCell")
    },
    **{
        (layer, f"{weight}_regularizer"): 1
        for layer in ("BatchNormalization", "GroupNormalization")
        for weight in ("beta", "gamma")
    },
}
# Where the first argument of the layer is the number of the rows, or columns, of the matrix.
_SIZES = {
    ("Dense", "kernel_regularizer"): "columns",
    ("Embedding", "embeddings_regularizer"): "rows",
    **{(layer, "recurrent_regularizer"): "rows" for layer in ("GRU", "LSTM", "SimpleRNN")},
}


class OrthogonalRank(Rule):
    """An `OrthogonalRegularizer` is given to a weight that is no matrix.

    It compares the rows of a matrix with each other (or the columns, with `mode="columns"`), and
    takes nothing else: `ValueError: Inputs to OrthogonalRegularizer must have rank 2`. The kernels
    of convolutions have rank 3 to 5, those of attention 3, and a bias has rank 1. It raises when
    the losses are asked for, in `fit`, and not when the layer is made. The kernels of `Dense`, of
    recurrent layers and `Embedding` are matrices, as is the bias of a `GRU`.

    A matrix of one row has nothing to compare it with, and the penalty is `nan`: `Dense(1)` with
    `mode="columns"`, `Embedding(1, 2)`, `LSTM(1)` with a `recurrent_regularizer`, and `Dense(2)`
    on an input of one feature, which is not found.

    ## Example

    ```python
    keras.layers.Conv2D(8, 3, kernel_regularizer=keras.regularizers.OrthogonalRegularizer(0.01))
    ```

    ## Fix safety

    There is no fix: a regularizer of the kernel as a matrix has to be written.

    ## References

    Run for each layer on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras
    3.15.1 with JAX.
    """

    code = "RGL411"
    name = "orthogonal-rank"
    since = (2, 0)
    triggers = (b"keras", b"rthogonal", rb"[oO]rthogonal_?[rR]egularizer")
    calls = ("keras.layers.*",)
    argument = "_regularizer"

    def check_call(self, call: Call) -> Iterator[Finding]:
        for penalty in regularizers(call):
            mode = _mode(penalty, call)
            if penalty.name is None or mode is None:
                continue
            rank = _rank(penalty.name, call)
            weight = penalty.name.removesuffix("_regularizer")
            if rank is not None:
                what = (
                    f"an orthogonal regularizer needs a matrix, and `{call.short}` has a {weight}"
                )
                yield Finding(penalty.value, f"{what} of rank {rank}")
            elif _SIZES.get((call.short, penalty.name)) == mode and _is_one(call):
                what = f"an orthogonal regularizer gives `nan` for a matrix of one {mode[:-1]}"
                yield Finding(penalty.value, what)


def _mode(penalty: Argument, call: Call) -> str | None:
    """Return what an orthogonal regularizer compares; nothing if it is not one."""
    value = call.module.expression(penalty.value, penalty.scope)
    if value is None:
        return None
    if string(value.node) in _NAMES:
        return "rows"
    if not isinstance(value.node, cst.Call):
        return None
    name = keras_name(value.node.func, value.scope, call.module) or ""
    if name.removeprefix("keras.regularizers.") not in _NAMES:
        return None
    if any(arg.star for arg in value.node.args):
        return None
    given = {arg.keyword.value if arg.keyword else i: arg for i, arg in enumerate(value.node.args)}
    mode = given.get("mode") or given.get(1)
    return (string(mode.value) or "") if mode else "rows"


def _rank(name: str, call: Call) -> int | None:
    """Return the rank of the weight that a regularizer is for, if it is known not to be 2."""
    if (call.short, name) == ("EinsumDense", "kernel_regularizer"):
        equation = call.argument("equation", 0)
        _, _, rest = ((string(equation.value) if equation else None) or "").partition(",")
        kernel = rest.partition("->")[0].strip()
        return len(kernel) if kernel and len(kernel) != 2 else None  # noqa: PLR2004 - a matrix
    return _RANKS.get((call.short, name))


def _is_one(call: Call) -> bool:
    first = next(iter(call.positional), None) or call.keyword("units") or call.keyword("input_dim")
    return first is not None and number(first.value) == 1
