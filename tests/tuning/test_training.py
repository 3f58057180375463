"""The training half of tuning: what runs with Keras, on each backend, against Keras itself."""

from __future__ import annotations

import importlib.util
import math

import pytest

BACKENDS = ("tensorflow", "jax", "torch")


@pytest.fixture(scope="module", params=BACKENDS)
def trained(request, on_keras):
    """Return what `keras_runs/trainer.py` says of a backend."""
    return on_keras("trainer.py", request.param) | {"backend": request.param}


@pytest.fixture(scope="module")
def jobs(on_keras):
    """Return what `keras_runs/jobs.py` says; it does not depend on the backend."""
    return on_keras("jobs.py", "jax")


def test_a_training_is_that_of_keras_with_the_same_l2(trained):
    fit = trained["fit"]
    assert fit["ours_and_plain"] < 1e-6
    assert fit["steps"] == 3 * 5


def test_a_training_does_not_depend_on_those_before(trained):
    assert trained["fit"]["first_and_again"] < 1e-6


def test_another_coefficient_or_seed_compiles_nothing(trained):
    batches = 2 * 2 * 5  # torch runs each step anew
    assert trained["fit"]["compiled_again"] == (batches if trained["backend"] == "torch" else 0)


def test_the_loss_of_a_test_is_without_penalties_and_metrics_are_those_of_evaluate(trained):
    fit = trained["fit"]
    assert fit["loss"] == pytest.approx(fit["plain"]["loss"] - fit["penalty"], rel=1e-5)
    assert fit["metrics"] == {"accuracy": pytest.approx(fit["plain"]["accuracy"])}
    assert fit["penalty"] > 0.1


@pytest.mark.parametrize("case", ["anew", "frozen", "kept"])
def test_weights_begin_anew_but_for_those_that_are_frozen_or_kept(trained, case):
    for name, (between_seeds, same_seed, to_the_file) in trained["initial"][case].items():
        assert same_seed == 0
        layer = name.partition("_")[0]
        stays = case == "kept" or name == "mean" or (case == "frozen" and name == _first(trained))
        assert (between_seeds == 0) == stays, layer
        assert (to_the_file == 0) == stays, layer


def _first(trained):
    """Return the kernel of the first layer that could be trained; here it is frozen."""
    return next(name for name in trained["initial"]["frozen"] if name.endswith("kernel"))


def test_the_hypergradient_is_how_the_validation_loss_changes_after_a_step(trained):
    for got, wanted in trained["derivative"]:
        assert got == pytest.approx(wanted, rel=0.03)


@pytest.mark.parametrize("method", ["trials", "t1-t2"])
def test_a_search_stays_in_its_range_and_repeats(trained, method):
    found = trained["searched"][method]
    assert found["same"]
    for coefficient in (*found["coefficients"], *found["path"], *found["per_layer"]):
        assert 0.999e-3 <= coefficient <= 0.1001
    assert len(set(found["coefficients"])) == 1
    assert found["steps"] <= found["planned"] * (1 + 1e-9)
    assert found["path"][-1] == pytest.approx(found["coefficients"][0])


def test_trials_go_to_the_neighbours_of_the_best(trained):
    found = trained["searched"]["trials"]
    tried, losses = found["tried"], found["losses"]
    assert tried[:2] == pytest.approx([3e-3, 3e-2])
    for count in range(2, len(tried)):
        best = tried[losses[:count].index(min(losses[:count]))]
        beside = [max(best / 10**0.5, 1e-3), min(best * 10**0.5, 0.1)]
        new = [c for c in beside if pytest.approx(c) not in tried[:count]]
        assert tried[count] == pytest.approx(new[0])


def test_trials_take_the_lowest_validation_loss(trained):
    found = trained["searched"]["trials"]
    assert len(found["tried"]) > 2
    best = found["losses"].index(min(found["losses"]))
    assert found["coefficients"][0] == found["tried"][best]


def test_models_with_several_inputs_outputs_and_weights_are_trained(trained):
    hard = trained["hard"]
    assert hard["cost"] == 2 * 5
    assert math.isfinite(hard["several"])
    assert hard["metrics"] == ["q_mae"]


def test_a_training_that_diverges_has_an_infinite_loss(trained):
    assert trained["hard"]["diverged"] == "inf"


def test_the_mean_prediction_is_that_of_all_samples(trained):
    got, wanted = trained["constant"]
    assert got == pytest.approx(wanted, rel=1e-4)


def test_an_optimizer_that_averages_weights_trains_again(trained):
    assert trained["averaged"] == [5, 3, 4, 5, True]


