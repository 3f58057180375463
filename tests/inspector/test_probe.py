"""Inputs are made up from what a model says of them, the same for a seed."""

import itertools

import pytest

from reglint.inspector.runtime.specs import InputSpec, InvalidSpec, parse


def test_an_input_spec_is_a_shape_with_the_batch_first():
    assert parse("4,32,32,3") == (InputSpec((4, 32, 32, 3)),)
    assert parse(" 4, 20 : int64 ") == (InputSpec((4, 20), "int64"),)


def test_several_inputs_are_joined_by_semicolons():
    assert parse("image=4,8,8,1; ids=4,5:int32") == (
        InputSpec((4, 8, 8, 1), None, "image"),
        InputSpec((4, 5), "int32", "ids"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no shape"),
        ("4,x", "is no shape"),
        ("4,0", "a dimension below 1"),
        ("4,-1", "a dimension below 1"),
        ("4:float", "`float` is no dtype"),
        ("=4", "no name before `=`"),
        ("a=4;5", "name all inputs or none"),
        ("a=4;a=5", "two inputs of one name"),
    ],
)
def test_a_wrong_input_spec_says_what_is_wrong(text, message):
    with pytest.raises(InvalidSpec, match=message):
        parse(text)


def test_inputs_depend_on_the_seed_alone(hard_cases):
    first, again, other = (made["arrays"] for made in hard_cases["floats"])
    assert first == again
    assert first != other


def test_ids_are_below_what_the_embedding_has_rows_for(hard_cases):
    made = hard_cases["ids"]
    ids = set(itertools.chain.from_iterable(made["arrays"][0]))
    assert ids == set(range(1, 9))  # 0 is often the mask
    assert made["probe"]["assumed"] == ["`given` has ids from 1 to 8"]


def test_open_dimensions_grow_until_the_model_fits(hard_cases):
    probe = hard_cases["readings"]["open"]["run"]["probe"]
    assert probe["shapes"] == {"given": [4, 64, 64, 1]}  # 32 are too few for a kernel of 40
    assert probe["assumed"] == ["dimensions that the model leaves open are 64"]
    assert hard_cases["readings"]["small"]["run"]["probe"]["shapes"] == {"given": [4, 32]}


def test_a_tensor_that_would_not_fit_into_memory_is_not_tried(hard_cases):
    reading = hard_cases["readings"]["too large"]
    assert reading["run"]["probe"]["failed"].startswith("`up_sampling2d` would take 54 GiB")
    assert [penalty["kind"] for penalty in reading["penalties"]] == ["weight"]


def test_a_call_that_fails_leaves_the_weight_penalties(hard_cases):
    reading = hard_cases["readings"]["raises"]
    assert reading["run"]["probe"]["failed"].endswith("no luck")
    assert [penalty["kind"] for penalty in reading["penalties"]] == ["weight"]
    assert reading["total"] == reading["penalties"][0]["value"] > 0


def test_a_subclassed_model_is_called_with_what_it_was_built_with(hard_cases):
    probe = hard_cases["readings"]["two arguments"]["run"]["probe"]
    assert probe["failed"] == ""
    assert probe["shapes"] == {"x": [2, 3], "y": [2, 2]}


def test_an_input_spec_stands_in_for_what_a_model_does_not_say(hard_cases):
    probe = hard_cases["stated"]["probe"]
    assert (probe["batch_size"], probe["shapes"]) == (5, {"input 1": [5, 4]})
    assert len(hard_cases["stated ids"]["arrays"][0]) == 5


def test_an_input_spec_must_fit_the_model(hard_cases):
    assert hard_cases["wrong name"] == "the model has no input `other`: it has `given`"
    assert hard_cases["wrong number"] == "the model takes 1 input, not 2"


def test_data_take_the_place_of_made_up_inputs(hard_cases):
    reading = hard_cases["data"]
    assert reading["run"]["probe"]["source"] == "x"
    assert reading["run"]["probe"]["batch_size"] == 9
    assert reading["data"]["samples"] == 9
    assert reading["data"]["loss"] > 0
