"""Operations as users write them, and what they change in a model that is told in words."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy")

from reglint.inspector.facts import Regularizer
from reglint.regularizing.operations import (
    Remove,
    Scale,
    Set,
    WrongOperation,
    parse_remove,
    parse_scale,
    parse_set,
    serialized,
    set_of,
)
from reglint.regularizing.plan import Target, plan

L2 = Regularizer("L2", {"l2": 0.5})
L1 = Regularizer("L1", {"l1": 0.25})
OWN = Regularizer("package>Own", {"factor": 1.0})


def dense(path, layer_class="Dense", **roles):
    return Target(path, layer_class, {"kernel": None, "bias": None, "activity": None} | roles)


MODEL = (
    dense("head", kernel=L1),
    dense("encoder/head"),
    Target("encoder", "Sequential", {}),
    dense("encoder/conv_1", "Conv2D", kernel=L2, bias=L1),
    Target("lstm", "LSTM", {"kernel": None, "recurrent": L2}, also={"lstm/cell": "LSTMCell"}),
    Target("cells/cell/cells[0]", "GRUCell", {"kernel": None}),
    Target(
        "mha",
        "MultiHeadAttention",
        {"kernel": None},
        parts={"mha/query_dense": "EinsumDense", "mha/key_dense": "EinsumDense"},
    ),
    dense("rnn", "SimpleRNN"),
    Target("mine", "Mine", {"gain": OWN}, own=False),
)
REFUSED = Target("plain", "Dense", {"kernel": None, "bias": None}, {"bias": "has no bias"})


@pytest.mark.parametrize(
    ("text", "pattern", "role", "regularizer"),
    [
        ("conv*:kernel=l2(1e-4)", "conv*", "kernel", Regularizer("L2", {"l2": 1e-4})),
        ("a/**:bias = L1( 0.5 )", "a/**", "bias", Regularizer("L1", {"l1": 0.5})),
        ("a:kernel_regularizer=l2(l2=1)", "a", "kernel", Regularizer("L2", {"l2": 1.0})),
        (
            "a:kernel=keras.regularizers.l1_l2(1e-5, l2=1e-4)",
            "a",
            "kernel",
            Regularizer("L1L2", {"l1": 1e-5, "l2": 1e-4}),
        ),
        ("a:kernel=L1L2(l2=2)", "a", "kernel", Regularizer("L1L2", {"l1": 0.0, "l2": 2.0})),
        (
            "a:kernel=orthogonal(0.01, mode='columns')",
            "a",
            "kernel",
            Regularizer("OrthogonalRegularizer", {"factor": 0.01, "mode": "columns"}),
        ),
        ("a:0=b:kernel=l2(1)", "a:0=b", "kernel", Regularizer("L2", {"l2": 1.0})),
    ],
)
def test_set_takes_a_pattern_a_role_and_a_regularizer(text, pattern, role, regularizer):
    assert parse_set(text) == Set(pattern, role, regularizer)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "write PATTERN:ROLE=REGULARIZER"),
        ("a=l2(1)", "write PATTERN:ROLE=REGULARIZER"),
        (":kernel=l2(1)", "write PATTERN:ROLE=REGULARIZER"),
        ("a:kernel=l2", "does not say how strong"),
        ("a:kernel=l2()", "does not say how strong"),
        ("a:kernel=ortogonal(1)", "no regularizer of Keras; did you mean `orthogonal`?"),
        ("a:kernel=dropout(1)", "is no regularizer of Keras; write `l1(1e-4)`"),
        ("a:kernel=Regularizer(1)", "is no regularizer of Keras"),
        ("a:kernel=None", "--remove"),
        ("a:kernel=l2(-1)", "0 and more, and finite"),
        ("a:kernel=l2(nan)", "0 and more, and finite"),
        ("a:kernel=l2(1e999)", "0 and more, and finite"),
        ("a:kernel=l2(x)", "`l2` is a number, and `x` is none"),
        ("a:kernel=l2(1)(2)", "is a number"),
        ("a:kernel=l2(1, 2)", "`2` is not for"),
        ("a:kernel=l1_l2(l2=1, 2)", "`2` is not for"),
        ("a:kernel=l2(l2=1, l2=2)", "`l2=2` is not for"),
        ("a:kernel=orthogonal(1, mode=up)", "one of rows, columns"),
        ("a:kernel=__import__('os').system('x')", "no regularizer"),
    ],
)
def test_what_set_cannot_mean_is_one_line_that_says_what_to_write(text, said):
    with pytest.raises(WrongOperation) as caught:
        parse_set(text)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"`{text}`: ")
    assert "\n" not in str(caught.value)


def test_remove_and_scale_take_less():
    assert parse_remove("a/b*") == Remove("a/b*")
    assert parse_remove("a:bias_regularizer") == Remove("a", "bias")
    assert parse_scale("0.5") == Scale(0.5)
    assert parse_scale("a*=2") == Scale(2.0, "a*")
    assert parse_scale("a:bias=1e-3") == Scale(1e-3, "a", "bias")
    for text in ("0", "-1", "x", "inf", "nan", "a=", "=2", "a:=2"):
        with pytest.raises(WrongOperation):
            parse_scale(text)
    with pytest.raises(WrongOperation):
        parse_remove("a:")
    with pytest.raises(WrongOperation, match="PATTERN:ROLE"):
        set_of("a", L2)


def test_a_regularizer_is_written_as_keras_does():
    assert serialized(L2) == {
        "module": "keras.regularizers",
        "class_name": "L2",
        "config": {"l2": 0.5},
        "registered_name": None,
    }
    assert serialized(L2, legacy=True) == {"class_name": "L2", "config": {"l2": 0.5}}


def changed(*operations, classes=(), model=MODEL):
    return [(c.layer, c.role, c.after) for c in plan(model, operations, classes)]


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("head", ["head", "encoder/head"]),
        ("/head", ["head"]),
        ("encoder/head", ["encoder/head"]),
        ("conv*", ["encoder/conv_1"]),
        ("conv?1", ["encoder/conv_1"]),
        ("encoder/*", ["encoder/head", "encoder/conv_1"]),
        ("*/cell", ["lstm"]),
        ("cell", ["lstm"]),
        ("cells/cell/cells[0]", ["cells/cell/cells[0]"]),
        ("cells/*", []),
        ("cells/**", ["cells/cell/cells[0]"]),
        ("**/cells[0]", ["cells/cell/cells[0]"]),
        ("**/head", ["head", "encoder/head"]),
    ],
)
def test_a_pattern_names_a_step_or_a_path(pattern, paths):
    if not paths:
        with pytest.raises(WrongOperation, match="it matches no layer"):
            changed(Set(pattern, "kernel", OWN))
        return
    assert [path for path, _, _ in changed(Set(pattern, "kernel", OWN))] == paths


def test_a_name_with_a_star_is_itself():
    model = (dense("a*"), dense("ab"))
    assert changed(Set("a*", "kernel", L2), model=model) == [("a*", "kernel", L2)]


def test_operations_follow_each_other():
    assert changed(Set("*", "kernel", L2), Remove("conv*"), Scale(2.0, "head")) == [
        ("head", "kernel", Regularizer("L2", {"l2": 1.0})),
        ("encoder/head", "kernel", Regularizer("L2", {"l2": 1.0})),
        ("encoder/conv_1", "kernel", None),
        ("encoder/conv_1", "bias", None),
        ("lstm", "kernel", L2),
        ("cells/cell/cells[0]", "kernel", L2),
        ("mha", "kernel", L2),
        ("rnn", "kernel", L2),
    ]
    assert changed(Scale(2.0, "conv*"), Scale(0.5, "conv*")) == []
    assert changed(Set("conv_1", "kernel", L2)) == []


def test_classes_narrow_all_patterns():
    assert changed(Set("*", "kernel", L1), classes=("LSTM", "Conv2D")) == [
        ("encoder/conv_1", "kernel", L1),
        ("lstm", "kernel", L1),
    ]
    assert changed(Set("*", "kernel", L1), classes=("LSTMCell",)) == [("lstm", "kernel", L1)]
    assert changed(Scale(2.0), classes=("Dense",)) == [
        ("head", "kernel", Regularizer("L1", {"l1": 0.5}))
    ]


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (Set("haed", "kernel", L2), "there is no such layer; did you mean `head`?"),
        (Set("encodr/head", "kernel", L2), "did you mean `encoder/head`?"),
        (Set("zz*", "kernel", L2), "it matches no layer; there are `head`"),
        (Set("head", "kernal", L2), "it takes `kernel`, `bias`, `activity`; did you mean `kernel`"),
        (Set("**", "gamma", L2), "takes no `gamma_regularizer`"),
        (Set("encoder", "kernel", L2), "for the layers in it name `encoder/**:kernel`"),
        (Remove("encoder"), "for the layers in it name `encoder/**`"),
        (Set("mha/query_dense", "kernel", L2), "one setting for all: `mha:kernel`"),
        (Set("mine", "kernel", L2), "not Keras' own and its configuration has no `kernel_reg"),
        (Remove("rnn"), "there is no regularizer to remove"),
        (Remove("rnn", "bias"), "there is no regularizer to remove"),
        (Scale(2.0, "rnn"), "there is no regularizer to scale"),
        (Scale(2.0), "how to scale it is not known"),
    ],
)
def test_an_operation_in_vain_is_an_error_that_says_what_would_do(operation, said):
    with pytest.raises(WrongOperation) as caught:
        changed(operation)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_factors_stay_finite():
    big = Scale(1e200, "conv_1")
    with pytest.raises(WrongOperation, match=r"`encoder/conv_1:kernel`: .* 0 and more, and finite"):
        changed(big, big)


def test_a_class_that_no_layer_has_is_an_error():
    with pytest.raises(WrongOperation, match="no layer is of class `Dnse`; did you mean `Dense`"):
        changed(Scale(2.0), classes=("Dnse",))
    with pytest.raises(WrongOperation, match="matches none, but `Conv2D`"):
        changed(Set("conv_1", "kernel", L2), classes=("Dense",))


def test_what_would_do_nothing_is_refused_by_name_and_passed_over_by_a_glob():
    model = (*MODEL, REFUSED)
    with pytest.raises(WrongOperation, match=r"`plain` \(Dense\) has no bias; it takes `kernel`"):
        changed(Set("plain", "bias", L2), model=model)
    assert "plain" not in [path for path, _, _ in changed(Set("*", "bias", OWN), model=model)]
    with pytest.raises(WrongOperation, match="has no bias"):
        changed(Set("pl*", "bias", L2), model=model)


def test_all_parts_of_a_layer_with_one_value_are_that_layer():
    both = [Set("mha/query_dense", "kernel", L2), Set("/mha/key_dense", "kernel", L2)]
    assert changed(*both) == [("mha", "kernel", L2)]
    with pytest.raises(WrongOperation, match="one setting for all"):
        changed(both[0], Set("mha/key_dense", "kernel", L1))
    with pytest.raises(WrongOperation, match="one setting for all"):
        changed(both[0])
