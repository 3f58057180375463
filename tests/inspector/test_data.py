"""Data come in three forms; what does not fit is one line that says why."""

from __future__ import annotations

import pytest

VALUES, IDS, LABELS = ["float32", 6, 4], ["int32", 6, 3], ["int64", 6]


@pytest.fixture(scope="module", params=("tensorflow", "jax", "torch"))
def ran(request, on_keras):
    """Return what becomes of data on a backend."""
    return on_keras("data.py", request.param)


@pytest.mark.parametrize("form", ["plain", "train", "function"])
def test_one_input_and_one_output(ran, form):
    assert ran[form] == {
        "x": VALUES,
        "y": LABELS,
        "sample_weight": None,
        "samples": 6,
        "notes": [],
    }


@pytest.mark.parametrize("form", ["by name", "by number", "folder", "triple"])
def test_several_inputs_in_the_dtypes_of_the_model(ran, form):
    assert ran[form]["x"] == [VALUES, IDS]
    assert ran[form]["y"] == [LABELS, LABELS]
    assert ran[form]["sample_weight"] == (LABELS if form == "triple" else None)


def test_sample_weights_go_by_their_name(ran):
    assert ran["weighted"]["sample_weight"] == LABELS


def test_inputs_that_are_a_dict_are_given_as_one(ran):
    assert ran["dict"]["x"] == {"one": VALUES}
    assert ran["dict"]["y"] == {"p": LABELS}


def test_nan_is_noted(ran):
    assert ran["nan"]["notes"] == ["x has NaN or infinities in it"]


def test_batches_are_all_samples_and_a_part_is_evenly_spaced(ran):
    assert ran["spread"] == [[32, 32, 32, 4], [0, 33, 66, 99], 100]


def test_a_fixed_batch_size_is_kept(ran):
    assert ran["fixed"] == [4, 8]


def test_pickles_are_not_read(ran):
    folder, archive, trace = ran["pickled"]
    assert "Python objects" in folder
    assert "pickle" in archive
    assert not trace


def test_a_dict_goes_by_the_names_of_inputs_whatever_their_order(ran):
    assert ran["by input"]["x"] == {"a": VALUES, "b": IDS}


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("no file", ".../absent.npz: no such file; give file.npz, a folder, or"),
        ("kind", ".../data.csv: give file.npz, a folder of .npy files, or module:function"),
        ("broken", ".../broken.npz: "),
        (
            "no module",
            "no_such_module:f: No module named 'no_such_module'; install it, or set PYTHONPATH=.",
        ),
        ("no function", "my_data:absent: module 'my_data' has no attribute 'absent'"),
        ("nothing", "my_data:none must return (x, y) or (x, y, sample_weight)"),
        ("unlabelled", "my_data:unlabelled must return (x, y) or (x, y, sample_weight)"),
        ("raising", "my_data:raising raised ZeroDivisionError: division by zero"),
        ("names", ".../file.npz has no x; it has images (6, 4), labels (6,)"),
        ("half", ".../file.npz has no x_a, x_b; it has x_a (6, 4), y_p (6,), y_q (6,)"),
        ("shape", "input `values` takes (4), x has (3)"),
        ("counts", "the numbers of samples differ: x 6, y 5"),
        ("empty", "there are no samples"),
        ("text", "input `values` takes float32, x is <U"),
        ("fractions", "input `b` takes int32, x is float64 with fractions"),
        ("batches", "the model takes batches of 4 only; give a multiple of that, not 6 samples"),
        ("scalar", "y is a single number; the first dimension is samples"),
    ],
)
def test_data_that_do_not_fit_are_an_error_of_one_line(ran, case, said):
    assert said in ran["errors"][case]
    assert "\n" not in ran["errors"][case]
