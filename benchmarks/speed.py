"""Time and memory of reglint on a generated code base, as ratios against peers in the same run.

    make bench                       # or, with the peers installed beside reglint:
    pip install fixit torchfix ruff && python benchmarks/speed.py

Processes are measured from outside: CPU seconds (user and system, children included) and peak
resident memory of the largest process. Digits depend on the machine; the ratios are what counts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import corpus
from measure import HEADER, REGLINT, median, row

PARSE = """
import sys, libcst
for path in sys.stdin.read().split("\\n"):
    libcst.parse_module(open(path, "rb").read())
"""


def start_up(runs: int) -> None:
    """Compare the start of reglint with that of click, the library it cannot do without."""
    click = median([sys.executable, "-c", "import click"], runs)
    row("`import click`", click)
    row("`reglint --version`", median([*REGLINT, "--version"], runs), "import click", click)
    row("`reglint rule RGL101`", median([*REGLINT, "rule", "RGL101"], runs), "import click", click)


def code_base(folder: Path, files: int, runs: int) -> None:
    """Check a whole code base: cold, in one process and in several, and warm."""
    needed = corpus.write(folder, files)
    names = "\n".join(map(str, needed))
    parse = median([sys.executable, "-c", PARSE], runs, stdin=names)
    row(f"`libcst.parse_module` of the {len(needed)} files that need it", parse)
    check = [*REGLINT, "check", "--isolated", "."]
    peer = "the parsing"
    cold = [*check, "--no-cache"]
    row(
        f"check {files} files, 1 process",
        median([*cold, "--jobs=1"], runs, cwd=folder),
        peer,
        parse,
    )
    row(f"check {files} files", median(cold, runs, cwd=folder), peer, parse)
    row(f"check {files} files again (cache)", median(check, runs, cwd=folder), peer, parse)
    fix = median([*REGLINT, "fix", "--isolated", "--no-cache", "--diff", "."], runs, cwd=folder)
    row(f"fix --diff {files} files", fix, peer, parse)
    peers(folder, needed)


def peers(folder: Path, needed: list[Path], runs: int = 1) -> None:
    """Run what other linters are installed on the files that have to be parsed."""
    files = [str(path) for path in needed]
    reglint = median([*REGLINT, "check", "--isolated", "--no-cache", *files], runs, cwd=folder)
    row(f"check {len(files)} files", reglint)
    commands = {
        "fixit": ["fixit", "lint"],
        "torchfix": ["torchfix", "--select=ALL"],
        "ruff": ["ruff", "check", "--isolated", "--no-cache", "--select=NPY,PD,SIM,UP"],
    }
    for name, command in commands.items():
        if find_spec(name) is None:
            continue
        program = str(Path(sys.executable).parent / command[0])
        row(f"{name}", median([program, *command[1:], *files], runs, cwd=folder), "reglint",
            reglint)  # fmt: skip


def one_file(folder: Path, runs: int) -> None:
    """Fix 500 findings in one file."""
    path = folder / "many.py"
    path.write_text(corpus.findings(500), encoding="utf-8")
    check = median([*REGLINT, "check", "--isolated", "--no-cache", str(path)], runs)
    row("check a file with 500 findings", check)
    fix = median([*REGLINT, "fix", "--isolated", "--diff", str(path)], runs)
    row("fix a file with 500 findings", fix, "its check", check)
    if find_spec("fixit"):
        program = str(Path(sys.executable).parent / "fixit")
        row("fixit lint the same file", median([program, "lint", str(path)], 1), "our fix", fix)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print(HEADER)
    start_up(options.runs * 2)
    with tempfile.TemporaryDirectory() as name:
        code_base(Path(name), options.files, options.runs)
        one_file(Path(name), options.runs)


if __name__ == "__main__":
    main()
