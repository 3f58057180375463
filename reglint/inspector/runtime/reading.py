"""What a model tells when Keras runs it: loaded, probed, attributed, judged."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from reglint.inspector.facts import (
    LayerFacts,
    Level,
    Probe,
    RuntimeReading,
    Seconds,
    Verdict,
)
from reglint.inspector.files.archive import opened
from reglint.inspector.histogram import histogram
from reglint.inspector.runtime import (
    STARTED,
    attribution,
    devices,
    dormant,
    judgements,
    measures,
    optimizers,
    probe,
)
from reglint.inspector.runtime.data import Batch, checked, leaves, load_data, structured
from reglint.inspector.runtime.layers import Tree, arguments, walk
from reglint.inspector.runtime.loading import load, one_line, without_foreign
from reglint.inspector.runtime.specs import InvalidSpec
from reglint.inspector.runtime.state import preserved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from reglint.inspector.facts import FileFacts, Histogram
    from reglint.inspector.request import Request

_CHUNK = 1 << 20  # elements of a variable that are widened to 64 bits at a time
_IMPORTING = time.perf_counter() - STARTED


def read(
    request: Request,
    level: Level,
    verdict: Verdict,
    *,
    known: FileFacts | None,
    progress: Callable[[str], None],
) -> RuntimeReading:
    """Return what the model of a file tells when it is run, in a process made for that.

    `known` is the file that `verdict` is of. Raise facts.Changed (it is another by now),
    facts.Refused (it cannot be loaded), devices.Unavailable (no such device),
    specs.InvalidSpec (what the user says of its inputs) and data.DataError (the user's data).
    """
    with devices.place(request.device):
        progress("loading")
        start = time.perf_counter()
        with opened(request.path, request.config, known) as file:
            compile_config, step = file.compile_config, optimizers.step_of(file)
        needed = verdict.needed(data=request.data is not None)
        model = load(request, level, needed)
        compile_config = without_foreign(compile_config, verdict, request, level)
        loading = time.perf_counter() - start
        batch = load_data(request.data, model) if request.data is not None else None
        inputs = (
            iter([_first(model, batch)])
            if batch is not None
            else probe.attempts(
                model,
                batch_size=request.batch_size,
                seed=request.seed,
                input_spec=request.input_spec,
            )
        )
        reading = _read(model, inputs, level, request.device, progress)
        if batch is not None:
            reading = _not_made_up(reading)
        seconds = replace(reading.run.seconds, importing=_IMPORTING, loading=loading)
        reading = replace(reading, run=replace(reading.run, seconds=seconds))
        if batch is None:
            return _with_optimizer(reading, model, compile_config, step)
        progress("measuring")
        measured = measures.measure(model, batch, compile_config, request.loss, step)
        return _with_data(reading, measured)


def read_model(
    model: Any, *, x: Any = None, y: Any = None, seed: int = 0, batch_size: int = 4
) -> RuntimeReading:
    """Return what a model of this process tells; with `x`, called on all of that.

    With `y` too, and compiled with a loss, also what it does on them. `seed` and
    `batch_size` are of the inputs that are made up without `x`. The model is left as
    it was, also after `fit`; one that was never called is built by the call. Raise data.DataError.
    """
    batch = None
    with preserved(model):
        if x is None:
            candidates = probe.attempts(model, batch_size=batch_size, seed=seed)
        else:
            inputs, targets = (structured(np.asarray, part) for part in (x, y))
            batch = checked(inputs, targets, None, "x", model)
            candidates = iter([_first(model, batch)])
        reading = _read(model, candidates, Level.RUN, "auto", lambda _: None)
        if batch is not None:
            reading = _not_made_up(reading)
        if batch is not None and y is None:
            _, mean = measures.evaluated(model, walk(model), batch)
            reading = replace(reading, penalties=mean.penalties, total=mean.total)
    reading = replace(reading, histograms=tuple(_histograms(model)))
    if batch is None or y is None:
        return _with_optimizer(reading, model)
    return _with_data(reading, measures.measure(model, batch))


def _read(
    model: Any,
    candidates: Iterable[probe.Inputs],
    level: Level,
    device: str,
    progress: Callable[[str], None],
) -> RuntimeReading:
    progress("probing")
    start = time.perf_counter()
    observed, probed, tree = _observe(model, candidates)
    middle = time.perf_counter()
    progress("attributing")
    found = attribution.attribute(model, tree, observed)
    asleep = dormant.find(model, tree, None if probed.failed else found.evaluated())
    findings = judgements.judge(model, tree, found, batch_size=probed.batch_size)
    seconds = Seconds(probing=middle - start, attributing=time.perf_counter() - middle)
    run = devices.run(device, level, seconds, probed)
    root, *below = tree.nodes
    return RuntimeReading(
        run,
        found.penalties,
        found.total,
        asleep,
        findings,
        layers=tuple(
            LayerFacts(each.path, each.class_name, each.layer.name, arguments(each.layer))
            for each in below
        ),
        model_class=root.class_name,
    )


def _observe(
    model: Any, candidates: Iterable[probe.Inputs]
) -> tuple[attribution.Observed, Probe, Tree]:
    """Return what the first inputs that the model takes leave; without any, what weights alone do.

    Also the tree, as a call may make layers and variables, also one that fails.
    """
    failures: list[str] = []
    try:
        for inputs in candidates:
            tree = walk(model)
            try:
                observed = attribution.observe(model, tree, inputs.args, inputs.kwargs)
                if not (built := walk(model)).is_of(tree):
                    tree = built
                    observed = attribution.observe(model, tree, inputs.args, inputs.kwargs)
            except Exception as error:  # noqa: BLE001 - a model may raise anything
                failures.append(f"{type(error).__name__}: {one_line(error)}")
                continue
            if not observed.is_empty():
                return observed, inputs.probe, tree
            failures.append("a tensor without elements would be penalized")
    except probe.NoProbe as error:
        failures.append(str(error))
    except InvalidSpec:
        raise
    except Exception as error:  # noqa: BLE001 - a file may declare inputs that nothing can make
        failures.append(f"no inputs can be made: {type(error).__name__}: {one_line(error)}")
    tree = walk(model)
    return attribution.observe(model, tree), Probe("", 0, {}, failed=failures[0]), tree


def _not_made_up(reading: RuntimeReading) -> RuntimeReading:
    """Return it for a call on data of the user's: what it says rests on no probe."""
    findings = (replace(finding, probed=False) for finding in reading.findings)
    return replace(reading, findings=tuple(findings))


def _first(model: Any, batch: Batch) -> probe.Inputs:
    """Return the first samples of data as inputs."""
    size = min(batch.size, batch.samples)
    x, _, _ = batch.take(slice(size))
    arrays = leaves(x)
    names = [tensor.name for tensor in getattr(model, "inputs", None) or ()]
    if len(names) != len(arrays):
        names = [f"input {number}" for number in range(1, len(arrays) + 1)]
    shapes = {name: tuple(array.shape) for name, array in zip(names, arrays, strict=True)}
    return probe.Inputs((x,), {}, Probe(batch.source, size, shapes))


def _with_optimizer(
    reading: RuntimeReading,
    model: Any,
    compile_config: Mapping[str, Any] | None = None,
    step: int | None = None,
) -> RuntimeReading:
    """Add what the optimizer does to the variables; that takes no data."""
    trained = measures.trainable(model, walk(model))
    notes: list[str] = []
    optimizer, decays, findings = measures.optimizer_facts(
        model, trained, compile_config, notes, step
    )
    return replace(
        reading,
        optimizer=optimizer,
        decays=decays,
        findings=(*reading.findings, *findings),
        notes=tuple(notes),
    )


def _with_data(reading: RuntimeReading, measured: measures.Measured) -> RuntimeReading:
    return replace(
        reading,
        penalties=measured.penalties,
        total=measured.total,
        data=measured.data,
        optimizer=measured.optimizer,
        decays=measured.decays,
        scale_invariance=measured.scale_invariance,
        findings=(*reading.findings, *measured.findings),
    )


def _histograms(model: Any) -> Iterator[Histogram]:
    tree = walk(model)
    for variable in model.trainable_weights:
        if getattr(variable, "regularizer", None) is not None:
            values = keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32")).ravel()
            parts = np.array_split(values, -(-values.size // _CHUNK) or 1)  # views
            made = histogram(tree.owners(variable)[0], lambda parts=parts: parts)  # type: ignore[misc]
            if made is not None:
                yield made
