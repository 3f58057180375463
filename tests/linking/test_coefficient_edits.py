"""Coefficients written to the source, and what the models then carry."""

from __future__ import annotations

import ast

import pytest

from reglint.files import AccessError
from reglint.inspector.facts import LayerFacts
from reglint.linking.edits import apply, coefficient_edits, written
from reglint.linking.match import link
from reglint.linking.sites import find

WANTED = 3.2e-4
PENALIZED = {"Dense", "Conv2D", "LSTMCell", "GRUCell", "EinsumDense", "Conv2DTranspose"}
# One model of each project: the others would be changed with it.
MODELS = {
    "subclassed": "net", "notebook": "second", "two_models": "first", "strange": "head",
}  # fmt: skip


def test_the_edited_code_makes_layers_with_these_coefficients(truth, told, copied, truths):
    expected = {}
    for project, models in truth.items():
        model = MODELS.get(project, "model")
        layers = models[model]["layers"]
        sources = find([str(copied / project)])
        links = link(told(project, model), sources, models[model]["class"])
        wanted = {
            (layer["path"], "kernel"): WANTED
            for layer in layers
            if layer["layer_class"] in PENALIZED
        }
        plan = coefficient_edits(links, wanted)
        assert apply(plan) == tuple(each.before.path for each in plan.files)
        expected[project] = {path for path, _ in wanted.keys() - plan.refused.keys()}
    found = truths([copied / project for project in truth])
    carried = {
        project: {
            layer["path"]
            for layer in models[MODELS.get(project, "model")]["layers"]
            if layer["regularizers"].get("kernel", {}).get("l2") == pytest.approx(WANTED)
        }
        for project, models in found.items()
    }
    assert {p: expected[p] - carried[p] for p in expected} == {p: set() for p in expected}
    assert sum(map(len, expected.values())) > 50


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.00032, "3.2e-4"), (1e-4, "1e-4"), (0.01, "0.01"), (0.012345, "0.0123"), (1, "1.0"),
        (0.5, "0.5"), (1.2345e-6, "1.23e-6"), (123456, "1.23e5"), (0.0099999, "0.01"),
        (0, "None"),
    ],
)  # fmt: skip
def test_numbers_are_short(number, text):
    assert written(number) == text


HEAD = "import keras\nfrom keras import layers, regularizers\n"


def planned(source, text, *, wanted=0.5, head=HEAD, layer=("dense", "Dense"), **more):
    name, layer_class = layer
    links = link([LayerFacts(name, layer_class, name)], source(m=head + text, **more))
    return coefficient_edits(links, {(name, "kernel"): wanted})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("layers.Dense(8)", "layers.Dense(8, kernel_regularizer=regularizers.L2(0.5))"),
        ("layers.Dense(8,)", "layers.Dense(8, kernel_regularizer=regularizers.L2(0.5),)"),
        (
            "layers.Dense(  # of\n    8,  # units\n)",
            "layers.Dense(  # of\n    8,\n    kernel_regularizer=regularizers.L2(0.5),  # units\n)",
        ),
        (
            "layers.Dense(8, kernel_regularizer='l2')",
            "layers.Dense(8, kernel_regularizer=regularizers.L2(0.5))",
        ),
        (
            "layers.Dense(8, kernel_regularizer=None)",
            "layers.Dense(8, kernel_regularizer=regularizers.L2(0.5))",
        ),
        (
            "layers.Dense(8, kernel_regularizer=regularizers.l2( 1e-3 ))",
            "layers.Dense(8, kernel_regularizer=regularizers.l2( 0.5 ))",
        ),
        (
            "layers.Dense(8, kernel_regularizer=keras.regularizers.L2())",
            "layers.Dense(8, kernel_regularizer=keras.regularizers.L2(0.5))",
        ),
        (
            "REG = 1e-3\nlayers.Dense(8, kernel_regularizer=regularizers.L2(l2=REG))",
            "REG = 0.5\nlayers.Dense(8, kernel_regularizer=regularizers.L2(l2=REG))",
        ),
        (
            "reg = regularizers.L2(1e-3)\nlayers.Dense(8, kernel_regularizer=reg)",
            "reg = regularizers.L2(0.5)\nlayers.Dense(8, kernel_regularizer=reg)",
        ),
        (
            "layers.Dense(8, 'relu', True, 'zeros', 'zeros', 'l2')",
            "layers.Dense(8, 'relu', True, 'zeros', 'zeros', regularizers.L2(0.5))",
        ),
        (
            "def f(**kw):\n    layers.Dense(8, kernel_regularizer='l2', **kw)",
            "def f(**kw):\n    layers.Dense(8, kernel_regularizer=regularizers.L2(0.5), **kw)",
        ),
    ],
)
def test_only_the_number_changes_where_there_is_one(source, before, after):
    plan = planned(source, f"{before}\n")
    assert plan.refused == {}
    assert plan.files[0].after.text == f"{HEAD}{after}\n"
    ast.parse(plan.files[0].after.text)


