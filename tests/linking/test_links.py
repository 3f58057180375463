"""Links are compared with what Keras did when it ran the fixtures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reglint.inspector.facts import LayerFacts
from reglint.linking.arguments import contradiction
from reglint.linking.match import link
from reglint.linking.sites import MODELS, find

# What cannot be linked for certain, by project, variable and path: all else must be.
REFUSED = {
    **{("arguments", "model", f"flatten_{i}"): "3 calls of `Flatten` could" for i in (1, 2)},
    ("dynamic", "model", "dense"): "the source also passes `Dense` on",
    **{
        ("two_models", "third", f"dense_{i}"): "3 calls of `Dense` could have made it"
        for i in (3, 4, 5)
    },
}
COUNTS = {"units", "filters"}
# Made by copying: the call is the one that made the original.
COPIES = {("strange", "copy"), ("strange", "restored")}


def place(text, offset):
    """Return line and column as `ast` counts them."""
    start = text.rfind("\n", 0, offset) + 1
    return [text.count("\n", 0, offset) + 1, offset - start]


def span(site):
    """Return what `keras_runs/truth.py` says of a call."""
    text = site.file.source.text
    found = site.file.spans[id(site.node)]
    begin, end = place(text, found.start), place(text, found.end)
    return [str(Path(site.file.source.path).resolve()), *begin, *end]


def is_true(link, made):
    """Tell whether a call made a layer; a Bidirectional makes its own of the one it is given."""
    file, *place = span(link.site)
    inside = made[1:3] <= place[:2] and place[2:] <= made[3:]
    given = inside and link.site.layer_class in {"LSTM", "GRU"}
    return file == made[0] and (place == made[1:] or given)


def made(project_links, layers, path):
    """Return the call that made a layer, or of what Keras makes later, the one it is part of."""
    while project_links.found[path].part:
        path = path.rpartition("/")[0]
    return next(layer["made"] for layer in layers if layer["path"] == path)


def each_layer(truth):
    for project, models in truth.items():
        for model, told in models.items():
            for layer in told["layers"]:
                if layer["layer_class"] not in MODELS:
                    yield project, model, layer


def test_every_link_is_true(truth, links):
    wrong = []
    for project, models in truth.items():
        for model in models.keys() - {name for place, name in COPIES if place == project}:
            told, found = models[model]["layers"], links(project, model)
            wrong += [
                (project, model, path, str(link.site))
                for path, link in found.found.items()
                if not is_true(link, made(found, told, path))
            ]
    assert wrong == []


def test_only_what_is_not_certain_is_refused(truth, links):
    refused = {
        (project, model, layer["path"]): links(project, model).refused[layer["path"]]
        for project, model, layer in each_layer(truth)
        if layer["path"] in links(project, model).refused
    }
    assert refused.keys() == REFUSED.keys()
    for key, reason in REFUSED.items():
        assert refused[key].startswith(reason)


def test_each_layer_is_found_or_refused(truth, links):
    for project, models in truth.items():
        for model, told in models.items():
            paths = {layer["path"] for layer in told["layers"]}
            found = links(project, model)
            assert found.found.keys() | found.refused.keys() == paths
            assert not found.found.keys() & found.refused.keys()


def test_copies_lead_to_the_call_of_the_original(links):
    copied = links("strange", "copy").found
    assert {path: found.site.place.line for path, found in copied.items()} == {
        "dense": 6,
        "dense_1": 6,
    }


def test_a_call_that_makes_several_layers_tells_of_the_others(links):
    found = links("loop", "model").found
    assert found["dense_1"].shared == ("dense", "dense_2")
    assert links("sequential_list", "model").found["dense"].shared == ()


def test_a_layer_is_not_shared_with_its_own_parts(links):
    found = links("wrapped", "model").found["bidirectional/forward_layer"]
    assert found.shared == ("bidirectional/backward_layer", "bidirectional/backward_layer/cell")


def test_no_call_contradicts_a_layer_that_it_made(truth, told, projects):
    compared, wrong = 0, []
    for project, models in truth.items():
        sites = {
            tuple(span(site)): site
            for every in find([str(projects / project)]).sites.values()
            for site in every
        }
        for model, here in models.items():
            for layer, fact in zip(here["layers"], told(project, model), strict=True):
                site = sites.get(tuple(layer["made"] or ()))
                if site is not None and site.layer_class == fact.layer_class:
                    compared += len(site.literals.keys() & fact.arguments.keys())
                    wrong += filter(None, [contradiction(site, fact)])
    assert wrong == []
    assert compared > 300


def test_arguments_decide_between_models_that_are_made_alike(truth, links):
    for model in ("model", "other"):
        found = links("alike", model)
        assert not [p for p in found.refused if "input" not in p]
        for layer in truth["alike"][model]["layers"]:
            if link := found.found.get(layer["path"]):
                assert is_true(link, layer["made"])


def test_the_source_of_another_model_is_refused(told, projects, tmp_path):
    text = (projects / "sequential_list" / "main.py").read_text()
    (tmp_path / "main.py").write_text(text)
    layers = told("sequential_list", "model")
    assert link(layers, find([str(tmp_path)])).found
    other = [
        replace(each, arguments={k: v + 1 for k, v in each.arguments.items() if k in COUNTS})
        for each in layers
    ]
    changed = [each.path for each in other if each.arguments]
    assert changed
    refused = link(other, find([str(tmp_path)])).refused
    assert {path for path in changed if "and the model has" in refused.get(path, "")} == {*changed}


def layers(*told):
    return [LayerFacts(name, layer_class, name) for layer_class, name in told]


def linked(sources, *told):
    found = link(layers(*told), sources)
    return {path: each.site.place.line for path, each in found.found.items()}, found.refused


HEAD = "import keras\nfrom keras import layers\n"


def test_the_name_of_a_call_decides(source):
    text = HEAD + "a = layers.Dense(1, name='a')\nb = layers.Dense(1, name='b')\n"
    assert linked(source(m=text), ("Dense", "b"))[0] == {"b": 4}


def test_a_name_of_another_class_is_no_match(source):
    found, refused = linked(source(m=HEAD + "layers.Dense(1, name='a')\n"), ("Conv2D", "a"))
    assert found == {}
    assert refused == {"a": "no call of `Conv2D` in the source gives it this name"}


def test_a_name_that_two_calls_give_is_refused(source):
    text = (
        HEAD + "def f():\n    layers.Dense(1, name='a')\ndef g():\n    layers.Dense(2, name='a')\n"
    )
    found, refused = linked(source(m=text), ("Dense", "a"))
    assert found == {}
    assert refused["a"].startswith("2 calls of `Dense` could have made it: ")


def test_many_calls_are_not_all_listed(source):
    text = HEAD + "".join(f"def f{i}():\n    return layers.Dense(1)\n" for i in range(5))
    _, refused = linked(source(m=text), ("Dense", "dense"))
    assert refused["dense"].startswith("5 calls of `Dense`")
    assert refused["dense"].endswith(" ...")


def test_calls_of_other_models_make_the_order_uncertain(source):
    one = HEAD + "def f():\n    layers.Dense(1)\n    layers.Dense(2)\n"
    two = HEAD + "def g(n):\n    for i in range(n):\n        layers.Dense(1)\n"
    assert linked(source(one=one), ("Dense", "dense"), ("Dense", "dense_1"))[0]
    assert not linked(source(one=one, two=two), ("Dense", "dense"), ("Dense", "dense_1"))[0]


def test_numbers_with_a_gap_tell_of_calls_elsewhere(source):
    text = HEAD + "def f():\n    layers.Dense(1)\n    layers.Dense(2)\n"
    assert linked(source(m=text), ("Dense", "dense_1"), ("Dense", "dense_2"))[0]
    assert not linked(source(m=text), ("Dense", "dense_1"), ("Dense", "dense_5"))[0]


def test_more_layers_than_a_call_can_make_are_refused_where_models_come_from_elsewhere(source):
    text = HEAD + "base = keras.applications.InceptionV3()\nx = layers.Conv2D(4, 3)(base.output)\n"
    many = [("Conv2D", f"conv2d_{i}") for i in range(1, 90)]
    found, refused = linked(source(m=text), *many)
    assert found == {}
    assert refused["conv2d_1"] == (
        "`keras.applications.InceptionV3`, which is not in the source, may have made it"
    )


def test_names_given_later_make_computed_names_uncertain(source):
    helper = HEAD + "def f(name):\n    return layers.Dense(1, name=name)\n"
    renamed = HEAD + "def g(model):\n    model.layers[0]._name = 'other'\n"
    assert linked(source(m=helper), ("Dense", "other"))[0]
    _, refused = linked(source(m=helper, other=renamed), ("Dense", "other"))
    assert refused == {"other": "the source gives layers other names after they are made"}


@pytest.mark.parametrize("text", ["", "import keras\n", "def broken(:\n    keras\n"])
def test_source_without_calls_links_nothing(source, text):
    found, refused = linked(source(m=text), ("Dense", "dense"))
    assert found == {}
    assert refused == {"dense": "no call of `Dense` in the source gives it this name"}


def test_what_does_not_parse_is_told(source):
    sources = source(m="import keras\ndef broken(:\n", n=HEAD + "layers.Dense(1)\n")
    assert [error.message for error in sources.errors] == ["not valid Python 3: invalid syntax"]
    assert linked(sources, ("Dense", "dense"))[0] == {"dense": 3}


def test_functions_that_call_each_other_come_to_an_end(source):
    text = HEAD + "def f(x):\n    layers.Dense(1)\n    return f(x)\n"
    assert linked(source(m=text), ("Dense", "dense"))[0] == {"dense": 4}


def test_a_class_of_a_package_is_part_of_nothing_known(source):
    sources = source(m=HEAD + "layers.Dense(1)\n")
    told = [LayerFacts("enc", "Encoder", "enc"), LayerFacts("enc/a", "Dense", "dense")]
    assert link(told, sources).refused["enc/a"] == (
        "it is part of `enc`, and which call made that `Encoder` is not certain"
    )


def with_arguments(name, layer_class="Dense", **arguments):
    return LayerFacts(name, layer_class, name, arguments)


def said(sources, layer):
    found = link([layer], sources)
    return found.refused.get(layer.path, "")


@pytest.mark.parametrize(
    ("call", "kept"),
    [
        ("layers.Dense(64)", {"units": 10}),
        ("layers.Dense(units=64)", {"units": 10}),
        ("layers.Dense(WIDTH)", {"units": 10}),
        ("layers.Dense(4)", {"activation": "relu"}),
        ("layers.Dense(4, 'relu')", {"activation": "tanh"}),
        ("layers.Dense(4, activation=keras.activations.relu)", {"activation": "tanh"}),
        ("layers.Dense(4, use_bias=False)", {"use_bias": True}),
        ("layers.Conv2D(4, 3)", {"kernel_size": (5, 5)}),
        ("layers.Conv2D(4, 3)", {"strides": (2, 2)}),
        ("layers.Conv2D(4, (3, 5))", {"kernel_size": (3, 3)}),
        ("layers.Conv2D(4, 3, padding='same')", {"padding": "valid"}),
        ("layers.Embedding(10, 4)", {"output_dim": 5}),
        ("layers.Dropout(0.5)", {"rate": 0.25}),
        ("layers.LSTM(4)", {"return_sequences": True}),
        ("layers.Softmax(1)", {"axis": 2}),
    ],
)
def test_a_call_that_passes_something_else_did_not_make_it(source, call, kept):
    cls = call.partition("(")[0].rpartition(".")[2]
    layer = with_arguments("this", cls, **kept)
    named = call.replace(")", ", name='this')") if call.count(")") == 1 else None
    named = named or call[:-1] + ", name='this')"
    reason = said(source(m=f"{HEAD}WIDTH = 64\n{named}\n"), layer)
    (name, value) = next(iter(kept.items()))
    assert ".py:4 makes `" in reason
    assert reason.endswith(f"and the model has `{name}={value!r}`")


@pytest.mark.parametrize(
    ("call", "kept"),
    [
        ("layers.Dense(64, kernel_regularizer='l2', trainable=False)", {"trainable": True}),
        ("layers.Dense(64.0)", {"units": 64}),
        ("layers.Dense(4, activation='swish')", {"activation": "silu"}),
        ("layers.Dense(4, activation='mine')", {"activation": "relu"}),
        ("layers.Dense(4, activation=None)", {"activation": "linear"}),
        ("layers.Conv2D(4, 3, 3)", {"kernel_size": (3, 3), "strides": (1, 1)}),
        ("layers.Conv2D(4, 3, padding='SAME')", {"padding": "same"}),
        ("layers.Conv2D(4, 3)", {"kernel_size": (3, 3)}),
        ("layers.Softmax(-1)", {"axis": 3}),
        ("layers.LeakyReLU(alpha=0.2)", {"alpha": 0.20000000298023224}),
        ("layers.Dense(*SIZES)", {"units": 3}),
        ("layers.Dense(4, **OPTIONS)", {"activation": "relu"}),
        ("layers.Dense(CHANGED)", {"units": 3}),
        ("layers.Dense(TWICE)", {"units": 3}),
        ("layers.Dense(4 * 4)", {"units": 3}),
        ("layers.Rescaling(0.5)", {"scale": 0.25}),
        ("partial(layers.Conv2D, 4)(3)", {"filters": 4, "kernel_size": (3, 3)}),
        ("Half(3)", {"filters": 4, "kernel_size": (3, 3)}),
        ("layers.GRU(8)", {"activation": "tanh"}),
    ],
)
def test_what_is_not_certain_contradicts_nothing(source, call, kept):
    text = (
        "from functools import partial\nimport settings\nSIZES = [4]\nOPTIONS = settings.get()\n"
        "CHANGED = 4\nsettings.CHANGED = 3\nTWICE = 4\nTWICE = 3\n"
        f"Half = partial(layers.Conv2D, 4)\nx = {call}\n"
    )
    for every in source(m=HEAD + text).sites.values():
        for site in every:
            assert contradiction(site, with_arguments("x", site.layer_class, **kept)) == ""


def test_what_is_changed_after_it_was_made_contradicts_nothing(source):
    text = "x = layers.Dense(4, activation='softmax', name='out')\n"
    layer = with_arguments("out", units=4, activation="linear")
    assert "and the model has" in said(source(m=HEAD + text), layer)
    later = "model.layers[-1].activation = keras.activations.linear\n"
    assert said(source(m=HEAD + text + later), layer) == ""


OWN = """
class Mine(layers.Layer):
    def __init__(self, size, depth=1, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.depth = depth

    def get_config(self):
        return {**super().get_config(), "size": self.size, "depth": self.depth}


mine = Mine(3, depth=2, name="mine")
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("self.size = size", "self.size = size * 2"),
        ("self.size = size", "size = 4\n        self.size = size"),
        ('"size": self.size', '"size": self.size + 1'),
        (
            "    def get_config(self):",
            "    def size(self):\n        pass\n\n    def get_config(self):",
        ),
        ("mine = ", "other.size = 4\nmine = "),
    ],
)
def test_a_class_of_the_source_is_compared_by_what_it_keeps(source, before, after):
    layer = with_arguments("mine", "Mine", size=4, depth=2)
    assert "makes `Mine(size=3)`, and the model has `size=4`" in said(source(m=HEAD + OWN), layer)
    assert said(source(m=HEAD + OWN.replace(before, after)), layer) == ""


