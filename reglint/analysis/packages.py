"""How code that already uses a package of operations can write another operation of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reglint.analysis.canonical import symbol
from reglint.analysis.syntax import code, cst

if TYPE_CHECKING:
    from reglint.analysis.terms import Term

# By canonical name, with what they call differently from `keras.ops`.
_PACKAGES: dict[str, dict[str, str]] = {
    "keras.ops": {},
    "keras.backend": {"convert_to_tensor": "constant"},
    "tensorflow": {"sum": "reduce_sum", "mean": "reduce_mean"},
    "jax.numpy": {"convert_to_tensor": "asarray"},
}


class Package(NamedTuple):
    """A package, and how the code writes it."""

    name: str  # "keras.ops"
    prefix: str  # "ops", "keras.ops", "tf" ...

    def function(self, name: str) -> str:
        """Return how the code can write what is called `name` in `keras.ops`."""
        return f"{self.prefix}.{_PACKAGES[self.name].get(name, name)}"


def package(term: Term) -> Package | None:
    """Return the package that an operation is called from, if the code names it.

    `tf.linalg.norm(x)` is called from `tf`.
    """
    found = symbol(term.name)
    path = found.name if found else term.name
    home = next((name for name in _PACKAGES if path.startswith(f"{name}.")), None)
    if home is None or not isinstance(term.node, cst.Call):
        return None
    owner: cst.BaseExpression = term.node.func
    for _ in range(path.count(".") - home.count(".")):
        if not isinstance(owner, cst.Attribute):
            return None
        owner = owner.value
    return Package(home, code(owner))


def package_within(term: Term) -> Package | None:
    """Return the first package that a value is made with."""
    return next(filter(None, map(package, term.walk())), None)
