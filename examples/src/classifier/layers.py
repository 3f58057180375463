"""What Keras does not have: a penalty for whole groups of weights, and a layer that uses it."""

import keras
from keras import ops


class GroupLasso(keras.regularizers.Regularizer):
    def __init__(self, factor=0.01):
        self.factor = factor

    def __call__(self, weights):
        return self.factor * ops.sum(ops.sqrt(ops.sum(ops.square(weights), axis=0)))


@keras.saving.register_keras_serializable(package="classifier")
class Gate(keras.layers.Layer):
    def __init__(self, units, sharpness=1.0, kernel_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.sharpness = sharpness
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.units),
            regularizer=self.kernel_regularizer,
        )

    def call(self, inputs):
        return ops.sigmoid(self.sharpness * ops.matmul(inputs, self.kernel))

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units, "sharpness": self.sharpness})
        return config


def gated(classes):
    inputs = keras.Input((32,))
    hidden = Gate(16, kernel_regularizer=GroupLasso(1e-3))(inputs)
    return keras.Model(inputs, keras.layers.Dense(classes)(hidden))
