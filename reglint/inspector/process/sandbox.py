"""Starts the process that reads or runs a model, and makes sure that it ends."""

from __future__ import annotations

import os
import queue
import site
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING

from reglint.inspector.codec import Malformed, decode, encode
from reglint.inspector.facts import Level
from reglint.inspector.process.messages import NO_MEMORY, Message, NotRead, Trouble
from reglint.inspector.request import sized

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from reglint.inspector.process.messages import Failure, Job
    from reglint.inspector.request import Limits

_MOST = 64 << 20  # bytes of messages
_TAIL = 8 << 10  # bytes kept of what a process prints
_LONGEST = 300  # characters of a line that a process says
_CHILD = "reglint.inspector.process.child"
_NEEDED = ("reglint", "keras", "h5py", "msgspec", "numpy")  # packages that it imports

# What it gets of the environment: where programs, libraries and devices are, and the language.
_KEPT = (
    *("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "SYSTEMROOT"),
    *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_HOME", "CUDA_PATH", "XLA_FLAGS"),
    *("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "HIP_VISIBLE_DEVICES"),
    *("ROCR_VISIBLE_DEVICES", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "OMP_NUM_THREADS"),
)
_SET = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONIOENCODING": "utf-8:backslashreplace",
    "HDF5_PLUGIN_PATH": os.devnull,  # a file may name filters, which are libraries
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # else the frameworks take all of a GPU
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "MPLBACKEND": "agg",
}
_CRASHES = {"SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV"}
_NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}


def perform(
    job: Job,
    progress: Callable[[str], None],
    backend: str | None = None,
    program: tuple[str, ...] = ("-m", _CHILD),
    advance: Callable[[str, float], None] | None = None,
) -> Message:
    """Do `job` in a limited process of its own; return the message that has its result.

    The process is this Python with `program`. `progress` is told of each stage, `advance` in its
    place where it is known what share of all is done. Raise NotRead if there is no result. Whatever
    happens here, KeyboardInterrupt too, neither the process nor its folder is left over.
    """
    options = {"prefix": "reglint-", "ignore_cleanup_errors": True}
    with tempfile.TemporaryDirectory(**options) as folder:  # type: ignore[call-overload]
        process = subprocess.Popen(  # noqa: S603 - this Python
            # `-P` keeps the current folder out of `sys.path`; before 3.11 that is an empty one.
            [sys.executable, *(["-P"] if sys.version_info >= (3, 11) else []), *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment(job, folder, backend),
            start_new_session=os.name == "posix",
        )
        talk = _Talk(process)
        try:
            return talk.result(job, progress, advance)
        finally:
            talk.end()


def environment(job: Job, folder: str, backend: str | None) -> dict[str, str]:
    """Return the environment of a process whose own folder is `folder`."""
    private = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), folder)
    found = {name: os.environ[name] for name in _KEPT if name in os.environ}
    found |= private | {"KERAS_HOME": str(Path(folder, "keras"))} | _SET
    if path := os.pathsep.join(_import_path(job)):
        found["PYTHONPATH"] = path
    if site.ENABLE_USER_SITE:
        found["PYTHONUSERBASE"] = site.getuserbase()
    if backend:
        found["KERAS_BACKEND"] = backend
    if job.level is Level.STATIC:  # it computes nothing that is worth a thread
        found |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if job.request.device == "cpu":
        found |= _NO_GPU
    return found


def _import_path(job: Job) -> list[str]:
    """Return where a process imports from beside this Python's own folders.

    That is where the packages that it needs come from; the user's PYTHONPATH only where modules of
    the user's are to be imported, and never the current folder because nothing is named.
    """
    own = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    own |= {*site.getsitepackages(), site.getusersitepackages()}
    specs = (find_spec(name) for name in _NEEDED)
    folders = [str(Path(spec.origin).parents[1]) for spec in specs if spec and spec.origin]
    paths = [folder for folder in folders if folder not in own]
    if job.level in {Level.IMPORT, Level.LAMBDA} or job.request.data:
        given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        paths += [os.path.abspath(path) for path in given if path]  # noqa: PTH100 - links stay
    return list(dict.fromkeys(paths))


