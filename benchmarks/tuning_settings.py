"""Data sets and networks that `tuning.py` compares methods on.

All data come with scikit-learn or are generated. A setting gives, for a seed, samples for training,
validation and testing, and the network that is trained on them. What a search sees is small, as
where people regularize; what it is tested on is as much as there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers
from sklearn import datasets

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, Array]
    Parts = tuple[Arrays, Arrays, Arrays]


@dataclass(frozen=True)
class Setting:
    """A data set, how it is cut, and what is trained on it."""

    name: str
    data: Callable[[int], Arrays]
    training: int
    validation: int
    testing: int
    network: Callable[[tuple[int, ...]], keras.Model]
    epochs: int
    noise: float = 0.0  # share of all labels that are drawn anew

    def parts(self, seed: int) -> Parts:
        """Return x and y for training, validation and testing; inputs standardized by the first."""
        x, y = self.data(seed)
        random = np.random.default_rng(1000 + seed)
        ends = np.cumsum([self.training, self.validation, self.testing])
        order = random.permutation(len(x))[: ends[-1]]
        x, y = x[order].astype("float32"), y[order]
        noisy = random.random(len(y)) < self.noise
        y[noisy] = random.choice(y, noisy.sum())
        mean, spread = x[: ends[0]].mean(0), x[: ends[0]].std(0) + 1e-3
        x = np.clip((x - mean) / spread, -6, 6)
        if y.dtype.kind == "f":
            y = ((y - y[: ends[0]].mean()) / y[: ends[0]].std()).astype("float32")
        cut = [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
        return tuple((x[part], y[part]) for part in cut)  # type: ignore[return-value]


def _digits(_: int) -> Arrays:
    x, y = datasets.load_digits(return_X_y=True)
    return x, y.astype("int32")


def _images(_: int) -> Arrays:
    digits = datasets.load_digits()
    return digits.images[..., None], digits.target.astype("int32")


def _cancer(_: int) -> Arrays:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    return x, y.astype("int32")


def _few_informative(seed: int) -> Arrays:
    x, y = datasets.make_classification(
        3000, 60, n_informative=8, n_redundant=4, n_clusters_per_class=3, n_classes=3,
        random_state=seed,
    )  # fmt: skip
    return x, y.astype("int32")


def _many(seed: int) -> Arrays:
    x, y = datasets.make_classification(
        20_000, 40, n_informative=12, n_redundant=4, n_clusters_per_class=4, n_classes=5,
        flip_y=0.1, random_state=seed,
    )  # fmt: skip
    return x, y.astype("int32")


def _friedman(seed: int) -> Arrays:
    return datasets.make_friedman1(3000, 20, noise=2.0, random_state=seed)  # type: ignore[no-any-return]


def _compiled(model: keras.Model, optimizer: Any) -> keras.Model:
    classes = model.output_shape[-1]
    loss = "mse" if classes == 1 else "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, metrics=[] if classes == 1 else ["accuracy"])
    return model


def _mlp(classes: int, width: int = 96) -> Callable[[tuple[int, ...]], keras.Model]:
    def network(shape: tuple[int, ...]) -> keras.Model:
        return _compiled(
            keras.Sequential([
                keras.Input(shape),
                layers.Dense(width, activation="relu"),
                layers.Dense(width, activation="relu"),
                layers.Dense(classes, activation="softmax" if classes > 1 else None),
            ]),
            keras.optimizers.Adam(2e-3)
            if classes > 1
            else keras.optimizers.SGD(0.01, momentum=0.9),
        )  # fmt: skip

    return network


def _normalized(shape: tuple[int, ...]) -> keras.Model:
    """Return convolutions before a BatchNormalization: L2 does not change what they compute."""
    return _compiled(
        keras.Sequential([
            keras.Input(shape),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(32, 3, strides=2, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(48, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dense(10, activation="softmax"),
        ]),
        keras.optimizers.Adam(2e-3),
    )  # fmt: skip


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("digits, 150", _digits, 100, 50, 1000, _mlp(10), epochs=100),
        Setting("digits, noisy labels", _digits, 400, 200, 1000, _mlp(10), epochs=60, noise=0.25),
        Setting("breast cancer", _cancer, 80, 40, 440, _mlp(2), epochs=100),
        Setting("few informative features", _few_informative, 200, 100, 2000, _mlp(3), epochs=60),
        Setting("Friedman 1, SGD", _friedman, 200, 100, 2000, _mlp(1), epochs=100),
        Setting("BatchNorm, noisy digits", _images, 400, 200, 1000, _normalized, 40, noise=0.25),
        Setting("10,000 samples", _many, 8000, 2000, 10_000, _mlp(5, 128), epochs=12),
    )
}
