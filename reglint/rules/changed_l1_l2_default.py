"""RGL104."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.model import Finding, Fix, Safety, Severity
from reglint.rules.rule import Rule
from reglint.rules.values import append_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call

_DEFAULTS = {2: "0.01", 3: "0.0"}  # of both factors, by major release of Keras
_REASON = "which numbers are meant depends on the Keras this was written for"


class ChangedL1L2Default(Rule):
    """A factor that `l1_l2` is not given means 0.01 in Keras 2 and nothing in Keras 3.

    `l1_l2(l1=0.001)` adds an L2 penalty of 0.01 on Keras 2, and none on Keras 3, where `l1_l2` is
    another name of the class `L1L2`. Nothing is said about it: the model trains, with another
    penalty. For the weights `[[1, -2], [3, 4]]`, `l1_l2(0.1)` is 1.3 on Keras 2 and 1.0 on Keras 3,
    and `l1_l2()` is 0.4 and 0.0.

    The form with one argument was the documented example in the days of Keras 2.1.

    ## Example

    ```python
    keras.regularizers.l1_l2(l1=0.001)
    ```

    Use instead, for the numbers of Keras 2:

    ```python
    keras.regularizers.l1_l2(l1=0.001, l2=0.01)
    ```

    or, for those of Keras 3, `keras.regularizers.l1_l2(l1=0.001, l2=0.0)`.

    ## Fix safety

    Unsafe, because nobody can tell from the code which numbers are meant. The first offer keeps
    those of Keras 2, the second those of Keras 3. Once `keras-version` says which Keras the project
    runs on, the fix that keeps its numbers is safe. Who imports `tf_keras` has chosen Keras 2, and
    is not asked.

    ## References

    Run on Keras 2.3.1, tf.keras 2.15, Keras 3.0.5 and 3.15.1.
    """

    code = "RGL104"
    name = "changed-l1-l2-default"
    severity = Severity.WARNING
    since = (2, 0)
    triggers = (b"keras", b"egulariz", rb"l1_l2")
    calls = ("keras.regularizers.l1_l2",)

    def check_call(self, call: Call) -> Iterator[Finding]:
        given = {"l1", "l2"} & {a.name for a in call.arguments}
        given |= set(("l1", "l2")[: len(call.positional)])
        missing = sorted({"l1", "l2"} - given)
        if not missing or not call.complete or call.target is not call.node.func:
            return  # what `partial` leaves out, the caller may add
        if call.root == "tf_keras":
            return  # who imports it has chosen to stay with Keras 2
        names = " and ".join(f"`{name}`" for name in missing)
        verb = "is" if len(missing) == 1 else "are"
        majors = {version[0] for version in call.versions if version >= self.since}
        offers = sorted(
            (self._offer(call, missing, major, majors) for major in _DEFAULTS),
            key=lambda fix: fix.safety is not Safety.SAFE,
        )
        yield Finding(
            call.node,
            f"{names} of `{call.short}` {verb} left out: 0.01 in Keras 2, 0.0 in Keras 3",
            tuple(offers),
        )

    @staticmethod
    def _offer(call: Call, missing: list[str], major: int, majors: set[int]) -> Fix:
        text = ", ".join(f"{name}={_DEFAULTS[major]}" for name in missing)
        safe = majors == {major}
        title = f"Write `{text}` to keep the numbers of Keras {major}"
        return Fix(
            title,
            (append_arguments(call.node, text),),
            Safety.SAFE if safe else Safety.UNSAFE,
            "" if safe else _REASON,
        )
