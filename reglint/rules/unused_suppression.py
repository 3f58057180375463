"""RGL001."""

from __future__ import annotations

from reglint.model import Severity
from reglint.rules.rule import Rule


class UnusedSuppression(Rule):
    """A suppression comment suppresses nothing.

    The finding it was written for is gone, its rule does not exist, or the comment is misspelt and
    never did anything. Left behind, it will hide the next finding that turns up there.

    Only codes of rules that are switched on are judged. Other tools' codes in a `# noqa` are left
    alone, and so is a `# noqa` without codes.

    ## Example

    ```python
    Dense(8, kernel_regularizer="l2")  # reglint: ignore[RGL101] until the migration
    ```

    Use instead:

    ```python
    Dense(8, kernel_regularizer="l2")
    ```

    ## Fix safety

    Safe: only the comment, or the code in it, is removed.
    """

    code = "RGL001"
    name = "unused-suppression"
    severity = Severity.WARNING
    triggers = (rb"#[^\n]*(?i:reglint|noqa[^\n]*rgl)",)
