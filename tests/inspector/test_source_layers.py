"""Which layers a model has: what is traced to the source."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("h5py")
pytest.importorskip("msgspec")

from reglint.inspector.facts import (
    FileFacts,
    Format,
    LayerFacts,
    Level,
    Run,
    RuntimeReading,
    Seconds,
    StaticReading,
    Verdict,
)
from reglint.inspector.merge import merged
from reglint.inspector.static.reader import layers_of


def layer(class_name, name, module="keras.layers", registered=None, **config):
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name, **config},
        "registered_name": registered,
    }


def of(*layers):
    """Return what is read of a file with these layers."""
    config = layer("Functional", "model", "keras", layers=list(layers))
    return layers_of(SimpleNamespace(config=config))


def test_the_static_reader_lists_all_layers_in_the_order_of_the_file():
    inner = layer("Sequential", "tower", "keras", layers=[layer("Dense", "hidden")])
    wrapped = layer("TimeDistributed", "each", layer=layer("Dense", "dense_3"))
    own = layer("Mine", "mine", "zoo", "zoo>Mine", inner=layer("Dense", "within"))
    assert of(layer("InputLayer", "x"), wrapped, inner, own) == (
        "Functional",
        (
            LayerFacts("x", "InputLayer", "x"),
            LayerFacts("each", "TimeDistributed", "each"),
            LayerFacts("each/layer", "Dense", "dense_3"),
            LayerFacts("tower", "Sequential", "tower"),
            LayerFacts("tower/hidden", "Dense", "hidden"),
            LayerFacts("mine", "Mine", "mine"),
        ),
    )


def test_the_report_has_the_layers_of_the_run_where_there_was_one():
    file = FileFacts("model.keras", Format.KERAS)
    static = StaticReading(file, Verdict(), layers=(LayerFacts("mine", "Mine", "mine"),))
    assert merged(static).layers == static.layers
    run = Run("3.15.1", "jax", "0.10", "cpu", None, Level.RUN, Seconds())
    below = (*static.layers, LayerFacts("mine/dense", "Dense", "dense"))
    assert merged(static, RuntimeReading(run, layers=below)).layers == below


def test_the_runtime_reader_lists_layers_of_somebody_elses_too(hard_cases):
    found = hard_cases["readings"]["tower"]["layers"]
    paths = [path for path, _ in hard_cases["paths"]]
    assert [each["path"] for each in found] == paths[1:]
    assert hard_cases["readings"]["tower"]["model_class"] == hard_cases["paths"][0][1] == "Tower"
    assert all(each["layer_class"] and each["name"] for each in found)
