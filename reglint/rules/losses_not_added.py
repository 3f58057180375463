"""RGL402."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.gradients import gradients
from reglint.losses import leaves_out
from reglint.model import Finding
from reglint.penalized import penalty_of
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.names import Module


class LossesNotAdded(Rule):
    code = "RGL402"
    name = "losses-not-added"
    triggers = (b"keras", rb"GradientTape|value_and_grad|jax|backward|train_step|compute_loss")

    def check_module(self, module: Module) -> Iterator[Finding]:
        for gradient in gradients(module):
            for model in gradient.models:
                penalty = penalty_of(model.term, module)
                if penalty and leaves_out(gradient.loss, model.term, module):
                    yield Finding(gradient.node, f"`{model.text}.losses` {penalty.name} in {penalty.where}")
