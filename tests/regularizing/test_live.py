import pytest

BACKENDS = pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
CLOSE = pytest.approx
UNSAVED = (
    "the regularizers of {} hold in memory, but the config of the model does not have them: a saved"
    " model is without this change"
)
# Half precision has no five digits; a stateful layer puts out something else at each call.
UNSTEADY = {
    *("mixed_float16", "float16_overflow", "float16_variables", "mixed_bfloat16"),
    *("bfloat16_variables", "fixed_batch"),
}
# Regularized by a layer of the user's, whose config does not tell of it.
INSIDE = {"tied", "bypassed", "subclassed"}


@pytest.fixture
def live(on_keras, backend):
    return on_keras("live.py", backend)


@pytest.fixture
def trained(live):
    return live["trained"]


@pytest.fixture
def cases(on_keras):
    return on_keras("live_cases.py", "jax")


@BACKENDS
def test_evaluate_rises_by_exactly_the_penalty(trained):
    measured, predicted = trained["rise"]
    assert predicted > 0.1
    assert measured == CLOSE(predicted, rel=1e-5)


@BACKENDS
def test_each_change_is_told_with_what_was_there(trained):
    assert trained["changes"] == [
        ["enc/conv", "kernel", "None", "L2(0.03)"],
        ["enc/wrap/layer", "kernel", "None", "OrthogonalRegularizer(factor=0.2, mode=rows)"],
        ["attention", "kernel", "None", "L2(0.02)"],
        ["attention", "bias", "None", "L1(0.5)"],
        ["shared", "kernel", "None", "L2(0.04)"],
        ["both/forward_layer", "recurrent", "None", "L1L2(l1=0.001, l2=0.01)"],
        ["both/backward_layer", "recurrent", "None", "L1L2(l1=0.001, l2=0.01)"],
        ["out", "kernel", "L1(0.001)", "L1(0.01)"],
        ["out", "activity", "None", "L2(0.1)"],
    ]


@BACKENDS
def test_weights_and_state_of_the_optimizer_stay_bit_by_bit(trained):
    assert trained["state"]


@BACKENDS
def test_a_step_is_that_of_a_model_made_with_the_regularizers(trained):
    (one, other), distance = trained["step"]
    assert trained["as built"]
    assert one == CLOSE(other, rel=1e-6)
    assert distance <= 1e-6
    assert trained["moved otherwise"] > 1e-3


@BACKENDS
def test_saving_and_cloning_keep_it_at_the_same_variables(trained):
    loaded, saved = trained["loaded"]
    assert loaded == CLOSE(saved, rel=1e-6)
    assert trained["same variables"]
    assert trained["cloned"]
    assert trained["iterations"] == [4, 4]


@BACKENDS
def test_removing_brings_the_former_loss_back_exactly(trained):
    after, before = trained["back"]
    assert after == before
    assert trained["as before"]


@BACKENDS
def test_an_attribute_alone_and_a_variable_alone_are_traps(trained, backend):
    assert trained["attribute alone"] == 0
    if backend == "torch":  # compiles nothing
        assert trained["variable alone"] > 1
    else:
        assert trained["variable alone"] == 0


@BACKENDS
def test_fit_has_it_at_once_however_it_was_compiled_and_while_it_runs(live):
    for name, found in live["compiled"].items():
        assert found["once"] > 0.1, name
        assert found["rises"] == [CLOSE(found["once"], rel=1e-4)] * 3, name
        assert found["during"] == CLOSE(found["once"], rel=1e-4), name


@BACKENDS
def test_every_model_of_the_zoo_has_the_penalty_it_should_and_nothing_of_it_stays(live):
    zoo = live["zoo"]
    assert len(zoo) > 40
    assert sum("rise" in found for found in zoo.values()) > 40
    for name, found in zoo.items():
        if "rise" in found and name not in UNSTEADY:
            measured, predicted = found["rise"]
            assert measured == CLOSE(predicted, rel=1e-5, abs=1e-6), name
        # There, a layer says so and its variable does not: which is mended.
        assert found["restored"] or name == "set_after_build", name


@BACKENDS
def test_every_saved_model_of_the_zoo_has_it_at_the_same_variables(live):
    zoo = live["zoo"]
    assert {name for name, found in zoo.items() if found["unsaved"]} == INSIDE
    loaded = {name: found["loaded"] for name, found in zoo.items() if not found["unsaved"]}
    assert list(loaded.values()).count(True) > 35
    assert False not in loaded.values(), loaded


def test_a_layer_of_a_user_s_hands_it_on_as_it_would_have(cases):
    found = cases["handed on"]
    assert found["changes"] == [["block:kernel None -> L2(0.1)"]]
    assert [path.partition("block/")[2] for path in found["carriers"]] == [
        "dense/kernel",
        "multi_head_attention/query/kernel",
        "multi_head_attention/key/kernel",
        "multi_head_attention/value/kernel",
        "multi_head_attention/attention_output/kernel",
    ]
    assert found["loaded"] == found["total"] > 0.3  # that of its call is 0.3
    assert found["removed"] == 0
    assert found["random"], "copying the layer drew random numbers"


