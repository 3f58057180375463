"""`[tool.reglint.inspect]`: what it takes, and what is said of what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from reglint.config import CommandLine, ConfigError, Resolver
from reglint.inspector.request import GIB, Limits
from reglint.inspector.settings import InspectOptions
from reglint.model import Severity
from reglint.options import Reader
from reglint.selectors import catalog


def read(folder, text, name="reglint.toml"):
    (folder / name).write_text(text)
    return Resolver().for_directory(folder).options.inspect


def problem(folder, text):
    with pytest.raises(ConfigError) as caught:
        read(folder, f"[inspect]\n{text}\n")
    (found,) = caught.value.problems
    return found


def test_without_the_table_there_are_no_settings(tmp_path):
    assert read(tmp_path, "respect-gitignore = true\n") is None


def test_all_keys_are_read(tmp_path):
    settings = read(
        tmp_path,
        """\
        [tool.reglint.inspect]
        backend = "jax"
        device = "gpu:1"
        batch-size = 8
        seed = 7
        data = "validation.npz"
        imports = ["zoo.layers", "other"]
        max-memory = "12GiB"
        max-seconds = 60
        max-total = 1
        max-share = 0.25
        fail-on = "warning"
        """,
        "pyproject.toml",
    )
    assert settings == InspectOptions(
        backend="jax",
        device="gpu:1",
        batch_size=8,
        seed=7,
        data="validation.npz",
        imports=("zoo.layers", "other"),
        max_memory=12 * GIB,
        max_seconds=60,
        max_total=1.0,
        max_share=0.25,
        fail_on="warning",
    )
    assert settings.limit is Severity.WARNING
    assert settings.limits == Limits(12 * GIB, 60, Limits().written)
    assert settings.request == {
        "backend": "jax",
        "device": "gpu:1",
        "batch_size": 8,
        "seed": 7,
        "data": "validation.npz",
        "imports": ("zoo.layers", "other"),
        "limits": settings.limits,
    }


def test_what_is_not_given_is_left_to_the_request():
    assert InspectOptions().request == {"limits": Limits()}
    assert InspectOptions().limit is Severity.ERROR
    assert InspectOptions(fail_on="never").limit is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8GiB", 8 * GIB),
        ("8G", 8 * GIB),
        ("500 mb", 500 << 20),
        ("0.5GiB", GIB // 2),
        ("256MiB", GIB // 4),
        ("1073741824", GIB),
    ],
)
def test_a_size_has_a_unit_or_is_in_bytes(tmp_path, text, expected):
    assert read(tmp_path, f'[inspect]\nmax-memory = "{text}"\n').max_memory == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('bakend = "jax"', "unknown key `bakend`; did you mean `backend`?"),
        ('backend = "tensorflw"', ("expected `auto`, `tensorflow`, `jax` or `torch` for"
         " `inspect.backend`, found `tensorflw`; did you mean `tensorflow`?")),
        ("backend = 3", "expected a string for `inspect.backend`, found an integer"),
        ('device = "cuda"', ("expected `auto`, `cpu`, `gpu` or `gpu:1` for `inspect.device`,"
         " found `cuda`")),
        ("batch-size = 0", ("expected an integer from 1 to 1048576 for `inspect.batch-size`,"
         " found 0")),
        ("batch-size = true", "expected an integer for `inspect.batch-size`, found a boolean"),
        ("max-seconds = 0", "expected an integer from 1 for `inspect.max-seconds`, found 0"),
        ('max-memory = "much"', ("expected a size like `8GiB` or `500MiB` for"
         " `inspect.max-memory`, found `much`")),
        ("max-memory = 8", ("expected a size of at least `256MiB` for `inspect.max-memory`,"
         " found `8`")),
        ('max-memory = "255MiB"', ("expected a size of at least `256MiB` for"
         " `inspect.max-memory`, found `255MiB`")),
        ("max-memory = 1.5", "expected a size for `inspect.max-memory`, found a float"),
        ("max-total = -1", "expected a number from 0 for `inspect.max-total`, found -1"),
        ("max-share = nan", "expected a number from 0 for `inspect.max-share`, found nan"),
        ('max-total = "1"', "expected a number for `inspect.max-total`, found a string"),
        ('fail-on = "eror"', ("expected `error`, `warning`, `info` or `never` for"
         " `inspect.fail-on`, found `eror`; did you mean `error`?")),
        ('imports = ["a/b.py"]', ("expected modules like `package.layers` in `inspect.imports`,"
         " found `a/b.py`")),
        ("imports = 3", "expected a list of strings for `inspect.imports`, found an integer"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_line(tmp_path, text, message):
    found = problem(tmp_path, text)
    assert (found.message, found.line) == (message, 2)
    assert found.frame.splitlines()[0] == f"2 | {text}"
    assert "^" in found.frame


def test_the_table_must_be_one(tmp_path):
    with pytest.raises(ConfigError, match="expected a table for `inspect`"):
        read(tmp_path, "inspect = 3\n")


def test_the_command_line_is_read_likewise():
    given = {"backend": "jaxx", "max-total": -1.0}
    reader = Reader(CommandLine(given, Path()), catalog())
    reader.fields(InspectOptions, (), given)
    assert [str(each) for each in reader.problems] == [
        (
            "expected `auto`, `tensorflow`, `jax` or `torch` for `--backend`, found `jaxx`; did you"
            " mean `jax`?"
        ),
        "expected a number from 0 for `--max-total`, found -1.0",
    ]
