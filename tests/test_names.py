"""What names mean, as people really write them."""

from __future__ import annotations

import textwrap

import libcst as cst
import pytest

from reglint.analysis import calls
from reglint.analysis.canonical import symbol
from reglint.analysis.guards import reachable
from reglint.analysis.names import Module
from reglint.analysis.scopes import Class
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Settings


def module(text, shadowed=frozenset()):
    return Module(
        cst.parse_module(textwrap.dedent(text)),
        Settings(frozenset(), frozenset(KNOWN_VERSIONS), shadowed),
    )


def called(text, shadowed=frozenset()):
    """Return what the last call of the text calls."""
    mod = module(text, shadowed)
    symbols, _, _ = calls.targets(mod.calls[-1], mod)
    return {s.name for s in symbols}


@pytest.mark.parametrize(
    ("path", "name", "root"),
    [
        ("keras.layers.Dense", "keras.layers.Dense", "keras"),
        ("keras.layers.core.Dense", "keras.layers.Dense", "keras"),
        ("keras.src.layers.core.dense.Dense", "keras.layers.Dense", "keras"),
        ("keras.engine.topology.Layer", "keras.layers.Layer", "keras"),
        ("keras.engine.training.Model", "keras.Model", "keras"),
        ("keras.engine.base_layer.Layer", "keras.layers.Layer", "keras"),
        ("keras.Layer", "keras.layers.Layer", "keras"),
        ("keras.Loss", "keras.losses.Loss", "keras"),
        ("keras.src.losses.loss.Loss", "keras.losses.Loss", "keras"),
        ("keras.src.engine.base_preprocessing_layer.PreprocessingLayer",
         "keras.layers.PreprocessingLayer", "keras"),
        ("keras.layers.legacy_rnn.rnn_cell_impl.LSTMCell",
         "keras.layers.legacy_rnn.rnn_cell_impl.LSTMCell", "keras"),
        ("keras.src.regularizers.regularizers.Regularizer", "keras.regularizers.Regularizer",
         "keras"),
        ("tensorflow.python.keras.metrics.Metric", "keras.metrics.Metric", "tensorflow.keras"),
        ("keras.callbacks.callbacks.Callback", "keras.callbacks.Callback", "keras"),
        ("keras.optimizers.optimizer_v2.adam.Adam", "keras.optimizers.legacy.Adam", "keras"),
        ("tensorflow.python.keras.optimizer_v2.optimizer_v2.OptimizerV2",
         "keras.optimizers.legacy.Optimizer", "tensorflow.keras"),
        ("keras.optimizers.optimizer_experimental.adam.Adam", "keras.optimizers.Adam", "keras"),
        ("keras.src.optimizers.schedules.learning_rate_schedule.CosineDecay",
         "keras.optimizers.schedules.CosineDecay", "keras"),
        ("keras.utils.generic_utils.get_custom_objects", "keras.saving.get_custom_objects",
         "keras"),
        ("keras.utils.CustomObjectScope", "keras.saving.custom_object_scope", "keras"),
        ("keras.src.saving.object_registration.register_keras_serializable",
         "keras.saving.register_keras_serializable", "keras"),
        ("keras.saving.load_model", "keras.models.load_model", "keras"),
        ("keras.engine.saving.model_from_json", "keras.models.model_from_json", "keras"),
        ("keras.losses.Reduction.SUM", "keras.losses.Reduction.SUM", "keras"),
        ("keras.models.Sequential", "keras.Sequential", "keras"),
        ("keras.layers.Input", "keras.Input", "keras"),
        ("keras.regularizers.l2", "keras.regularizers.l2", "keras"),
        ("keras.legacy.layers.MaxoutDense", "keras.layers.MaxoutDense", "keras"),
        ("tensorflow.keras.layers.Dense", "keras.layers.Dense", "tensorflow.keras"),
        ("tensorflow.compat.v1.keras.layers.Dense", "keras.layers.Dense", "tensorflow.keras"),
        ("tensorflow.python.keras.layers.core.Dense", "keras.layers.Dense", "tensorflow.keras"),
        ("tensorflow_core.python.keras.api._v2.keras.layers.Dense", "keras.layers.Dense",
         "tensorflow.keras"),
        ("tensorflow.contrib.keras.api.keras.layers.Dense", "keras.layers.Dense",
         "tensorflow.keras"),
        ("tensorflow.contrib.keras.python.keras.layers.Dense", "keras.layers.Dense",
         "tensorflow.keras"),
        ("keras.api._tf_keras.keras.layers.Dense", "keras.layers.Dense", "keras"),
        ("tf_keras.src.layers.core.dense.Dense", "keras.layers.Dense", "tf_keras"),
        ("keras_core.layers.Dense", "keras.layers.Dense", "keras_core"),
        ("tensorflow.contrib.slim.l2_regularizer", "tensorflow.contrib.layers.l2_regularizer", ""),
        ("tf_slim.layers.l2_regularizer", "tensorflow.contrib.layers.l2_regularizer", ""),
        ("tensorflow.compat.v1.nn.l2_loss", "tensorflow.nn.l2_loss", ""),
        ("keras.regularizers.L1.l1", "keras.regularizers.L1.l1", "keras"),
    ],
)  # fmt: skip
def test_every_path_leads_to_the_public_name(path, name, root):
    assert symbol(path) == (name, root)


