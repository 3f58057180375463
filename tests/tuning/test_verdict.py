"""What reports come to: which coefficient, how sure, and what stands in the way."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

pytest.importorskip("msgspec")

from reglint.tuning.facts import Attempt, Candidate, Choice
from reglint.tuning.render.words import headline, sentences
from reglint.tuning.request import Method
from reglint.tuning.verdict import geometric_mean, judged


def said(report):
    return headline(report, judged(report)), tuple(sentences(report, judged(report)))


# -- The coefficient


def test_the_advice_is_the_geometric_mean_of_the_seeds_to_two_digits(samples):
    advice = judged(samples.report(choices=(1e-4, 1e-2))).advice
    assert advice.coefficients == (pytest.approx(6.3e-4),) * 3  # (1e-4)**(3/5) * (1e-2)**(2/5)
    assert advice.spread == (1e-4, 1e-2)
    assert advice.seeds == 5


@pytest.mark.parametrize(
    ("values", "expected"), [((1e-4, 1e-2), 1e-3), ((2.0,), 2.0), ((0.0, 0.5), 0.0)]
)
def test_a_geometric_mean_is_of_factors(values, expected):
    assert geometric_mean(values) == pytest.approx(expected)


def test_a_seed_at_an_end_of_the_range_is_told(samples):
    report = samples.report(choices=(1e-6, 1.04e-6, 0.01, 1.0, 0.5))
    advice = judged(report).advice
    assert (advice.lowest, advice.highest) == (2, 1)
    _, lines = said(report)
    assert "2 of 5 seeds ended at the lower end of the range, 1e-06: widen --range" in lines
    assert "1 of 5 seeds ended at the upper end of the range, 1: widen --range" in lines


def test_inside_the_range_nothing_is_said_of_its_ends(samples):
    assert "end of the range" not in str(said(samples.report()))


def test_coefficients_per_layer_are_taken_only_if_they_are_significantly_better(samples):
    losses = samples.LOSSES | {Candidate.PER_LAYER: 0.3}
    better = samples.report(losses, per_layer=(0.001, 0.1, 0.5), noise=0.001)
    assert judged(better).advice.candidate is Candidate.PER_LAYER
    assert judged(better).advice.coefficients == (0.001, 0.1, 0.5)
    same = samples.report(samples.LOSSES | {Candidate.PER_LAYER: 0.4121}, per_layer=(1e-3,) * 3)
    assert judged(same).advice.candidate is Candidate.CHOSEN


def test_without_a_choice_there_is_no_advice(samples):
    report = replace(samples.report(), choices=())
    assert judged(report).advice is None
    assert said(report)[0] == "No coefficient was chosen"
    assert said(replace(report, targets=()))[0] == "There is nothing to tune"


# -- Scores


def test_differences_are_paired_over_the_seeds(samples):
    # The losses of seeds are 0.05 apart, those of candidates within a seed 0.004.
    score = judged(samples.report()).loss(Candidate.NONE)
    assert score.difference.error < score.value.error / 3
    assert score.difference.mean == pytest.approx(0.043, abs=0.01)
    assert score.difference.significant


def test_the_overlap_is_that_of_testing_with_all_that_was_trained_on(samples):
    report = samples.report()
    small = replace(report.split, testing=1)
    wide, narrow = (judged(each).chosen.value for each in (report, replace(report, split=small)))
    assert wide.error**2 / narrow.error**2 == pytest.approx(
        (1 / 5 + 359 / 1438) / (1 / 5 + 1 / 1438)
    )


def test_only_seeds_with_both_are_compared(samples):
    report = samples.report()
    left = [t for t in report.trials if t.candidate is not Candidate.CHOSEN or t.seed < 2]
    verdict = judged(replace(report, trials=tuple(left)))
    score = verdict.loss(Candidate.NONE)
    assert (score.value.seeds, score.difference.seeds) == (5, 2)
    assert verdict.chosen.value.seeds == 2


def test_a_metric_called_loss_does_not_stand_in_for_the_loss(samples):
    report = samples.report(metrics=("loss", "accuracy"))
    scores = [s for s in judged(report).scores if s.candidate is Candidate.NONE]
    assert [score.measure for score in scores] == ["loss", "accuracy"]
    losses = [trial.loss for trial in report.trials if trial.candidate is Candidate.NONE]
    assert scores[0].value.mean == pytest.approx(sum(losses) / 5)


def test_a_metric_that_a_trial_lacks_is_no_number(samples):
    report = samples.report()
    trials = (replace(report.trials[0], metrics={}), *report.trials[1:])
    scores = judged(replace(report, trials=trials)).scores
    found = next(s for s in scores if (s.candidate, s.measure) == (Candidate.NONE, "accuracy"))
    assert (found.value.diverged, found.value.error) == (1, None)


# -- Sentences


def test_better_than_what_the_model_has(samples):
    line, lines = said(samples.report())
    assert line == (
        "L2(0.0032): test loss 0.4169, against 0.4340 with what the model has now: better by"
        " 0.0171 (0.0102 to 0.0240)"
    )
    assert lines[0] == "better than no L2 by 0.0423 (0.0348 to 0.0498)"
    assert "no significant difference to L2(0.01): better by 0.0018 (-0.0082 to 0.0118)" in lines
    assert lines[-1] == "L2(0.0032) is the geometric mean of 5 seeds: 0.0012 to 0.0081"


def test_better_than_none_where_the_model_has_none(samples):
    losses = {key: value for key, value in samples.LOSSES.items() if key is not Candidate.PRESENT}
    line, _ = said(samples.report(losses))
    assert "with no L2: better by 0.04" in line


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        ((), "and what the model has now: keep it"),
        ((Candidate.PRESENT,), "and no L2: leave it so"),
    ],
)
def test_no_significant_difference_is_said_plainly(samples, without, expected):
    losses = dict.fromkeys(samples.LOSSES, 0.43)
    losses = {key: value for key, value in losses.items() if key not in without}
    line, lines = said(samples.report(losses, noise=0.02))
    assert line == f"No significant difference between L2(0.0032) {expected}"
    assert sum(line.startswith("no significant difference to ") for line in lines) == 4 - len(
        without
    )


def test_no_difference_at_all_is_no_matter_of_chance(samples):
    report = samples.report()
    chosen = {t.seed: t for t in report.trials if t.candidate is Candidate.CHOSEN}
    same = [replace(chosen[t.seed], candidate=t.candidate) for t in report.trials]
    line, lines = said(replace(report, trials=tuple(same)))
    assert line.endswith("and what the model has now: keep it")
    assert lines[:2] == ("no difference to no L2", "no difference to what the model has now")
    assert "no difference in accuracy to what the model has now" in lines


def test_worse_is_said_plainly_too(samples):
    line, lines = said(samples.report(samples.LOSSES | {Candidate.CHOSEN: 0.5}))
    assert ": worse by 0.07" in line
    assert line.endswith("; but no L2 and L2(1e-4) and L2(0.01) did better")
    assert any(each.startswith("worse than L2(0.01) by 0.08") for each in lines)


def test_a_fixed_coefficient_that_is_better_is_named_where_nothing_else_differs(samples):
    losses = samples.LOSSES | {Candidate.CHOSEN: 0.43}
    line, _ = said(samples.report(losses))
    assert line == (
        "No significant difference between L2(0.0032) and what the model has now: keep it;"
        " but L2(0.01) did better"
    )


def test_one_seed_says_nothing_of_chance(samples):
    line, lines = said(samples.report(seeds=1))
    assert line == (
        "L2(0.0012): test loss 0.4003, against 0.4161 with what the model has now: better by"
        " 0.016, with one seed"
    )
    assert "one seed says nothing of chance: try --seeds 5" in lines
    assert not any("significant" in each or "(0." in each.replace("L2(0.", "") for each in lines)


def test_training_that_diverged_is_told_with_how_often(samples):
    losses = samples.LOSSES | {Candidate.NONE: (math.inf, 0.4, 0.4, math.nan, 0.5)}
    _, lines = said(samples.report(losses))
    assert lines[0] == "with no L2, training diverged with 2 of 5 seeds"
    line, _ = said(samples.report(samples.LOSSES | {Candidate.CHOSEN: math.inf}))
    assert line == "L2(0.0032) is of no use: training diverged with 5 of 5 seeds"
    line, _ = said(samples.report(samples.LOSSES | {Candidate.PRESENT: math.nan}))
    assert line.endswith("; with what the model has now, training diverged with 5 of 5 seeds")


def test_metrics_are_compared_with_the_baseline_only_and_not_called_better(samples):
    _, lines = said(samples.report(noise=0.0005))
    about = [line for line in lines if "accuracy" in line]
    assert len(about) == 1
    assert about[0].startswith("accuracy higher than with what the model has now by 0.00")


def test_a_choice_that_was_not_tested_is_no_result(samples):
    report = samples.report()
    report = replace(
        report, trials=tuple(t for t in report.trials if t.candidate is not Candidate.CHOSEN)
    )
    assert said(report)[0] == "L2(0.0032), which was not tested"
    choice = Choice(0, Candidate.CHOSEN, (0.1,) * 3, (), 1.0, 1.0)
    alone = replace(report, trials=(), choices=(choice,))
    assert said(alone)[0] == "L2(0.1), which was not tested"


def test_a_choice_that_is_compared_with_nothing_is_told_so(samples):
    line, _ = said(samples.report({Candidate.CHOSEN: 0.4}))
    assert line.endswith(", compared with nothing")


def test_the_epochs_that_go_with_a_coefficient_are_told_beside_it(samples):
    report = samples.report(lengths=(14, 9, 22, 14, None))
    assert judged(report).advice.epochs == 14
    assert said(report)[0].startswith("L2(0.0032) for 14 epochs instead of 30: test loss 0.4169, ")
    assert "epoch" not in str(said(samples.report()))
    assert "epoch" not in str(said(samples.report(lengths=(30,))))


def test_what_stopping_alone_is_worth_is_told(samples):
    losses = samples.LOSSES | {Candidate.STOPPED: 0.413}
    _, lines = said(samples.report(losses, lengths=(14,)))
    assert any(
        line.startswith("no significant difference to no L2, for as many epochs: better by ")
        for line in lines
    )
    line, _ = said(samples.report(losses | {Candidate.STOPPED: 0.38}, lengths=(14,)))
    assert line.endswith("; but no L2, for as many epochs did better")


def test_few_samples_to_choose_on_are_told(samples):
    report = samples.report()
    small = replace(report, split=replace(report.split, validation=99))
    assert "chosen on 99 samples only: that is few" in said(small)[1]
    assert "that is few" not in str(said(report))


@pytest.mark.parametrize(
    ("loss", "accuracy", "expected"),  # of what the model has, above that of the choice
    [
        (0.05, 0.05, ["the loss is better and accuracy is worse: choose which of them counts"]),
        (-0.05, -0.05, ["accuracy is better and the loss is worse: choose which of them counts"]),
        (0.05, -0.05, []),
        (-0.05, 0.05, []),
        (0.0, 0.05, []),
    ],
)
def test_a_loss_and_an_accuracy_that_disagree_are_told(samples, loss, accuracy, expected):
    report = samples.report(noise=0.001)

    def moved(trial):
        if trial.candidate is not Candidate.PRESENT:
            return trial
        chosen = next(
            t for t in report.trials
            if (t.seed, t.candidate) == (trial.seed, Candidate.CHOSEN)
        )  # fmt: skip
        return replace(
            trial,
            loss=chosen.loss + loss * (1 + trial.seed / 10),
            metrics={"accuracy": chosen.metrics["accuracy"] + accuracy * (1 + trial.seed / 10)},
        )

    _, lines = said(replace(report, trials=tuple(map(moved, report.trials))))
    assert [line for line in lines if "choose which of them counts" in line] == expected


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        ((0.003, 0.03, 0.00095), "the weakest that was tried"),
        ((0.00095, 0.0001), "the strongest that was tried"),
        ((0.003, 0.0001), ""),
        ((), ""),
    ],
)
def test_a_choice_at_an_end_of_what_was_tried_says_how_to_go_on(samples, tried, expected):
    plain = samples.report(choices=(0.00095,), method=Method.TRIALS)
    attempts = tuple(Attempt(each, 0.5, 3, last=False) for each in (*tried, 0.00095))
    choices = tuple(replace(choice, attempts=attempts) for choice in plain.choices)
    lines = [line for line in said(replace(plain, choices=choices))[1] if "was tried" in line]
    advised = ": go on from there with --start 0.00095, or try more: --trials 5"
    wanted = [f"in 5 of 5 seeds the choice is {expected}{advised}"]
    assert lines == (wanted if expected else [])


def test_an_end_of_the_range_is_told_once(samples):
    plain = samples.report(choices=(1e-6,), method=Method.TRIALS)
    attempts = tuple(Attempt(each, 0.5, 3, last=False) for each in (1e-5, 1e-6))
    choices = tuple(replace(choice, attempts=attempts) for choice in plain.choices)
    _, lines = said(replace(plain, choices=choices))
    assert [line for line in lines if "1e-06" in line and "5 of 5" in line] == [
        "5 of 5 seeds ended at the lower end of the range, 1e-06: widen --range"
    ]


@pytest.mark.parametrize(
    ("constant", "seeds"), [(1.01, 5), (0.5, 5), (1.03, 0), (math.inf, 0), (None, 0)]
)
def test_a_model_that_tells_the_samples_not_apart_is_told(samples, constant, seeds):
    plain = samples.report()
    trials = tuple(
        replace(trial, constant=None if constant is None else constant * trial.loss)
        for trial in plain.trials
    )
    report = replace(plain, trials=trials)
    assert judged(report).advice.constant == seeds
    told = [line for line in said(report)[1] if "mean prediction" in line]
    assert len(told) == bool(seeds)
    assert all(line.startswith("in 5 of 5 seeds ") for line in told)


def test_a_comparison_over_less_than_all_seeds_says_so(samples):
    losses = samples.LOSSES | {Candidate.STOPPED: 0.44}
    plain = samples.report(losses, lengths=(14,))
    kept = [t for t in plain.trials if t.candidate is not Candidate.STOPPED or t.seed < 2]
    assert "over" not in str(said(plain)[1])
    _, lines = said(replace(plain, trials=tuple(kept)))
    assert [line.partition("), ")[2] for line in lines if "for as many epochs" in line] == [
        "over 2 of 5 seeds"
    ]
