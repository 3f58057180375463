"""Every rule, by code. A new rule is a module here, a line below and a folder of fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.rules.activity_regularizer_not_saved import ActivityRegularizerNotSaved
from reglint.rules.activity_scaling_changed import ActivityScalingChanged
from reglint.rules.add_loss_outside_call import AddLossOutsideCall
from reglint.rules.annealed_regularizer import AnnealedRegularizer
from reglint.rules.automatic_config_fails import AutomaticConfigFails
from reglint.rules.backend_specific_operation import BackendSpecificOperation
from reglint.rules.batch_scaled_penalty import BatchScaledPenalty
from reglint.rules.changed_l1_l2_default import ChangedL1L2Default
from reglint.rules.constant_activity_penalty import ConstantActivityPenalty
from reglint.rules.decay_is_not_weight_decay import DecayIsNotWeightDecay
from reglint.rules.dropped_activity_regularizer import DroppedActivityRegularizer
from reglint.rules.duplicate_registration import DuplicateRegistration
from reglint.rules.frozen_regularizer import FrozenRegularizer
from reglint.rules.get_config_without_super import GetConfigWithoutSuper
from reglint.rules.incomplete_get_config import IncompleteGetConfig
from reglint.rules.init_without_kwargs import InitWithoutKwargs
from reglint.rules.l2_before_normalization import L2BeforeNormalization
from reglint.rules.late_binding_penalty import LateBindingPenalty
from reglint.rules.legacy_add_loss import LegacyAddLoss
from reglint.rules.legacy_add_weight import LegacyAddWeight
from reglint.rules.legacy_regularizer_argument import LegacyRegularizerArgument
from reglint.rules.legacy_strength_keyword import LegacyStrengthKeyword
from reglint.rules.loss_captures_layer_output import LossCapturesLayerOutput
from reglint.rules.losses_added_twice import LossesAddedTwice
from reglint.rules.losses_not_added import LossesNotAdded
from reglint.rules.losses_outside_gradient import LossesOutsideGradient
from reglint.rules.mixed_precision_penalty import MixedPrecisionPenalty
from reglint.rules.model_config_reset import ModelConfigReset
from reglint.rules.multiplied_activity_regularizer import MultipliedActivityRegularizer
from reglint.rules.nan_gradient import NanGradient
from reglint.rules.non_scalar_penalty import NonScalarPenalty
from reglint.rules.normalized_activity_penalty import NormalizedActivityPenalty
from reglint.rules.orthogonal_rank import OrthogonalRank
from reglint.rules.raw_object_in_config import RawObjectInConfig
from reglint.rules.registration_not_called import RegistrationNotCalled
from reglint.rules.regularizer_argument_mixup import RegularizerArgumentMixup
from reglint.rules.regularizer_factor import RegularizerFactor
from reglint.rules.regularizer_get_config import RegularizerGetConfig
from reglint.rules.regularizer_set_after_build import RegularizerSetAfterBuild
from reglint.rules.removed_backend_function import RemovedBackendFunction
from reglint.rules.removed_regularizer import RemovedRegularizer
from reglint.rules.rnn_cell_activity_regularizer import RnnCellActivityRegularizer
from reglint.rules.tf1_regularizer import Tf1Regularizer
from reglint.rules.unaccepted_regularizer_argument import UnacceptedRegularizerArgument
from reglint.rules.uninterpretable_regularizer import UninterpretableRegularizer
from reglint.rules.unregistered_class import UnregisteredClass
from reglint.rules.unserializable_regularizer import UnserializableRegularizer
from reglint.rules.untracked_layer import UntrackedLayer
from reglint.rules.unused_activity_regularization import UnusedActivityRegularization
from reglint.rules.unused_regularizer_parameter import UnusedRegularizerParameter
from reglint.rules.unused_suppression import UnusedSuppression
from reglint.rules.weight_decay_plus_l2 import WeightDecayPlusL2
from reglint.rules.weight_penalty_in_call import WeightPenaltyInCall

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
    LegacyAddLoss,
    RemovedBackendFunction,
    ConstantActivityPenalty,
    NormalizedActivityPenalty,
    BatchScaledPenalty,
    DroppedActivityRegularizer,
    RnnCellActivityRegularizer,
    MultipliedActivityRegularizer,
    UnusedActivityRegularization,
    ActivityScalingChanged,
    ActivityRegularizerNotSaved,
    RegularizerArgumentMixup,
    LossCapturesLayerOutput,
    UnregisteredClass,
    RegularizerGetConfig,
    IncompleteGetConfig,
    AutomaticConfigFails,
    GetConfigWithoutSuper,
    InitWithoutKwargs,
    ModelConfigReset,
    RegistrationNotCalled,
    UnserializableRegularizer,
    RawObjectInConfig,
    DuplicateRegistration,
    RegularizerSetAfterBuild,
    LossesNotAdded,
    LossesOutsideGradient,
    LossesAddedTwice,
    AddLossOutsideCall,
    LateBindingPenalty,
    UnusedRegularizerParameter,
    FrozenRegularizer,
    UntrackedLayer,
    AnnealedRegularizer,
    OrthogonalRank,
    NanGradient,
    BackendSpecificOperation,
    MixedPrecisionPenalty,
    WeightPenaltyInCall,
    NonScalarPenalty,
    WeightDecayPlusL2,
    L2BeforeNormalization,
)
