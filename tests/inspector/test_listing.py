"""Many names in one line."""

import pytest

from reglint.inspector.listing import few


@pytest.mark.parametrize(
    ("names", "between", "expected"),
    [
        ([], ", ", ""),
        (["a", "b"], ", ", "a, b"),
        (["a", "b", "c"], ", ", "a, b and 1 more"),
        (["a", "b", *["c"] * 1000], ", ", "a, b and 1,000 more"),
        (["a", "b"], "; ", "a; b"),
        (["a", "b", "c"], "; ", "a; b; and 1 more"),
    ],
)
def test_the_first_are_named_and_the_others_counted(names, between, expected):
    assert few(names, 2, between) == expected
