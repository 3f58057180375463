"""The preflight: what a configuration names, and no alarm over what Keras writes."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("h5py")

import hostile

from reglint.inspector.facts import Danger, FileFacts, Format
from reglint.inspector.files import archive, preflight, references
from reglint.inspector.files.archive import ModelFile

ROOT = Path(__file__).parents[2]
good, layer, model, entry = hostile.good, hostile.layer, hostile.model, hostile.entry

needs_keras = pytest.mark.skipif(not importlib.util.find_spec("keras"), reason="needs keras")


def verdict(config, compiled=None, size=1000):
    facts = FileFacts("x", Format.KERAS, size)
    return preflight.preflight(ModelFile(facts, config, compiled, None))


def names(config):
    return [reason.name for reason in verdict(config).found(Danger.CUSTOM)]


def foreign(name, module="pkg.layers", registered=None, **config):
    return {**hostile.by_class(module, name, **config), "registered_name": registered}


def test_plain_models_are_data():
    assert verdict(good()).data_only
    assert verdict(hostile.old_good()).data_only
    assert verdict(good()).code_sha256 == ""


def test_what_to_import_is_the_registered_name_or_the_place_of_the_class():
    assert names(model(foreign("A"))) == ["pkg.layers.A"]
    assert names(model(foreign("A", registered="pkg>A"))) == ["pkg>A"]
    assert names(model(foreign("A", module=None))) == ["A"]
    assert names(good(activation=hostile.function("pkg.losses", "f"))) == ["pkg.losses.f"]
    assert names(good(activation=hostile.function("builtins", "f"))) == ["f"]
    assert names(good(kernel_regularizer="my_penalty")) == ["my_penalty"]
    assert names(hostile.old_good(hostile.old("Lambda", function="f"))) == ["f"]


def test_a_function_is_written_in_the_ways_of_keras():
    """Run on 3.15.1: a registered function comes so out of a layer."""
    written = {**hostile.function("builtins", "pkg>f"), "registered_name": "function"}
    assert names(good(bias_regularizer=written)) == ["pkg>f"]
    for module, name in (
        ("builtins", "relu"),
        ("keras.activations", "gelu"),
        ("keras.ops", "relu"),
    ):
        assert verdict(good(activation=hostile.function(module, name))).data_only


def test_the_optimizers_of_keras_2_are_no_custom_classes():
    adam = {"class_name": "Custom>Adam", "config": {}, "registered_name": "Custom>Adam"}
    assert verdict(hostile.old_good(), {"optimizer_config": adam}).data_only
    assert names(model(foreign("Custom>Adamant", module=None))) == ["Custom>Adamant"]


def test_a_name_is_told_once_at_its_first_place():
    found = verdict(model(foreign("A"), foreign("B"), foreign("A"))).reasons
    assert [(reason.place, reason.name) for reason in found] == [
        ("config/layers[0]", "pkg.layers.A"),
        ("config/layers[1]", "pkg.layers.B"),
    ]


def test_what_compiling_needs_does_not_hide_what_the_model_needs():
    config = {"compile_config": {"loss": foreign("A")}, **model(foreign("A"))}
    places = {reason.place for reason in verdict(config).reasons}
    assert places == {"compile_config/loss", "config/layers[0]"}


def test_what_one_part_of_compiling_needs_does_not_hide_what_another_needs():
    compiled = {"metrics": [foreign("A")], "loss": foreign("A"), "optimizer": foreign("A")}
    found = verdict({**model(entry(2)), "compile_config": compiled})
    assert [reason.compiled for reason in found.reasons] == ["metrics", "loss", "optimizer"]
    assert [reason.compiled for reason in found.needed(data=True).reasons] == ["loss"]


def test_the_compile_configuration_of_an_h5_file_is_looked_at_whatever_else_is_there():
    config = {**hostile.old_good(), "compile_config": {"loss": "mse"}}
    assert names(config) == []
    compiled = {"optimizer": foreign("A")}
    assert [reason.place for reason in verdict(config, compiled).reasons] == [
        "training_config/optimizer"
    ]


def test_the_compile_configuration_of_an_h5_file_is_looked_at():
    compiled = {"loss": {"out": ["mse", "my_loss"]}, "metrics": ["acc", "my_metric"]}
    found = verdict(hostile.old_good(), compiled).reasons
    assert {reason.name: reason.place for reason in found} == {
        "my_loss": "training_config/loss",
        "my_metric": "training_config/metrics",
    }


def test_no_reason_is_lost_among_many():
    many = [foreign(f"A{i}") for i in range(900)]
    config = model(*many, hostile.by_class("subprocess", "Popen"))
    assert len(verdict(config).found(Danger.CUSTOM)) == 900
    assert verdict(config).found(Danger.REFUSED)
    assert verdict(model(*many, *(foreign(f"B{i}") for i in range(200)))).found(Danger.REFUSED)


def test_the_digest_is_of_the_code_and_of_nothing_else(tmp_path):
    def digest(*layers, **extra):
        return verdict(model(entry(2), *layers, **extra)).code_sha256

    one = hostile.lambda_layer(tmp_path / "one")
    other = hostile.lambda_layer(tmp_path / "other")
    assert len(digest(one)) == 64
    assert digest(one) == digest(one, note="elsewhere")
    assert digest(one) == digest(dict(reversed(one.items())))
    assert len({digest(one), digest(other), digest(one, other), digest(other, one)}) == 4
    within = {"optimizer": "sgd", "loss": hostile.anonymous(tmp_path / "one")}
    assert digest(one) != digest(one, compile_config=within)


def test_the_digest_is_of_code_beside_other_code(tmp_path):
    """A key may look like a place, and a layer has more than its configuration."""
    first = hostile.lambda_layer(tmp_path / "a")
    second = hostile.anonymous(tmp_path / "b")
    alone = verdict(model(first)).code_sha256
    beside = model(first)
    beside["config"]["layers[0]/config"] = second
    assert verdict(beside).code_sha256 != alone
    called = model({**first, "inbound_nodes": [{"args": [], "kwargs": {"mask": second}}]})
    assert verdict(called).code_sha256 != alone


def test_code_is_one_reason_with_all_that_is_in_it(tmp_path):
    found = verdict(model(hostile.lambda_layer(tmp_path / "m"))).reasons
    assert [(reason.danger, reason.place) for reason in found] == [
        (Danger.CODE, "config/layers[0]")
    ]


@pytest.mark.parametrize(
    "fine",
    [
        layer("GroupNormalization", groups=-1),
        layer("Reshape", target_shape=[-1, 3]),
        layer("ZeroPadding2D", padding=[[0, 1], [0, 1]]),
        layer("Conv2D", filters=4, kernel_size=[3, 3], padding="same"),
        layer("IntegerLookup", vocabulary=[2**40, -(2**50)], max_tokens=None),
        layer("StringLookup", vocabulary=["https://a", "/etc/passwd"]),
        layer("Dropout", rate=0.5, seed=2**63),
        layer("ReLU", max_value=float("inf")),
        layer("Embedding", input_dim=250_000, output_dim=1024),
        {**layer("Dense", units=8), "shared_object_id": 2**47},
    ],
    ids=lambda found: found["class_name"],
)
def test_what_is_big_or_odd_and_ordinary_raises_no_alarm(fine):
    assert verdict(model(entry(2), fine)).data_only


def test_much_is_fine_in_a_file_that_has_much():
    wide = {**layer("Dense", units=1 << 16), "build_config": {"input_shape": [None, 1 << 16]}}
    assert verdict(model(wide), size=1000).found(Danger.REFUSED)
    assert verdict(model(wide), size=1 << 34).data_only


# ------------------------------------------------------------------ what Keras itself writes


def run(code, *arguments, **environment):
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        check=True,
        capture_output=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
    )


ORDINARY = """
import sys
import keras
from keras import layers as L, regularizers as R, ops

