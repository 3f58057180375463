"""The static reader on files made by hand: layouts of other releases, and what fits none."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

pytest.importorskip("h5py")

import h5py

from reglint.inspector.facts import Cause, Refused, Variable
from reglint.inspector.files.archive import opened
from reglint.inspector.static.reader import datasets, located, read

L2 = {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 1.0}}


def layer(class_name, name, module="keras.layers", registered=None, **config):
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name, "trainable": True, **config},
        "registered_name": registered,
        "name": name,
    }


def dense(name, **config):
    return layer("Dense", name, **{"use_bias": True, "kernel_regularizer": L2, **config})


def model(*layers, class_name="Functional", name="model", **config):
    return layer(class_name, name, "keras", layers=list(layers), **config)


def fill(group, variables, names=None):
    """Write `path: array` into an HDF5 group, and the names of layers: `path: name`."""
    for path, array in variables.items():
        group[path] = np.asarray(array, "float32")
    for path, name in (names or {}).items():
        group.require_group(path).attrs["name"] = name


def keras_file(folder, config, variables, names=None):
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        fill(file, variables, names)
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())
    return path


def legacy_file(folder, config, groups):
    """Write a `.h5` of `layer: {name of a variable: array}`."""
    path = folder / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [name.encode() for name in groups]
        for name, variables in groups.items():
            group = weights.create_group(name)
            group.attrs["weight_names"] = [variable.encode() for variable in variables]
            fill(group, variables)
    return path


def reading(path, config=None):
    with opened(str(path), config) as file:
        return read(file)


def values(path):
    return {penalty.name: penalty.value for penalty in reading(path)[0]}


def messages(path):
    return [(fact.layer, fact.message) for fact in reading(path)[2]]


def at(place, kernel, bias=(0.0, 0.0)):
    return {f"{place}/vars/0": kernel, f"{place}/vars/1": bias}


ONE, TWO, THREE = ([[float(n), 0.0]] for n in (1, 2, 3))


def test_layers_are_found_in_order(tmp_path):
    config = model(dense("b"), layer("ReLU", "r"), dense("a"))
    path = keras_file(tmp_path, config, {**at("layers/dense", ONE), **at("layers/dense_1", TWO)})
    assert values(path) == {"b.kernel": 1.0, "a.kernel": 4.0}


def test_names_in_the_file_come_before_the_order(tmp_path):
    variables = {**at("layers/dense", ONE), **at("layers/dense_1", TWO)}
    names = {"layers/dense/vars": "a", "layers/dense_1/vars": "b"}
    path = keras_file(tmp_path, model(dense("b"), dense("a")), variables, names)
    assert values(path) == {"b.kernel": 4.0, "a.kernel": 1.0}


def test_names_of_another_model_do_not_matter(tmp_path):
    variables = {**at("layers/dense", ONE), **at("layers/dense_1", TWO)}
    names = {"layers/dense/vars": "x", "layers/dense_1/vars": "y"}
    path = keras_file(tmp_path, model(dense("b"), dense("a")), variables, names)
    assert values(path) == {"b.kernel": 1.0, "a.kernel": 4.0}


def test_variables_can_be_looked_at(tmp_path):
    variables = {**at("layers/dense", ONE), **at("layers/dense_1", TWO)}
    with opened(str(keras_file(tmp_path, model(dense("b"), dense("a")), variables))) as file:
        found = {
            str(variable): dataset[0, 0]
            for variable, dataset in datasets(file, located(file)).items()
            if variable.role == "kernel"
        }
    assert found == {"b.kernel": 1.0, "a.kernel": 2.0}


def test_operations_and_the_input_of_a_sequential_own_nothing(tmp_path):
    operation = {"module": "keras.src.ops.numpy", "class_name": "Dense", "config": {"name": "o"}}
    inner = model(layer("InputLayer", "i"), dense("a"), class_name="Sequential", name="s")
    variables = {**at("layers/sequential/layers/dense", ONE), **at("layers/dense", TWO)}
    path = keras_file(tmp_path, model(operation, inner, dense("b")), variables)
    assert values(path) == {"s/a.kernel": 1.0, "b.kernel": 4.0}


def test_the_container_of_older_releases_is_known(tmp_path):
    path = keras_file(
        tmp_path, model(dense("a")), at("_layer_checkpoint_dependencies/dense", THREE)
    )
    assert values(path) == {"a.kernel": 9.0}


def test_both_places_of_attention_are_known(tmp_path):
    attention = layer("MultiHeadAttention", "m", use_bias=False, kernel_regularizer=L2)
    for prefix in ("", "_"):
        variables = {
            f"layers/multi_head_attention/{prefix}{part}_dense/vars/0": ONE
            for part in ("query", "key", "value", "output")
        }
        path = keras_file(tmp_path, model(attention), variables)
        assert list(values(path)) == [
            f"m/{part}_dense.kernel" for part in ("query", "key", "value", "output")
        ]


@pytest.mark.parametrize(
    "variables",
    [
        {**at("layers/dense", ONE), "layers/dense/vars/2": [1.0]},
        {"layers/dense/vars/0": ONE},
        {"layers/dense/vars/1": ONE, "layers/dense/vars/2": ONE},
        {"layers/dense/vars/0/0": ONE, "layers/dense/vars/1": ONE},
    ],
)
def test_variables_that_fit_no_layout_are_not_guessed_at(tmp_path, variables):
    path = keras_file(tmp_path, model(dense("a")), variables)
    assert reading(path)[0] == ()
    ((place, message),) = messages(path)
    assert place == "a"
    assert "the file has other variables than this class has in any known Keras" in message


def test_layers_of_the_same_name_are_told_apart(tmp_path):
    variables = {**at("layers/dense", ONE), **at("layers/dense_1", TWO)}
    path = keras_file(tmp_path, model(dense("a"), dense("a")), variables)
    assert values(path) == {"a.kernel": 1.0, "a#1.kernel": 4.0}


def test_a_layer_in_two_models_counts_once(tmp_path):
    inner = [model(dense("d"), class_name="Sequential", name=name) for name in "st"]
    inner[1]["config"]["layers"][0]["shared_object_id"] = 7
    inner[1]["config"]["layers"][0]["config"]["dtype"] = {"shared_object_id": 8}
    inner[0]["config"]["layers"][0]["config"]["dtype"] = {}
    path = keras_file(tmp_path, model(*inner), at("layers/sequential/layers/dense", TWO))
    (penalty,), dormant, unknown = reading(path)
    assert (penalty.name, penalty.also) == ("s/d.kernel", (Variable("t/d", "kernel"),))
    assert not dormant
    assert not unknown


def test_what_contributes_nothing_is_listed(tmp_path):
    config = model(
        dense("unbuilt"),
        dense("no_bias", use_bias=False, bias_regularizer=L2),
        dense("still", trainable=False),
        layer("SimpleRNN", "rnn", use_bias=False, activity_regularizer=L2),
        layer("DepthwiseConv2D", "conv", use_bias=False, kernel_regularizer=L2),
        layer("TimeDistributed", "time", layer=dense("inner", activity_regularizer=L2)),
    )
    variables = {
        "layers/dense_1/vars/0": ONE,
        **at("layers/dense_2", ONE),
        "layers/depthwise_conv2d/vars/0": ONE,
        **at("layers/time_distributed/layer", ONE),
    }
    penalties, dormant, unknown = reading(keras_file(tmp_path, config, variables))
    assert [penalty.name for penalty in penalties] == ["no_bias.kernel", "time/layer.kernel"]
    assert [(fact.layer, fact.role, fact.cause) for fact in dormant] == [
        ("unbuilt", "kernel", Cause.NOT_BUILT),
        ("no_bias", "bias", Cause.NO_VARIABLE),
        ("still", "kernel", Cause.FROZEN),
        ("rnn", "activity", Cause.DROPPED),
        ("conv", "kernel", Cause.DROPPED),
        ("time/layer", "activity", Cause.NOT_EVALUATED),
    ]
    assert not unknown


def test_what_the_file_does_not_tell_is_listed(tmp_path):
    config = model(
        dense("a", activity_regularizer=L2),
        layer("ActivityRegularization", "b", l1=0.5, l2=0.0),
        layer("Dense", "c", "my.layers", "my>Dense", kernel_regularizer=L2),
        layer("NewLayer", "d", kernel_regularizer=L2),
        layer("NewLayer", "e"),
        dense("f", kernel_regularizer={"class_name": "my>R", "config": {"k": 2.0}}),
    )
    path = keras_file(tmp_path, config, {**at("layers/dense", ONE), **at("layers/dense_2", ONE)})
    told = dict(messages(path))
    assert list(told) == ["a", "b", "c", "d", "f"]
    assert "`activity_regularizer` L2(1) penalizes what the layer puts out" in told["a"]
    assert "L1L2(l1=0.5, l2=0)" in told["b"]
    assert "the class is not Keras' own" in told["c"]
    assert "which variables it has is not known" in told["d"]
    assert told["f"] == "the penalty of `kernel`: `my>R` is not Keras' own"
    assert values(path) == {"a.kernel": 1.0}


def test_a_model_of_somebody_elses_class_has_known_layers_if_they_are_in_the_config(tmp_path):
    config = model(dense("a"), input_layers=[], class_name="Mine")
    config.update(module="my.models", registered_name="my>Mine")
    path = keras_file(tmp_path, config, at("layers/dense", ONE))
    assert values(path) == {"a.kernel": 1.0}
    assert [name for name, _ in messages(path)] == [""]


def test_bidirectional_layers_do_not_multiply(tmp_path):
    inner = layer("LSTM", "l", kernel_regularizer=L2)
    for _ in range(50):
        inner = layer("Bidirectional", "b", layer=inner)
    _, dormant, _ = reading(keras_file(tmp_path, model(inner), {"x": [1.0]}))
    assert len(dormant) == 2


# Legacy files.


def test_the_order_is_that_of_what_is_trainable(tmp_path):
    inner = model(
        dense("x", trainable=False), dense("y", use_bias=False), class_name="Sequential", name="s"
    )
    names = {"y/kernel:0": TWO, "x/kernel:0": ONE, "x/bias:0": [0.0, 0.0]}
    path = legacy_file(tmp_path, model(inner), {"s": names})
    penalties, dormant, _ = reading(path)
    assert [(penalty.name, penalty.value) for penalty in penalties] == [("s/y.kernel", 4.0)]
    assert [(fact.layer, fact.cause) for fact in dormant] == [("s/x", Cause.FROZEN)]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x/kernel:0", "y/kernel:0", "z/kernel:0"], "other variables than the layer should have"),
        (["x/kernel:0"], "other variables than the layer should have"),
        (["x/kernel:0", "y/gamma:0"], "other variables than the layer should have"),
        (["y/kernel:0", "x/kernel:0"], "`y/kernel:0` stands where a variable of `x` should"),
    ],
)
def test_what_is_not_exactly_as_expected_is_not_attributed(tmp_path, names, message):
    inner = model(
        dense("x", use_bias=False), dense("y", use_bias=False), class_name="Sequential", name="s"
    )
    path = legacy_file(
        tmp_path, model(inner, dense("z")),
        {"s": dict.fromkeys(names, ONE), "z": {"z/kernel:0": TWO, "z/bias:0": [0.0, 0.0]}},
    )  # fmt: skip
    assert values(path) == {"z.kernel": 4.0}
    assert [place for place, _ in messages(path)] == ["s/x", "s/y"]
    assert all(message in text for _, text in messages(path))


def test_a_repeated_name_is_not_attributed(tmp_path):
    path = legacy_file(tmp_path, model(dense("x")), {"x": {"x/kernel": ONE, "x/bias": [0.0, 0.0]}})
    with h5py.File(path, "r+") as file:
        file["model_weights/x"].attrs["weight_names"] = [b"x/kernel", b"x/kernel"]
    assert messages(path) == [
        ("x", "`kernel_regularizer` L2(1): a name of a variable occurs twice in the file")
    ]


def test_a_variable_that_is_missing_is_said(tmp_path):
    path = legacy_file(tmp_path, model(dense("x")), {"x": {"x/kernel": ONE, "x/bias": [0.0, 0.0]}})
    with h5py.File(path, "r+") as file:
        del file["model_weights/x/x/kernel"]
    assert messages(path) == [
        ("x", "`kernel_regularizer` L2(1): `x/kernel` is missing in the file")
    ]


def test_weights_without_a_config_of_their_own_may_be_legacy(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(model(dense("x"))))
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"x"]
        fill(file, {"x/x/kernel:0": THREE, "x/x/bias:0": [0.0, 0.0]})
        file["x"].attrs["weight_names"] = [b"x/kernel:0", b"x/bias:0"]
    (penalty,), _, _ = reading(path, str(config))
    assert penalty.value == 9.0


def test_links_are_refused(tmp_path):
    path = tmp_path / "model.h5"
    legacy_file(tmp_path, model(dense("x")), {"x": {"x/kernel": ONE, "x/bias": [0.0, 0.0]}})
    with h5py.File(path, "r+") as file:
        del file["model_weights/x/x/kernel"]
        file["model_weights/x/x/kernel"] = h5py.ExternalLink("elsewhere.h5", "/x")
    with pytest.raises(Refused, match="a link to elsewhere"):
        reading(path)


def test_nothing_but_what_is_penalized_is_read(tmp_path, monkeypatch):
    from reglint.inspector.static import regularizers

    read_from = []

    def chunks(dataset):
        read_from.append(dataset.name)
        return iter(())

    monkeypatch.setattr(regularizers, "chunks", chunks)
    config = model(dense("a"), dense("b", kernel_regularizer=None), dense("c", trainable=False))
    variables = {p: a for n in ("", "_1", "_2") for p, a in at(f"layers/dense{n}", ONE).items()}
    reading(keras_file(tmp_path, config, variables))
    assert read_from == ["/layers/dense/vars/0"]