class _Talk:
    """A process, and what it says; both of its pipes are read all the time, so it never waits."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._tail = b""
        self._flooded = False
        self._threads = [
            threading.Thread(target=read, args=(stream,), daemon=True)
            for read, stream in (
                (self._read_lines, process.stdout),
                (self._read_tail, process.stderr),
            )
        ]
        for thread in self._threads:
            thread.start()

    def result(
        self,
        job: Job,
        progress: Callable[[str], None],
        advance: Callable[[str, float], None] | None,
    ) -> Message:
        """Give it `job`, and wait for the result; raise NotRead if there is none."""
        assert self._process.stdin is not None
        deadline = time.monotonic() + job.limits.seconds
        with suppress(OSError):  # it ended at once; its last words say why
            self._process.stdin.write(encode(job).encode())
            self._process.stdin.close()
        stage = ""
        try:
            while line := self._lines.get(timeout=max(0.0, deadline - time.monotonic())):
                message = decode(line, Message)
                if message.failure:
                    raise _not_read(message.failure, job.limits)
                if message.static or message.runtime or message.regularized or message.tuned:
                    return message
                stage = _printable(message.stage or "")
                if advance and message.done is not None:
                    advance(stage, message.done)
                else:
                    progress(stage)
            if self._flooded:
                raise NotRead(Trouble.LIMIT, f"said more than {_MOST >> 20} MiB")
            status = self._process.wait(max(0.0, deadline - time.monotonic()))
        except (queue.Empty, subprocess.TimeoutExpired):
            raise NotRead(Trouble.LIMIT, _limit("time", job.limits, stage)) from None
        except Malformed as error:
            message_ = f"said what is no message: {_printable(str(error))}"
            raise NotRead(Trouble.INTERNAL, message_) from None
        self._threads[1].join(1)
        raise _ended(status, self._tail.decode(errors="replace"), job)

    def end(self) -> None:
        """End the process and all that it started."""
        with suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self._process.pid, Signals.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join(1)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]

    def _read_lines(self, stream: IO[bytes]) -> None:
        left = _MOST
        while line := stream.readline(left):
            left -= len(line)
            if left <= 0:
                self._flooded = True
                break
            self._lines.put(line)
        self._lines.put(None)

    def _read_tail(self, stream: IO[bytes]) -> None:
        while chunk := os.read(stream.fileno(), _TAIL):
            self._tail = (self._tail + chunk)[-_TAIL:]


def _not_read(failure: Failure, limits: Limits) -> NotRead:
    if failure.trouble is Trouble.LIMIT:
        return NotRead(Trouble.LIMIT, _limit(failure.message, limits))
    return NotRead(failure.trouble, _printable(failure.message))


def _ended(status: int, printed: str, job: Job) -> NotRead:
    """Return what it means that a process ended with `status` and without a result."""
    limits = job.limits
    lines = [line for line in printed.splitlines() if line.strip()]
    last = _printable(lines[-1]) if lines else "it said nothing"
    if status >= 0:
        if NO_MEMORY.search(last):
            return NotRead(Trouble.LIMIT, _limit("memory", limits))
        return NotRead(Trouble.INTERNAL, f"the process that reads it ended with {status}: {last}")
    name = _signal_name(-status)
    known = {"SIGXCPU": "time", "SIGXFSZ": "file sizes"}
    if name in known:
        return NotRead(Trouble.LIMIT, _limit(known[name], limits))
    if job.level is Level.STATIC and name in _CRASHES:  # libhdf5, which trusts what it reads
        return NotRead(Trouble.REFUSED, f"damaged: reading it ended by {name}")
    # Native code that gets no memory dies in many ways, and the kernel kills when there is none.
    size = f"{sized(limits.memory)}, --max-memory"
    return NotRead(Trouble.LIMIT, f"ended by {name}, perhaps for want of memory ({size}): {last}")


def _signal_name(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"


def _limit(what: str, limits: Limits, stage: str = "") -> str:
    """Return which limit was hit, and how it is raised."""
    match what:
        case "time":
            during = f" ({stage})" if stage else ""
            return f"took more than {limits.seconds} s{during}; allow more with --max-seconds"
        case "memory":
            size = sized(limits.memory)
            return f"wants more than {size} of memory; allow more with --max-memory"
    return f"wants to write a file of more than {sized(limits.written)}"


def _printable(text: str) -> str:
    """Return the first line of `text`, fit to be shown: it may be anybody's."""
    line = text.strip().partition("\n")[0]
    line = "".join(char if char.isprintable() else "\ufffd" for char in line)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
