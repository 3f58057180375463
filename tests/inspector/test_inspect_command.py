"""`reglint inspect`: options, outputs, budgets and exit statuses; what it reads is made up here."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("h5py")
pytest.importorskip("msgspec")
pytest.importorskip("rich")


from reglint.inspector.inspection import Inspection
from reglint.inspector.process.messages import NotRead, Trouble
from reglint.inspector.request import Limits, Request

# -- What is asked


@pytest.mark.usefixtures("models")
def test_a_table_goes_to_stdout_and_nothing_to_stderr(reglint):
    done = reglint("inspect", "model.keras")
    assert (done.status, done.err) == (0, "")
    assert "dense" in done.out
    assert "L2(0.01)" in done.out


def test_nothing_but_the_model_is_needed(reglint, models):
    reglint("inspect", "model.keras")
    assert models.asked == [Request("model.keras")]


def test_options_reach_the_request(reglint, models):
    options = (
        "--backend jax --device gpu:1 --batch-size 8 --seed 7 --data d.npz --loss mse"
        " --input-spec 4,3:float32 --model-config c.json --import zoo --import other.layers"
        " --max-memory 2GiB --max-seconds 9 --unsafe-lambda --trust sha256:" + "0" * 64
    )
    assert reglint("inspect", "model.keras", *options.split()).status == 0
    assert models.asked == [
        Request(
            "model.keras",
            config="c.json",
            backend="jax",
            device="gpu:1",
            batch_size=8,
            seed=7,
            data="d.npz",
            loss="mse",
            input_spec="4,3:float32",
            imports=("zoo", "other.layers"),
            unsafe_lambda=True,
            trust="sha256:" + "0" * 64,
            limits=Limits(2 << 30, 9),
        )
    ]


def test_settings_hold_unless_options_say_else(reglint, models):
    Path("reglint.toml").write_text(
        '[inspect]\nbackend = "torch"\nseed = 3\nimports = ["zoo"]\nmax-total = 0.5\n'
    )
    assert reglint("inspect", "model.keras", "--backend", "jax").status == 1
    assert reglint("inspect", "model.keras", "--max-total", "2").status == 0
    assert reglint("inspect", "model.keras", "--isolated").status == 0
    assert models.asked == [
        Request("model.keras", backend="jax", seed=3, imports=("zoo",)),
        Request("model.keras", backend="torch", seed=3, imports=("zoo",)),
        Request("model.keras"),
    ]


def test_settings_are_those_of_the_current_folder_and_not_of_the_model(reglint, models):
    Path("runs/reglint.toml").write_text('[inspect]\nimports = ["evil"]\n')
    reglint("inspect", "runs/a/best.keras")
    assert models.asked == [Request("runs/a/best.keras")]
    reglint("inspect", "runs/a/best.keras", "--config", "runs/reglint.toml")
    assert models.asked[1].imports == ("evil",)


def test_settings_that_do_not_apply_to_a_static_run_are_ignored(reglint, models):
    Path("reglint.toml").write_text('[inspect]\ndata = "d.npz"\nmax-share = 0.1\n')
    done = reglint("inspect", "model.keras", "--static")
    assert (done.status, done.err) == (0, "")
    assert models.asked == [Request("model.keras", static=True)]
    for option, value in (("--data", "d.npz"), ("--max-share", "1")):
        assert reglint("inspect", "model.keras", "--static", option, value).status == 2


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("d.npz", "runs/d.npz"),
        ("a", "runs/a"),
        ("package.module:function", "package.module:function"),
        ("odd:name", "runs/odd:name"),
    ],
)
def test_data_in_the_settings_are_found_from_the_folder_of_these(reglint, models, written, meant):
    Path("runs/odd:name").mkdir()
    Path("runs/reglint.toml").write_text(f'[inspect]\ndata = "{written}"\n')
    reglint("inspect", "model.keras", "--config", "runs/reglint.toml")
    assert models.asked == [Request("model.keras", data=str(Path(meant)))]
    reglint("inspect", "model.keras", "--config", "runs/reglint.toml", "--data", "own.npz")
    assert models.asked[1].data == "own.npz"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("runs/*/best.keras", ["runs/a/best.keras", "runs/b/best.keras"]),
        ("**/*.keras", ["model.keras", "other.keras", "runs/a/best.keras", "runs/b/best.keras"]),
        ("mod?l.keras", ["model.keras"]),
        ("runs/[b]/*", ["runs/b/best.keras"]),
    ],
)
def test_patterns_are_for_shells_that_leave_them(reglint, models, pattern, expected):
    assert reglint("inspect", pattern).status == 0
    assert [request.path for request in models.asked] == [str(Path(path)) for path in expected]


def test_a_file_that_looks_like_a_pattern_is_a_file(reglint, models):
    Path("model[1].keras").write_bytes(b"")
    assert reglint("inspect", "model[1].keras").status == 0
    assert [request.path for request in models.asked] == ["model[1].keras"]


def test_a_model_that_is_named_twice_is_done_once(reglint, models):
    reglint("inspect", "model.keras", "*.keras")
    assert [request.path for request in models.asked] == ["model.keras", "other.keras"]


# -- Bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'MODELS...'"),
        (["model.keras", "--bakend", "jax"], "No such option '--bakend'"),
        (["model.keras", "--backend", "tensorflw"], "found `tensorflw`; did you mean"),
        (["model.keras", "--device", "tpu"], "expected `auto`, `cpu`, `gpu` or `gpu:1`"),
        (["model.keras", "--batch-size", "0"], "expected an integer from 1"),
        (["model.keras", "--batch-size", "x"], "'x' is not a valid integer"),
        (["model.keras", "--seed", "-1"], "expected an integer from 0"),
        (["model.keras", "--max-memory", "lots"], "expected a size like `8GiB` or"),
        (["model.keras", "--max-memory", "8"], "at least `256MiB` for `--max-memory`, found `8`"),
        (["model.keras", "--max-total", "nan"], "expected a number from 0 for `--max-total`"),
        (["model.keras", "--fail-on", "warn"], "`never` for `--fail-on`, found `warn`"),
        (["model.keras", "--import", "zoo.py/x"], "expected modules like `package.layers`"),
        (["model.keras", "--output-format", "htm"], "no format `htm`; did you mean `html`?"),
        (["model.keras", "--output-format", "yaml"], "no format `yaml`; take one of table, "),
        (["model.keras", "--max-share", "0.5"], "`--max-share` is of the loss on your data"),
        (["model.keras", "--static", "--data", "d.npz"], "leave out `--static`"),
        (["model.keras", "--loss", "mse"], "it needs `--data`"),
        (["model.keras", "--trust", "sha256:" + "0" * 64], "`--unsafe-lambda`"),
        (["model.keras", "--unsafe-lambda", "--trust", "abc"], "`sha256:` and 64 digits"),
        (["model.keras", "--static", "--unsafe-lambda"], "`--static` runs nothing"),
        (["model.keras", "--isolated", "--config", "x.toml"], "exclude each other"),
        (["model.keras", "--config", "none.toml"], "none.toml: cannot be read"),
        (["model.keras", "--baseline", "none.json"], "none.json: cannot be read: No such file"),
        (["model.keras", "--baseline", "model.keras"], "model.keras: not a report in JSON"),
        (["model.keras", "--baseline", "list.json"], "list.json: not a report in JSON"),
        (["model.keras", "other.keras", "--baseline", "list.json"], "compared with one model"),
        (
            ["model.keras", "--output-format", "json", "--output-format", "table"],
            "JSON cannot share stdout",
        ),
    ],
)  # fmt: skip
def test_wrong_usage_is_told_and_nothing_is_read(reglint, models, arguments, message):
    Path("list.json").write_text('{"reports": 3}')
    done = reglint("inspect", *arguments)
    assert (done.status, done.out) == (2, "")
    assert message in " ".join(done.err.split())
    assert "Traceback" not in done.err
    assert models.asked == []


@pytest.mark.usefixtures("models")
def test_settings_that_are_wrong_are_shown_with_their_line(reglint):
    Path("pyproject.toml").write_text('[tool.reglint.inspect]\nmax-totl = 3\nfail-on = "no"\n')
    Path("reglint.toml").unlink()
    done = reglint("inspect", "model.keras")
    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines() == [
        "Error: pyproject.toml:2:1: unknown key `max-totl`; did you mean `max-total`?",
        "2 | max-totl = 3",
        "  | ^^^^^^^^",
        (
            "pyproject.toml:3:11: expected `error`, `warning`, `info` or `never` for"
            " `inspect.fail-on`, found `no`"
        ),
        '3 | fail-on = "no"',
        "  |           ^^^^",
    ]


@pytest.mark.usefixtures("models")
def test_a_pattern_without_a_match_is_told_and_the_rest_is_done(reglint):
    done = reglint("inspect", "none/*.keras", "model.keras")
    assert done.status == 2
    assert done.err == "none/*.keras: no file matches\n"
    assert "dense" in done.out


def test_without_its_packages_it_says_what_to_install(reglint, models, monkeypatch):
    from reglint.cli import models as common

    monkeypatch.setattr(common, "find_spec", lambda name: None if name == "h5py" else name)
    done = reglint("inspect", "model.keras")
    assert done.status == 2
    assert 'reglint inspect needs more packages: pip install "reglint[inspect]"' in done.err
    assert models.asked == []


# -- What could not be done


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (Trouble.UNAVAILABLE, 2),
        (Trouble.INTERNAL, 2),
        (Trouble.REFUSED, 3),
        (Trouble.LIMIT, 4),
    ],
)
def test_a_trouble_is_one_line_and_a_status(reglint, models, trouble, status):
    models.give["model.keras"] = Inspection(None, NotRead(trouble, "what it is"))
    done = reglint("inspect", "model.keras")
    assert (done.status, done.out, done.err) == (status, "", "model.keras: what it is\n")


def test_all_models_are_done_and_the_largest_status_counts(reglint, models):
    models.give["model.keras"] = Inspection(None, NotRead(Trouble.LIMIT, "too slow"))
    models.give["other.keras"] = Inspection(None, NotRead(Trouble.REFUSED, "refused: a bomb"))
    done = reglint("inspect", "model.keras", "other.keras", "runs/a/best.keras", "--max-total", "0")
    assert done.status == 4
    assert "dense" in done.out
    assert done.err.splitlines() == [
        "model.keras: too slow",
        "other.keras: refused: a bomb",
        "runs/a/best.keras: weight penalties of 1 exceed --max-total 0",
    ]


def test_what_is_not_run_is_reported_as_far_as_it_was_read(reglint, models):
    models.set(trouble=NotRead(Trouble.REFUSED, "not run: needs `zoo>SubNet`"))
    done = reglint("inspect", "model.keras")
    assert done.status == 3
    assert "L2(0.01)" in done.out
    assert done.err == "model.keras: not run: needs `zoo>SubNet`\n"


def test_notes_are_told_and_fail_nothing(reglint, models):
    models.set(notes=("not run: a backend of Keras is not installed",))
    done = reglint("inspect", "model.keras")
    assert done.status == 0
    assert done.err == "model.keras: not run: a backend of Keras is not installed\n"


def test_a_name_cannot_move_the_cursor(reglint, models):
    models.give["model.keras"] = Inspection(None, NotRead(Trouble.REFUSED, "a\x1b[2Jb\rc"))
    done = reglint("inspect", "model.keras")
    assert done.err == "model.keras: a\ufffd[2Jb\ufffdc\n"


def test_what_is_going_to_run_is_told(reglint, models):
    models.announced = ("runs the code in it, sha256:00",)
    done = reglint("inspect", "model.keras", "--unsafe-lambda", "--quiet")
    assert done.err == "model.keras: runs the code in it, sha256:00\n"
