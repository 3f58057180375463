"""What becomes of a model file: all but the configuration stays, and at any moment it is whole."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("h5py")
pytest.importorskip("msgspec")

import h5py

from reglint.inspector.facts import Danger
from reglint.inspector.files.archive import opened
from reglint.inspector.files.preflight import preflight
from reglint.inspector.process.messages import NotRead, Trouble
from reglint.inspector.static import reader
from reglint.regularizing import api, files, job
from reglint.regularizing.job import regularize
from reglint.regularizing.operations import parse_remove, parse_scale, parse_set
from reglint.regularizing.request import Edit, RegularizeRequest, Step

BAK = "digits.keras.bak"
L2 = parse_set("dense:kernel=l2(0.1)")


def changed(path, *operations, **how):
    return api.regularize_file(
        RegularizeRequest(path=str(path), operations=operations or (parse_scale("2"),), **how)
    )


def refusal(path, *operations, **how):
    before = {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
    with pytest.raises(NotRead) as caught:
        changed(path, *operations, **how)
    after = {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
    assert after == before
    return str(caught.value)


def in_process(path, *operations):
    """Change a file without a process of its own; return the report and the new file."""
    side = path.with_name(f"side-{path.name}")
    side.write_bytes(b"")
    message = regularize(str(path), Edit(tuple(map(Step.of, operations)), side=str(side)))
    assert message.failure is None, message.failure
    return message.regularized, side


def config_of(path):
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    with h5py.File(path) as file:
        return json.loads(file.attrs["model_config"])


def names(folder):
    return {each.name for each in folder.iterdir()}


def model_of(path, name):
    layers = config_of(path)["config"]["layers"]
    return next(each["config"] for each in layers if each["config"]["name"] == name)


# What is written


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_every_other_member_of_an_archive_stays_byte_for_byte(tmp_path, hostile, method):
    path = tmp_path / "model.keras"
    held = hostile.members(hostile.good(use_bias=True)) | {
        "assets/words.txt": b"a word\n" * 99,
        "assets/": b"",
    }
    path.write_bytes(hostile.packed(held, method))
    report, side = in_process(path, L2)
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(side) as after:
        assert before.namelist() == after.namelist()
        assert after.testzip() is None
        for one, other in zip(before.infolist(), after.infolist(), strict=True):
            same = before.read(one) == after.read(other)
            assert same == (one.filename != "config.json")
            assert (one.date_time, one.external_attr) == (other.date_time, other.external_attr)
            assert one.compress_type == other.compress_type
    assert report.sha256 == hashlib.sha256(side.read_bytes()).hexdigest()
    assert report.rise == pytest.approx(0.1 * 1.5 - 0.01 * 1.5)


def test_a_member_with_its_sizes_behind_it_stays_so(tmp_path, hostile):
    class Unseekable:
        def __init__(self, file):
            self.write, self.flush = file.write, file.flush

    path = tmp_path / "model.keras"
    with path.open("wb") as stream, zipfile.ZipFile(Unseekable(stream), "w") as archive:
        for name, content in hostile.members(hostile.good(use_bias=True)).items():
            archive.writestr(name, content)
    _, side = in_process(path, L2)
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(side) as after:
        assert after.testzip() is None
        assert before.read("model.weights.h5") == after.read("model.weights.h5")
        assert after.getinfo("model.weights.h5").flag_bits & 0x08


def test_only_the_regularizers_of_the_configuration_change(digits):
    before = config_of(digits)
    operations = parse_set("features:kernel=l1(0.5)"), parse_remove("head"), parse_scale("stem=10")
    _, side = in_process(digits, *operations)
    after = config_of(side)
    assert before != after
    l2 = {"module": "keras.regularizers", "class_name": "L2", "registered_name": None}
    assert model_of(side, "stem")["kernel_regularizer"] == {**l2, "config": {"l2": 0.01}}
    assert model_of(side, "head")["kernel_regularizer"] is None
    assert model_of(side, "features")["activity_regularizer"]  # as it was
    for name in ("features", "head", "stem"):
        model_of(side, name)
        one, other = (
            next(each for each in config["config"]["layers"] if each["config"]["name"] == name)
            for config in (before, after)
        )
        other["config"]["kernel_regularizer"] = one["config"]["kernel_regularizer"]
    assert before == after


def test_an_old_h5_gets_regularizers_in_its_own_spelling(old):
    report, side = in_process(old, L2, parse_set("dense:activity=l1(1)"))
    assert model_of(side, "dense")["kernel_regularizer"] == {
        "class_name": "L2",
        "config": {"l2": 0.1},
    }
    assert model_of(side, "dense")["activity_regularizer"]["class_name"] == "L1"
    with h5py.File(old) as before, h5py.File(side) as after:
        assert {*before.attrs} == {*after.attrs}
        one, other = (f["model_weights/dense/dense/kernel:0"][()] for f in (before, after))
        assert one.tobytes() == other.tobytes()
    assert report.rise == pytest.approx(0.1 * 1.5 - 0.01 * 1.5)
    assert "save it as .keras" in report.notes[0]


def test_a_long_configuration_fits_an_attribute_of_fixed_length(tmp_path, hostile):
    path = tmp_path / "model.h5"
    path.write_bytes(hostile.legacy())
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"].encode()
        file.attrs.create("model_config", text, dtype=f"S{len(text)}")
    _, side = in_process(path, parse_set("dense:kernel=l1_l2(l1=1e-5, l2=1e-4)"))
    assert model_of(side, "dense")["kernel_regularizer"]["config"] == {"l1": 1e-5, "l2": 1e-4}


def layers(hostile, path, *held):
    path.write_bytes(hostile.keras(hostile.model(hostile.entry(2), *held)))
    return path


def test_both_directions_made_of_one_configuration_change_together(tmp_path, hostile):
    lstm = hostile.layer("LSTM", name="lstm", units=2, kernel_regularizer=None, use_bias=True)
    path = layers(
        hostile, tmp_path / "m.keras", hostile.layer("Bidirectional", name="b", layer=lstm)
    )
    report, _ = in_process(path, parse_set("b/forward_layer:kernel=l2(1)"))
    (effect,) = report.effects
    assert effect.change.also == (
        "b/backward_layer",
        "b/forward_layer/cell",
        "b/backward_layer/cell",
    )


@pytest.mark.parametrize(
    ("held", "operation", "said"),
    [
        (("Dense", {"units": 3, "use_bias": False}), "dense:bias=l2(1)", "has no variable for"),
        (("SimpleRNN", {"units": 3}), "simplernn:activity=l2(1)", "drops it: put an `Activity"),
        (("Dense", {"units": 3}), "dense:recurrent=l2(1)", "it takes `kernel`, `activity`"),
        (("ActivityRegularization", {"l1": 1.0}), "a*:activity=orthogonal(1)", "is an L1L2"),
    ],
)
def test_a_role_that_would_do_nothing_is_an_error(tmp_path, hostile, held, operation, said):
    path = tmp_path / "m.keras"
    config = hostile.model(hostile.entry(2), hostile.layer(held[0], **held[1]))
    stored = hostile.weights(lambda file: file.pop("layers/dense/vars/1"))
    path.write_bytes(hostile.keras(config, stored))
    message = regularize(str(path), Edit((Step.of(parse_set(operation)),)))
    assert said in message.failure.message


def test_cells_and_time_distributed_layers_evaluate_no_activity(tmp_path, hostile):
    cell = hostile.layer("GRUCell", name="c", units=2)
    inner = hostile.layer("Dense", name="d", units=2)
    path = layers(
        hostile,
        tmp_path / "m.keras",
        hostile.layer("TimeDistributed", name="each", layer=inner),
        hostile.layer("RNN", name="rnn", cell=cell),
    )
    for place, said in (("each/layer", "TimeDistributed"), ("rnn/cell", "training fails")):
        operation = parse_set(f"{place}:activity=l2(1)")
        message = regularize(str(path), Edit((Step.of(operation),)))
        assert said in message.failure.message


def test_an_activity_regularization_changes_in_its_own_arguments(tmp_path, hostile):
    held = hostile.layer("ActivityRegularization", name="a", l1=1.0, l2=0.0)
    path = layers(hostile, tmp_path / "m.keras", held)
    _, side = in_process(path, parse_scale("0.5"))
    assert (model_of(side, "a")["l1"], model_of(side, "a")["l2"]) == (0.5, 0.0)
    _, side = in_process(path, parse_remove("a"))
    assert "activity_regularizer" not in model_of(side, "a")
    assert model_of(side, "a")["l1"] == 0


def test_a_frozen_layer_gets_it_with_a_note(tmp_path, hostile):
    path = tmp_path / "m.keras"
    path.write_bytes(
        hostile.keras(hostile.good(use_bias=True, trainable=False, kernel_regularizer=None))
    )
    report, side = in_process(path, L2)
    assert model_of(side, "dense")["kernel_regularizer"]
    assert report.effects[0].rise == 0
    assert "not trainable" in report.effects[0].note


def test_custom_regularizers_stay_and_are_not_scaled(tmp_path, hostile):
    own = hostile.by_class("package.losses", "Own", strength=2.0)
    path = tmp_path / "m.keras"
    path.write_bytes(hostile.keras(hostile.good(use_bias=True, kernel_regularizer=own)))
    _, side = in_process(path, parse_set("dense:bias=l2(1)"))
    assert model_of(side, "dense")["kernel_regularizer"] == own
    message = regularize(str(path), Edit((Step.of(parse_scale("2")),)))
    assert "how to scale it is not known" in message.failure.message
    report, side = in_process(path, L2)  # the file names less now, and that is no mistake
    assert report.effects[0].penalty_before is None


def test_a_custom_layer_takes_what_its_configuration_has(tmp_path, hostile):
    held = hostile.by_class("package.layers", "Own", name="own", gain_regularizer=None)
    path = layers(hostile, tmp_path / "m.keras", held)
    report, side = in_process(path, parse_set("own:gain=l2(1)"))
    assert model_of(side, "own")["gain_regularizer"]["class_name"] == "L2"
    assert report.effects[0].rise is None
    assert "not Keras' own" in report.effects[0].note


def test_an_error_stays_one_line_whatever_layers_are_called(tmp_path, hostile):
    path = tmp_path / "m.keras"
    path.write_bytes(hostile.keras(hostile.good(name="a\x1b[31m\nb")))
    said = regularize(str(path), Edit((Step.of(parse_set("a*:recurrent=l2(1)")),))).failure.message
    assert said.isprintable()
    assert "it takes `kernel`" in said


def test_variables_of_a_file_are_located_once(digits, monkeypatch):
    def locate(file):
        located.append(file.facts.path)
        return real(file)

    real, located = reader.located, []
    monkeypatch.setattr(job, "located", locate)
    monkeypatch.setattr(reader, "located", None)
    _, side = in_process(digits, parse_scale("2"))
    assert located == [str(digits), str(side)]


def test_orthogonality_is_of_matrices(tmp_path, hostile):
    path = tmp_path / "m.keras"
    path.write_bytes(hostile.keras(hostile.good(use_bias=True)))
    operation = Step.of(parse_set("dense:bias=orthogonal(1)"))
    assert "takes a matrix" in regularize(str(path), Edit((operation,))).failure.message


def test_a_file_that_comes_out_different_is_not_kept(digits, monkeypatch):
    def damaged(path, kind, config, side):
        real(path, kind, config, side)
        data = bytearray(Path(side).read_bytes())
        data[len(data) // 2] ^= 1
        Path(side).write_bytes(data)

    real = files.write
    monkeypatch.setattr(files, "write", damaged)
    side = digits.with_name("side")
    side.touch()
    message = regularize(str(digits), Edit((Step.of(parse_scale("2")),), side=str(side)))
    assert "not what it should be (member 'model.weights.h5')" in message.failure.message


# Where it is written


def test_in_place_keeps_the_original_and_its_mode(digits):
    digits.chmod(0o640)
    original = digits.read_bytes()
    report = changed(digits, in_place=True)
    assert (report.output, report.backup) == (str(digits), f"{digits}.bak")
    assert digits.with_name(BAK).read_bytes() == original
    assert digits.read_bytes() != original
    assert report.sha256 == hashlib.sha256(digits.read_bytes()).hexdigest()
    assert digits.stat().st_mode & 0o777 == 0o640
    assert names(digits.parent) == {"digits.keras", BAK}

    assert "move it away, or write without a backup by --no-backup" in refusal(
        digits, in_place=True
    )
    assert changed(digits, in_place=True, backup=False).backup is None
    assert digits.with_name(BAK).read_bytes() == original


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_in_place_a_file_stays_that_of_its_owner(digits):
    os.chown(digits, 12345, 23456)
    digits.chmod(0o640)
    changed(digits, in_place=True)
    found = digits.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (12345, 23456, 0o640)


def test_an_owner_that_cannot_be_kept_is_no_obstacle(digits, monkeypatch):
    def forbidden(*_):
        raise PermissionError(errno.EPERM, "not yours")

    monkeypatch.setattr(api.os, "chown", forbidden, raising=False)
    digits.chmod(0o640)
    assert changed(digits, in_place=True).output
    assert digits.stat().st_mode & 0o777 == 0o640


def test_a_backup_without_links_is_a_copy(digits, monkeypatch):
    def no_links(*_):
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(api.os, "link", no_links)
    original = digits.read_bytes()
    changed(digits, in_place=True)
    assert digits.with_name(BAK).read_bytes() == original
    changed(digits, output=str(digits.with_name("out.keras")))
    assert names(digits.parent) == {"digits.keras", BAK, "out.keras"}


def test_an_output_is_not_written_over_unless_that_is_asked_for(digits):
    out = digits.with_name("my model.keras")
    report = changed(digits, output=str(out))
    assert report.output == str(out)
    assert "--force" in refusal(digits, output=str(out))
    again = changed(digits, parse_scale("3"), output=str(out), force=True)
    assert again.sha256 == hashlib.sha256(out.read_bytes()).hexdigest() != report.sha256


def test_what_cannot_be_an_output_is_said_before_anything_is_read(digits, monkeypatch):
    monkeypatch.setattr(api.sandbox, "perform", None)
    link = digits.with_name("link.keras")
    link.symlink_to(digits)
    folder = digits.parent
    for output, said in (
        (digits, "--in-place"),
        (link, "--in-place"),
        (f"{folder}/../{folder.name}/digits.keras", "--in-place"),
        (folder, "is a folder"),
        (folder / "none" / "out.keras", "no such folder"),
        (folder / "out.h5", "stays a .keras"),
        (folder / "out", "stays a .keras"),
    ):
        assert said in refusal(digits, output=str(output))


def test_a_folder_that_may_not_be_written_is_named(powerless, hostile):
    path = powerless / "model.keras"
    path.write_bytes(hostile.keras())
    powerless.chmod(0o555)
    assert "cannot be written: Permission denied" in refusal(path, in_place=True)


def test_a_link_is_not_followed_to_a_model(digits):
    link = digits.with_name("link.keras")
    link.symlink_to(digits)
    assert "a symbolic link" in refusal(link, in_place=True)


def test_an_output_that_is_a_link_stays_one(digits):
    real, link = digits.with_name("real.keras"), digits.with_name("link.keras")
    real.write_bytes(b"")
    link.symlink_to(real)
    changed(digits, output=str(link), force=True)
    assert link.is_symlink()
    assert zipfile.is_zipfile(real)


def test_where_nothing_changes_nothing_is_written_in_place_and_a_copy_elsewhere(digits):
    same = parse_set("stem:kernel=l2(0.001)")
    before = digits.stat()
    report = changed(digits, same, in_place=True)
    assert (report.effects, report.output, report.backup) == ((), None, None)
    after = digits.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    out = digits.with_name("out.keras")
    changed(digits, same, output=str(out))
    assert out.read_bytes() == digits.read_bytes()


def test_a_model_that_changes_meanwhile_is_left_as_it_is(digits, monkeypatch):
    def meanwhile(*arguments):
        message = real(*arguments)
        digits.write_bytes(b"somebody's")
        return message

    real = api.sandbox.perform
    monkeypatch.setattr(api.sandbox, "perform", meanwhile)
    with pytest.raises(NotRead, match="it changed while it was looked at"):
        changed(digits, in_place=True)
    assert digits.read_bytes() == b"somebody's"
    assert names(digits.parent) == {"digits.keras"}


def test_an_output_that_appears_meanwhile_is_left_as_it_is(digits, monkeypatch):
    out = digits.with_name("out.keras")

    def meanwhile(*arguments):
        message = real(*arguments)
        out.write_bytes(b"somebody's")
        return message

    real = api.sandbox.perform
    monkeypatch.setattr(api.sandbox, "perform", meanwhile)
    with pytest.raises(NotRead, match="is there already, by now"):
        changed(digits, output=str(out))
    assert out.read_bytes() == b"somebody's"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_said(digits):
    message = regularize(str(digits), Edit((Step.of(parse_scale("2")),), side="/dev/full"))
    assert "it cannot be written: No space left on device" in message.failure.message


# When it is killed

DYING = """
import os, signal, sys
from pathlib import Path
from reglint.regularizing import api
from reglint.regularizing.operations import parse_scale
from reglint.regularizing.request import RegularizeRequest

