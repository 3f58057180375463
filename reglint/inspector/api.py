"""What `import reglint` offers of the inspector."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from reglint.inspector.facts import FileFacts, Format, StaticReading, Verdict
from reglint.inspector.inspection import inspect_file
from reglint.inspector.merge import merged
from reglint.inspector.process.messages import NotRead
from reglint.inspector.report import PenaltyReport
from reglint.inspector.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeAlias

    _Path: TypeAlias = "str | os.PathLike[str]"
    Paths: TypeAlias = "_Path | Iterable[_Path]"

__all__ = ["NotRead", "PenaltyReport", "inspect"]

_FILE_OPTIONS = {field.name for field in fields(Request)} - {"path", "data"}
_MODEL_OPTIONS = {"batch_size", "seed"}
_DETAILED: dict[str, Any] = {"histograms": True}
_SOURCE = "data"  # what arrays are called that have no name


def inspect(
    model: Any, data: Any = None, *, source: Paths | None = None, **options: Any
) -> PenaltyReport:
    """Return what regularization adds to the loss of `model`, penalty by penalty.

    `model` is the path of a file (`.keras`, `.h5`, or `.weights.h5` with `config=`), or a Keras
    model of this process, which is left as it was. A file is opened in processes of its own, as
    `reglint inspect` does it, whose options are those here: `static=True`, `backend="jax"`,
    `imports=("my_package.layers",)`; all are fields of `reglint.inspector.request.Request`. A model
    of this process takes `seed` and `batch_size`.

    `data` is `(x, y)`, with which the share of penalties in the loss is known; or x alone, what to
    call the model on: an array, or a list or dict of arrays; or what `--data` takes: the path of a
    `.npz` file or folder, or `package.module:function`. Without data the inputs are made up.

    `source` is the path of a file or folder with the code that makes the model, or several: each
    penalty and finding then has the line that makes its layer, where that is certain.

    Raise NotRead if there is nothing to report of a file, TypeError for what is no model and for
    unknown options, ValueError for data that do not fit, FileNotFoundError for a `source`.
    """
    is_file = isinstance(model, (str, os.PathLike))
    known = _FILE_OPTIONS if is_file else _MODEL_OPTIONS
    if unknown := sorted(options.keys() - known):
        what = "a file" if is_file else "a model of this process"
        message = f"no option {', '.join(unknown)}; those for {what} are {', '.join(sorted(known))}"
        raise TypeError(message)
    if source is None:
        return _inspect(model, data, options)
    from reglint.inspector.tracing import look, traced  # noqa: PLC0415 - they parse code

    paths = [source] if isinstance(source, (str, os.PathLike)) else source
    sources = look([os.fspath(path) for path in paths])
    return traced(_inspect(model, data, options), sources)


def _inspect(model: Any, data: Any, options: dict[str, Any]) -> PenaltyReport:
    if isinstance(model, (str, os.PathLike)):
        return _of_file(os.fspath(model), data, options)
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(model, keras.Model):
        message = f"a model of Keras 3 or the path of a file, not {type(model).__name__}"
        raise TypeError(message)
    return _of_model(model, data, options)


def _of_file(path: str, data: Any, options: dict[str, Any]) -> PenaltyReport:
    if data is None or isinstance(data, (str, os.PathLike)):
        spec = None if data is None else os.fspath(data)
        return _read(Request(path, data=spec, **_DETAILED | options))
    with _written(*_x_and_y(data)) as file:
        report = _read(Request(path, data=file, **_DETAILED | options))
    if report.data is None:
        return report
    return replace(report, data=replace(report.data, source=_SOURCE))


def _read(request: Request) -> PenaltyReport:
    try:
        return inspect_file(request)
    except NotRead as error:
        raise NotRead(error.trouble, f"{request.path}: {error}") from None


def _of_model(model: Any, data: Any, options: dict[str, Any]) -> PenaltyReport:
    # These import Keras, which the process has already.
    from reglint.inspector.runtime.data import load_data  # noqa: PLC0415
    from reglint.inspector.runtime.reading import read_model  # noqa: PLC0415

    if isinstance(data, (str, os.PathLike)):
        batch = load_data(os.fspath(data), model)
        x, y = batch.x, batch.y
    else:
        x, y = _x_and_y(data)
    reading = read_model(model, x=x, y=y, **options)
    file = FileFacts(model.name, Format.MEMORY)
    return replace(merged(StaticReading(file, Verdict()), reading), verdict=None)


def _x_and_y(data: Any) -> tuple[Any, Any]:
    """Return the two of a tuple; anything else is x alone."""
    if not isinstance(data, tuple):
        return data, None
    if len(data) != 2:  # noqa: PLR2004
        message = f"data is (x, y) or x, not a tuple of {len(data)}"
        raise ValueError(message)
    return data


@contextmanager
def _written(x: Any, y: Any) -> Iterator[str]:
    """Write arrays into a file, as `runtime.data` reads it, for another process."""
    import numpy as np  # noqa: PLC0415 - not needed by those who only catch an exception

    with TemporaryDirectory() as folder:
        path = str(Path(folder, "data.npz"))
        np.savez(path, **dict([*_named("x", x), *_named("y", y)]))
        yield path


def _named(prefix: str, part: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(part, dict):
        yield from ((f"{prefix}_{name}", array) for name, array in part.items())
    elif isinstance(part, list):
        yield from ((f"{prefix}{index}", array) for index, array in enumerate(part))
    elif part is not None:
        yield prefix, part