@pytest.mark.parametrize(
    "path",
    ["bigdl.nn.keras.layers.Dense", "keras_contrib.layers.Dense", "kerastuner.Dense", "torch.nn",
     "tf.keras.layers.Dense", "qkeras.QDense", "slim.l2_regularizer"],
)  # fmt: skip
def test_look_alikes_are_not_keras(path):
    assert symbol(path) is None


@pytest.mark.parametrize(
    "text",
    [
        "import keras\nkeras.layers.Dense()",
        "import keras.layers as KL\nKL.Dense()",
        "import tensorflow as tf\ntf.keras.layers.Dense()",
        "from tensorflow import keras\nkeras.layers.Dense()",
        "from keras.layers import *\nDense()",
        "from keras import *\nlayers.Dense()",
        "from keras.layers import *\nfrom numpy import *\nDense()",
        "from mine import *\nfrom keras.layers import *\nDense()",
        "from keras import layers\nDense = layers.Dense\nDense()",
        "from keras import layers as layers\nlayers = layers\nlayers.Dense()",
        "try:\n    from keras.layers import Dense\nexcept ImportError:\n    Dense = None\nDense()",
        "from keras.layers import Dense\nfrom functools import partial\npartial(Dense, 8)",
        "from keras.layers import Dense\nimport functools as ft\nD = ft.partial(Dense, 8)\nD()",
        "import keras\nD: type = keras.layers.Dense\nD()",
        "import keras\nif (D := keras.layers.Dense):\n    D()",
        "import keras\n(a, D) = (1, keras.layers.Dense)\nD()",
        "import keras\nfor D in [keras.layers.Dense]:\n    D()",
        "import keras\n[D() for D in (keras.layers.Dense,)]",
        "import keras\n{'a': keras.layers.Dense}['a']()",
        "import keras\ndef f(D=keras.layers.Dense):\n    D()",
        "import keras\nf = lambda D=keras.layers.Dense: D()",
        "import keras\nclass A(keras.layers.Dense): pass\nA()",
        "import keras\nclass A(keras.layers.Dense): pass\nclass B(A): pass\nB()",
        "import keras\nclass A:\n    D = keras.layers.Dense\n    layer = D()",
        "def f():\n    from keras.layers import Dense\n    return Dense()",
    ],
)
def test_a_call_of_dense(text):
    assert called(text) == {"keras.layers.Dense"}


@pytest.mark.parametrize(
    "text",
    [
        "Dense()",
        "from .keras.layers import Dense\nDense()",
        "from keras.layers import *\nfrom mine import *\nDense()",
        "from keras.layers import *\nfrom .mine import *\nDense()",
        "from keras.layers import Dense\nDense = wrap(Dense)\nDense()",
        "from keras.layers import Dense\nfrom mine import Dense\nDense()",
        "from keras.layers import Dense\ndef Dense(): pass\nDense()",
        "from keras.layers import Dense\ndef f(Dense): Dense()",
        "from keras.layers import Dense\ndef f(*Dense): Dense()",
        "from keras.layers import Dense\nfor Dense in x: Dense()",
        "from keras.layers import Dense\nwith x as Dense: Dense()",
        "from keras.layers import Dense\ntry: pass\nexcept E as Dense: Dense()",
        "from keras.layers import Dense\ndef f():\n    global Dense\n    Dense = 1\nDense()",
        "import keras\nD = keras.layers.Dense if x else y\nD()",
        "import keras\nx.keras.layers.Dense()",
        "import keras\nclass A(Mixin, keras.layers.Dense): pass\nA()",
        "import keras\nclass A(keras.layers.Dense):\n    def __init__(self): pass\nA()",
        "import keras\nclass A:\n    D = keras.layers.Dense\n    def f(self): D()",
        "from keras.layers import Dense\nclass Dense(Dense): pass\nDense()",
    ],
)
def test_not_surely_a_call_of_a_layer(text):
    assert called(text) <= {"keras.layers.layers.Dense"}


