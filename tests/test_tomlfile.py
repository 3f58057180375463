"""Where the keys and values of a TOML document stand."""

from __future__ import annotations

import tomli
from hypothesis import given
from hypothesis import strategies as st

from reglint.tomlfile import places


class Writer:
    """Writes a TOML document in a way that is drawn, with keys that are never the same."""

    SCALARS = (
        *("1", "-3.5e2", "true", "1979-05-27 07:32:00", '"a # ]b\\"\\u0041"', "'c\\'", "''"),
        *('"""d\n# "" \\""""', "'''e\n[f]'''", '"""g""""', "'''g''''"),
    )
    KEYS = ("k{}", "{}", '"k{} = # "', "'k.{}'", '"\\u006b{}"')
    GAPS = ("", " ", "\n  ", " # ], '\n")

    def __init__(self, draw):
        self.draw = draw
        self.count = 0

    def one_of(self, choices):
        return self.draw(st.sampled_from(choices))

    def some(self):
        return range(self.draw(st.integers(0, 3)))

    def key(self):
        self.count += 1
        return self.one_of(self.KEYS).format(self.count)

    def dotted(self):
        return self.one_of([".", " . ", ". "]).join(
            [self.key(), *(self.key() for _ in self.some())]
        )

    def pair(self, depth):
        return self.dotted() + self.one_of(["=", " = ", "\t= "]) + self.value(depth)

    def value(self, depth):
        kind = self.one_of(["scalar", "list", "table"]) if depth else "scalar"
        if kind == "list":
            items = [self.one_of(self.GAPS) + self.value(depth - 1) for _ in self.some()]
            return f"[{','.join(items)}{self.one_of(self.GAPS)}]"
        if kind == "table":
            return f"{{ {', '.join(self.pair(depth - 1) for _ in self.some())}}}"
        return self.one_of(self.SCALARS)

    def section(self):
        header = self.one_of(["# [k] = 'x'", "[{}]", " [ {} ] # [x]"]).format(self.dotted())
        return "\n".join([header, *(f"{self.pair(2)} # k = '''" for _ in self.some())])


@st.composite
def documents(draw):
    writer = Writer(draw)
    return "\n".join(writer.section() for _ in writer.some())


def parts(value, path=()):
    """Yield the parts of a value that are not tables of headers or dotted keys, with their path."""
    if not isinstance(value, dict):
        yield path, value
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, part in value.items():
            yield from parts(part, (*path, key))


@given(documents())
def test_every_key_and_value_is_where_it_is_said_to_be(text):
    found = places(text)
    for path, value in parts(tomli.loads(text)):
        (key_start, key_end), (start, end) = found[path]
        assert tomli.loads(f"x = {text[start:end]}") == {"x": value}
        if isinstance(path[-1], str):
            assert tomli.loads(f"{text[key_start:key_end]} = 0") == {path[-1]: 0}