@pytest.mark.parametrize(
    ("head", "spelled"),
    [
        ("import keras\nfrom keras import layers\n", "keras.regularizers.L2(0.5)"),
        (
            "import tensorflow as tf\nlayers = tf.keras.layers\n",
            "tf.keras.regularizers.L2(0.5)",
        ),
        ("from keras import layers\nfrom keras.regularizers import L2 as Ridge\n", "Ridge(0.5)"),
        ("from keras import layers\nfrom keras.regularizers import l2\n", "l2(0.5)"),
    ],
)
def test_the_regularizer_is_spelled_as_the_file_spells_keras(source, head, spelled):
    plan = planned(source, "layers.Dense(8)\n", head=head)
    line = f"layers.Dense(8, kernel_regularizer={spelled})\n"
    assert plan.files[0].after.text == head + line


def test_an_import_is_added_where_the_file_has_no_name_for_keras(source):
    plan = planned(source, "Dense(8)\n", head="from keras.layers import Dense\n")
    assert plan.files[0].after.text == (
        "from keras.layers import Dense\nfrom keras.regularizers import L2\n"
        "Dense(8, kernel_regularizer=L2(0.5))\n"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f(**kw):\n    layers.Dense(8, **kw)\n", "passes on arguments that may bring"),
        ("layers.Dense(8, kernel_regularizer='l1')\n", "which is no plain L2"),
        ("layers.Dense(8, kernel_regularizer=regularizers.L1(1e-3))\n", "which is no plain L2"),
        ("layers.Dense(8, kernel_regularizer=regularizers.L1L2(0.1, 0.1))\n", "no plain L2"),
        ("layers.Dense(8, kernel_regularizer=regularizers.L2(1e-3 * 2))\n", "is no number"),
        ("def f(reg=1e-3):\n    layers.Dense(8, kernel_regularizer=reg)\n", "from elsewhere"),
        ("from config import REG\nlayers.Dense(8, kernel_regularizer=REG)\n", "from elsewhere"),
        ("options = {'kernel_regularizer': 'l2'}\nlayers.Dense(8, **options)\n", "a dictionary"),
        (
            "REG = 1e-3\nlayers.Dense(8, kernel_regularizer=regularizers.L2(REG))\nprint(REG)\n",
            "`REG` is used for more than what is to get 0.5",
        ),
    ],
)
def test_what_is_not_certain_to_become_that_penalty_is_refused(source, text, reason):
    plan = planned(source, text)
    assert plan.files == ()
    assert plan.diff == ""
    assert reason in plan.refused["dense", "kernel"]


def test_a_number_that_another_file_imports_is_refused(source):
    text = "REG = 1e-3\nlayers.Dense(8, kernel_regularizer=regularizers.L2(REG))\n"
    plan = planned(source, text, other="import keras\nfrom m import REG\n")
    assert "`REG` is used for more" in plan.refused["dense", "kernel"]


def test_a_role_that_the_layer_does_not_take_is_refused(source):
    text = "layers.Embedding(8, 4)\n"
    plan = planned(source, text, layer=("embedding", "Embedding"))
    assert plan.refused == {("embedding", "kernel"): "`Embedding` takes no `kernel_regularizer`"}