folder = sys.argv[1]
for name in ("MobileNetV2", "ConvNeXtTiny"):
    getattr(keras.applications, name)(weights=None, classes=3).save(f"{folder}/{name}.keras")

entry = keras.Input((12, 8))
x = L.Bidirectional(L.LSTM(4, return_sequences=True, kernel_regularizer=R.L1L2(0.1, 0.2)))(entry)
x = L.RNN(L.StackedRNNCells([L.GRUCell(3), L.SimpleRNNCell(2)]), return_sequences=True)(x)
x = L.MultiHeadAttention(2, 3, kernel_regularizer="l2")(x, x)
x = L.GroupQueryAttention(4, 4, 2)(x, x)
x = L.TimeDistributed(L.Dense(4, activation=keras.activations.gelu))(x)
x = L.SpectralNormalization(L.Conv1D(4, 3, kernel_constraint="non_neg", padding="causal"))(x)
x = L.EinsumDense("abc,cd->abd", [None, 4], kernel_regularizer=R.OrthogonalRegularizer())(x)
x = L.GroupNormalization(groups=-1)(ops.reshape(x[:, 1::2, ...], (-1, 6, 4)) + 1)
x = ops.where(ops.isnan(x), ops.zeros_like(x), x * keras.ops.convert_to_tensor([2.0] * 4))
x = L.Activation(ops.silu)(L.UnitNormalization()(x))
x = L.Dense(2, kernel_initializer=keras.initializers.Orthogonal(seed=2**31))(L.Flatten()(x))
model = keras.Model(entry, {"a": x, "b": L.Softmax(dtype="mixed_bfloat16")(x)})
model.compile(
    keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.1, 100)),
    {"a": keras.losses.Huber(), "b": "categorical_crossentropy"},
    {"a": ["mae", keras.metrics.RootMeanSquaredError()], "b": ["accuracy"]},
)
model.save(f"{folder}/many.keras")
words = keras.Sequential([keras.Input((5,)), L.Discretization([1.0, 2.0]), L.Embedding(4, 3),
                          L.GlobalAveragePooling1D(), L.Dense(1, kernel_regularizer="l1")])
