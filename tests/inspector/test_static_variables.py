"""The table of variables, and the Keras at hand."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("h5py")

from reglint.inspector.static import variables

ROOT = Path(__file__).parents[2]
TABLE = json.loads((ROOT / "reglint/inspector/static/variables.json").read_text())


def names(class_name, **config):
    """Return the variables of each layout, newest first, holder by holder."""
    return [
        [f"{slot.holder}.{slot.role}".lstrip(".") for slot in layout.slots]
        for layout in variables.layouts(class_name, config)
    ]


def test_options_decide_which_variables_there_are():
    assert names("Dense", use_bias=True) == [["kernel", "bias"]]
    assert names("Dense", use_bias=False) == [["kernel"]]
    assert names("EinsumDense", bias_axes="c")[0] == ["kernel", "bias"]
    assert names("EinsumDense", bias_axes=None)[0] == ["kernel"]
    assert names("BatchNormalization", center=True, scale=False)[0][0] == "beta"
    assert names("Flatten") == [[]]
    assert names("NoSuchLayer") == []


def test_roles_are_arguments():
    assert names("SeparableConv2D") == [["depthwise", "pointwise"]]
    assert names("DepthwiseConv2D") == [["depthwise"], ["depthwise"]]  # `kernel` in Keras 3
    assert names("LSTM", use_bias=True) == [["cell.kernel", "cell.recurrent", "cell.bias"]]
    assert names("ReversibleEmbedding", tie_weights=False) == [["embeddings", "reverse_embeddings"]]


def test_both_names_of_a_class_are_known():
    assert names("GroupedQueryAttention") == names("GroupQueryAttention") != []
    assert variables.python_name("GroupQueryAttention") == "GroupedQueryAttention"


def test_every_generation_has_a_layout_of_its_own_where_it_differs():
    newest, oldest = names("MultiHeadAttention")
    assert newest[0] == "query_dense.kernel"
    assert oldest[0] == "_query_dense.kernel"


@pytest.mark.parametrize(
    ("config", "state"),
    [
        ({}, ""),
        ({"dtype": "float32"}, ""),
        ({"dtype": {"class_name": "Policy", "config": {"name": "mixed_float16"}}}, ""),
        ({"dtype": "int8_from_mixed_bfloat16"}, "int8"),
        ({"dtype": {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}}}, "int8"),
        ({"dtype": {"config": {"mode": "int4/128", "source_name": "float32"}}}, "int4"),
        ({"lora_rank": 4}, "lora"),
        ({"lora_rank": 4, "dtype": "int8_from_float32"}, "int8 lora"),
    ],
)
def test_states(config, state):
    assert variables.state(config) == state


def test_an_unknown_state_has_no_layout():
    assert names("Dense", dtype="gptq_from_float32") == []
    assert names("GRU", lora_rank=4) == []


def test_the_table_agrees_with_the_keras_at_hand(probe, monkeypatch):
    report = probe("probe_variables.py")
    monkeypatch.syspath_prepend(str(ROOT / "tools/keras_api"))
    import build_variables

    version = importlib.metadata.version("keras").rpartition(".")[0]
    generation = build_variables.GENERATIONS.get(version)
    if generation is None or f"keras {report['keras']}" != TABLE["measured"][generation]:
        pytest.skip(f"the table was not made with Keras {report['keras']}")
    measured = {
        name: next(row for key, row in rows.items() if generation in key.split())
        for name, rows in TABLE["layers"].items()
        if any(generation in key.split() for key in rows)
    }
    assert measured == {name: build_variables.row(r) for name, r in report["layers"].items()}
    assert set(report["stateless"]) <= set(TABLE["stateless"])
    assert sys.modules.pop("build_variables")
