"""What works on a Keras model in memory, on TensorFlow, JAX and torch.

`PenaltyMonitor` records penalties while it trains, `regularize` changes its regularizers.
"""

from __future__ import annotations

import contextlib
import csv
import importlib
import io
import os
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import keras

from reglint.inspector.facts import Variable
from reglint.inspector.runtime.attribution import attribute, observe
from reglint.inspector.runtime.layers import walk
from reglint.inspector.runtime.state import restore, snapshot, states
from reglint.regularizing.live import regularize
from reglint.regularizing.plan import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reglint.inspector.runtime.layers import Tree

__all__ = ["Change", "PenaltyMonitor", "regularize"]

_PREFIX = "penalty/"
_TOTAL = f"{_PREFIX}total"


class PenaltyMonitor(keras.callbacks.Callback):  # type: ignore[misc]
    """Records what each regularizer adds to the loss, during `fit`.

    `logs`, and with them Keras' own `History`, get `penalty/total` and `penalty/<layer>.<role>` at
    the end of each epoch, layers and roles named as `reglint inspect` names them; `history` is a
    list with a dict for each record, that has `epoch` and `step` (batches so far) too.

    Weight penalties are those of the weights at that moment. Activity penalties and `add_loss`
    depend on data: they are recorded on the fixed batch `x`, in inference mode, and not at all
    without it. `model.losses` itself is of no use in a callback: on TensorFlow it has symbolic
    tensors there, on JAX no activity penalties (run on 3.15.1).

    - `frequency`: `"epoch"`, or a number of batches after which to record as well;
    - `x`: what to call the model on: an array, or a list or dict of them;
    - `csv`: a file to append the records to; one that has other columns is not touched;
    - `log_dir`: a folder for TensorBoard; needs the package `tensorboard`, on any backend.

    Raise ValueError for a frequency that is none, and for a CSV file with other columns;
    ImportError without `tensorboard` when there is a `log_dir`.
    """

    def __init__(
        self,
        *,
        frequency: Literal["epoch"] | int = "epoch",
        x: Any = None,
        csv: str | os.PathLike[str] | None = None,
        log_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        if frequency != "epoch" and (not isinstance(frequency, int) or frequency < 1):
            message = f'frequency is "epoch" or a number of batches from 1, not {frequency!r}'
            raise ValueError(message)
        self.history: list[dict[str, float]] = []
        self._every = None if frequency == "epoch" else frequency
        self._args = () if x is None else (x,)
        self._table = None if csv is None else _Table(Path(csv))
        self._board = None if log_dir is None else _Board(os.fspath(log_dir))
        self._tree: Tree | None = None
        self._epoch = 0
        self._before = 0  # batches in the epochs that are over
        self._batches = 0  # in this one
        self._warned = False

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Look at the layers, which may have changed since the last `fit`, and at the file."""
        self._tree = walk(self.model)
        record = self._measured()
        if self._table is not None:
            self._table.begin(list(record))
        if self._warned:
            return
        self._warned = True
        if not self._args and (path := _first_activity(self._tree)) is not None:
            warnings.warn(
                f"the activity penalty of `{path}` is not recorded: give PenaltyMonitor a batch,"
                " `x=`",
                stacklevel=2,
            )
        elif not any(key.startswith(_PREFIX) and key != _TOTAL for key in record):
            warnings.warn("PenaltyMonitor has no regularizers to record", stacklevel=2)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Note which epoch it is, from 0."""
        self._epoch = epoch
        self._before += self._batches
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Record, if enough batches went by; `steps_per_execution` makes `batch` jump."""
        last, self._batches = self._step, batch + 1
        if self._every is not None and self._step // self._every > last // self._every:
            self._record()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Record, unless the last batch was recorded, and put the record into `logs`."""
        if not self.history or self.history[-1]["step"] != self._step:
            self._record()
        if logs is not None:
            record = self.history[-1]
            logs.update({key: record[key] for key in record if key.startswith(_PREFIX)})

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Close the file of TensorBoard; another `fit` begins another."""
        if self._board is not None:
            self._board.close()

    @property
    def _step(self) -> int:
        """Return the number of batches so far, of all epochs and calls of `fit`."""
        return self._before + self._batches

    def _record(self) -> None:
        record = self._measured()
        self.history.append(record)
        if self._table is not None:
            self._table.append(record)
        if self._board is not None:
            self._board.write(record, self._epoch if self._every is None else self._step)

    def _measured(self) -> dict[str, float]:
        # On JAX `self.model` fetches the weights from the trainer, so not more often than needed.
        assert self._tree is not None
        model = self.model
        with _unchanged(self._tree) if self._args else contextlib.nullcontext():
            found = attribute(model, self._tree, observe(model, self._tree, self._args))
        record: dict[str, float] = {"epoch": self._epoch, "step": self._step, _TOTAL: found.total}
        for penalty in found.penalties:
            key = f"{_PREFIX}{Variable(penalty.layer, penalty.role or penalty.kind.value)}"
            record[key] = record.get(key, 0.0) + penalty.value
        return record


def _first_activity(tree: Tree) -> str | None:
    """Return the first layer with an activity regularizer."""
    return next(
        (
            node.path or "the model"
            for node in tree.nodes
            if getattr(node.layer, "activity_regularizer", None) is not None
        ),
        None,
    )


@contextlib.contextmanager
def _unchanged(tree: Tree) -> Iterator[None]:
    """Put back what a call can change even in inference mode: states, counters, random seeds.

    Weights are left out: no call changes these, and copies of them would take time and memory.
    """
    held = [
        variable
        for node in tree.nodes
        for variable in (
            *node.layer._non_trainable_variables,  # noqa: SLF001 - frozen weights are not in it
            *(generator.state for generator in getattr(node.layer, "_seed_generators", ())),
        )
    ]
    before = snapshot([*held, *states(tree.nodes[0].layer)])
    try:
        yield
    finally:
        restore(before)


class _Table:
    """A CSV file that is appended to; each record is one write of a whole line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns: list[str] = []

    def begin(self, columns: list[str]) -> None:
        """Write the header, unless it is there. Raise ValueError for another."""
        self._columns = columns
        header = _csv_line(columns)
        with self._path.open("a+", encoding="utf-8", newline="") as file:
            file.seek(0)
            content = file.read()
            if not content:
                file.write(header)
            elif not content.startswith(header):
                message = f"{self._path} has other columns: give PenaltyMonitor another `csv`"
                raise ValueError(message)
            elif not content.endswith("\n"):
                file.write("\n")  # whoever wrote to it was killed

    def append(self, record: Mapping[str, float]) -> None:
        with self._path.open("a", encoding="utf-8", newline="") as file:
            file.write(_csv_line(record.get(column, "") for column in self._columns))


def _csv_line(values: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


class _Board:
    """Event files of TensorBoard, written by its own package: TensorFlow is not needed."""

    def __init__(self, folder: str) -> None:
        try:
            self._files = importlib.import_module("tensorboard.summary.writer.event_file_writer")
            self._events = importlib.import_module("tensorboard.compat.proto.event_pb2")
            self._summaries = importlib.import_module("tensorboard.compat.proto.summary_pb2")
        except ImportError:
            message = "PenaltyMonitor(log_dir=...) needs TensorBoard: pip install tensorboard"
            raise ImportError(message) from None
        self._folder = folder
        self._writer: Any = None

    def write(self, record: Mapping[str, float], step: int) -> None:
        if self._writer is None:
            self._writer = self._files.EventFileWriter(self._folder)
        values = [
            self._summaries.Summary.Value(tag=key, simple_value=value)
            for key, value in record.items()
            if key.startswith(_PREFIX)
        ]
        summary = self._summaries.Summary(value=values)
        event = self._events.Event(wall_time=time.time(), step=step, summary=summary)
        self._writer.add_event(event)
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
