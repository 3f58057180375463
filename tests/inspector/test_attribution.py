"""Every entry of `model.losses` of every model of the zoo has an owner, on every backend."""

import math

import pytest

BACKENDS = ["tensorflow", "jax", "torch"]

# What only one backend can do: strings, and penalties in the loop of a recurrent layer.
ONLY_TENSORFLOW = {"text", "string_categories"}
CELLS = {"cell_with_activity", "cell_with_add_loss"}


@pytest.fixture(params=BACKENDS)
def zoo(request, zoo_readings):
    return request.param, zoo_readings(request.param)


@pytest.fixture
def tensorflow(zoo_readings):
    return zoo_readings("tensorflow")


def number(value):
    return float(value)


def close(one, other, tolerance=1e-5):
    one, other = number(one), number(other)
    return one == other or math.isclose(one, other, rel_tol=tolerance, abs_tol=1e-12)


def names(reading):
    return [
        (penalty["layer"], penalty["kind"], penalty["role"], str(penalty["regularizer"]))
        for penalty in reading["penalties"]
    ]


def test_penalties_add_up_to_what_the_loss_gets(zoo):
    _, found = zoo
    wrong = {}
    for name, case in found.items():
        reading = case["reading"]
        total = sum(number(penalty["value"]) for penalty in reading["penalties"])
        if not close(total, reading["total"]):
            wrong[name] = total, reading["total"]
    assert wrong == {}
    assert len(found) > 50
    assert sum(len(case["reading"]["penalties"]) for case in found.values()) > 150


def test_every_weight_penalty_is_that_of_its_variable(zoo):
    _, found = zoo
    for name, case in found.items():
        penalties = [p for p in case["reading"]["penalties"] if p["kind"] == "weight"]
        said = {f"{p['layer']}.{p['role']}": p["value"] for p in penalties}
        assert said.keys() == case["weights"].keys(), name
        for variable, value in case["weights"].items():
            assert close(said[variable], value), (name, variable)


def test_no_entry_is_left_without_an_owner(zoo):
    _, found = zoo
    codes = {
        name: [finding["message"] for finding in case["reading"]["findings"]]
        for name, case in found.items()
        if any(f["code"] == "not-attributed" for f in case["reading"]["findings"])
    }
    assert codes == {}


def test_every_model_can_be_run_on_made_up_inputs(zoo):
    backend, found = zoo
    failed = {name for name, case in found.items() if case["reading"]["run"]["probe"]["failed"]}
    expected = {"sequential_never_built"}
    assert failed == (expected if backend == "tensorflow" else expected | ONLY_TENSORFLOW)


def test_a_model_is_left_as_it_was(zoo):
    _, found = zoo
    assert [name for name, case in found.items() if not case["restored"]] == []


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_backends_agree_on_names_and_numbers(backend, zoo_readings, tensorflow):
    found = zoo_readings(backend)
    for name, case in found.items():
        if name in ONLY_TENSORFLOW or (backend == "jax" and name in CELLS):
            continue
        mine, theirs = case["reading"], tensorflow[name]["reading"]
        assert names(mine) == names(theirs), name
        for one, other in zip(mine["penalties"], theirs["penalties"], strict=True):
            # Half precision is rounded after each step, in an order of the backend's own.
            half = one["dtype"] in {"float16", "bfloat16"}
            assert close(one["value"], other["value"], 0.05 if half else 1e-3), (name, one, other)
        assert [d["cause"] for d in mine["dormant"]] == [d["cause"] for d in theirs["dormant"]]


def test_kinds_are_told_apart(tensorflow):
    kinds = [p["kind"] for p in tensorflow["charges"]["reading"]["penalties"]]
    assert kinds == ["add_loss"] * 3 + ["activity"] + ["weight"] * 3
    vector = tensorflow["charges"]["reading"]["penalties"][1]
    assert vector["shape"] == [4]  # one for each sample; the value is their sum


def test_each_call_of_a_shared_layer_counts(tensorflow):
    penalties = tensorflow["shared"]["reading"]["penalties"]
    assert [p["kind"] for p in penalties] == ["activity"] * 4 + ["weight"]
    assert {p["layer"] for p in penalties} == {"shared"}


def test_a_variable_that_two_layers_hold_lists_both(tensorflow):
    (penalty,) = tensorflow["tied"]["reading"]["penalties"]
    assert (penalty["layer"], penalty["role"]) == ("tied_embedding/lookup", "embeddings")
    assert penalty["also"] == [{"layer": "tied_embedding", "role": "table"}]


def test_functions_and_classes_of_others_go_by_their_registered_name(tensorflow):
    penalties = tensorflow["custom_regularizers"]["reading"]["penalties"]
    regularizers = [penalty["regularizer"] for penalty in penalties]
    assert regularizers[0] == {"name": "menagerie>Cubic", "factors": {"factor": 0.01}}
    assert regularizers[2] == {"name": "menagerie>mean_square", "factors": {}}