def test_zero_takes_a_penalty_away(source):
    text = "layers.Dense(8, kernel_regularizer=regularizers.L2(0.01))\n"
    plan = planned(source, text, wanted=0)
    assert plan.files[0].after.text == HEAD + "layers.Dense(8, kernel_regularizer=None)\n"
    assert planned(source, "layers.Dense(8)\n", wanted=0).files == ()


@pytest.mark.parametrize("number", [-1.0, float("nan"), float("inf")])
def test_a_coefficient_that_is_none_is_refused(source, number):
    plan = planned(source, "layers.Dense(8)\n", wanted=number)
    assert plan.refused == {("dense", "kernel"): "a coefficient must be a number from 0 on"}


SHARED = """
def block():
    return layers.Dense(8)


model = keras.Sequential([block(), block()])
"""


def test_a_call_that_makes_several_layers_gets_the_geometric_mean_with_a_note(source):
    links = link(
        [LayerFacts(name, "Dense", name) for name in ("dense", "dense_1")],
        source(m=HEAD + SHARED),
    )
    plan = coefficient_edits(links, {("dense", "kernel"): 1e-4, ("dense_1", "kernel"): 1e-2})
    assert "layers.Dense(8, kernel_regularizer=regularizers.L2(1e-3))" in plan.files[0].after.text
    assert len(plan.notes) == 1
    assert plan.notes[0].endswith(
        "makes `dense`, `dense_1`: one coefficient for all of them, 1e-3, "
        "the geometric mean of 1e-4 to 0.01"
    )
    alone = coefficient_edits(links, {("dense", "kernel"): 1e-4})
    assert "makes `dense`, `dense_1`: one coefficient for all of them" in alone.notes[0]
    mixed = coefficient_edits(links, {("dense", "kernel"): 0, ("dense_1", "kernel"): 1e-2})
    assert "some are to have no penalty" in mixed.refused["dense", "kernel"]


def test_a_shared_number_is_changed_where_all_want_the_same(source):
    text = (
        "REG = 1e-3\nmodel = keras.Sequential([\n"
        "    layers.Dense(8, kernel_regularizer=regularizers.L2(REG)),\n"
        "    layers.Dense(4, kernel_regularizer=regularizers.L2(REG)),\n])\n"
    )
    links = link(
        [LayerFacts(name, "Dense", name) for name in ("dense", "dense_1")], source(m=HEAD + text)
    )
    same = coefficient_edits(links, {("dense", "kernel"): 0.5, ("dense_1", "kernel"): 0.5})
    assert same.files[0].after.text == HEAD + text.replace("1e-3", "0.5")
    other = coefficient_edits(links, {("dense", "kernel"): 0.5, ("dense_1", "kernel"): 0.1})
    assert other.files == ()
    assert set(other.refused) == {("dense", "kernel"), ("dense_1", "kernel")}


def test_a_file_that_changed_meanwhile_is_left_alone(source, tmp_path):
    plan = planned(source, "layers.Dense(8)\n")
    (tmp_path / "m.py").write_text("# mine\n")
    with pytest.raises(AccessError, match="changed meanwhile"):
        apply(plan)
    assert (tmp_path / "m.py").read_text() == "# mine\n"


def test_the_diff_is_what_is_written(source, tmp_path):
    plan = planned(source, "layers.Dense(8)\n")
    assert "-layers.Dense(8)\n+layers.Dense(8, kernel_regularizer=" in plan.diff
    apply(plan)
    assert (tmp_path / "m.py").read_text() == plan.files[0].after.text


def test_line_ends_and_encoding_stay(tmp_path):
    path = tmp_path / "m.py"
    path.write_bytes("# é\r\nimport keras\r\nkeras.layers.Dense(\r\n    8,\r\n)\r\n".encode())
    links = link([LayerFacts("dense", "Dense", "dense")], find([str(path)]))
    apply(coefficient_edits(links, {("dense", "kernel"): 0.5}))
    assert path.read_bytes().decode() == (
        "# é\r\nimport keras\r\nkeras.layers.Dense(\r\n    8,\r\n"
        "    kernel_regularizer=keras.regularizers.L2(0.5),\r\n)\r\n"
    )