path, where, after = sys.argv[1], sys.argv[2], sys.argv[3] == "after"
owner, name = {
    "child": (api.sandbox, "perform"), "mode": (Path, "chmod"), "backup": (api.os, "link"),
    "replace": (Path, "replace"), "sync": (api, "_sync"),
}[where]
real = getattr(owner, name)

def dying(*arguments):
    if after:
        real(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, name, dying)
request = RegularizeRequest(path=path, operations=(parse_scale("2"),), in_place=True)
api.regularize_file(request)
"""


@pytest.mark.parametrize("after", ["before", "after"])
@pytest.mark.parametrize("where", ["child", "mode", "backup", "replace", "sync"])
def test_killed_at_any_moment_there_is_a_whole_model(digits, python, where, after):
    original = digits.read_bytes()
    done = python("-c", DYING, str(digits), where, after)
    assert done.returncode == -signal.SIGKILL
    swapped = (where, after) in {("replace", "after"), ("sync", "before"), ("sync", "after")}
    assert (digits.read_bytes() != original) == swapped
    assert in_process(digits, parse_scale("2"))[0].effects  # whole, and a model
    backup = digits.with_name(BAK)
    assert not swapped or backup.read_bytes() == original
    left = names(digits.parent) - {"digits.keras", BAK, "side-digits.keras"}
    assert all(name.startswith(".reglint-") and name.endswith(".tmp") for name in left)
    assert len(left) == (not swapped)


KILLED = """
import os, signal
from reglint.inspector.process.child import main
from reglint.regularizing import files

