"""Sentiment of reviews, Keras 3, 2024."""

import keras
import numpy as np
from keras import layers, regularizers


def reviews(vocabulary):
    return keras.Sequential(
        [
            layers.Embedding(vocabulary, 64, kernel_regularizer=regularizers.L2(1e-6)),
            layers.Bidirectional(layers.LSTM(32), recurrent_regularizer=regularizers.L2(1e-4)),
            layers.Dense(16, activation="relu", kernel_regularizer=regularizers.l1_l2(1e-4)),
            layers.Dense(1, kernel_regularizer=regularizers.L2(np.float32(1e-4))),
        ]
    )
