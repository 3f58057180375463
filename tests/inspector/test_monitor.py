"""`reglint.keras.PenaltyMonitor`, in real training on each backend."""

from __future__ import annotations

import csv

import pytest

KEYS = ["penalty/block/inner.kernel", "penalty/cubic.kernel", "penalty/last.activity"]


@pytest.fixture(scope="module", params=["tensorflow", "jax", "torch"])
def ran(request, on_keras):
    """Return what happened on a backend."""
    return on_keras("monitor.py", request.param)


def test_training_is_the_same_as_without_it(ran):
    assert ran["same training"]


def test_it_records_after_so_many_batches_and_at_the_end_of_each_epoch(ran):
    places = [(each["epoch"], each["step"]) for each in ran["records"]]
    assert places == [(0, 3), (0, 4), (1, 6), (1, 8)]


def test_a_record_has_every_penalty_that_acts_and_their_sum(ran):
    for record in ran["records"]:
        assert record.keys() == {"epoch", "step", "penalty/total", *KEYS}
        assert record["penalty/total"] == pytest.approx(sum(record[key] for key in KEYS))


def test_values_are_those_of_the_present_weights(ran):
    assert {key: ran["records"][-1][key] for key in KEYS} == pytest.approx(ran["by hand"], rel=1e-5)
    totals = [each["penalty/total"] for each in ran["records"]]
    assert len(set(totals)) == len(totals)


def test_the_history_of_keras_has_the_record_of_each_epoch(ran):
    for key in (*KEYS, "penalty/total"):
        assert ran["logs"][key] == [ran["records"][1][key], ran["records"][3][key]]


def test_the_csv_file_has_all_records(ran):
    rows = list(csv.DictReader(ran["table"]))
    assert [{key: float(value) for key, value in row.items()} for row in rows] == ran["records"]


def test_another_run_appends_to_the_csv_file_also_after_a_line_that_was_cut(ran):
    cut, appended = ran["appended"]
    assert cut == "1,2"
    assert appended.startswith("0,4,")


def test_a_csv_file_with_other_columns_is_not_touched(ran):
    message = "/penalties.csv has other columns: give PenaltyMonitor another `csv`"
    assert ran["other columns"] == message


def test_tensorboard_reads_what_was_written(ran):
    if "no board" in ran:
        assert "pip install tensorboard" in ran["no board"]
        pytest.skip("tensorboard is not installed")
    assert ran["board"].keys() == {"penalty/total", *KEYS}
    for key, events in ran["board"].items():
        expected = [(each["epoch"], each[key]) for each in ran["boarded"]]
        assert [step for step, _ in events] == [step for step, _ in expected]
        assert [value for _, value in events] == pytest.approx([value for _, value in expected])


def test_it_says_once_what_it_does_not_record(ran):
    activity, nothing = ran["warnings"]
    assert activity == (
        "the activity penalty of `last` is not recorded: give PenaltyMonitor a batch, `x=`"
    )
    assert nothing == "PenaltyMonitor has no regularizers to record"
    assert ran["nothing"]["penalty/total"] == [0.0, 0.0]


@pytest.mark.parametrize("value", ["'often'", "0"])
def test_a_frequency_that_is_none_is_refused(ran, value):
    key = f"frequency {value.strip(chr(39))}"
    assert ran[key] == f'frequency is "epoch" or a number of batches from 1, not {value}'
