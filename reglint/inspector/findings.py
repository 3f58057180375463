"""The judgements of an inspection: every code, what it says, and when."""

from __future__ import annotations

from dataclasses import dataclass

from reglint.inspector.facts import AGREEMENT
from reglint.inspector.runtime.weighing import DOMINATING, MILLIONTH, NEGLIGIBLE


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a finding says, and the condition or formula behind it, in Markdown."""

    says: str
    formula: str = ""  # empty where there is no number in it


CODES = {
    "cell-activity-regularizer": Judgement(
        "a recurrent cell adds a penalty that `fit` cannot train",
        "unless the layer is unrolled",
    ),
    "counted-twice": Judgement("the same tensor is penalized twice"),
    "dominating-penalty": Judgement(
        "the penalties are more than ten times the data loss",
        f"`penalties > {DOMINATING:g} * data_loss`",
    ),
    "half-precision-overflow": Judgement(
        "a penalty overflows in half precision",
        "float16, `abs(penalty) >= 65504 / 2`",
    ),
    "ignored-by-jax": Judgement("training on JAX leaves a penalty out"),
    "l2-is-not-weight-decay": Judgement(
        "the optimizer rescales the gradient of L2 penalties with that of the data",
        "any but SGD; Adam, AdamW, Nadam and RMSprop take"
        " `2 * learning_rate * factor / rms(gradient)` of a weight, where the data pull more",
    ),
    "mixed-precision-activity": Judgement(
        "`fit` on TensorFlow cannot add a penalty in half precision"
    ),
    "negligible-penalty": Judgement(
        "all penalties are under a thousandth of the data loss, or one under a millionth",
        f"`penalties < {NEGLIGIBLE:g} * data_loss`, `penalty < {MILLIONTH:g} * data_loss`",
    ),
    "not-attributed": Judgement(
        "the penalties found do not add up to `model.losses`",
        f"more than {AGREEMENT:g} apart, relatively",
    ),
    "not-finite": Judgement("a penalty is NaN or infinite"),
    "old-keras": Judgement("this Keras loads model files less safely than current ones"),
    "readers-disagree": Judgement(
        "the file and the running model give a penalty different values",
        f"more than {AGREEMENT:g} apart, relatively; 2⁻⁹ in float16, 2⁻⁶ in bfloat16",
    ),
    "scale-invariant": Judgement(
        "the scale of regularized weights does not matter to the output",
        "`norm(f(2 * w) - f(w)) < 0.03 * norm(f(w) - mean(f(w)))`; under SGD they learn at"
        " `learning_rate / norm(w) ** 2`",
    ),
    "two-decays": Judgement(
        "L2 and weight decay act on the same variable",
        "with SGD a step takes"
        " `2 * learning_rate * factor / (1 - momentum) + learning_rate * weight_decay`",
    ),
}
