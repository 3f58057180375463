"""What calls and operators do to tensors, under whichever of its many names: data, no walk.

`tf.reduce_sum`, `tf.math.reduce_sum`, `keras.ops.sum`, `K.sum`, `np.sum`, `jnp.sum`, `torch.sum`
and `x.sum()` are all "sum". Only what a rule can have a question about is listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.canonical import symbol

if TYPE_CHECKING:
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope
    from reglint.analysis.syntax import cst

# Where the functions live, by canonical name.
_HOMES = frozenset({
    "tensorflow", "tensorflow.math", "tensorflow.linalg", "tensorflow.nn",
    "tensorflow.experimental.numpy", "keras.ops", "keras.backend", "numpy", "numpy.linalg",
    "jax.numpy", "jax.numpy.linalg", "jax.nn", "jax.lax", "torch", "torch.linalg",
    "torch.nn.functional", "theano.tensor",
})  # fmt: skip
_SPELLINGS = {
    # reductions
    "sum": "sum reduce_sum nansum",
    "mean": "mean reduce_mean average nanmean",
    "max": "max amax reduce_max",
    "min": "min amin reduce_min",
    "prod": "prod reduce_prod",
    "std": "std reduce_std",
    "var": "var reduce_variance variance",
    "norm": "norm vector_norm",
    "euclidean_norm": "reduce_euclidean_norm",
    "logsumexp": "logsumexp reduce_logsumexp",
    "l2_loss": "l2_loss",  # half of the sum of squares
    "count": "count_nonzero size",
    "trace": "trace",
    "total": "add_n",  # the sum of a list
    # one by one
    "square": "square",
    "sqrt": "sqrt",
    "rsqrt": "rsqrt",
    "abs": "abs absolute fabs",
    "exp": "exp expm1",
    "log": "log log2 log10",
    "log1p": "log1p",
    "sign": "sign",
    "negative": "negative neg",
    "clip": "clip clip_by_value clamp",
    "softmax": "softmax log_softmax",
    "activation": "relu sigmoid log_sigmoid tanh softplus elu gelu silu swish relu6 leaky_relu",
    "normalize": "normalize l2_normalize",
    # of two or three
    "add": "add",
    "subtract": "subtract sub",
    "multiply": "multiply mul",
    "divide": "divide div truediv true_divide floor_divide",
    "divide_no_nan": "divide_no_nan div_no_nan",
    "power": "power pow",
    "maximum": "maximum",
    "minimum": "minimum",
    "squared_difference": "squared_difference",
    "matmul": "matmul dot tensordot batch_dot",
    "einsum": "einsum",
    "where": "where switch cond",
    # the same numbers in another guise
    "cast": "cast to_float cast_to_floatx astype",
    "convert": "convert_to_tensor constant asarray array convert_to_numpy",
    "identity": "identity",
    "stop_gradient": "stop_gradient detach numpy item tolist",
    "reshape": "reshape flatten batch_flatten ravel expand_dims squeeze",
    "transpose": "transpose permute_dimensions swapaxes moveaxis",
    "concatenate": "concatenate concat stack hstack vstack",
    "gather": "gather take slice",
    # not the numbers
    "shape": "shape int_shape ndim rank",
    "constant": "zeros ones zeros_like ones_like full fill eye full_like range arange epsilon",
    "constant_random": "random_normal random_uniform",
}
_NAMES = {spelling: name for name, line in _SPELLINGS.items() for spelling in line.split()}
_BUILTIN = {
    "sum": "total", "abs": "abs", "pow": "power", "max": "maximum", "min": "minimum",
    "float": "cast", "len": "shape",
}  # fmt: skip
# What a tensor has as methods, of all of these.
_METHODS = frozenset({
    "sum", "mean", "max", "min", "prod", "std", "var", "norm", "square", "sqrt", "rsqrt", "abs",
    "exp", "log", "pow", "reshape", "flatten", "ravel", "transpose", "dot", "matmul", "size",
    "squeeze", "clamp", "clip", "trace", "astype", "detach", "numpy", "item",
})  # fmt: skip

OPERATORS = {
    "Add": "add", "Subtract": "subtract", "Multiply": "multiply", "Divide": "divide",
    "FloorDivide": "divide", "Power": "power", "MatrixMultiply": "matmul",
    "AddAssign": "add", "SubtractAssign": "subtract", "MultiplyAssign": "multiply",
    "DivideAssign": "divide", "FloorDivideAssign": "divide", "PowerAssign": "power",
    "MatrixMultiplyAssign": "matmul", "Minus": "negative",
}  # fmt: skip

_BINARY = frozenset({
    "add", "subtract", "multiply", "divide", "divide_no_nan", "power", "maximum", "minimum",
    "squared_difference", "matmul",
})  # fmt: skip
# What follows the tensors, in this order; other keywords than these are tensors.
_OPTIONS = {
    "norm": ("ord", "axis", "keepdims"),
    "clip": ("min", "max"),
    "cast": ("dtype",),
    "convert": ("dtype",),
    "reshape": ("shape",),
    "gather": ("indices", "axis"),
}
_REDUCTION = ("axis", "keepdims")
_KEYWORDS = {
    "dim": "axis", "reduction_indices": "axis", "axes": "axis", "keep_dims": "keepdims",
    "keepdim": "keepdims", "p": "ord", "a_min": "min", "a_max": "max", "x_min": "min",
    "x_max": "max", "clip_value_min": "min", "clip_value_max": "max", "min_value": "min",
    "max_value": "max", "newshape": "shape", "perm": "axes_order",
}  # fmt: skip
_NO_TENSORS = frozenset({
    "axis", "keepdims", "ord", "min", "max", "dtype", "shape", "name", "out", "indices",
    "axes_order", "dtype_hint", "preferred_dtype", "order", "epsilon", "correction", "ddof",
})  # fmt: skip


def operation(path: str) -> str | None:
    """Return what the function does that this dotted path, or name of a method, stands for.

    Methods are written `.sum`.
    """
    home, _, last = path.rpartition(".")
    if not home:
        return _NAMES[last] if path.startswith(".") and last in _METHODS else None
    if home == "builtins":
        return _BUILTIN.get(last)
    found = symbol(path)
    if found:
        home, _, last = found.name.rpartition(".")
    return _NAMES.get(last) if home in _HOMES or home.startswith("keras.ops.") else None


def called_operation(node: cst.Call, scope: Scope, module: Module) -> str | None:
    """Return what a call does, if all that it may call does the same."""
    paths = module.meaning(node.func, scope)
    found = {operation(path) if isinstance(path, str) else None for path in paths}
    return found.pop() if len(found) == 1 else None


def tensors(name: str) -> int:
    """Return how many tensors an operation takes before its options."""
    return 3 if name == "where" else 2 if name in _BINARY else 1


def options(name: str) -> tuple[str, ...]:
    """Return the names of what may follow the tensors, in order."""
    return _OPTIONS.get(name, _REDUCTION)


def option(keyword: str) -> str | None:
    """Return the name of the option that a keyword sets; nothing if it passes a tensor."""
    name = _KEYWORDS.get(keyword, keyword)
    return name if name in _NO_TENSORS else None
