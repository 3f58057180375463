"""RGL103."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.syntax import code
from reglint.model import Finding, Fix, Replace
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call


class LegacyStrengthKeyword(Rule):
    """`l1` and `l2` do not take the keyword `l` any more.

    Keras 1 and 2 called the strength of `l1` and `l2` simply `l`. Keras 3 raises `TypeError` as
    soon as the regularizer is built.

    The other way round, `l2(l2=0.01)` fails on Keras 1.2 and on Keras 2.3. What works everywhere
    is the strength as a positional argument, and so it is what the fix writes.

    ## Example

    ```python
    keras.regularizers.l2(l=1e-4)
    ```

    Use instead:

    ```python
    keras.regularizers.l2(1e-4)
    ```

    ## Fix safety

    Safe: the penalty is the same number on every release that took the old spelling. Where `l` is
    a key of a dictionary, it is renamed, which tf.keras and Keras 3 understand.

    ## References

    Run on Keras 1.2.2, 2.3.1, tf.keras 2.15, Keras 3.0.5 and 3.15.1.
    """

    code = "RGL103"
    name = "legacy-strength-keyword"
    since = (3, 0)
    triggers = (b"keras", b"egulariz", rb"\bl\s*=|['\"]l['\"]")
    calls = (
        "keras.regularizers.l1",
        "keras.regularizers.l2",
        "keras.regularizers.L1",
        "keras.regularizers.L2",
    )

    def check_call(self, call: Call) -> Iterator[Finding]:
        old = call.keyword("l")
        strength = call.short.lower()
        if old is None or call.keyword(strength) or call.positional:
            return  # given twice: which was meant is not ours to guess
        if old.node in call.node.args and len(call.arguments) == 1:
            fix = Fix("Pass the strength by position", (Replace(old.node, code(old.value)),))
        else:
            fix = Fix(f"Rename `l` to `{strength}`", (old.renamed(strength),))
        yield Finding(old.key, f"`{call.short}` has no keyword `l` in Keras 3", (fix,))
