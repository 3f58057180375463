"""How much memory a configuration asks for, as far as it says so itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from reglint.inspector.facts import Danger, Reason
from reglint.inspector.files.walk import join, objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reglint.inspector.files.archive import ModelFile

FLOOR = 1 << 30  # bytes: this much any file may ask for
MAX_RATIO = 100  # beyond that, this many times its own size
MAX_COUNT = 1 << 26  # of one size: units, padding, classes ...
ITEM = 4  # bytes of a float32

SIZES = {
    "cropping", "depth_multiplier", "dilation_rate", "filters", "groups", "head_dim", "height",
    "input_dim", "key_dim", "kernel_size", "max_tokens", "n", "num_bins", "num_heads",
    "num_key_value_heads", "num_query_heads", "num_tokens", "output_dim", "output_sequence_length",
    "output_size", "padding", "pool_size", "size", "strides", "target_shape", "units", "value_dim",
    "width",
}  # fmt: skip
SIDES = {"cropping", "padding"}  # lists of what is done at each side; of others, the product counts
SHAPES = {
    "batch_input_shape", "batch_shape", "batch_shapes", "input_shape", "output_shape", "shape",
}  # fmt: skip
MINUS_ONE = {"groups", "target_shape"}  # where it stands for whatever fits


def reasons(file: ModelFile) -> Iterator[Reason]:
    """Find sizes that are negative, or that a file of this size has no business with."""
    total = 0
    for place, found in objects(file.config):
        config = found.get("config")
        if "class_name" not in found or not isinstance(config, dict):
            continue
        yield from _counts(config, join(place, "config"))
        total += _parameters(config, found.get("build_config"))
    declared = total * ITEM
    if declared > max(FLOOR, MAX_RATIO * file.facts.size):
        yield Reason(
            Danger.REFUSED,
            "",
            f"its layers declare {declared:,} bytes of weights, in a file of {file.facts.size:,}",
        )


def _counts(config: Mapping[str, Any], place: str) -> Iterator[Reason]:
    for key in sorted(SIZES & config.keys()):
        value = config[key]
        if isinstance(value, str) or value is None:  # padding="same"
            continue
        numbers = list(_numbers(value))
        least = -1 if key in MINUS_ONE else 0
        if any(number < least for number in numbers):
            yield Reason(Danger.REFUSED, join(place, key), f"a negative size, {value}")
        elif (max if key in SIDES else math.prod)(
            [1, *filter(None, map(abs, numbers))]
        ) > MAX_COUNT:
            yield Reason(Danger.REFUSED, join(place, key), f"a size of {value}")
    for key in sorted(SHAPES & config.keys()):
        if _product(config[key]) > FLOOR // ITEM:
            yield Reason(Danger.REFUSED, join(place, key), f"a shape of {config[key]}")


def _parameters(config: Mapping[str, Any], build: Any) -> int:
    """Return about how many numbers the largest variable of a layer has."""
    shape = build.get("input_shape") if isinstance(build, dict) else None
    channels = next(reversed([*_numbers(shape)] or [1])) if isinstance(shape, list) else 1
    outputs = max(
        (
            _product(config.get(key))
            for key in ("units", "filters", "output_dim")
            if config.get(key) is not None
        ),
        default=0,
    )
    heads = _product(config.get("num_heads")) * _product(config.get("key_dim"))
    if "key_dim" in config:
        outputs = max(outputs, heads)
    rows = _product(config.get("input_dim")) if "input_dim" in config else channels
    return outputs * max(rows, 1) * _product(config.get("kernel_size"))


def _product(value: Any) -> int:
    return math.prod(max(abs(number), 1) for number in _numbers(value))


def _numbers(value: Any) -> Iterator[int]:
    match value:
        case bool():
            pass
        case int():
            yield value
        case float() if math.isfinite(value):
            yield int(value)
        case list():
            for item in value:
                yield from _numbers(item)
