from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

import pytest

from reglint import keras_api
from reglint.analysis.canonical import symbol
from reglint.keras_api import Generation
from reglint.keras_api.classes import BaseClass, Constructor, Kind, base_class, base_class_names

if TYPE_CHECKING:
    from collections.abc import Callable

TF_KERAS, KERAS_3_0, KERAS_3 = list(Generation)[2:]


def known(name: str) -> BaseClass:
    found = base_class(f"keras.{name}")
    assert found is not None, name
    return found


@pytest.mark.parametrize(
    ("spelling", "name", "kind"),
    [
        ("Model", "Model", "MODEL"),
        ("models.Model", "Model", "MODEL"),
        ("Sequential", "Sequential", "MODEL"),
        ("Layer", "layers.Layer", "LAYER"),
        ("layers.Convolution2D", "layers.Conv2D", "LAYER"),
        ("layers.PreprocessingLayer", "layers.PreprocessingLayer", "LAYER"),
        ("layers.Highway", "layers.Highway", "LAYER"),  # of Keras 1
        ("regularizers.l2", "regularizers.L2", "REGULARIZER"),
        ("constraints.max_norm", "constraints.MaxNorm", "CONSTRAINT"),
        ("initializers.glorot_uniform", "initializers.GlorotUniform", "INITIALIZER"),
        ("losses.Huber", "losses.Huber", "LOSS"),
        ("metrics.AUC", "metrics.AUC", "METRIC"),
        ("optimizers.Adam", "optimizers.Adam", "OPTIMIZER"),
        ("optimizers.legacy.Adam", "optimizers.legacy.Adam", "OPTIMIZER"),
        ("optimizers.schedules.CosineDecay", "optimizers.schedules.CosineDecay", "SCHEDULE"),
        ("callbacks.EarlyStopping", "callbacks.EarlyStopping", "CALLBACK"),
    ],
)
def test_kinds(spelling: str, name: str, kind: str) -> None:
    assert known(spelling).name == f"keras.{name}"
    assert known(spelling).kind is Kind[kind]


@pytest.mark.parametrize("name", ["layers.InputSpec", "losses.mse", "layers.Input", "QDense"])
def test_what_is_no_class(name: str) -> None:
    assert base_class(f"keras.{name}") is None


@pytest.mark.parametrize(
    ("name", "since", "until"),
    [
        ("layers.Dense", None, None),
        ("layers.GroupQueryAttention", (3, 0), None),
        ("layers.RMSNormalization", (3, 9), None),
        ("optimizers.Muon", (3, 10), None),
        ("layers.ThresholdedReLU", None, (3, 0)),
        ("optimizers.legacy.Adam", None, (3, 0)),
        ("layers.Highway", None, (2, 4)),
    ],
)
def test_releases(name: str, since: object, until: object) -> None:
    assert (known(name).since, known(name).until) == (since, until)


def test_constructor() -> None:
    dense = known("layers.Dense")
    assert dense.parameters[:3] == ("units", "activation", "use_bias")
    assert dense.required == ("units",)
    assert dense.takes_kwargs
    assert known("losses.Huber").parameters == ("delta", "reduction", "name", "dtype")
    assert not known("losses.Huber").takes_kwargs
    assert known("Model").required == ()
    assert known("layers.Layer").constructors[KERAS_3].keywords == (
        *("activity_regularizer", "trainable", "dtype", "autocast", "name"),
    )


@pytest.mark.parametrize(
    ("name", "keys", "written_by"),
    [
        ("layers.Dense", {"units", "kernel_regularizer", "name", "trainable", "dtype"}, "all"),
        ("layers.Layer", {"name", "trainable", "dtype"}, "all"),
        ("layers.Layer", {"activity_regularizer"}, [KERAS_3]),
        ("layers.Dense", {"activity_regularizer"}, [TF_KERAS, KERAS_3]),
        ("layers.LSTM", {"units", "return_sequences", "dropout"}, "all"),
        ("layers.Wrapper", {"layer"}, "all"),
        ("Model", {"name", "trainable"}, [KERAS_3_0, KERAS_3]),
        ("regularizers.L2", {"l2"}, "all"),
        ("regularizers.L1L2", {"l1", "l2"}, "all"),
        ("losses.Loss", {"name", "reduction"}, "all"),
        ("losses.Huber", {"delta"}, [TF_KERAS]),
        ("metrics.Metric", {"name", "dtype"}, "all"),
        ("optimizers.Adam", {"learning_rate", "beta_1", "name"}, "all"),
    ],
)
def test_configs(name: str, keys: set[str], written_by: Any) -> None:
    constructors = known(name).constructors
    writing = [g for g, constructor in constructors.items() if keys <= constructor.config]
    assert writing == (list(constructors) if written_by == "all" else written_by)
    assert keys <= known(name).config


def test_who_raises() -> None:
    raising = {name for name in base_class_names() if known(name.removeprefix("keras.")).raises}
    assert raising == {
        "keras.Regularizer",
        "keras.metrics.PyMetric",
        "keras.optimizers.schedules.LearningRateSchedule",
        "keras.regularizers.Regularizer",
    }


def test_nothing_is_known_of_callbacks_and_old_layers() -> None:
    for name in ("callbacks.EarlyStopping", "layers.Highway"):
        assert not known(name).measured
        assert (known(name).parameters, known(name).config) == ((), frozenset())


# The table and the Keras at hand.


@pytest.fixture(scope="module")
def report(probe: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return probe("probe_classes.py")["classes"]


def installed() -> tuple[Generation, bool]:
    """Return the generation of the installed Keras, and whether it is the release measured."""
    major, minor = map(int, importlib.metadata.version("keras").split(".")[:2])
    generation = keras_api.generation((major, minor))
    return generation, generation.value.removeprefix("tf") == f"{major}.{minor}"


def test_probe_agrees(report: dict[str, Any]) -> None:
    generation, measured = installed()
    if not measured:
        pytest.skip(f"the table was made with Keras {generation.value}")
    names = {name for found in report.values() for name in found["names"]}
    assert names == {
        name.removeprefix("keras.")
        for name in base_class_names()
        if name.removeprefix("keras.") in spellings(name, generation)
    }
    for name, found in report.items():
        constructor = known(name).constructors[generation]
        assert known(name).kind.value == found["kind"], name
        if "parameters" in found:
            assert (
                constructor.parameters,
                constructor.required,
                constructor.keywords,
                constructor.takes_kwargs,
            ) == (
                tuple(found["parameters"]),
                tuple(found["required"]),
                tuple(found["keywords"]),
                found["swallows"],
            ), name
        if "config" in found:
            assert constructor.config == frozenset(found["config"] or ()), name


def spellings(name: str, generation: Generation) -> tuple[str, ...]:
    constructor: Constructor | None = known(name.removeprefix("keras.")).constructors.get(
        generation
    )
    return constructor.names if constructor else ()


def test_every_place_leads_to_its_class(report: dict[str, Any]) -> None:
    elsewhere = {  # defined under another name, or outside of the packages that hold such classes
        *("layers.FlaxLayer", "layers.JaxLayer", "layers.TFSMLayer", "layers.TorchModuleWrapper"),
        *("layers.GroupQueryAttention", "callbacks.BackupAndRestore"),
        "callbacks.SidecarEvaluatorModelExport",
    }
    for name, found in report.items():
        paths = [f"keras.{spelling}" for spelling in found["names"]]
        for path in paths if name in elsewhere else [*paths, found["path"]]:
            meant = symbol(path)
            assert meant is not None, path
            assert base_class(meant.name) == known(name), path