words.compile("rmsprop", keras.losses.binary_crossentropy, metrics=[keras.metrics.AUC()])
words.save(f"{folder}/words.keras")
words.save(f"{folder}/words.h5")
"""


@needs_keras
def test_ordinary_models_raise_no_alarm(tmp_path):
    run(ORDINARY, tmp_path)
    looked = sorted(tmp_path.iterdir())
    for path in looked:
        with archive.opened(str(path)) as file:
            assert preflight.preflight(file).reasons == (), path.name
    assert len(looked) == 5


MEASURE = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("build_allowed", sys.argv[1])
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)
with open(sys.argv[2], "w") as file:
    json.dump(build.measured(), file)
"""


@needs_keras
def test_the_table_is_what_the_keras_at_hand_has(tmp_path):
    run(MEASURE, ROOT / "tools" / "keras_api" / "build_allowed.py", tmp_path / "table.json")
    table = json.loads((tmp_path / "table.json").read_text())
    if table["measured"]["keras"][0] not in references.ALLOWED["measured"]["keras"]:
        pytest.skip("another Keras than the table was measured on")
    missing = {
        f"{module}.{name}"
        for part in ("classes", "functions", "strings")
        for module, found in table[part].items()
        for name in found
        if name not in references.ALLOWED[part].get(module, ())
    }
    assert not missing


def test_the_table_has_nothing_that_acts():
    functions = {name for found in references.FUNCTIONS.values() for name in found}
    assert not functions & {"get", "get_file", "load_model", "save_img", "deserialize"}
    classes = {name for found in references.CLASSES.values() for name in found}
    assert not classes & {"KerasFileEditor", "CustomObjectScope", "LambdaCallback", "ExportArchive"}
    assert set(references.CODE) - classes <= {"TensorFlowOpLayer", "TorchModuleWrapper"}
    assert not any("_test" in module for module in references.CLASSES)
