"""What a file may bring in, beside the model, once modules are named."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def ran(on_keras):
    return on_keras("loading.py", "jax")


def test_what_is_foreign_or_no_argument_is_no_part_of_compiling(ran):
    assert ran["kept"] == {
        "all": ["loss", "metrics"],
        "no metrics": ["loss"],
        "an object": [],
        "a foreign object": [],
    }


def test_modules_give_what_is_of_their_own_package(ran):
    assert ran["own"] == [True, True]
    assert ran["others"] == [False] * 5


def test_a_module_that_is_not_found_is_told_with_what_to_do(ran):
    assert ran["absent"] == (
        "cannot import `no_such_module`: No module named 'no_such_module'; install it, or set"
        " PYTHONPATH=. if it is in this folder"
    )


def test_a_file_that_was_swapped_after_it_was_read_is_not_run(ran):
    message = "it changed while it was looked at; try again"
    assert ran["swapped"] == [None, {"trouble": "unavailable", "message": message}]


def test_an_optimizer_that_fails_when_it_is_asked_is_noted(ran):
    facts, notes = ran["optimizer"]
    assert facts == [None, [], []]
    assert len(notes) == 1
    assert notes[0].startswith("the optimizer cannot be asked: ")