def test_calls_of_what_may_be_keras_make_it_uncertain(source):
    text = HEAD + "def f():\n    return layers.Dropout(0.5)\n"
    unclear = "from ours import keras_core as k\nimport keras\nk.layers.Dropout(0.5)\n"
    assert linked(source(m=text), ("Dropout", "dropout"))[0] == {"dropout": 4}
    assert linked(source(m=text, n=unclear), ("Dropout", "dropout")) == (
        {},
        {
            "dropout": "the source also calls a `Dropout` of which it does not tell whether it is"
            " Keras'"
        },
    )


def test_what_fits_a_model_of_other_source_is_no_link(source):
    text = HEAD + "def f():\n    layers.Dense(64)\ndef g():\n    layers.Dropout(0.5)\n"
    told = [with_arguments("dense", units=10), with_arguments("dropout", "Dropout", rate=0.5)]
    refused = link(told, source(m=text)).refused
    assert refused["dense"].endswith("makes `Dense(units=64)`, and the model has `units=10`")
    assert refused["dropout"].startswith("the source does not make all of the model: ")


def test_what_the_configuration_excludes_is_passed_over(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = HEAD + "layers.Dense(1)\n"
    (tmp_path / "reglint.toml").write_text('exclude = ["old.py"]\n')
    assert len(source(m=text, old=text).sites["Dense"]) == 1
    (tmp_path / "reglint.toml").write_text("exclude = 1\n")
    assert len(source(m=text, old=text).sites["Dense"]) == 2


def test_a_folder_that_is_asked_for_is_read_though_it_is_excluded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reglint.toml").write_text('exclude = ["old"]\n')
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "m.py").write_text(HEAD + "layers.Dense(1)\n")
    assert not find(["."]).sites
    assert find(["old"]).sites.keys() == {"Dense"}
