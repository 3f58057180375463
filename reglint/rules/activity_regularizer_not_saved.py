"""RGL209."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint import keras_api
from reglint.keras_api import Effect
from reglint.model import Finding, Severity
from reglint.rules.rule import Rule
from reglint.rules.values import is_keras_known, is_regularizer, spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call
    from reglint.model import Version

_NAME = "activity_regularizer"
# The layers that have it in their config; in other releases it is lost, or in that of every layer.
_CONVOLUTIONS = (
    "Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose",
    "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "DepthwiseConv1D", "DepthwiseConv2D",
    "SeparableConv1D", "SeparableConv2D",
)  # fmt: skip
_KEPT = frozenset({*_CONVOLUTIONS, "Embedding", "GRU", "LSTM", "MultiHeadAttention"})
_KEPT_BY_TF_KERAS = _KEPT | {"Dense", "LocallyConnected1D", "LocallyConnected2D", "SimpleRNN"}
_KEPT_BY_KERAS_3_0 = _KEPT | {"EinsumDense", "GroupQueryAttention"}


class ActivityRegularizerNotSaved(Rule):
    """An `activity_regularizer` does not come back with the model that is saved and loaded.

    In Keras 3.0 to 3.3 most layers leave it out of their config, `Dense` among them: the loaded
    model trains on without the penalty. Convolutions, `EinsumDense`, `Embedding`, `GRU`, `LSTM`
    and attention keep it. tf.keras 2 loses it in layers without weights, in normalization,
    `Bidirectional`, `TimeDistributed` and `RNN`. From Keras 3.4 on all layers keep it; what is
    missing in a file that an older release has written stays lost.

    The rule speaks only where the project says which releases it is for, and saves, loads or
    clones models. `ActivityRegularization` is kept by every release.

    ## Example

    For a project that requires `keras>=3.0,<3.4`:

    ```python
    model = keras.Sequential([Dense(8, activity_regularizer="l2")])
    model.save("model.keras")
    ```

    ## Fix safety

    None is offered: to put `ActivityRegularization` behind the layer changes the model.

    ## References

    Every layer was made again from its config on tf.keras 2.15, Keras 3.0.5, 3.3.3, 3.4.1 and
    3.15.1. Keras issue 19820; TensorFlow issue 39900.
    """

    code = "RGL209"
    name = "activity-regularizer-not-saved"
    severity = Severity.WARNING
    since = (2, 4)
    until = (3, 3)
    triggers = (b"keras", b"activity_regularizer")
    calls = ("keras.layers.*",)
    argument = _NAME

    def check_call(self, call: Call) -> Iterator[Finding]:
        penalty = call.keyword(_NAME)
        if penalty is None or not is_keras_known(call.module):
            return
        losing = [v for v in call.versions if _loses(call.short, v)]
        if (
            losing
            and is_regularizer(penalty, call.module)
            and call.module.project.mentions("saving")
        ):
            message = f"`{call.short}` of {spans(losing)} does not save its `{_NAME}`"
            yield Finding(penalty.key, message)


def _loses(name: str, version: Version) -> bool:
    """Tell whether a release makes a penalty that is gone after saving and loading."""
    if not (2, 4) <= version < (3, 4):
        return False
    layer = keras_api.layer(name)
    kept = _KEPT_BY_TF_KERAS if version < (3, 0) else _KEPT_BY_KERAS_3_0
    if layer is None or layer.name in kept:
        return False
    return layer.effect(_NAME, keras_api.generation(version)) is Effect.EFFECTIVE
