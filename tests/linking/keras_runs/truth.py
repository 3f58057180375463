"""Run scripts with Keras and print, for each layer of each model they leave, who made it.

Given are pairs of a folder and a file in it. The models are those that the variables of the file
hold at the end. A call is told by file, line and column, as `ast` counts them in the text that
reglint analyses.
"""

import json
import runpy
import sys
import traceback
from pathlib import Path

import keras
from keras.src.ops.operation import Operation

from reglint.inspector.runtime.layers import arguments, role, variables, walk
from reglint.source import Source

MADE = {}  # id of a layer: its call
ALIVE = []  # so that no id is used again


def watch(here):
    """Note the innermost call in the last folder of `here` whenever a layer is made."""
    new = Operation.__new__

    def noting(cls, *args, **kwargs):
        made = new(cls, *args, **kwargs)
        frame = sys._getframe(1)
        while frame is not None and here[-1] not in Path(frame.f_code.co_filename).parents:
            frame = frame.f_back
        if frame is not None:
            where = list(frame.f_code.co_positions())[frame.f_lasti // 2]
            MADE[id(made)] = (frame.f_code.co_filename, where[0], where[2], where[1], where[3])
        ALIVE.append(made)
        return made

    Operation.__new__ = noting


def run(here, file):
    """Return the models that a file in a folder leaves."""
    keras.utils.clear_session()
    before = set(sys.modules)
    sys.path.insert(0, str(here))
    try:
        path = here / file
        if path.suffix == ".ipynb":
            names = {"__name__": "__main__"}
            text = Source.from_bytes(str(path), path.read_bytes()).text
            exec(compile(text, str(path), "exec"), names)  # noqa: S102
        else:
            names = runpy.run_path(str(path), run_name="__main__")
    finally:
        sys.path.remove(str(here))
        for name in set(sys.modules) - before:
            if here in Path(getattr(sys.modules[name], "__file__", None) or "/").parents:
                del sys.modules[name]
    return {n: v for n, v in names.items() if isinstance(v, keras.Model)}


def told(model):
    """Return what there is to know of a model."""
    layers = []
    for node in walk(model).nodes[1:]:
        regularizers = {}
        for variable in variables(node.layer):
            if getattr(variable, "regularizer", None) is not None:
                for attribute, value in vars(node.layer).items():
                    if value is variable:
                        config = variable.regularizer.get_config()
                        regularizers[role(node.layer, attribute)] = config
        layers.append({
            "path": node.path,
            "layer_class": node.class_name,
            "name": node.layer.name,
            "made": MADE.get(id(node.layer)),
            "arguments": arguments(node.layer),
            "regularizers": regularizers,
        })  # fmt: skip
    return {"class": type(model).__name__, "layers": layers}


def main():
    """Print the models of each file, by the name of the variable."""
    here = []
    watch(here)
    found = []
    for folder, file in json.loads(sys.stdin.read()):
        here.append(Path(folder).resolve())
        try:
            models = run(here[-1], file)
            found.append({name: told(model) for name, model in models.items()})
        except Exception:  # noqa: BLE001 - the next may do better
            found.append({"error": traceback.format_exc()})
    print(json.dumps(found))


main()
