"""Classes that derive from Keras: aliases, local bases, bases in other files of the project."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from reglint.analysis.canonical import Symbol
from reglint.analysis.classes import class_around, is_part, keras_classes
from reglint.analysis.names import Module
from reglint.analysis.syntax import cst
from reglint.keras_api import KNOWN_VERSIONS
from reglint.keras_api.classes import Kind
from reglint.model import Settings
from reglint.parsing import parse
from reglint.project import Project, View

SETTINGS = Settings(frozenset(), frozenset(KNOWN_VERSIONS))


def module(text, view=None):
    return Module(parse(textwrap.dedent(text)), SETTINGS, view)


def classes(text, view=None):
    return {found.name: found for found in keras_classes(module(text, view))}


@pytest.fixture
def project(tmp_path):
    """Write files; returns how a file in a folder sees them."""

    def make(folder="", **files):
        (tmp_path / ".git").mkdir(exist_ok=True)
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/').replace('INIT', '__init__')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        around = Project(tmp_path / folder, tmp_path)
        return View(around, tmp_path / folder / "code.py", SETTINGS)

    return make


@pytest.mark.parametrize(
    ("base", "kind", "name"),
    [
        ("keras.layers.Layer", Kind.LAYER, "keras.layers.Layer"),
        ("keras.Layer", Kind.LAYER, "keras.layers.Layer"),
        ("tf.keras.layers.Dense", Kind.LAYER, "keras.layers.Dense"),
        ("keras.engine.topology.Layer", Kind.LAYER, "keras.layers.Layer"),
        ("tf.keras.Model", Kind.MODEL, "keras.Model"),
        ("keras.models.Sequential", Kind.MODEL, "keras.Sequential"),
        ("keras.regularizers.Regularizer", Kind.REGULARIZER, "keras.regularizers.Regularizer"),
        ("keras.constraints.Constraint", Kind.CONSTRAINT, "keras.constraints.Constraint"),
        ("keras.losses.Loss", Kind.LOSS, "keras.losses.Loss"),
        ("keras.callbacks.Callback", Kind.CALLBACK, "keras.callbacks.Callback"),
    ],
)
def test_the_kind_of_a_class(base, kind, name):
    found = classes(f"import keras\nimport tensorflow as tf\nclass A({base}): pass")["A"]
    assert (found.kind, found.names, found.complete) == (kind, {name}, True)


def test_what_is_not_keras_is_no_keras_class():
    text = """
    import torch, keras
    from qkeras import QDense
    class A(torch.nn.Module): pass
    class B(QDense): pass
    class C: pass
    class D(keras.utils.something): pass
    """
    assert not classes(text)


def test_local_bases_and_mixins():
    found = classes("""
        import abc
        import keras
        from somewhere import Mixin
        class Own:
            def helper(self): pass
        class Base(keras.layers.Layer):
            def call(self, x): pass
        class A(Own, Base, abc.ABC): pass
        class B(Mixin, Base): pass
    """)
    assert [d.name for d in found["A"].lineage] == ["A", "Own", "Base"]
    assert found["A"].complete
    assert not found["B"].complete
    assert found["A"].method("call") is None
    definition, method = found["A"].inherited("call")
    assert (definition.name, method.name.value) == ("Base", "call")
    assert found["A"].inherited("build") is None


@pytest.mark.parametrize(
    ("decorator", "metaclass", "complete"),
    [
        ("", "metaclass=abc.ABCMeta", True),
        ("@six.add_metaclass(abc.ABCMeta)", "", True),
        ("", "metaclass=Meta", False),
        ("@six.add_metaclass(Meta)", "", False),
        ("@configured", "", False),
        ("@configured(2)", "", False),
        ("@registered", "", True),
        ("@theirs", "", True),
    ],
)
def test_what_may_give_a_class_other_methods(decorator, metaclass, complete):
    text = f"""
        import abc
        import keras
        import six
        from elsewhere import theirs

        def configured(cls):
            cls.get_config = lambda self: {{}}
            return cls

        def registered(cls):
            return keras.saving.register_keras_serializable()(cls)

        class Meta(type):
            pass

        {decorator}
        class Scale(keras.layers.Layer, {metaclass}):
            pass
        """
    assert classes(text)["Scale"].complete is complete


@pytest.mark.parametrize(
    ("made", "part"),
    [
        ("class Net(keras.Model):\n    def build(self, shape): self.scale = Scale()", True),
        ("class Twice(keras.layers.Layer):\n    def call(self, x): return Scale()(x)", True),
        (
            "class Net(keras.Sequential):\n    def __init__(self): super().__init__([Scale()])",
            False,
        ),
        ("class Cell(keras.layers.RNN):\n    def __init__(self): super().__init__(Scale())", False),
        ("class Test:\n    def run(self): Scale()", False),
        ("model = keras.Sequential([Scale()])", False),
        ("def block(x, layer=Scale): return layer(x)", False),
    ],
)
def test_what_is_only_made_inside_other_layers(made, part):
    text = f"import keras\nclass Scale(keras.layers.Layer):\n    pass\n{made}\n"
    assert is_part(classes(text)["Scale"]) is part


def test_a_model_that_is_a_layer_too_is_a_model():
    text = "import keras\nclass A(keras.layers.Layer): pass\nclass B(keras.Model, A): pass"
    assert classes(text)["B"].kind is Kind.MODEL


def test_classes_that_derive_from_each_other_come_to_an_end():
    text = "import keras\nif x:\n class A(B): pass\n class B(A, keras.layers.Layer): pass"
    assert set(classes(text)) == {"A", "B"}


def test_the_class_around_a_place():
    inner = module("import keras\nclass A(keras.layers.Layer):\n def call(self, x): f(x)")
    (site,) = inner.calls_named("f")
    assert class_around(site.scope, inner).name == "A"
    assert class_around(inner.scope, inner) is None


BASE = "import keras\nclass Base(keras.layers.Dense):\n def call(self, x): pass"


@pytest.mark.parametrize(
    ("folder", "files", "statement"),
    [
        ("", {"base": BASE}, "from base import Base"),
        ("", {"base": BASE}, "import base\nBase = base.Base"),
        ("pkg", {"pkg__INIT": "", "pkg__base": BASE}, "from .base import Base"),
        ("pkg", {"pkg__INIT": "", "pkg__base": BASE}, "from . import base\nBase = base.Base"),
        ("pkg/sub", {"pkg__INIT": "", "pkg__base": BASE}, "from ..base import Base"),
        ("pkg/sub", {"pkg__INIT": BASE}, "from .. import Base"),
        ("pkg/sub", {"pkg__INIT": "", "pkg__base": BASE}, "from pkg.base import Base"),
        ("src/pkg", {"src__pkg__base": BASE}, "from pkg.base import Base"),
        ("tests", {"src__pkg__base": BASE}, "from pkg.base import Base"),
        ("", {"pkg__INIT": "from .base import Base", "pkg__base": BASE}, "from pkg import Base"),
        ("", {"pkg__INIT": "from .base import *", "pkg__base": BASE}, "from pkg import Base"),
        ("", {"base": BASE}, "from base import *"),
        ("", {"base": f"{BASE}\nclass Other(Base): pass"}, "from base import Other as Base"),
        ("", {"base": BASE}, "import base as b\nBase = b.Base"),
    ],
)
def test_a_base_in_another_file(project, folder, files, statement):
    found = classes(f"{statement}\nclass A(Base): pass", project(folder, **files))["A"]
    assert found.names == {"keras.layers.Dense"}
    assert found.complete
    assert found.inherited("call")[0].name == "Base"


def test_an_alias_of_keras_in_another_file(project):
    view = project("", compat="from tensorflow import keras\nLayer = keras.layers.Layer")
    assert classes("from compat import Layer\nclass A(Layer): pass", view)["A"].bases == {
        Symbol("keras.layers.Layer", "tensorflow.keras")
    }


@pytest.mark.parametrize(
    "files",
    [{}, {"base": "class Base(:"}, {"base": "from base import Base"}, {"base": "Base = make()"}],
    ids=["absent", "broken", "circular", "made by a call"],
)
def test_a_base_nobody_can_tell(project, files):
    text = "import keras\nfrom base import Base\nclass A(Base, keras.layers.Layer): pass"
    assert not classes(text, project("", **files))["A"].complete


def test_imports_do_not_lead_out_of_the_project(project, tmp_path):
    view = project("inner", inner__INIT="")
    (tmp_path.parent / "outside.py").write_text(BASE)
    assert view.module("outside") is None
    assert view.module("...outside") is None


def test_signals(project):
    view = project("", train="model.save('a.keras')", other="x = 1")
    assert view.mentions("saving")
    assert not view.mentions("mixed-precision")
    assert not View(None, Path(), SETTINGS).mentions("saving")


def test_answers_tell_what_a_result_rests_on(project, tmp_path):
    view = project("pkg", pkg__base="from .root import Base", pkg__root=BASE)
    classes("from .base import Base\nimport numpy\nclass A(Base): pass", view)
    view.mentions("saving")
    answers = view.answers()
    assert {q.what for q in answers} == {".base", ".root", "keras.layers", "saving"} - {
        "keras.layers"
    }
    again = Project(tmp_path / "pkg", tmp_path)
    assert all(again.answer(q, tmp_path / "pkg") == a for q, a in answers.items())
    (tmp_path / "pkg/root.py").write_text(BASE.replace("Dense", "LSTM"))
    again = Project(tmp_path / "pkg", tmp_path)
    changed = {q.what for q, a in answers.items() if again.answer(q, tmp_path / "pkg") != a}
    assert changed == {".root"}


def test_modules_looked_into_long_ago_are_let_go(project, monkeypatch):
    monkeypatch.setattr("reglint.project._KEPT", 1)
    view = project("", a=BASE, b=BASE)
    first = view.module("a")
    view.module("b")
    view.answers()
    view._project.trim()
    assert isinstance(first.scope.node, cst.Module)
    assert not first.scope.names


def test_star_imports_in_a_circle(project):
    view = project("", a="from b import *", b=f"from a import *\n{BASE}")
    text = "import keras\nfrom a import *\nclass A(Base): pass\nclass B(Exception, Base): pass"
    assert set(classes(text, view)) == {"A", "B"}


CHOICE = """
try:
    import keras
except ImportError:
    from tensorflow import keras
layers = keras.layers
"""


@pytest.mark.parametrize(
    ("statement", "base"),
    [
        ("from pkg.backend import keras", "keras.layers.Layer"),
        ("from .backend import keras as k", "k.layers.Layer"),
        ("from .backend import layers", "layers.Layer"),
    ],
)
def test_keras_by_way_of_a_module_of_the_project(project, statement, base):
    view = project("pkg", pkg__INIT="", pkg__backend=CHOICE)
    found = classes(f"{statement}\nclass A({base}): pass", view)
    assert found["A"].names == {"keras.layers.Layer"}
    assert found["A"].complete