files.compare = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
main()
"""


def test_a_process_that_dies_while_writing_leaves_nothing(digits, monkeypatch):
    real = api.sandbox.perform
    kill = ("-c", KILLED)
    monkeypatch.setattr(api.sandbox, "perform", lambda job, show: real(job, show, program=kill))
    assert "ended by SIGKILL" in refusal(digits, in_place=True)
    assert names(digits.parent) == {"digits.keras"}


# What is not trusted


def test_a_refused_file_is_never_written(hostile, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder, marker = tmp_path / "files", tmp_path / "marker"
    folder.mkdir()
    cases = [case for case in hostile.CASES if case.outcome is hostile.Outcome.REFUSED][::9]
    assert len(cases) > 8
    for case in cases:
        case.make(folder / case.name, marker)
        before = names(folder)
        with pytest.raises(NotRead) as caught:
            changed(folder / case.name, parse_set("**:kernel=l2(1)"), in_place=True)
        assert caught.value.trouble is Trouble.REFUSED, case.name
        assert str(caught.value).startswith("refused: ")
        assert names(folder) == before
    assert not marker.exists()


def test_code_in_a_file_is_kept_and_not_run(hostile, tmp_path):
    marker = tmp_path / "marker"
    case = next(each for each in hostile.CASES if each.name == "lambda.keras")
    case.make(tmp_path / case.name, marker)
    path = layers(
        hostile,
        tmp_path / "model.keras",
        *(each for each in config_of(tmp_path / case.name)["config"]["layers"][1:]),
        hostile.good(use_bias=True)["config"]["layers"][1],
    )
    _, side = in_process(path, L2)
    with opened(str(side)) as file:
        assert preflight(file).found(Danger.CODE)
    assert not marker.exists()
