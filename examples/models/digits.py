"""Trains the model beside it, on the handwritten digits that come with scikit-learn.

    python digits.py      # writes digits.keras, and digits.npz: 297 images that it has not seen
"""

import keras
import numpy as np
from keras import layers, regularizers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(7)
digits = load_digits()
images = (digits.images[..., None] / 16).astype("float32")
labels = digits.target.astype("int32")
np.savez_compressed("digits.npz", x=images[1500:], y=labels[1500:])

inputs = keras.Input((8, 8, 1), name="image")
x = layers.Conv2D(
    8, 3, padding="same", activation="relu", kernel_regularizer=regularizers.L2(1e-3), name="stem"
)(inputs)
x = layers.Conv2D(
    16, 3, strides=2, use_bias=False, kernel_regularizer=regularizers.L2(1e-2), name="conv"
)(x)
x = layers.BatchNormalization(name="norm")(x)
x = layers.ReLU(name="relu")(x)
x = layers.Flatten(name="flatten")(x)
x = layers.Dense(
    24, activation="relu", activity_regularizer=regularizers.L1(1e-3), name="features"
)(x)
outputs = layers.Dense(
    10, activation="softmax", kernel_regularizer=regularizers.L2(1e-8), name="head"
)(x)
model = keras.Model(inputs, outputs, name="digits")


def train(epochs, rate):
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9, weight_decay=1e-4),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(images[:1500], labels[:1500], epochs=epochs, verbose=0)


train(epochs=15, rate=0.03)
model.get_layer("stem").trainable = False  # for the last epochs; and so it is saved
train(epochs=5, rate=0.01)
print("loss, accuracy:", model.evaluate(images[1500:], labels[1500:], verbose=0))
model.save("digits.keras")
