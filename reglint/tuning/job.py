"""What the process does that tunes the model of a file: load, compile, train, report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import keras

from reglint.inspector.facts import Level, Seconds
from reglint.inspector.files.archive import opened
from reglint.inspector.runtime import STARTED, devices, optimizers
from reglint.inspector.runtime.data import load_data
from reglint.inspector.runtime.loading import custom_objects, load, without_foreign
from reglint.inspector.runtime.measures import loss_label
from reglint.regularizing import document
from reglint.tuning import splits, targets, threads
from reglint.tuning.compiling import compile_model
from reglint.tuning.experiment import Experiment
from reglint.tuning.facts import TuneReport
from reglint.tuning.trainer import Trainer

if TYPE_CHECKING:
    from reglint.inspector.facts import FileFacts, Verdict
    from reglint.tuning.experiment import Progress
    from reglint.tuning.facts import Split
    from reglint.tuning.request import TuneRequest

_EPOCHS = 30  # where nobody says how many
_MOST_EPOCHS = 300  # that are believed of a file: it may have been trained on fewer samples
_IMPORTING = time.perf_counter() - STARTED


def tune(
    asked: TuneRequest,
    level: Level,
    verdict: Verdict,
    *,
    known: FileFacts | None,
    progress: Progress,
) -> TuneReport:
    """Return what came of all seeds, in a process made for that.

    `known` is the file that `verdict` is of. Raise facts.Changed (it is another by now),
    facts.Refused (the model cannot be loaded), devices.Unavailable (no such device) and
    data.DataError (whatever is wrong with the data, or with training on them).
    """
    request = asked.request
    notes: list[str] = []
    assert request.data is not None
    with devices.place(request.device):
        progress("loading", 0.0)
        start = time.perf_counter()
        with opened(request.path, request.config, known) as file:
            facts, config = file.facts, file.compile_config
            iterations = optimizers.step_of(file)
            settings = {
                variable: f"{place.target.path}:{role}"
                for place in document.places(file)
                for variable, role in place.variables.items()
            }
        needed = verdict.needed(data=True)
        model = load(request, level, needed)
        config = without_foreign(config, verdict, request, level)
        with keras.saving.custom_object_scope(custom_objects(verdict, request.imports)):
            batch = load_data(request.data, model)
            notes += batch.notes
            compile_model(model, config, loss=request.loss, optimizer=asked.optimizer, notes=notes)
            found = targets.find(model, asked.on, notes)
            split = splits.sizes(batch, asked.validation, asked.test)
            trainer = Trainer(
                model,
                [variable for variable, _ in found],
                settings=[settings.get(t.variable, str(t.variable)) for _, t in found],
                batch_size=batch.fixed or min(asked.batch_size, split.training),
                keep_weights=asked.keep_weights,
                safe_mode=level is not Level.LAMBDA,
            )
            loading = time.perf_counter() - start
            trainer.check(batch)
            threads.limit(model, batch, trainer.batch_size)
            notes += targets.normalized(model, found, batch)
            epochs = asked.epochs or _epochs(trainer, split, iterations, notes)
            tuned = tuple(target for _, target in found)
            experiment = Experiment(trainer, batch, split, tuned, asked, epochs, progress)
            choices, trials = experiment.perform(notes)
        seconds = Seconds(importing=_IMPORTING, loading=loading)
        run = devices.run(request.device, level, seconds)
    return TuneReport(
        file=facts,
        run=run,
        asked=asked,
        epochs=epochs,
        optimizer=optimizers.describe(model.optimizer),
        loss_name=loss_label(model._compile_loss),  # noqa: SLF001 - Keras hands it out no other way
        data_sha256=splits.sha256(batch),
        split=split,
        targets=tuned,
        choices=choices,
        trials=trials,
        notes=tuple(notes),
    )


def _epochs(trainer: Trainer, split: Split, iterations: int | None, notes: list[str]) -> int:
    """Return for how many epochs to train: as the file was, if it says so."""
    batches = trainer.batches(split.training + split.validation)
    if not iterations:
        notes.append(f"the file does not say how long it was trained: --epochs {_EPOCHS}")
        return _EPOCHS
    epochs = min(max(round(iterations / batches), 1), _MOST_EPOCHS)
    notes.append(
        f"the optimizer of the file has made {iterations:,} steps, which is about --epochs {epochs}"
        if epochs < _MOST_EPOCHS
        else f"the optimizer of the file has made {iterations:,} steps: at most --epochs {epochs}"
    )
    return epochs
