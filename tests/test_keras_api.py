from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reglint import keras_api
from reglint.keras_api import Effect, Generation, Layer

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
KERAS_1, KERAS_2, TF_KERAS, KERAS_3_0, KERAS_3 = Generation


def layer(name: str) -> Layer:
    found = keras_api.layer(name)
    assert found is not None, name
    return found


def test_known_versions() -> None:
    versions = keras_api.KNOWN_VERSIONS
    assert list(versions) == sorted(set(versions))
    assert {(1, 0), (1, 2), (2, 0), (2, 15), (2, 21), (3, 0), (3, 15)} <= set(versions)
    assert (1, 3) not in versions


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((1, 0), KERAS_1),
        ((1, 2), KERAS_1),
        ((2, 0), KERAS_2),
        ((2, 3), KERAS_2),
        ((2, 4), TF_KERAS),
        ((2, 21), TF_KERAS),
        ((3, 0), KERAS_3_0),
        ((3, 1), KERAS_3),
        ((3, 99), KERAS_3),
    ],
)
def test_generation(version: tuple[int, int], expected: Generation) -> None:
    assert keras_api.generation(version) is expected


def test_importing_reads_no_table() -> None:
    code = (
        "import sys; from reglint import keras_api; "
        "print(sorted({'json', 'importlib.resources'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


# Layers.


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Dense", "Dense"),
        ("Convolution2D", "Conv2D"),
        ("Deconvolution2D", "Conv2DTranspose"),
        ("Deconv2D", "Conv2DTranspose"),
        ("SeparableConvolution2D", "SeparableConv2D"),
        ("MaxPool2D", "MaxPooling2D"),
        ("GroupedQueryAttention", None),  # the class has this name, but nobody can import it
        ("InputSpec", None),
        ("concatenate", None),
        ("dense", None),
    ],
)
def test_spellings(spelling: str, name: str | None) -> None:
    found = keras_api.layer(spelling)
    assert (found and found.name) == name
    assert (spelling in keras_api.layer_names()) == (name is not None)


def test_every_name_is_one_of_its_layer() -> None:
    for name in keras_api.layer_names():
        found = layer(name)
        assert any(name in found.names(generation) for generation in Generation)
        assert name == found.name or found.name in keras_api.layer_names()


@pytest.mark.parametrize(
    "name",
    [
        *("Layer", "Input", "InputLayer", "Model", "Sequential"),
        *("Bidirectional", "TimeDistributed", "RNN", "StackedRNNCells"),
    ],
)
def test_what_is_no_ordinary_layer_is_there_too(name: str) -> None:
    assert layer(name).accepts("name", KERAS_3)


def test_names_of_a_generation() -> None:
    deconvolution = layer("Deconvolution2D")
    assert deconvolution.names(KERAS_1) == ("Deconv2D", "Deconvolution2D")
    assert "Deconvolution2D" in deconvolution.names(KERAS_2)
    assert "Deconvolution2D" not in deconvolution.names(KERAS_3)
    assert "Convolution2D" in layer("Conv2D").names(KERAS_3)
    assert layer("DepthwiseConv2D").names(KERAS_1) == ()


@pytest.mark.parametrize(
    ("name", "successor"),
    [
        ("AtrousConvolution2D", "Conv2D"),
        ("CuDNNLSTM", "LSTM"),
        ("Highway", None),
        ("LocallyConnected1D", None),
        ("LocallyConnected2D", None),
        ("MaxoutDense", None),
        ("ThresholdedReLU", "ReLU"),
        ("TimeDistributedDense", "Dense"),
    ],
)
def test_removed(name: str, successor: str | None) -> None:
    assert layer(name).removed
    assert layer(name).successor == successor
    assert successor is None or not layer(successor).removed


def test_not_removed() -> None:
    assert not layer("Convolution2D").removed
    assert not layer("Deconvolution2D").removed  # as a layer; the name is


DENSE = {"W_regularizer": "kernel_regularizer", "b_regularizer": "bias_regularizer"}
RECURRENT = {**DENSE, "U_regularizer": "recurrent_regularizer"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((n, DENSE) for n in ("Dense", "Convolution1D", "Conv2D", "Conv3D", "Deconvolution2D")),
        *((n, DENSE) for n in ("LocallyConnected1D", "LocallyConnected2D")),
        *((n, RECURRENT) for n in ("SimpleRNN", "LSTM", "GRU", "ConvLSTM2D")),
        ("Embedding", {"W_regularizer": "embeddings_regularizer"}),
        ("SeparableConv2D", {"b_regularizer": "bias_regularizer"}),
        ("DepthwiseConv2D", {}),  # takes `W_regularizer` and drops it
        ("BatchNormalization", {}),
        ("Highway", {}),  # kept the names of Keras 1 forever
        ("MaxoutDense", {}),
        ("Dropout", {}),
    ],
)
def test_renamed_regularizers(name: str, expected: dict[str, str]) -> None:
    renames = layer(name).renames
    assert {old: new for old, new in renames.items() if old.endswith("_regularizer")} == expected