def test_the_compiler_of_torch_is_not_used_for_models_of_files(trained):
    assert trained["as_compiled"] is (trained["backend"] != "torch")


def test_torch_computes_small_batches_on_one_thread(trained):
    decided = [1, 2, 2] if trained["backend"] == "torch" else None  # the others do so themselves
    assert trained["threads"] == decided


def test_what_cannot_be_trained_is_said_in_one_line(trained):
    errors = trained["hard"]["errors"]
    assert errors["label"] == ("labels: labels are from 0 to 9, and the model puts out 3 classes")
    assert errors["shape"].startswith("narrow: the model cannot be computed: ")
    assert "\n" not in errors["shape"]


def test_patterns_name_variables_and_other_regularizers_stay(trained):
    errors = trained["hard"]["errors"]
    assert errors["nothing:kernel"][0].startswith("--on `nothing:kernel`: there is no such layer")
    assert errors["dense*:bias"] == [["dense_a.bias", "dense_b.bias"], []]
    kept = "`dense_a.kernel` keeps the regularizer that it has, which is not L2"
    assert errors["*:kernel"] == [["dense_b.kernel"], [kept]]


def test_every_seed_has_every_candidate(jobs):
    report = jobs["report"]
    candidates = ["none", "present", "1e-4", "0.01", "chosen"]
    assert [(trial["seed"], trial["candidate"]) for trial in report["trials"]] == [
        (seed, candidate) for seed in (0, 1) for candidate in candidates
    ]
    assert report["split"] == {"training": 54, "validation": 18, "testing": 18}
    assert report["targets"][0]["present"] == pytest.approx(0.003)
    chosen = {c["seed"]: c["coefficients"] for c in report["choices"] if c["attempts"][1:]}
    for trial in report["trials"]:
        if trial["candidate"] == "chosen":
            assert trial["coefficients"] == chosen[trial["seed"]]


def test_the_same_request_gives_the_same_report(jobs):
    assert jobs["again"] is True


def test_a_run_is_a_training_on_all_but_the_samples_for_testing(jobs):
    by_candidate = {trial["candidate"]: trial["runs"] for trial in jobs["report"]["trials"]}
    assert by_candidate["none"] == 1
    assert jobs["huge_batch"] == 1


def test_what_gives_the_same_is_trained_once(jobs):
    trials = {trial["candidate"]: trial for trial in jobs["per_layer"]["trials"]}
    assert trials["chosen"]["coefficients"] == trials["per layer"]["coefficients"]
    assert (trials["chosen"]["runs"], trials["per layer"]["runs"]) == (1, 0)
    assert trials["chosen"]["loss"] == trials["per layer"]["loss"]


def test_an_h5_is_trained_as_it_was_compiled(jobs):
    assert jobs["old"]["optimizer"].startswith("Adam(")
    assert jobs["old"]["loss_name"] == "sparse_categorical_crossentropy"


def test_variables_that_a_file_has_one_setting_for_share_a_coefficient(jobs):
    report = jobs["several"]
    (found,) = (c["coefficients"] for c in report["choices"] if c["candidate"] == "per layer")
    by_setting = {}
    for target, coefficient in zip(report["targets"], found, strict=True):
        layer, role = target["variable"]["layer"], target["variable"]["role"]
        own = "mha" if layer.startswith("mha/") else layer.removesuffix("/cell")
        by_setting.setdefault((own, role), []).append(coefficient)
    counts = {key: len(each) for key, each in by_setting.items()}
    assert counts == {
        ("mha", "kernel"): 4,
        ("both/forward_layer", "kernel"): 1,
        ("both/forward_layer", "recurrent"): 1,
        ("both/backward_layer", "kernel"): 1,
        ("both/backward_layer", "recurrent"): 1,
        ("out", "kernel"): 1,
    }
    assert all(len(set(each)) == 1 for each in by_setting.values())
    assert len(set(found)) > 1


def test_what_a_normalization_follows_is_told(jobs):
    (note,) = (note for note in jobs["several"]["notes"] if "normalization" in note)
    assert "`mha/output_dense.kernel`: L2 there acts on the effective learning rate" in note
    assert "out.kernel" not in note
    assert "normalization" not in str(jobs["report"]["notes"])


def test_progress_goes_up_and_says_what_is_done(jobs):
    stages, shares = zip(*jobs["stages"], strict=True)
    assert list(shares) == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    assert "seed 2 of 2: 1e-4" in stages


