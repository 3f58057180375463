"""Wide residual network, written for Keras 1 in 2016 and moved along since."""

from keras.layers import Activation, Add, AveragePooling2D, BatchNormalization, Convolution2D
from keras.layers import Dense, Flatten, Input
from keras.models import Model
from keras.regularizers import WeightRegularizer, activity_l2, l2

WEIGHT_DECAY = 5e-4


def conv(filters, size, strides=(1, 1)):
    return Convolution2D(
        filters,
        (size, size),
        strides=strides,
        padding="same",
        use_bias=False,
        W_regularizer=l2(WEIGHT_DECAY),
    )


def block(x, filters, strides=(1, 1)):
    shortcut = conv(filters, 1, strides)(x)
    for step in (strides, (1, 1)):
        x = BatchNormalization(gamma_regularizer=WeightRegularizer(l2=1e-5))(x)
        x = Activation("relu")(x)
        x = conv(filters, 3, step)(x)
    return Add()([x, shortcut])


def wide_resnet(classes, width=2):
    inputs = Input((32, 32, 3))
    x = conv(16, 3)(inputs)
    for filters, strides in ((16, (1, 1)), (32, (2, 2)), (64, (2, 2))):
        x = block(x, filters * width, strides)
    x = Flatten()(AveragePooling2D((8, 8))(x))
    head = {"activation": "softmax", "W_regularizer": l2(WEIGHT_DECAY), "b_regularizer": l2(l=1e-5)}
    embedding = Dense(64, activity_regularizer=activity_l2(1e-4))(x)
    return Model(inputs, Dense(classes, **head)(embedding))
