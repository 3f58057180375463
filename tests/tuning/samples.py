"""Reports of `reglint tune` made by hand, for the tests of what judges and shows them."""

from __future__ import annotations

import math
import random

from reglint.inspector.facts import FileFacts, Format, Level, Run, Seconds, Variable
from reglint.inspector.request import Request
from reglint.tuning.facts import Candidate, Choice, Split, Target, Trial, TuneReport
from reglint.tuning.request import Method, TuneRequest

EVIL = "<script>document.title='run'</script>|`\x1b[31m\u202e&\"'"

FILE = FileFacts(
    "model.keras", Format.KERAS, size=12_345, sha256="0123456789abcdef" * 4, keras_version="3.15.1"
)
RUN = Run("3.15.1", "jax", "0.10.2", "cpu", None, Level.RUN, Seconds(importing=3.4))
TARGETS = (
    Target(Variable("hidden", "kernel"), "Dense", 1e-3),
    Target(Variable("encoder/block_1/attention/query_dense", "kernel"), "EinsumDense", 1e-3),
    Target(Variable("out", "kernel"), "Dense"),
)
# Test losses around which those of the seeds are.
LOSSES = {
    Candidate.NONE: 0.4551,
    Candidate.PRESENT: 0.4302,
    Candidate.WEAK: 0.4498,
    Candidate.STRONG: 0.4149,
    Candidate.CHOSEN: 0.4121,
}


def path(end: float, seed: int) -> tuple[float, ...]:
    """Return a search that goes from 0.01 to `end`, and not straight."""
    return tuple(
        0.01 ** (1 - part / 30) * end ** (part / 30) * (1 + 0.3 * math.sin(part + seed))
        for part in range(31)
    )


def report(  # noqa: PLR0913
    losses=None,
    *,
    seeds: int = 5,
    noise: float = 0.004,
    choices=(0.0012, 0.0081, 0.0040, 0.0022, 0.0041),
    per_layer=None,
    targets=TARGETS,
    metrics=("accuracy",),
    lengths=(None,),
    **asked,
) -> TuneReport:
    """Return a report with a trial for each of `losses` and each seed.

    Seeds differ by much, candidates within a seed by little: `noise`.
    """
    losses = LOSSES if losses is None else losses
    start = {"method": Method.T1_T2, "start": 0.01, **asked}
    request = Request("model.keras", data="digits.npz", seed=start.pop("seed", 0))
    asked_ = TuneRequest(request, seeds=seeds, **start)
    rng = random.Random(7)  # noqa: S311
    trials, made = [], []
    for seed in range(seeds):
        own = tuple(choices[seed % len(choices)] for _ in targets)
        shift = rng.gauss(0, 0.05)
        length = lengths[seed % len(lengths)]
        way = path(own[0], seed)
        made.append(Choice(seed, Candidate.CHOSEN, own, way, 3.2, 41.0, epochs=length))
        tried = {
            Candidate.NONE: (0.0,) * len(targets),
            Candidate.PRESENT: tuple(target.present for target in targets),
            Candidate.WEAK: (1e-4,) * len(targets),
            Candidate.STRONG: (0.01,) * len(targets),
            Candidate.STOPPED: (0.0,) * len(targets),
            Candidate.CHOSEN: own,
        }
        if per_layer is not None:
            tried[Candidate.PER_LAYER] = per_layer
            made.append(Choice(seed, Candidate.PER_LAYER, per_layer, (0.01,), 3.9, 50.0))
        for candidate, coefficients in tried.items():
            if candidate in losses:
                loss = losses[candidate]
                mean = loss[seed] if isinstance(loss, tuple) else loss + shift
                mean += rng.gauss(0, noise)
                values = {name: 0.9 - mean / 10 + rng.gauss(0, noise) for name in metrics}
                stopped = candidate in {Candidate.CHOSEN, Candidate.STOPPED}
                epochs = length if stopped else None
                trials.append(
                    Trial(seed, candidate, coefficients, mean, values, 1.0, 12.5, epochs=epochs)
                )
    return TuneReport(
        FILE,
        RUN,
        asked_,
        epochs=30,
        optimizer="Adam(learning_rate=0.001)",
        loss_name="sparse_categorical_crossentropy",
        data_sha256="fedcba9876543210" * 4,
        split=Split(1078, 360, 359),
        targets=targets,
        choices=tuple(made),
        trials=tuple(trials),
        notes=("the file says nothing of a batch size: 32 is taken",),
    )
