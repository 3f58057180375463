"""Both readers on every model of the zoo: they add up to `model.losses`, and agree."""

from __future__ import annotations

import math

import pytest

# What Keras cannot do, and how it says so; run on 3.15.1.
NOT_SAVED = {
    ("sequential_never_built", ".weights.h5"): "a model that has not yet been built",
}
NOT_LOADED = {
    "bfloat16_variables.h5": "cannot load",  # its variables come back as two raw bytes each
    "categories.h5": "Unknown layer: 'GetItem'",
    "masked_ids.h5": "Unknown layer: 'NotEqual'",
    "operations.h5": "Only input tensors may be passed as positional arguments",
    "shared_by_submodels.keras": "objects could not be loaded",  # the shared layer is saved once
    "shared_by_submodels.weights.h5": "objects could not be loaded",
    "subclassed.h5": "Layer count mismatch",  # its layers come to be in a call
}
NOT_RUN = {
    "sequential_never_built.keras": "the model was never built",
    "sequential_never_built.h5": "the model was never built",
    "text.h5": "Table not initialized",  # the vocabulary is in a .keras file only
    "text.weights.h5": "Table not initialized",
}
NOT_RUN_WITHOUT_TENSORFLOW = {
    "string_categories.keras": "it takes strings",
    "text.keras": "it takes strings",
}


@pytest.fixture(scope="module", params=["tensorflow", "jax", "torch"])
def backend(request):
    return request.param


@pytest.fixture(scope="module")
def zoo(on_keras, backend):
    """Return what was made of the zoo and read from it on a backend."""
    return on_keras("zoo.py", backend)


@pytest.fixture(scope="module")
def files(zoo):
    """Return what was read, of the files that Keras can load."""
    return {name: each for name, each in zoo["files"].items() if "total" in each}


def test_every_case_is_made_and_saved_unless_keras_cannot(zoo):
    failures = {
        (case, stage): message
        for case, stages in zoo["failures"].items()
        for stage, message in stages.items()
    }
    assert failures.keys() == NOT_SAVED.keys()
    assert all(NOT_SAVED[key] in message for key, message in failures.items())
    assert len(zoo["files"]) > 50


def test_every_file_is_loaded_unless_keras_cannot(zoo):
    assert {n: each["raised"] for n, each in zoo["files"].items() if "raised" in each} == {}
    refused = {n: each["refused"] for n, each in zoo["files"].items() if "refused" in each}
    assert refused.keys() == NOT_LOADED.keys() & zoo["files"].keys()
    for name, message in refused.items():
        assert NOT_LOADED[name] in message


def test_every_model_is_run_unless_its_inputs_cannot_be_made_up(files, backend):
    expected = NOT_RUN | ({} if backend == "tensorflow" else NOT_RUN_WITHOUT_TENSORFLOW)
    failed = {name: each["failed"] for name, each in files.items() if each["failed"]}
    assert failed.keys() == expected.keys() & files.keys()
    for name, message in failed.items():
        assert expected[name] in message


def test_penalties_sum_to_the_losses_of_the_model(files):
    assert files
    different = {
        name: (each["attributed"], each["total"])
        for name, each in files.items()
        if not _close(each["attributed"], each["total"])
    }
    assert different == {}
    assert [name for name, each in files.items() if "not-attributed" in each["findings"]] == []


def test_the_static_reader_agrees_on_every_variable_that_it_knows(files):
    compared, wrong = 0, {}
    for name, each in files.items():
        for variable, values in each["weights"].items():
            if values["static"] is not None:
                compared += 1
                if not values.get("agree"):
                    wrong[name, variable] = values
    assert wrong == {}
    assert compared > 60


def test_the_static_reader_says_which_layers_it_does_not_know(files):
    silent = {
        (name, variable)
        for name, each in files.items()
        for variable, values in each["weights"].items()
        if values["static"] is None and not any(map(values["layer"].startswith, each["unknown"]))
    }
    assert silent == set()


def test_evaluate_adds_the_total_to_the_data_loss(files):
    evaluated = {n: each for n, each in files.items() if each["evaluated"] is not None}
    different = {
        name: (each["evaluated"], each["total"])
        for name, each in evaluated.items()
        if not _close(each["evaluated"], each["total"])
    }
    assert different == {}
    assert len(evaluated) >= 15


def _close(one: float, other: float) -> bool:
    return one == other or math.isclose(one, other, rel_tol=1e-5)
