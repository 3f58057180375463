"""What became of the functions of `keras.backend` in Keras 3.

Measured by listing it in tf.keras 2.15, Keras 3.0.5 and 3.15.1 (the last two are the same), and by
comparing what both functions of a pair return. The names that only multi-backend Keras 2.3 had come
from its source.
"""

from __future__ import annotations

from typing import NamedTuple


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# All that is left.
KEPT = _names("""
    backend clear_session epsilon floatx get_uid image_data_format is_float_dtype is_int_dtype
    is_keras_tensor result_type set_epsilon set_floatx set_image_data_format standardize_dtype
""")

# The others have gone, but for these `tf.keras.backend` has them still.
GONE_FROM_TF_KERAS = _names("""
    experimental function in_test_phase in_train_phase learning_phase learning_phase_scope
    local_conv1d local_conv2d manual_variable_initialization normalize_batch_in_training
    placeholder print_tensor random_binomial reset_uids set_learning_phase
""")

# Without a function in `keras.ops` that does the same: `repeat`, `hard_sigmoid` and `switch` are
# the names of other functions there.
_NO_MATCH = _names("""
    arange argmax argmin batch_dot batch_flatten batch_get_value batch_normalization batch_set_value
    bias_add binary_focal_crossentropy cast_to_floatx categorical_focal_crossentropy constant
    control_dependencies conv1d conv2d conv2d_transpose conv3d conv3d_transpose count_params
    ctc_batch_cost ctc_decode ctc_label_dense_to_sparse depthwise_conv2d dropout dtype eager eval
    foldl foldr get_session get_variable_shape gradients hard_sigmoid identity in_top_k int_shape
    is_placeholder is_sparse is_tensor is_variable l2_normalize map_fn moving_average_update
    name_scope ndim normalize_data_format ones pool2d pool3d random_bernoulli random_normal
    random_normal_variable random_uniform random_uniform_variable repeat resize_images
    resize_volumes reverse rnn separable_conv1d separable_conv2d set_session set_value shape size
    slice spatial_2d_padding spatial_3d_padding switch symbolic temporal_padding to_dense
    truncated_normal update update_add update_sub variable zeros
""")

# The function of `keras.ops` that does the same, and its parameters in the order of those of
# `keras.backend`: `n:repeats` is the `n` of one and the `repeats` of the other, `axis=-1` a default
# that the other does not have.
_MATCHES = {
    **dict.fromkeys(
        ("sum", "mean", "max", "min", "prod", "std", "var", "any", "all", "logsumexp"),
        "= x axis keepdims",
    ),
    **dict.fromkeys(
        (
            "abs", "square", "exp", "log", "sqrt", "sign", "round", "sin", "cos", "tanh", "sigmoid",
            "softplus", "softsign", "relu", "transpose", "stop_gradient",
        ),
        "= x",
    ),
    **dict.fromkeys(
        (
            "maximum", "minimum", "equal", "not_equal", "greater", "greater_equal", "less",
            "less_equal", "dot",
        ),
        "= x:x1 y:x2",
    ),
    **dict.fromkeys(
        ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"),
        "= target output from_logits",
    ),
    "cast": "= x dtype",
    "clip": "= x min_value:x_min max_value:x_max",
    "concatenate": "= tensors:xs axis=-1",
    "cumprod": "= x axis=0",
    "cumsum": "= x axis=0",
    "elu": "= x alpha",
    "expand_dims": "= x axis=-1",
    "eye": "= size:N",
    "flatten": "ravel x",
    "gather": "take reference:x indices axis=0",
    "get_value": "convert_to_numpy x",
    "one_hot": "= indices:x num_classes",
    "ones_like": "= x dtype",
    "permute_dimensions": "transpose x pattern:axes",
    "pow": "power x:x1 a:x2",
    "repeat_elements": "repeat x rep:repeats axis",
    "reshape": "= x shape:newshape",
    "softmax": "= x axis",
    "squeeze": "= x axis",
    "stack": "= x axis",
    "tile": "= x n:repeats",
    "zeros_like": "= x dtype",
}  # fmt: skip

GONE = frozenset(_MATCHES) | _NO_MATCH | GONE_FROM_TF_KERAS


class Parameter(NamedTuple):
    """A parameter of a function of `keras.backend`."""

    name: str
    new: str  # what the function of `keras.ops` calls it
    default: str  # what must be passed there if nothing was passed here


class Match(NamedTuple):
    """The function of `keras.ops` that does the same."""

    name: str
    parameters: tuple[Parameter, ...]


def match(name: str) -> Match | None:
    """Return what does in `keras.ops` what `name` did in `keras.backend`, if anything does."""
    if name not in _MATCHES:
        return None
    new, *parameters = _MATCHES[name].split()
    return Match(name if new == "=" else new, tuple(map(_parameter, parameters)))


def _parameter(text: str) -> Parameter:
    names, _, default = text.partition("=")
    old, _, new = names.partition(":")
    return Parameter(old, new or old, default)