def test_other_renames() -> None:
    renames = layer("Convolution2D").renames
    assert renames["border_mode"] == "padding"
    assert renames["init"] == "kernel_initializer"
    assert renames["nb_filter"] == "filters"
    assert renames["nb_row"] == renames["nb_col"] == "kernel_size"
    assert layer("Dense").renames["output_dim"] == "units"
    assert "init" not in layer("SeparableConv2D").renames  # two initializers


def test_renames_lead_to_what_keras_2_accepts() -> None:
    for name in keras_api.layer_names():
        found = layer(name)
        for old, new in found.renames.items():
            assert found.accepts(old, KERAS_2), (name, old)
            assert found.accepts(new, KERAS_2), (name, new)


def test_the_meaning_of_positions() -> None:
    assert layer("Convolution2D").positional(KERAS_1)[1:3] == ("nb_row", "nb_col")
    assert layer("Convolution2D").positional(KERAS_2) == ("filters", "kernel_size")
    assert layer("Convolution2D").positional(KERAS_3)[1:3] == ("kernel_size", "strides")
    assert layer("Dense").positional(KERAS_1)[4] == "W_regularizer"
    assert layer("Dense").positional(KERAS_2) == ("units",)
    assert layer("Dense").positional(KERAS_3)[5:8] == (
        "kernel_regularizer",
        "bias_regularizer",
        "activity_regularizer",
    )
    assert layer("Highway").positional(KERAS_3) == ()


def test_refused_keywords() -> None:
    old = ["nb_filter", "activation", "border_mode", "kernel_regularizer", "name"]
    assert layer("Conv2D").refused(old, KERAS_3) == ("nb_filter", "border_mode")
    assert layer("Conv2D").refused(old, KERAS_2) == ()
    assert layer("Conv2D").refused(["input_shape", "input_dim"], KERAS_3) == ()
    assert layer("Conv2D").refused(["weights", "batch_input_shape"], KERAS_3) == (
        "weights",
        "batch_input_shape",
    )


def test_unknown_is_not_refused() -> None:
    assert layer("Highway").accepts("W_regularizer", KERAS_3) is None
    assert layer("Highway").effect("W_regularizer", KERAS_3) is None
    assert layer("JaxLayer").refused(["anything"], KERAS_3) == ()
    assert layer("JaxLayer").effect("kernel_regularizer", KERAS_3) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Dense", "kernel bias"),
        ("Conv1DTranspose", "kernel bias"),
        ("EinsumDense", "kernel bias"),
        ("MultiHeadAttention", "kernel bias"),
        ("GroupQueryAttention", "kernel bias"),
        ("LSTM", "kernel recurrent bias"),
        ("ConvLSTM3D", "kernel recurrent bias"),
        ("GRUCell", "kernel recurrent bias"),
        ("DepthwiseConv1D", "depthwise bias"),
        ("SeparableConv2D", "depthwise pointwise bias"),
        ("Embedding", "embeddings"),
        ("ReversibleEmbedding", "embeddings"),
        ("BatchNormalization", "gamma beta"),
        ("LayerNormalization", "gamma beta"),
        ("GroupNormalization", "gamma beta"),
        ("PReLU", "alpha"),
        ("RMSNormalization", ""),
        ("Dropout", ""),
        ("Bidirectional", ""),
        ("TimeDistributed", ""),
        ("RNN", ""),
        ("Sequential", ""),
        ("Input", ""),
    ],
)
def test_weight_regularizers_of_keras_3(name: str, expected: str) -> None:
    arguments = tuple(f"{role}_regularizer" for role in expected.split())
    assert layer(name).regularizers(KERAS_3) == arguments
    assert layer(name).regularizers(KERAS_3_0) in {arguments, ()}  # some came later


def test_weight_regularizers_of_keras_1() -> None:
    assert layer("Dense").regularizers(KERAS_1) == ("W_regularizer", "b_regularizer")
    assert layer("SimpleRNN").regularizers(KERAS_1)[1] == "U_regularizer"


@pytest.mark.parametrize(
    ("name", "main"),
    [
        ("Dense", "kernel_regularizer"),
        ("Convolution2D", "kernel_regularizer"),
        ("LocallyConnected2D", "kernel_regularizer"),
        ("Embedding", "embeddings_regularizer"),
        ("LSTM", None),
        ("SeparableConv2D", None),
        ("DepthwiseConv2D", None),
        ("BatchNormalization", None),
        ("Highway", None),
        ("Dropout", None),
    ],
)
def test_main_regularizer(name: str, main: str | None) -> None:
    assert layer(name).main_regularizer == main


