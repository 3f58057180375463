"""The table of what became of `keras.backend`, and the Keras at hand."""

from __future__ import annotations

import inspect

import pytest

from reglint.keras_api import backend


def test_every_name_is_gone_or_kept():
    assert not backend.GONE & backend.KEPT
    assert backend.GONE > backend.GONE_FROM_TF_KERAS
    assert {"sum", "cast_to_floatx", "learning_phase", "get_session"} <= backend.GONE


def test_a_match_tells_the_names_of_the_parameters():
    match = backend.match("clip")
    assert match.name == "clip"
    assert [(p.name, p.new, p.default) for p in match.parameters] == [
        ("x", "x", ""),
        ("min_value", "x_min", ""),
        ("max_value", "x_max", ""),
    ]
    assert backend.match("gather").name == "take"
    assert backend.match("gather").parameters[-1] == ("axis", "axis", "0")
    assert backend.match("repeat") is None  # a function of another meaning


@pytest.mark.filterwarnings("ignore")
def test_the_table_is_that_of_the_keras_at_hand():
    keras = pytest.importorskip("keras", minversion="3.0")
    assert {name for name in dir(keras.backend) if name.islower() and name[0] != "_"} == (
        backend.KEPT
    )
    for name in backend.GONE - backend.GONE_FROM_TF_KERAS:
        if match := backend.match(name):
            parameters = inspect.signature(getattr(keras.ops, match.name)).parameters
            assert len(parameters) >= len(match.parameters)
            if name != "stop_gradient":
                given = [parameter.new for parameter in match.parameters]
                assert given == [*parameters][: len(given)], name
