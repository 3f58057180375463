"""The keys of `[tool.reglint.inspect]`: what `reglint inspect` takes unless its options say else.

As with all settings, a configuration is trusted as code of the user's is: `imports` names modules
that run.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reglint.inspector.request import BACKENDS, MIB, Limits
from reglint.model import Severity
from reglint.options import Reader, option
from reglint.selectors import closest, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reglint.tomlfile import Key

NEVER = "never"  # of `fail-on`

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_LEAST_MEMORY = 256 * MIB  # what it takes to read a small model, and some more
_DEVICE = re.compile(r"gpu:\d+")
_LARGEST_SEED = (1 << 32) - 1  # that numpy takes


def _one_of(*names: str) -> Callable[[Reader, Key, object], str | None]:
    def read(reader: Reader, key: Key, value: object) -> str | None:
        text = reader.expect(str, "a string", key, value)
        if text is not None and text not in names:
            _note_choice(reader, key, text, names)
            return None
        return text

    return read


def _note_choice(reader: Reader, key: Key, text: str, names: Iterable[str]) -> None:
    *most, last = (f"`{name}`" for name in names)
    hint = did_you_mean(closest(text, names))
    choices = f"{', '.join(most)} or {last}"
    reader.note(f"expected {choices} for {reader.label(key)}, found `{text}`{hint}", key)


def _device(reader: Reader, key: Key, value: object) -> str | None:
    if isinstance(value, str) and _DEVICE.fullmatch(value):
        return value
    return _one_of("auto", "cpu", "gpu", "gpu:1")(reader, key, value)  # and so on


def _integer(least: int, most: float) -> Callable[[Reader, Key, object], int | None]:
    def read(reader: Reader, key: Key, value: object) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int):
            reader.unexpected("an integer", key, value)
            return None
        if not least <= value <= most:
            upto = "" if math.isinf(most) else f" to {most:.0f}"
            message = f"expected an integer from {least}{upto} for {reader.label(key)}"
            reader.note(f"{message}, found {value}", key)
            return None
        return value

    return read


def _number(reader: Reader, key: Key, value: object) -> float | None:
    """Read a number that a penalty can be compared with."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        reader.unexpected("a number", key, value)
        return None
    if math.isnan(value) or value < 0:
        reader.note(f"expected a number from 0 for {reader.label(key)}, found {value}", key)
        return None
    return float(value)


def _memory(reader: Reader, key: Key, value: object) -> int | None:
    """Read a number of bytes: an integer, or a string like `8GiB`."""
    text = str(value) if type(value) is int else reader.expect(str, "a size", key, value)
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    if not found:
        example = "a size like `8GiB` or `500MiB`"
        reader.note(f"expected {example} for {reader.label(key)}, found `{text}`", key)
        return None
    size = int(float(found[1]) * _UNITS[found[2].lower()])
    if size < _LEAST_MEMORY:
        least = f"a size of at least `{_LEAST_MEMORY // MIB}MiB`"
        reader.note(f"expected {least} for {reader.label(key)}, found `{text}`", key)
        return None
    return size


def _text(reader: Reader, key: Key, value: object) -> str | None:
    return reader.expect(str, "a string", key, value)


def _modules(reader: Reader, key: Key, value: object) -> tuple[str, ...]:
    found = reader.expect(list, "a list of strings", key, value) or []
    for index, name in enumerate(found):
        if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
            message = f"expected modules like `package.layers` in {reader.label(key)}"
            reader.note(f"{message}, found `{name}`", (*key, index))
    return tuple(map(str, found))


def _paths(reader: Reader, key: Key, value: object) -> tuple[str, ...]:
    found = reader.expect(list, "a list of strings", key, value) or []
    for index, path in enumerate(found):
        if not isinstance(path, str) or not path:
            reader.note(f"expected paths in {reader.label(key)}, found `{path}`", (*key, index))
    return tuple(map(str, found))


@dataclass(frozen=True, slots=True)
class InspectOptions:
    """All keys, with dashes for underscores: how each is read, what it does, its default.

    None is what is not given.
    """

    backend: str | None = option(
        _one_of("auto", *BACKENDS), "what Keras runs on; by default what is installed", None
    )
    device: str | None = option(_device, "where the model runs: `cpu`, `gpu`, `gpu:1`", None)
    batch_size: int | None = option(
        _integer(1, 1 << 20), "samples of the probe; by default 4", None
    )
    seed: int | None = option(
        _integer(0, _LARGEST_SEED), "of the probe's random numbers; by default 0", None
    )
    data: str | None = option(
        _text,
        "data instead of a probe: `file.npz` or a folder, from that of the configuration, or"
        " `package.module:function`",
        None,
    )
    source: tuple[str, ...] | None = option(
        _paths,
        "files and folders with the source of the model, from the folder of the configuration:"
        " what is reported is traced to the calls that make the layers",
        None,
    )
    imports: tuple[str, ...] | None = option(
        _modules, "modules with classes of yours, which are imported", None
    )
    max_memory: int | None = option(_memory, "memory that a model may use; by default `8GiB`", None)
    max_seconds: int | None = option(
        _integer(1, math.inf), "seconds that a model may take; by default 300", None
    )
    max_total: float | None = option(_number, "fail if all penalties are more than this", None)
    max_share: float | None = option(
        _number, "fail if penalties are more than this share of the loss, which needs data", None
    )
    fail_on: str | None = option(
        _one_of(*(each.value for each in Severity), NEVER),
        "the least severity of a finding that fails, or `never`; by default `error`",
        None,
    )

    @property
    def limit(self) -> Severity | None:
        """Return the least severity of a finding that fails; None: none does."""
        if self.fail_on == NEVER:
            return None
        return Severity.ERROR if self.fail_on is None else Severity(self.fail_on)

    @property
    def limits(self) -> Limits:
        """Return what the process that runs a model may use."""
        memory, seconds = self.max_memory, self.max_seconds
        usual = Limits()
        return Limits(memory or usual.memory, seconds or usual.seconds, usual.written)

    @property
    def request(self) -> dict[str, Any]:
        """Return what a `Request` takes of these, by field."""
        names = ("backend", "device", "batch_size", "seed", "data", "imports")
        found = {name: getattr(self, name) for name in names}
        return {name: value for name, value in found.items() if value is not None} | {
            "limits": self.limits
        }