@pytest.mark.parametrize(
    ("name", "argument", "effects"),
    [
        # 1.2, 2.3, tf.keras, 3.0, 3.15: E(ffective), S(ilent), R(aises), - unknown
        ("Dense", "kernel_regularizer", "REEEE"),
        ("Dense", "W_regularizer", "EERRR"),
        ("Dense", "activity_regularizer", "EEEEE"),
        ("SeparableConv2D", "kernel_regularizer", "RSSRR"),
        ("SeparableConv2D", "depthwise_regularizer", "EEEEE"),
        ("DepthwiseConv2D", "kernel_regularizer", "-SSRR"),
        ("DepthwiseConv2D", "W_regularizer", "-SRRR"),
        ("DepthwiseConv1D", "kernel_regularizer", "--SRR"),
        ("Embedding", "kernel_regularizer", "RRRRR"),
        ("LSTM", "U_regularizer", "SERRR"),  # 1.2 gives the kernel's to every gate
        ("ConvLSTM2D", "W_regularizer", "SERRR"),
        ("SimpleRNN", "activity_regularizer", "REESS"),
        ("EinsumDense", "activity_regularizer", "--SEE"),
        ("Dropout", "activity_regularizer", "RREEE"),
        ("SpatialDropout2D", "activity_regularizer", "RRERR"),
        ("ActivityRegularization", "activity_regularizer", "RRRRR"),
        ("Bidirectional", "kernel_regularizer", "RRRRR"),
        ("TimeDistributed", "activity_regularizer", "RREEE"),
        ("InputLayer", "kernel_regularizer", "RRRSS"),
        ("InputLayer", "no_such_regularizer", "RRRSS"),
        ("Input", "kernel_regularizer", "RRRRR"),
        ("Sequential", "kernel_regularizer", "RRRRR"),
        ("Model", "kernel_regularizer", "RRRRS"),
        ("Layer", "activity_regularizer", "RREEE"),
        ("Layer", "kernel_regularizer", "RRRRR"),
    ],
)
def test_effects(name: str, argument: str, effects: str) -> None:
    found = [layer(name).effect(argument, generation) for generation in Generation]
    assert "".join(e.name[0] if e else "-" for e in found) == effects


@pytest.mark.parametrize("argument", sorted(keras_api.NEVER_ARGUMENTS))
def test_no_layer_ever_had(argument: str) -> None:
    effects = {
        layer(name).effect(argument, generation)
        for name in keras_api.layer_names()
        for generation in Generation
    }
    assert effects == {Effect.RAISES, Effect.SILENT, None}


# The table and the Keras at hand.


@pytest.fixture(scope="module")
def report(probe: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return probe("probe.py")


def installed() -> tuple[Generation, bool]:
    """Return the generation of the installed Keras, and whether it is the release measured."""
    major, minor = map(int, importlib.metadata.version("keras").split(".")[:2])
    generation = keras_api.generation((major, minor))
    return generation, generation.value.removeprefix("tf") == f"{major}.{minor}"


def test_probe_agrees_on_weights(report: dict[str, Any]) -> None:
    generation, _ = installed()
    for name, found in report["layers"].items():
        known = keras_api.layer(name)
        if known is None or not {generation} <= known.signatures.keys() or "effects" not in found:
            continue
        effective = {a for a, effect in found["effects"].items() if effect == "effective"}
        weights = effective - {"activity_regularizer"}
        assert set(known.regularizers(generation)) == weights, name


def test_probe_agrees_on_layers(report: dict[str, Any]) -> None:
    generation, measured = installed()
    if not measured:
        pytest.skip(f"the table was made with Keras {generation.value}")
    names = {name for found in report["layers"].values() for name in found["names"]}
    assert names == {n for n in keras_api.layer_names() if n in layer(n).names(generation)}
    for name, found in report["layers"].items():
        signature = layer(name).signatures[generation]
        assert layer(name).name == name
        assert signature.names == tuple(found["names"])
        if not signature.measured or "effects" not in found:
            continue  # needs what is not installed here, or was not there
        assert signature.positional == tuple(found["positional"]), name
        assert signature.keywords == set(found["keywords"]), name
        assert signature.swallows == found["swallows"], name
        for argument, effect in found["effects"].items():
            assert layer(name).effect(argument, generation) is Effect(effect), (name, argument)


def test_probe_agrees_on_regularizers(report: dict[str, Any]) -> None:
    generation, measured = installed()
    if not measured:
        pytest.skip(f"the table was made with Keras {generation.value}")
    for name in keras_api.regularizer_names() | report["regularizers"].keys():
        known = keras_api.regularizer(name)
        assert known is not None, name
        factory = known.factories.get(generation)
        found = report["regularizers"].get(name)
        assert (factory is None) == (found is None), name
        if factory and found:
            assert factory.parameters == tuple(found["parameters"])
            assert factory.defaults == found["defaults"]
            assert factory.keywords == set(found["parameters"] + found["keywords"])
            assert factory.makes == found["makes"]
