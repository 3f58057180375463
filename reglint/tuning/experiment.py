"""The protocol of `reglint tune`: for each seed choose, train anew with each candidate, test.

A seed is a split of the samples, initial weights and an order of batches. A coefficient is chosen
on the samples for training and validation; then each candidate is trained on both of these from
the same weights in the same order, and tested on the rest, which no choice has seen.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras

from reglint.inspector.runtime.data import DataError
from reglint.tuning import splits
from reglint.tuning.facts import Candidate, Choice, Trial
from reglint.tuning.search import Search
from reglint.tuning.trainer import subset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reglint.inspector.runtime.data import Batch
    from reglint.tuning.facts import Split, Target
    from reglint.tuning.request import TuneRequest
    from reglint.tuning.splits import Samples
    from reglint.tuning.trainer import Trainer

    Progress = Callable[[str, float], None]
    Coefficients = tuple[float, ...]
    Plan = tuple[Coefficients, int]  # and the epochs
    Parts = tuple[Batch, Batch]  # all but the samples for testing, and these

_STEP = 0.002  # of all, between two words on how much is done


@dataclass(frozen=True, slots=True)
class Experiment:
    """All seeds, one after the other; a seed that is begun is finished, so that all are paired."""

    trainer: Trainer
    batch: Batch
    split: Split
    targets: tuple[Target, ...]
    asked: TuneRequest
    epochs: int
    progress: Progress

    @property
    def run(self) -> int:
        """Return the batches of a training on all but the samples for testing: one run."""
        return self.epochs * self.trainer.batches(self.split.training + self.split.validation)

    @property
    def _searched(self) -> tuple[Candidate, ...]:
        both = (Candidate.CHOSEN, Candidate.PER_LAYER)
        return both if self.asked.per_layer else both[:1]

    def perform(self, notes: list[str]) -> tuple[tuple[Choice, ...], tuple[Trial, ...]]:
        """Return what came of all seeds that the budget allows. Raise DataError if not of one."""
        choices: list[Choice] = []
        trials: list[Trial] = []
        account: _Account | None = None
        for number in range(self.asked.seeds):
            seed = self.asked.request.seed + number
            samples = splits.split(self.batch, self.split, seed)
            search = Search(
                self.trainer,
                subset(self.batch, samples.training),
                subset(self.batch, samples.validation),
                self.asked,
                self.epochs,
                seed,
            )
            account = account or _Account(self.asked, self._planned(search))
            if not account.allows_another():
                notes.append(f"the budget is enough for {number} of {self.asked.seeds} seeds")
                break
            for result in self._seed(search, samples, account):
                if isinstance(result, Choice):
                    choices.append(result)
                else:
                    trials.append(result)
                account.pay(result.runs, result.seconds)
            account.seeds += 1
        attempts = [attempt for choice in choices for attempt in choice.attempts]
        if attempts and sum(attempt.last for attempt in attempts) > len(attempts) / 2:
            notes.append(
                "the validation loss still fell at the end of most searches: give more --epochs"
            )
        return tuple(choices), tuple(trials)

    def _planned(self, search: Search) -> float:
        """Return how many runs a seed takes at most."""
        searches = len(self._searched) * (search.planned() / self.run + 1)
        shorter = 0 if self.asked.keep_epochs else 1  # without L2, for as many epochs as chosen
        return searches + len(set(_fixed(self.targets).values())) + shorter

    def _seed(
        self, search: Search, samples: Samples, account: _Account
    ) -> Iterator[Choice | Trial]:
        plans: dict[Candidate, Plan] = {
            candidate: (each, self.epochs) for candidate, each in _fixed(self.targets).items()
        }
        for candidate in self._searched:
            what = f"searching, {candidate.value}"
            watch = self._watch(account, what, search.planned() / self.run)
            found = search.choose(candidate, watch)
            plans[candidate] = found.coefficients, found.epochs
            yield Choice(
                search.seed,
                candidate,
                found.coefficients,
                found.path,
                runs=found.steps / self.run,
                seconds=found.seconds,
                epochs=found.epochs,
                attempts=found.attempts,
            )
        parts = subset(self.batch, samples.development), subset(self.batch, samples.testing)
        if (epochs := plans[Candidate.CHOSEN][1]) != self.epochs:
            plans[Candidate.STOPPED] = plans[Candidate.NONE][0], epochs
        known: dict[Plan, Trial] = {}
        for candidate in sorted(plans, key=list(Candidate).index):
            plan = plans[candidate]
            if plan in known:  # and so is what would come of it
                yield replace(known[plan], candidate=candidate, runs=0.0, seconds=0.0)
                continue
            watch = self._watch(account, candidate.value, plan[1] / self.epochs)
            known[plan] = self._trial(candidate, plan, search.seed, parts, watch)
            yield known[plan]

    def _trial(
        self, candidate: Candidate, plan: Plan, seed: int, parts: Parts, watch: _Watch
    ) -> Trial:
        coefficients, epochs = plan
        development, testing = parts
        cost = self.trainer.train(
            development,
            coefficients,
            seed=seed,
            epochs=epochs,
            callbacks=[watch],
        )
        tested = self.trainer.evaluate(testing)
        return Trial(
            seed,
            candidate,
            coefficients,
            tested.loss,
            tested.metrics,
            runs=cost.steps / self.run,
            seconds=cost.seconds,
            epochs=epochs,
            constant=tested.constant,
        )

    def _watch(self, account: _Account, what: str, runs: float) -> _Watch:
        """Return a callback that tells how much is done, until something of so many runs is."""
        stage = f"seed {account.seeds + 1} of {self.asked.seeds}: {what}"
        account.begin(runs)
        shown = account.done(0.0)
        self.progress(stage, shown)

        def tell(batches: int) -> None:
            nonlocal shown
            done = account.done(batches / self.run)
            if done - shown >= _STEP:  # a bar has no more, and epochs may be many and short
                shown = done
                self.progress(stage, done)

        return _Watch(tell)


class _Account:
    """What was spent of a budget, and how much is done."""

    def __init__(self, asked: TuneRequest, planned: float) -> None:
        self.seeds = 0  # that are done
        self._of = asked.seeds
        self._budget = asked.budget
        self._planned = planned  # runs of a seed, at most
        self._runs = 0.0
        self._seconds = 0.0  # in which these were, without what is compiled before them
        self._behind = 0.0  # runs of this seed that are done, or no longer needed
        self._begun = 0.0  # what is under way takes at most
        self._start = time.perf_counter()

    def allows_another(self) -> bool:
        """Return whether another seed would fit, as far as is known. Raise DataError at the first.

        One takes as much as those before on average.
        """
        self._behind = self._begun = 0.0
        runs = self._runs / self.seeds if self.seeds else self._planned
        most = self._budget.runs
        if most is not None and self._runs + runs > most:
            if not self.seeds:
                raise DataError(
                    f"one seed takes up to {runs:.3g} training runs, and the budget is {most:g}:"
                    " give more"
                )
            return False
        if not self.seeds or self._budget.seconds is None:
            return True
        elapsed = self._elapsed()
        return elapsed + elapsed / self.seeds <= self._budget.seconds

    def begin(self, runs: float) -> None:
        """Note that something begins that takes so many runs at most."""
        self._begun = runs

    def pay(self, runs: float, seconds: float) -> None:
        """Note that it is done. Raise DataError if not even the first seed will fit."""
        self._runs += runs
        self._seconds += seconds
        self._behind += self._begun
        self._begun = 0.0
        most = self._budget.seconds
        if most is None or self.seeds or not self._runs:
            return
        left = max(self._planned - self._behind, 0.0)
        needed = self._elapsed() + left * self._seconds / self._runs
        if needed > most:
            raise DataError(
                f"one seed takes about {needed:.0f} s, and the budget is {most:g} s: give more, or"
                " ask for less, as with --epochs"
            )

    def done(self, runs: float) -> float:
        """Return what share of all is done, with so many runs of what is under way."""
        of_seed = self._behind + min(runs, self._begun)
        share = (self.seeds + min(of_seed / self._planned, 1.0)) / self._of
        for most, spent in (
            (self._budget.runs, self._runs + runs),
            (self._budget.seconds, self._elapsed()),
        ):
            share = share if most is None else max(share, spent / most)
        return min(share, 1.0)

    def _elapsed(self) -> float:
        return time.perf_counter() - self._start


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells after each epoch how many batches there were, in all trainings that have it."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        super().__init__()
        self._tell = tell
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._batches += 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._tell(self._batches)


def _fixed(targets: tuple[Target, ...]) -> dict[Candidate, Coefficients]:
    """Return the candidates that nothing chooses, in the order in which they are tried."""
    present = tuple(target.present for target in targets)
    fixed = {Candidate.NONE: (0.0,) * len(targets)}
    if any(present):
        fixed[Candidate.PRESENT] = present
    weak, strong = ((value,) * len(targets) for value in (1e-4, 1e-2))
    return fixed | {Candidate.WEAK: weak, Candidate.STRONG: strong}
