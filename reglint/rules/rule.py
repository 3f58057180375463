"""What a rule is: its facts, its documentation, and one method per event it listens to."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, ClassVar

from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call
    from reglint.analysis.imports import ImportedName
    from reglint.analysis.names import Module
    from reglint.model import Finding, Version

# Of the triggers: a class with bases; in a notebook a quote, or the end of `\n`, is before it.
CLASS = rb"class\s+\w+\s*\("


class Rule:
    """One check. Its docstring is its documentation; see CONTRIBUTING for the headings."""

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True
    # The releases of Keras the rule is true of, both ends included.
    since: ClassVar[Version] = (1, 0)
    until: ClassVar[Version] = (99, 0)
    # Patterns all of which occur in the bytes of every file the rule can find something in. Plain
    # words are sought ten times faster than expressions, so they come first.
    triggers: ClassVar[tuple[bytes, ...]] = (b"keras", b"egulariz")
    # Canonical names, and "keras.layers.*" for every layer.
    calls: ClassVar[tuple[str, ...]] = ()
    imports: ClassVar[tuple[str, ...]] = ()
    # If set, calls of layers are of interest only with an argument whose name ends like this.
    argument: ClassVar[str] = ""

    def check_call(self, call: Call) -> Iterator[Finding]:
        """Look at one call of something in `calls`."""
        raise NotImplementedError

    def check_import(self, imported: ImportedName) -> Iterator[Finding]:
        """Look at one name in `imports` that the module imports with `from`."""
        raise NotImplementedError

    def check_module(self, module: Module) -> Iterator[Finding]:
        """Look at the module as a whole."""
        del module
        yield from ()

    @classmethod
    def doc(cls) -> str:
        """Return the documentation as markdown."""
        return inspect.cleandoc(cls.__doc__ or "")

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the documentation."""
        return cls.doc().partition("\n")[0]
