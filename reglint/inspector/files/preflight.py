"""What loading a model file would run, read or import, found out without doing it.

Keras builds a model out of what its configuration names: classes and functions, by module and name.
`safe_mode` holds back Lambda layers and a few others only. So this is a list of what is allowed
(`allowed.json`, measured), and whatever else a file names is a reason not to run it.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from reglint.inspector.facts import Danger, Reason, Refused, Verdict
from reglint.inspector.files import hdf5, references, sizes
from reglint.inspector.files.walk import join, objects, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.inspector.files.archive import ModelFile

MAX_REASONS = 100  # of a kind that one of is enough
MAX_NAMES = 1000
# Integers that count nothing: identities, seeds, and tokens of a vocabulary.
ANY_INTEGER = {"shared_object_id", "seed", "vocabulary", "salt", "mask_value", "oov_value"}
# Arguments that take a list, or the name of a file to read.
FILES = {
    "file", "file_path", "filename", "filepath", "fname", "idf_weights", "lookup_table",
    "origin", "path", "url", "vocabulary", "vocabulary_file", "weights", "weights_path",
}  # fmt: skip
SCHEMES = ("file://", "ftp://", "gs://", "hdfs://", "hf://", "http://", "https://", "s3://")


def preflight(file: ModelFile) -> Verdict:
    """Say what keeps a file from being run as data.

    The place of a reason is a path in the configuration, from `config.json` or, of a `.h5`, from
    `model_config` or `training_config`; what only compiling needs is below `compile_config` or
    `training_config`.
    """
    found: list[Reason] = []
    code: list[Any] = []
    for place, config in _documents(file):
        found += chain(references.reasons(config, place, code), _data(config, place))
    found += sizes.reasons(file)
    found += _weights(file)
    return Verdict(tuple(_distinct(found)), references.digest(code))


def _distinct(found: list[Reason]) -> Iterator[Reason]:
    """Yield each name and each sentence once, at its first place.

    A name that one part of compiling needs does not hide that another or the model needs it, too.
    """
    for danger in (Danger.REFUSED, Danger.CODE):
        said: dict[str, Reason] = {}
        for reason in found:
            if reason.danger is danger:
                said.setdefault(reason.message, reason)
        yield from list(said.values())[:MAX_REASONS]
    named: dict[tuple[str, str | None], Reason] = {}
    for reason in found:
        if reason.danger is Danger.CUSTOM:
            named.setdefault((reason.name, reason.compiled), reason)
    if len(named) > MAX_NAMES:
        yield _refused("", f"it names {len(named):,} foreign classes and functions")
        return
    yield from named.values()


def _documents(file: ModelFile) -> Iterator[tuple[str, Any]]:
    if file.config is not None:
        yield "", file.config
        if file.compile_config is not file.config.get("compile_config"):  # that of a `.h5`
            yield "training_config", file.compile_config


def _weights(file: ModelFile) -> Iterator[Reason]:
    if file.weights is None:
        return
    try:
        declared = hdf5.check(file.weights)
    except Refused as refused:
        yield Reason(Danger.REFUSED, "weights", str(refused))
        return
    if declared > max(sizes.FLOOR, sizes.MAX_RATIO * file.facts.size):
        yield Reason(
            Danger.REFUSED,
            "weights",
            f"it declares {declared:,} bytes of weights, in a file of {file.facts.size:,}",
        )


def _data(config: Any, place: str) -> Iterator[Reason]:
    """Find what is no reference, and would still read a file, or be too much."""
    code = set()  # the configurations of what is code anyway
    for where, found in objects(config, place):
        name = found.get("class_name")
        if isinstance(name, str) and name in references.CODE:
            code.add(id(found.get("config")))
        for key, value in found.items():
            if not isinstance(value, str):
                continue
            if key in FILES and value and id(found) not in code:
                yield _refused(join(where, key), f"it reads a file, {_short(value)}")
            elif value.lower().startswith(SCHEMES):
                yield _refused(join(where, key), f"it names an address, {_short(value)}")
    for where, key, value in values(config, place):
        if isinstance(value, int):
            bits = 64 if key in ANY_INTEGER else 31
            if abs(value) >> bits:
                yield _refused(where, f"an integer of over {bits} bits, {_short(value)}")


def _refused(place: str, message: str) -> Reason:
    return Reason(Danger.REFUSED, place, message)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 80 else f"{text[:76]}…"  # noqa: PLR2004
