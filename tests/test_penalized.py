"""What a model is made from, also in other modules, and whether any of that is penalized."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reglint import engine
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Settings, Severity
from reglint.project import View, project
from reglint.source import Source

LOOP = """
import keras
import tensorflow as tf
{imports}

optimizer = keras.optimizers.Adam()
loss_fn = keras.losses.MeanSquaredError()


def main(x, y):
    model = {model}
    with tf.GradientTape() as tape:
        loss = loss_fn(y, model(x))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
HEAD = """
import functools
import keras
from keras import Model, layers, regularizers
from keras.layers import Dense
"""


NET = """
from . import blocks
class Net(Model):
    def __init__(self):
        super().__init__()
        self.block = blocks.block(4)
"""
BLOCK = """
def block(n):
    return Dense(n, activity_regularizer="l1")
"""


def messages(folder, imports, model, files):
    (folder / "setup.py").touch()
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    settings = Settings(frozenset({"RGL402"}), frozenset(KNOWN_VERSIONS))
    text = LOOP.format(imports=imports, model=model)
    view = View(project(folder, folder), folder / "code.py", replace(settings))
    found = engine.check(Source.from_bytes("train.py", text.encode()), settings, view)
    assert not found.errors
    assert all(d.severity is Severity.ERROR for d in found.diagnostics)
    return [d.message for d in found.diagnostics]


def test_the_model_is_in_another_module(tmp_path):
    text = HEAD + "def build():\n    return keras.Sequential([Dense(1, kernel_regularizer='l2')])\n"
    (message,) = messages(tmp_path, "from networks import build", "build()", {"networks.py": text})
    assert message == (
        "this loss leaves out `model.losses`, so that the `kernel_regularizer` in `build` "
        "has no effect"
    )


@pytest.mark.parametrize(
    "text",
    [
        # functions that call each other
        """
def block(x):
    return Dense(1, bias_regularizer="l2")(x)
def build():
    x = y = keras.Input((1,))
    for _ in range(3):
        y = block(y)
    return Model(x, y)
""",
        """
def block(penalty=regularizers.L1(0.1)):
    def apply(x):
        return Dense(1, kernel_regularizer=penalty)(x)
    return apply
def build():
    x = keras.Input((1,))
    return Model(x, block()(x))
""",
        """
Penalized = functools.partial(Dense, kernel_regularizer=regularizers.l2(0.1))
def build():
    return keras.Sequential([Penalized(1)])
""",
        """
options = {"kernel_regularizer": "l2"}
def build():
    model = keras.Sequential()
    model.add(Dense(1, **options))
    return model
""",
        """
def penalty(factor=5e-4):
    return regularizers.l2(factor)
def build(n=1):
    return keras.Sequential([Dense(n, kernel_regularizer=penalty())])
""",
        # classes
        """
class Base(Model):
    def __init__(self):
        super().__init__()
        self.dense = Dense(1, kernel_regularizer=regularizers.L2(1e-4))
class build(Base):
    pass
""",
        """
class Noisy(layers.Layer):
    def call(self, inputs):
        self.add_loss(0.1)
        return inputs
def build():
    return keras.Sequential([Noisy()])
""",
        """
class Own(regularizers.Regularizer):
    def __call__(self, w):
        return w
class Wide(layers.Dense):
    pass
def build():
    return keras.Sequential([Wide(1, kernel_regularizer=Own())])
""",
        """
class build(Model):
    def __init__(self):
        super().__init__()
        self.penalty = "l2"
        self.dense = Dense(1, kernel_regularizer=self.penalty)
""",
        # objects, and modules in between
        """
network = keras.Sequential([Dense(1, kernel_regularizer="l2")])
def build():
    return network
""",
        "from inner import build",
    ],
)
def test_penalties(tmp_path, text):
    inner = HEAD + "def build():\n    return Dense(1, kernel_regularizer='l2')\n"
    found = messages(
        tmp_path,
        "import networks",
        "networks.build()",
        {"networks.py": HEAD + text, "inner.py": inner},
    )
    assert len(found) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def build():\n return keras.Sequential([Dense(1)])",
        "def build(r=None):\n return Dense(1, kernel_regularizer=r)",
        "def build(factor=0.0):\n return Dense(1, kernel_regularizer=regularizers.l2(factor))",
        "def build(r):\n return Dense(1, kernel_regularizer=regularizers.l2(1) if r else None)",
        "def build():\n return Dense(1, kernel_regularizer=regularizers.L1L2(l1=0.0, l2=0.0))",
        "def build():\n return Dense(1, kernel_constraint='non_neg')",
        "def unused():\n return Dense(1, kernel_regularizer='l2')\ndef build():\n return Dense(1)",
        "def build(n):\n return Dense(1, kernel_regularizer='l2') if n else Dense(1)",
        "from qkeras import QDense\ndef build():\n return QDense(1, kernel_regularizer='l2')",
        "from elsewhere import build",
        "from networks import build",
        "def build():\n return build()",
        "class build:\n def __init__(self):\n  self.d = Dense(1, kernel_regularizer='l2')",
    ],
)
def test_no_penalty_for_sure(tmp_path, text):
    assert not messages(
        tmp_path, "import networks", "networks.build()", {"networks.py": HEAD + text}
    )


def test_functions_that_call_each_other(tmp_path):
    files = {
        "networks.py": HEAD + "import inner\ndef build():\n    return inner.again()\n",
        "inner.py": "import networks\ndef again():\n    return networks.build()\n",
    }
    assert not messages(tmp_path, "import networks", "networks.build()", files)
    files["networks.py"] += "    return Dense(1, kernel_regularizer=inner.again())"
    assert not messages(tmp_path, "import networks", "networks.build()", files)


def test_a_package_in_between(tmp_path):
    files = {
        "models/__init__.py": "from .net import Net\n",
        "models/net.py": HEAD + NET,
        "models/blocks.py": HEAD + BLOCK,
    }
    found = messages(tmp_path, "from models import Net", "Net()", files)
    assert len(found) == 1
    assert "`activity_regularizer` in `block`" in found[0]


def test_the_class_of_the_loop_gets_its_model_from_its_callers(tmp_path):
    (tmp_path / "setup.py").touch()
    text = """
import keras, tensorflow as tf
from keras.layers import Dense

class Trainer:
    def __init__(self, network):
        self.network = network
    def step(self, x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - self.network(x)))
        variables = self.network.trainable_variables
        keras.optimizers.SGD().apply_gradients(zip(tape.gradient(loss, variables), variables))

Trainer(keras.Sequential([Dense(1, kernel_regularizer={0})]))
"""
    settings = Settings(frozenset({"RGL402"}), frozenset(KNOWN_VERSIONS))
    for regularizer, count in (("'l2'", 1), ("None", 0)):
        source = Source.from_bytes("a.py", text.replace("{0}", regularizer).encode())
        assert len(engine.check(source, settings).diagnostics) == count
