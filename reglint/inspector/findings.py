"""The judgements of an inspection: every code, and what it says."""

from __future__ import annotations

CODES = {
    "cell-activity-regularizer": "a recurrent cell adds a penalty that `fit` cannot train",
    "counted-twice": "the same tensor is penalized twice",
    "dominating-penalty": "the penalties are more than ten times the data loss",
    "half-precision-overflow": "a penalty overflows in half precision",
    "ignored-by-jax": "training on JAX leaves a penalty out",
    "mixed-precision-activity": "`fit` on TensorFlow cannot add a penalty in half precision",
    "negligible-penalty": "all penalties are under a thousandth of the data loss, or one under a"
    " millionth",
    "not-attributed": "the penalties found do not add up to `model.losses`",
    "not-finite": "a penalty is NaN or infinite",
    "old-keras": "this Keras loads model files less safely than current ones",
    "readers-disagree": "the file and the running model give a penalty different values",
    "scale-invariant": "the scale of regularized weights does not matter to the output",
    "two-decays": "L2 and weight decay act on the same variable",
}
