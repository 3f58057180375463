"""Which files are found, and reading them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from reglint.files import AccessError, Found, discover, read


@pytest.fixture(autouse=True)
def here(empty):
    """Work in an empty folder."""
    return empty


def make(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")


def found(*paths: str, without: tuple[str, ...] = (), **options: bool) -> Found:
    """Look for files, except those whose path ends so."""
    return discover(paths, excluded=lambda path, _: str(path).endswith(without), **options)


def lines(result: Found) -> list[str]:
    return [str(error) for error in result.errors]


# Finding files.


def test_python_files_and_notebooks_are_found_sorted():
    make("b.py", "a.pyi", "c/d.ipynb", "c/a.py", "README.md", "x.pyc", "noxpy", "c/.hidden/e.py")
    assert found(".") == Found(("a.pyi", "b.py", "c/.hidden/e.py", "c/a.py", "c/d.ipynb"), ())


def test_nothing_is_found_in_an_empty_folder():
    assert found(".") == Found((), ())


def test_folders_of_other_peoples_files_are_left_out_unless_named():
    make("a.py", "venv/b.py", ".git/c.py", "d/build/e.py", "build.py", "d/node_modules/f/g.py")
    assert found(".").files == ("a.py", "build.py")
    assert found("venv", "d/build").files == ("d/build/e.py", "venv/b.py")
    assert found("venv", "d/build", "d", force_exclude=True).files == ()


def test_paths_are_shown_as_they_were_given(here):
    make("a.py", "b/c.py", "b/d/e.py")
    assert found("./a.py", "b//c.py", "./b/d").files == ("a.py", "b/c.py", "b/d/e.py")
    assert found(str(here)).files == tuple(
        str(here / name) for name in ("a.py", "b/c.py", "b/d/e.py")
    )
    os.chdir("b/d")
    assert found("..").files == ("../c.py", "../d/e.py")


def test_each_file_is_found_once(here):
    make("a.py", "b/c.py")
    assert found(".", "b", "b/c.py", "./a.py", str(here / "a.py")).files == ("a.py", "b/c.py")


def test_named_files_are_taken_whatever_they_are_called():
    make("script", ".git/hooks/pre-commit", "old.py")
    scripts = ("script", ".git/hooks/pre-commit", "old.py")
    assert found(*scripts, without=("old.py",)).files == tuple(sorted(scripts))
    assert found(*scripts, without=("old.py",), force_exclude=True).files == ("script",)


def test_what_is_not_there_is_told():
    make("a.py")
    result = found("a.py", "b.py", "", "a.py/", "c/d")
    assert result.files == ("a.py",)
    assert lines(result) == [
        ": no such file or directory",
        "a.py/: not a directory",
        "b.py: no such file or directory",
        "c/d: no such file or directory",
    ]


def test_what_is_no_regular_file_is_told_and_not_waited_for():
    os.mkfifo("a.py")
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("b.py")
        result = found(".", "pipe")
    assert result.files == ()
    assert lines(result) == [f"{name}: not a regular file" for name in ("a.py", "b.py", "pipe")]


def test_a_folder_can_be_called_like_a_file():
    make("a.py/b.py")
    assert found(".") == Found(("a.py/b.py",), ())


@pytest.mark.usefixtures("powerless")
def test_a_folder_that_may_not_be_listed_is_told():
    make("a.py", "b/c.py")
    Path("b").chmod(0)
    try:
        result = found(".", "b")
    finally:
        Path("b").chmod(0o700)
    assert result.files == ("a.py",)
    assert lines(result) == ["b: cannot be listed: permission denied"]


def test_links_in_a_circle_end():
    make("a/b.py", "a/c/d.py")
    Path("a/c/up").symlink_to("..")
    Path("a/c/self").symlink_to(".")
    Path("0").symlink_to("a")
    Path("loop.py").symlink_to("loop.py")
    assert found(".") == Found(("a/b.py", "a/c/d.py"), ())
    assert lines(found("loop.py")) == ["loop.py: too many levels of symbolic links"]


def test_a_file_behind_links_is_called_by_its_own_name_if_that_is_found():
    make("m.py", "far/away/x.py", "far/y.py")
    Path("a.py").symlink_to("m.py")
    Path("z.py").symlink_to("m.py")
    Path("top/in").mkdir(parents=True)
    Path("top/in/link").symlink_to("../../far")
    Path("top/one.py").symlink_to("../far/y.py")
    assert found(".").files == ("far/away/x.py", "far/y.py", "m.py")
    assert found("top").files == ("top/in/link/away/x.py", "top/one.py")
    assert found("a.py", "m.py", "z.py").files == ("m.py",)
    assert found("a.py").files == ("a.py",)


def test_broken_links_are_passed_over_unless_named():
    Path("a.py").symlink_to("nowhere.py")
    assert found(".") == Found((), ())
    assert lines(found("a.py")) == ["a.py: no such file or directory"]


def test_links_to_where_nothing_is_looked_for_are_not_followed():
    make("venv/lib/a.py", "ignored/b.py")
    Path(".gitignore").write_text("ignored/\n", encoding="utf-8")
    Path(".git").mkdir()
    Path("lib").symlink_to("venv/lib")
    Path("other").symlink_to("ignored")
    assert found(".").files == ()


def test_excluded_is_asked_with_absolute_paths_before_a_folder_is_entered(here):
    make("a.py", "b/c.py", "b/d.txt", "e/f.py")
    asked = set()

    def excluded(path: Path, is_folder: bool) -> bool:  # noqa: FBT001
        asked.add((path, is_folder))
        return path.name == "b"

    assert discover(["."], excluded=excluded).files == ("a.py", "e/f.py")
    assert asked == {
        (here / "a.py", False),
        (here / "b", True),
        (here / "e", True),
        (here / "e" / "f.py", False),
    }


def test_what_is_named_is_excluded_with_the_folders_around_it_if_forced(here):
    make("a/b/c.py", "a/d.py")
    assert found("a/b/c.py", "a/b", without=("/b",)).files == ("a/b/c.py",)
    result = found("a/b/c.py", "a/b", "a/d.py", without=("/b",), force_exclude=True)
    assert result.files == ("a/d.py",)
    outside = here.name
    os.chdir("a/b")
    assert found("../d.py", without=(outside, "/a"), force_exclude=True).files == ("../d.py",)


# What git ignores.

REPOSITORIES = {
    "names, folders and paths": (
        {".gitignore": "*_gen.py\nout/\n/top.py\ndocs/*.py\n# c.py\n\\#d.py\ne.py  \n"},
        "a.py a_gen.py s/b_gen.py s/out/c.py out.py top.py s/top.py docs/a.py s/docs/b.py",
        "docs/s/a.py c.py #d.py e.py",
    ),
    "negation": (
        {".gitignore": "*.py\n!keep.py\n!s/\nt/*\n!t/a.py\nu/\n!u/a.py\n"},
        "a.py keep.py s/keep.py s/a.py t/a.py t/b.py u/a.py",
    ),
    "nested": (
        {
            ".gitignore": "*.py\n",
            "s/.gitignore": "!*.py\nx.py\n/t/y.py\n",
            "s/t/.gitignore": "z.py",
        },
        "a.py s/b.py s/x.py s/t/x.py s/t/y.py s/t/z.py s/y.py s/z.py",
    ),
    "info/exclude": (
        {".git/info/exclude": "a.py\nb.py\n", ".gitignore": "!b.py\n"},
        "a.py b.py c.py s/a.py",
    ),
    "odd lines": (
        {".gitignore": "\ufeffa.py\r\n!\n\\\n[z-a]\n\n   \n[\nb[0-9].py\r\n**/c.py\nd/**\n"},
        "a.py b1.py bx.py s/c.py c.py d/e/f.py g.py",
    ),
    "only some": (
        {".gitignore": "/*\n!/src\n!.gitignore\n"},
        "a.py src/b.py src/s/c.py other/d.py",
    ),
    "case and spaces": ({".gitignore": "A.py\na b.py\nc\\ \n"}, "a.py A.py", "é/b.py"),
}


@pytest.fixture(params=REPOSITORIES.values(), ids=list(REPOSITORIES))
def repository(request):
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    subprocess.run([git, "init", "--quiet"], check=True)
    ignore_files, *listed = request.param
    make(*(name for words in listed for name in words.split()))
    for name, text in ignore_files.items():
        Path(name).write_text(text, encoding="utf-8", newline="")
    command = [
        git,
        "-c",
        "core.excludesFile=",
        "ls-files",
        "-z",
        "-co",
        "--exclude-standard",
        "*.py",
    ]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(sorted(filter(None, output.split("\0"))))


def test_the_same_is_ignored_as_by_git(repository):
    assert found(".").files == repository
    everything = found(".", gitignore=False).files
    assert set(everything) > set(repository)
    assert found(*everything).files == everything
    assert found(*everything, force_exclude=True).files == repository


def test_ignore_files_count_up_to_the_top_of_the_repository():
    make("r/s/t/a.py", "r/s/t/b.py", "r/s/t/c.py")
    Path(".gitignore").write_text("a.py\nr/\n", encoding="utf-8")
    Path("r/.gitignore").write_text("b.py\n", encoding="utf-8")
    assert found("r/s").files == ("r/s/t/a.py", "r/s/t/b.py", "r/s/t/c.py")
    assert found("r").files == ("r/s/t/a.py", "r/s/t/c.py")
    Path("r/.git").mkdir()
    os.chdir("r/s")
    assert found("t").files == ("t/a.py", "t/c.py")


def test_a_repository_within_another_has_its_own_rules():
    make("a.py", "inner/a.py", "inner/b.py")
    Path(".git").mkdir()
    Path(".gitignore").write_text("a.py\n", encoding="utf-8")
    Path("inner/.git").write_text("gitdir: elsewhere\n", encoding="utf-8")
    Path("inner/.gitignore").write_text("b.py\n", encoding="utf-8")
    assert found(".").files == ("inner/a.py",)


def test_an_ignored_folder_can_be_named():
    make("s/out/a.py", "s/out/b/c.py", "s/out/b/d.py")
    Path(".git").mkdir()
    Path(".gitignore").write_text("out/\n", encoding="utf-8")
    Path("s/out/.gitignore").write_text("d.py\n", encoding="utf-8")
    assert found("s/out").files == ("s/out/a.py", "s/out/b/c.py")
    assert found("s/out", "s/out/b/c.py", force_exclude=True).files == ()


def test_an_ignore_file_that_may_not_be_read_is_told(powerless):
    make("a.py", ".gitignore")
    Path(".gitignore").chmod(0)
    result = found(".")
    assert result.files == ("a.py",)
    assert lines(result) == [f"{powerless / '.gitignore'}: cannot be read: permission denied"]


# Reading.


def test_reading():
    Path("a.py").write_bytes(b"\r\n\0")
    assert read("a.py") == b"\r\n\0"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing", "no such file or directory"),
        ("folder", "not a regular file"),
        ("pipe", "not a regular file"),
        ("secret", "permission denied"),
    ],
)
@pytest.mark.usefixtures("powerless")
def test_what_cannot_be_read(name, reason):
    Path("folder").mkdir()
    os.mkfifo("pipe")
    make("secret")
    Path("secret").chmod(0)
    with pytest.raises(AccessError) as caught:
        read(name)
    assert str(caught.value.error) == f"{name}: cannot be read: {reason}"
    assert str(caught.value) == str(caught.value.error)