@pytest.mark.parametrize(
    "call", ["super().__init__(8)", "super(A, self).__init__(8)", "Dense.__init__(self, 8)"]
)
def test_a_call_of_the_base_class(call):
    mod = module(
        f"""
        from keras.layers import Dense
        class A(Dense):
            def __init__(self):
                {call}
        """
    )
    symbols, skip, _ = calls.targets(mod.calls[0], mod)
    assert {s.name for s in symbols} == {"keras.layers.Dense"}
    arguments, complete = calls.arguments(mod.calls[0], mod, skip)
    assert [a.value.value for a in arguments] == ["8"]
    assert complete


def test_calling_a_layer_is_not_making_one():
    mod = module("import keras\nkeras.layers.Dense(8)(x)")
    assert [len(calls.targets(site, mod)[0]) for site in mod.calls] == [0, 1]


def test_a_name_that_is_one_of_two_layers():
    text = "from keras.layers import GRU, LSTM\nCell = GRU if x else LSTM\nCell()"
    assert called(text) == {"keras.layers.GRU", "keras.layers.LSTM"}


def test_a_package_that_the_project_shadows():
    text = "from keras.layers import Dense\nDense()"
    assert called(text, frozenset({"keras"})) == set()
    assert called("from keras.layers import *\nDense()", frozenset({"keras"})) == set()


def test_a_class_knows_its_bases():
    mod = module("import keras\nclass A(keras.Model): pass\nA()")
    (meaning,) = mod.meaning(mod.calls[0].node.func, mod.scope)
    assert isinstance(meaning, Class)


def test_an_expression_is_followed_through_names():
    mod = module("A = 0.1\nB = A\nB\ndef f(c=B): return c")
    use = next(site for site in mod.loads["B"] if id(site.node) not in mod.stores)
    value = mod.expression(use.node, use.scope)
    assert value.node.value == "0.1"
    (parameter,) = (site for site in mod.loads["c"])
    assert mod.expression(parameter.node, parameter.scope) is None


# Version guards.

OLD, NEW = "Dense('old')", "Dense('new')"


def versions(text, marker):
    mod = module("import keras\nfrom keras.layers import Dense\n" + textwrap.dedent(text))
    (site,) = (s for s in mod.calls if s.node.args and marker == mod.tree.code_for_node(s.node))
    return {v[0] for v in reachable(site.branch, mod)}


@pytest.mark.parametrize(
    ("test", "old", "new"),
    [
        ("keras.__version__ >= '2'", {1}, {2, 3}),
        ("keras.__version__.startswith('2')", {1, 3}, {2}),
        ("keras.__version__[0] == '3'", {1, 2}, {3}),
        ("keras.__version__[:1] in ('2', '3')", {1}, {2, 3}),
        ("int(keras.__version__.split('.')[0]) >= 2", {1}, {2, 3}),
        ("float(keras.__version__[0:3]) > 1.9", {1}, {2, 3}),
        ("LooseVersion(keras.__version__) >= LooseVersion('2.0')", {1}, {2, 3}),
        ("version.parse(keras.__version__) >= version.parse('3.0')", {1, 2}, {3}),
        ("Version(keras.__version__).major >= 3", {1, 2}, {3}),
        ("tuple(map(int, keras.__version__.split('.'))) >= (3, 0)", {1, 2}, {3}),
        ("not keras.__version__.startswith('1')", {1}, {2, 3}),
        ("keras.__version__ > '2' and keras.__version__ < '3'", {1, 3}, {2}),
        ("keras_2", {1}, {2, 3}),
        ("KERAS_V3", {1, 2}, {3}),
        ("is_keras2", {1}, {2, 3}),
        ("keras.version() == magic", set(), set()),
        ("tf.__version__ < '2'", set(), set()),
        ("units > 3", {1, 2, 3}, {1, 2, 3}),
    ],
)
def test_version_guards(test, old, new):
    text = f"if {test}:\n    {NEW}\nelse:\n    {OLD}\n"
    assert versions(text, NEW) == new
    assert versions(text, OLD) == old
    assert versions(f"x = {NEW} if {test} else {OLD}\n", OLD) == old
    assert (
        versions(f"def f():\n    if {test}:\n        return {NEW}\n    return {OLD}\n", OLD) == old
    )
    assert versions(f"flag = {test}\nif flag:\n    {NEW}\nelse:\n    {OLD}\n", OLD) == old


@pytest.mark.parametrize(
    ("text", "old"),
    [
        (f"try:\n    {NEW}\nexcept TypeError:\n    {OLD}\n", set()),
        (f"try:\n    {OLD}\nexcept Exception:\n    {NEW}\n", set()),
        (f"try:\n    {OLD}\nexcept:\n    print('no')\n", {1, 2, 3}),
        (f"try:\n    {OLD}\nexcept KeyError:\n    {NEW}\n", {1, 2, 3}),
        (f"try:\n    {OLD}\nfinally:\n    {NEW}\n", {1, 2, 3}),
    ],
)
def test_fallbacks(text, old):
    assert versions(text, OLD) == old
