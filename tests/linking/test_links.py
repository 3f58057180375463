"""Links are compared with what Keras did when it ran the fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest

from reglint.inspector.facts import LayerFacts
from reglint.linking.match import link
from reglint.linking.sites import MODELS

# What cannot be linked for certain, by project, variable and path: all else must be.
REFUSED = {
    ("branches", "model", "dense"): "2 calls of `Dense` could have made it",
    ("dynamic", "model", "dense"): "the source also passes `Dense` on",
    ("dynamic", "model", "dense_1"): "the source also passes `Dense` on",
    ("notebook", "first", "dense"): "2 calls of `Dense` could have made it",
    ("notebook", "first", "dense_1"): "2 calls of `Dense` could have made it",
    **{
        ("two_models", "third", f"dense_{i}"): "6 calls of `Dense` could have made it"
        for i in (3, 4, 5)
    },
}
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