def test_what_a_config_cannot_tell_holds_and_is_warned_of(cases):
    within = UNSAVED.format("`block/stages[2]`")
    assert cases["handed on"]["within"] == [["block/stages[2]:kernel None -> L2(0.1)"], within]
    (_, warning), holds = cases["others"]["subclassed"]
    assert warning == UNSAVED.format("`first`, `last`")
    assert holds


def test_a_layer_that_is_built_later_has_it_then(cases):
    paths = [path.rpartition("/")[2] for path in cases["others"]["built later"]]
    assert paths == ["kernel", "bias", "kernel"]


def test_a_regularizer_that_was_set_after_build_is_put_right(cases):
    assert cases["others"]["set after build"] == [
        [],
        [["dense:kernel L2(0.5) -> L2(0.5)"]],
        ["sequential_2/dense/kernel"],
        [[]],
    ]


def test_adapters_have_the_regularizer_of_what_they_adapt(cases):
    assert cases["others"]["adapters"] == ["lora_kernel_a", "lora_kernel_b"]


def test_a_frozen_layer_has_it_when_it_is_trained_again(cases):
    assert cases["others"]["frozen"] == [0, True]


def test_an_activity_regularization_is_saved_by_its_own_arguments(cases):
    change = "penalty:activity L1L2(l1=0, l2=0.5) -> L1L2(l1=0, l2=1.5)"
    assert cases["others"]["itself"] == [[[change]], CLOSE(3)]
    assert cases["others"]["itself saved"] == 1.5


def test_a_shared_layer_is_reached_by_each_of_its_paths(cases):
    changes, carriers = cases["others"]["shared"]
    assert changes == [["one/dense:kernel None -> L2(1)"]]
    assert carriers == ["one/dense/kernel"]


def test_a_regularizer_of_a_user_s_is_used_itself(cases):
    first, used, again, another, scaled = cases["others"]["own"]
    assert first == [["dense:kernel L2(0.5) -> live>Scaled"]]
    assert used
    assert again == [[]]
    assert another == [["dense:kernel live>Scaled -> live>Scaled"]]
    assert "is not Keras' own, and how to scale it is not known" in scaled[1]


def test_first_is_scaled_then_set_then_removed(cases):
    order = ["a:kernel L2(0.01) -> L2(0.02)", "b:kernel None -> L2(1)"]
    assert cases["others"]["order"] == [order]


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ("nothing", "WrongOperation", "there is nothing to do: give `set`, `remove` or `scale`"),
        ("role", "WrongOperation", "it takes `kernel`, `bias`, `activity`; did you mean `kernel`?"),
        ("layer", "WrongOperation", "there is no such layer; did you mean `dense`?"),
        ("regularizer", "WrongOperation", "`l3(1)` is no regularizer of Keras"),
        ("class", "TypeError", "the class `L2` is no regularizer: write `l2(1e-4)`"),
        ("none", "TypeError", 'None is no regularizer: remove=["dense:kernel"]'),
        ("not a dict", "TypeError", "`set` takes a dict"),
        ("dropped", "WrongOperation", "(SimpleRNN) takes `activity_regularizer` and drops it"),
        ("uncalled", "WrongOperation", "is in a `TimeDistributed`, which leaves out its activity"),
        (
            "no bias",
            "WrongOperation",
            "has no variable for `bias_regularizer`, as it is configured",
        ),
        ("part", "WrongOperation", "it is a part of `attention`, which has one setting for all"),
        ("rank", "WrongOperation", "`dense:bias`: OrthogonalRegularizer(factor=1, mode=rows) does"),
        ("broken", "WrongOperation", "broken does not take a variable of shape (4, 4): not"),
        ("factor", "WrongOperation", "the factor must be a number over 0"),
        ("text", "TypeError", "`scale` takes numbers, not `'0.5'`"),
        ("classes", "WrongOperation", "no layer is of class `Dens`; did you mean `Dense`?"),
        ("remove", "TypeError", "`remove` takes text, not `3`"),
        ("no list", "TypeError", "`remove` takes text, not `3`"),
        ("place", "TypeError", "`set` takes text, not `3`"),
        ("scaled place", "TypeError", "`scale` takes text, not `3`"),
    ],
)
def test_what_cannot_be_done_changes_nothing_and_is_told_in_a_line(cases, asked, error, message):
    kind, told, unchanged = cases["refused"][asked]
    assert kind == error
    assert message in told
    assert "\n" not in told
    assert unchanged


def test_what_is_no_model_is_refused(cases):
    assert cases["refused"]["model"] == "a Keras model is needed, not `'model.keras'`"
