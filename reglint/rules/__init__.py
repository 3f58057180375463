"""Every rule, by code. A new rule is a module here, a line below and a folder of fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.rules.changed_l1_l2_default import ChangedL1L2Default
from reglint.rules.constant_activity_penalty import ConstantActivityPenalty
from reglint.rules.decay_is_not_weight_decay import DecayIsNotWeightDecay
from reglint.rules.legacy_add_weight import LegacyAddWeight
from reglint.rules.legacy_regularizer_argument import LegacyRegularizerArgument
from reglint.rules.legacy_strength_keyword import LegacyStrengthKeyword
from reglint.rules.multiplied_activity_regularizer import MultipliedActivityRegularizer
from reglint.rules.registration_not_called import RegistrationNotCalled
from reglint.rules.regularizer_factor import RegularizerFactor
from reglint.rules.removed_regularizer import RemovedRegularizer
from reglint.rules.rnn_cell_activity_regularizer import RnnCellActivityRegularizer
from reglint.rules.tf1_regularizer import Tf1Regularizer
from reglint.rules.unaccepted_regularizer_argument import UnacceptedRegularizerArgument
from reglint.rules.uninterpretable_regularizer import UninterpretableRegularizer
from reglint.rules.unused_suppression import UnusedSuppression

if TYPE_CHECKING:
    from reglint.rules.rule import Rule

RULES: tuple[type[Rule], ...] = (
    UnusedSuppression,
    LegacyRegularizerArgument,
    RemovedRegularizer,
    LegacyStrengthKeyword,
    ChangedL1L2Default,
    UninterpretableRegularizer,
    Tf1Regularizer,
    UnacceptedRegularizerArgument,
    RegularizerFactor,
    DecayIsNotWeightDecay,
    LegacyAddWeight,
    ConstantActivityPenalty,
    RnnCellActivityRegularizer,
    MultipliedActivityRegularizer,
    RegistrationNotCalled,
)
