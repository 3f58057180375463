"""How to make and call any layer of any Keras: the data of `probe.py` and `probe_classes.py`."""

from __future__ import annotations

import re

# What a constructor says that does not know a keyword.
REFUSAL = re.compile(
    "unexpected keyword|unrecognized keyword|not understood|multiple values|invalid keyword"
    "|unknown keyword|not recognized",
    re.IGNORECASE,
)
NONSENSE = "no_such_keyword"

# The regularizer arguments to try: all there ever were, and names that people expect.
ARGUMENTS = (
    "activity_regularizer",
    "alpha_regularizer",
    "beta_regularizer",
    "bias_regularizer",
    "depthwise_regularizer",
    "embeddings_regularizer",
    "gamma_regularizer",
    "kernel_regularizer",
    "pointwise_regularizer",
    "recurrent_regularizer",
    "regularizer",
    "weight_regularizer",
    "weights_regularizer",
    "b_regularizer",
    "U_regularizer",
    "W_regularizer",
)
# Keywords that a base class may take without naming them in a signature.
COMMON_KEYWORDS = (
    "autocast",
    "batch_input_shape",
    "batch_shape",
    "batch_size",
    "dtype",
    "dynamic",
    "implementation",
    "input_dim",
    "input_dtype",
    "input_length",
    "input_shape",
    "input_spec",
    "name",
    "trainable",
    "weights",
)

# Values for parameters without a default, by their name; a function makes one, given Keras.
VALUES = {
    "activation": "relu",
    "axes": 1,
    "cell": lambda keras: keras.layers.LSTMCell(3),
    "cells": lambda keras: [keras.layers.LSTMCell(3)],
    "dims": (2, 1),
    "equation": "ab,bc->ac",
    "factor": 0.1,
    "filter_length": 2,
    "filters": 3,
    "function": lambda _: lambda x: x * 2,
    "head_dim": 3,
    "height": 4,
    "height_factor": 0.1,
    "input_dim": 10,
    "kernel_dim1": 2,
    "kernel_dim2": 2,
    "kernel_dim3": 2,
    "kernel_size": 2,
    "key_dim": 3,
    "layer": lambda keras: keras.layers.Dense(3),
    "layers": lambda keras: [keras.layers.Dense(3)],
    "max_number": 2,
    "n": 2,
    "nb_col": 2,
    "nb_filter": 3,
    "nb_row": 2,
    "num_bins": 5,
    "num_heads": 2,
    "num_key_value_heads": 1,
    "num_query_heads": 2,
    "output_dim": 3,
    "output_shape": 3,
    "output_size": 2,
    "p": 0.1,
    "pool_size": 2,
    "rate": 0.1,
    "scale": 2.0,
    "sigma": 0.1,
    "stddev": 0.1,
    "target_shape": (4, 1),
    "units": 3,
    "width": 4,
    "width_factor": 0.1,
}
# The same where the class matters; `?` marks values left out where there is no such parameter.
CLASS_VALUES = {
    "AtrousConvolution1D": {"filters?": 3, "kernel_size?": 2},
    "AtrousConvolution2D": {"filters?": 3, "kernel_size?": 2},
    "Bidirectional": {"layer": lambda keras: keras.layers.LSTM(3)},
    "CategoryEncoding": {"num_tokens": 5},
    "Deconvolution2D": {"output_shape": (2, 7, 7, 3)},
    "DenseFeatures": {"feature_columns": ()},
    "Discretization": {"bin_boundaries": [1.0, 2.0]},
    "EinsumDense": {"bias_axes": "c"},
    "GroupNormalization": {"groups": 2},
    "Input": {"shape": (3,)},
    "InputLayer": {"shape?": (3,), "input_shape?": (3,)},
    "RandomPosterization": {"factor": 4},
    "Sequential": {"layers": lambda keras: [keras.layers.Dense(3, input_shape=(4,))]},
}
# Keras 1 keywords that are one Keras 2 keyword together.
TOGETHER = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))

SHAPES = {
    "column": (2, 1),
    "vector": (2, 4),
    "sequence": (2, 6, 4),
    "image": (2, 6, 6, 3),
    "volume": (2, 5, 6, 6, 4),
    "film": (2, 3, 4, 4, 4, 2),
    "sound": (2, 2048),
    "state": (2, 3),
}
# How a layer may have to be called: the shapes of the data, and the call. The first that works is
# taken; a later one is for layers that refuse all the earlier ones.
CALLS = (
    (["vector"], lambda _, layer, x: layer(x)),
    (["sequence"], lambda _, layer, x: layer(x)),
    (["image"], lambda _, layer, x: layer(x)),
    (["volume"], lambda _, layer, x: layer(x)),
    (["film"], lambda _, layer, x: layer(x)),
    (["sound"], lambda _, layer, x: layer(x)),
    (["column", "column"], lambda _, layer, x, y: layer([x, y])),
    (["vector", "vector"], lambda _, layer, x, y: layer([x, y])),
    (["sequence", "sequence"], lambda _, layer, x, y: layer([x, y])),
    (["sequence", "sequence"], lambda _, layer, x, y: layer(x, y)),
    (["vector", "state"], lambda _, layer, x, state: layer(x, [state])),
    (["vector", "state", "state"], lambda _, layer, x, h, c: layer(x, [h, c])),
    (["vector", "state", "state"], lambda _, layer, x, h, c: layer(x, [[h, c]])),
    (["sequence"], lambda keras, layer, x: keras.layers.RNN(layer)(x)),
)

# Where the public classes are, and what tells the kind of one; a metric may be a layer as well.
MODULES = (
    "",
    "layers",
    "layers.experimental",
    "layers.experimental.preprocessing",
    "models",
    "regularizers",
    "constraints",
    "initializers",
    "losses",
    "metrics",
    "metrics.experimental",
    "optimizers",
    "optimizers.legacy",
    "optimizers.schedules",
    "callbacks",
    "callbacks.experimental",
)
KINDS = (
    ("metric", "metrics.Metric"),
    ("model", "Model"),
    ("layer", "layers.Layer"),
    ("regularizer", "regularizers.Regularizer"),
    ("constraint", "constraints.Constraint"),
    ("initializer", "initializers.Initializer"),
    ("loss", "losses.Loss"),
    ("schedule", "optimizers.schedules.LearningRateSchedule"),
    ("optimizer", "optimizers.Optimizer"),
    ("optimizer", "optimizers.legacy.Optimizer"),
    ("callback", "callbacks.Callback"),
)
# What stands for classes that are no more; to make an instance raises.
GONE = ("LegacyOptimizerWarning",)
# Values for parameters of other classes than layers.
OTHER_VALUES = {
    "activity_regularizer": "l2",
    "backward_layer": lambda keras: keras.layers.LSTM(3, go_backwards=True),
    "boundaries": [1, 2],
    "class_id": 1,
    "decay_rate": 0.5,
    "decay_steps": 10,
    "first_decay_steps": 10,
    "fn": lambda _: lambda y_true, y_pred: y_true - y_pred,
    "initial_learning_rate": 0.1,
    "inner_optimizer": lambda keras: keras.optimizers.SGD(),
    "learning_rate": 0.1,
    "name": "given",
    "normalizer": [0.5, 0.5],
    "num_classes": 3,
    "precision": 0.5,
    "recall": 0.5,
    "reduction": "sum",
    "sensitivity": 0.5,
    "shape": (3,),
    "specificity": 0.5,
    "target_class_ids": [0],
    "thresholds": [0.1, 0.5],
    "values": [0.1, 0.2, 0.3],
}