def test_a_budget_ends_with_a_whole_seed(jobs):
    report = jobs["budget"]
    assert {trial["seed"] for trial in report["trials"]} == {0}
    assert "the budget is enough for 1 of 9 seeds" in report["notes"]
    assert sum(each["runs"] for each in (*report["trials"], *report["choices"])) <= 11


def test_what_is_stopped_early_is_compared_with_no_l2_for_as_long(jobs):
    report = jobs["noise"]
    chosen = {choice["seed"]: choice["epochs"] for choice in report["choices"]}
    assert min(chosen.values()) < 40
    for trial in report["trials"]:
        own = trial["candidate"] in {"chosen", "none, stopped"}
        assert trial["epochs"] == (chosen[trial["seed"]] if own else 40)
        assert trial["runs"] in (0, pytest.approx(trial["epochs"] / 40))
    stopped = {t["seed"] for t in report["trials"] if t["candidate"] == "none, stopped"}
    assert stopped == {seed for seed, epochs in chosen.items() if epochs < 40}


def test_epochs_can_be_kept(jobs):
    report = jobs["noise, all epochs"]
    assert {each["epochs"] for each in (*report["choices"], *report["trials"])} == {40}
    assert all(a["epochs"] == 40 for c in report["choices"] for a in c["attempts"])


def test_weights_can_be_kept_and_make_a_difference(jobs):
    kept, anew = (jobs[name]["trials"][0]["loss"] for name in ("kept", "report"))
    assert kept != anew


def test_a_file_that_is_not_compiled_takes_names(jobs):
    report = jobs["named"]
    assert report["optimizer"].startswith("RMSprop(")
    assert [target["variable"]["role"] for target in report["targets"]] == ["bias", "bias"]
    assert "present" not in {trial["candidate"] for trial in report["trials"]}


def test_epochs_are_as_many_as_the_file_was_trained(jobs):
    assert jobs["long"] == 7


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("few", "few.npz: 2 samples are too few to split into training, validation (0.2)"),
        ("label", "labels.npz: labels are from 0 to 7, and the model puts out 3 classes"),
        ("no y", "none.npz has no y; it has x (90, 6)"),
        ("no loss", "the model has no loss to train with; name one: --loss NAME"),
        ("no optimizer", "the model has no optimizer to train with; name one: --optimizer NAME"),
        ("wrong loss", "--loss nonsense: "),
        ("unfit loss", "data.npz: categorical_crossentropy cannot be computed: "),
        ("wrong optimizer", "--optimizer nonsense: "),
        ("on", "--on `dens:kernel`: there is no such layer; did you mean `dense`?"),
        ("runs", "one seed takes up to 8.33 training runs, and the budget is 2: give more"),
        ("seconds", "one seed takes about "),
    ],
)
def test_what_is_wrong_is_said(jobs, name, said):
    error = jobs["errors"][name]
    assert error.startswith(said)
    assert "\n" not in error


def test_splits_have_each_label_in_its_share(jobs):
    plain = jobs["split"]["None"]
    assert plain["sizes"] == [60, 20, 20]
    assert plain["labels"] == [[36, 18, 6], [12, 6, 2], [12, 6, 2]]
    assert plain["once"]
    assert not plain["others"]


def test_splits_are_whole_batches_where_a_model_takes_no_other(jobs):
    fixed = jobs["split"]["8"]
    assert fixed["sizes"] == [64, 16, 16]
    assert fixed["once"]


def test_the_hash_is_of_values_and_dtypes(jobs):
    assert jobs["split"]["hashes"] == 3  # of four, of which two are the same


def test_a_file_is_tuned_in_a_process_of_its_own(tmp_path):
    numpy = pytest.importorskip("numpy")
    for needed in ("keras", "jax", "msgspec"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    from reglint.inspector.request import Request
    from reglint.tuning.api import tune_file
    from reglint.tuning.request import TuneRequest

    model = "examples/models/digits.keras"
    with numpy.load("examples/models/digits.npz") as arrays:
        numpy.savez(tmp_path / "data.npz", **{name: arrays[name][:60] for name in arrays})
    request = Request(model, data=str(tmp_path / "data.npz"), backend="jax", device="cpu")
    asked = TuneRequest(request, seeds=1, epochs=1)
    stages = []
    report = tune_file(asked, lambda stage, done: stages.append((stage, done)))
    assert report.asked == asked
    assert report.file.path == model
    assert report.run.backend == "jax"
    assert {trial.seed for trial in report.trials} == {0}
    assert stages[0] == ("reading", 0.0)
    assert stages[-1][0] == "seed 1 of 1: chosen"
