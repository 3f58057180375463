"""What functions do to tensors, under all their names."""

from __future__ import annotations

import textwrap

import libcst as cst
import pytest

from reglint.analysis.names import Module
from reglint.analysis.operations import called_operation, operation
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Settings


def module(text):
    tree = cst.parse_module(textwrap.dedent(text))
    return Module(tree, Settings(frozenset(), frozenset(KNOWN_VERSIONS)))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tensorflow.reduce_sum", "sum"),
        ("tensorflow.math.reduce_sum", "sum"),
        ("tensorflow.compat.v1.reduce_sum", "sum"),
        ("keras.ops.sum", "sum"),
        ("keras.src.ops.numpy.sum", "sum"),
        ("keras.backend.sum", "sum"),
        ("tensorflow.keras.backend.sum", "sum"),
        ("numpy.sum", "sum"),
        ("jax.numpy.linalg.norm", "norm"),
        ("torch.clamp", "clip"),
        (".sum", "sum"),
        (".pow", "power"),
        ("builtins.sum", "total"),
        ("tensorflow.add_n", "total"),
        ("builtins.abs", "abs"),
        ("tensorflow.nn.l2_loss", "l2_loss"),
        # is none, or is another one's
        ("sum", None),
        (".add", None),
        ("scipy.sparse.linalg.norm", None),
        ("keras.losses.mean_squared_error", None),
        ("keras.layers.add", None),
        ("pandas.concat", None),
    ],
)
def test_an_operation_has_many_names(path, expected):
    assert operation(path) == expected


def test_a_call_does_what_all_that_it_may_call_does():
    both = module("""
        try:
            from keras import ops
        except ImportError:
            import tensorflow as ops
        ops.square(x)
        """)
    site = both.calls[-1]
    assert called_operation(site.node, site.scope, both) == "square"
    unlike = module("""
        import numpy as np
        f = np.sum if flag else np.mean
        f(x)
        """)
    site = unlike.calls[-1]
    assert called_operation(site.node, site.scope, unlike) is None
