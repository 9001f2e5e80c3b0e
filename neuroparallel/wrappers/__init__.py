"""Wrappers: what is added to or changed about an environment, in SuperSuit's form or as a class.

``previous_reward_v0(env)`` and ``PreviousReward(env)`` are the same. Each works on the batch engine, on
gymnasium's single and vector environments, and on any PettingZoo parallel environment. A scenario
names them in its ``wrappers:`` list, in the order in which they are applied.

Those that change how trials are drawn, timed or laid out, such as ``trial_history_v0``, work on a scenario as well:
they give the changed scenario, or an environment over it. `neuroparallel.modifiers` has the classes behind them.
"""

from neuroparallel.modifiers.adaptive_noise import AdaptiveNoise
from neuroparallel.modifiers.balanced_design import BalancedDesign
from neuroparallel.modifiers.block_schedule import BlockSchedule
from neuroparallel.modifiers.catch_trials import CatchTrials
from neuroparallel.modifiers.condition_sequence import ConditionSequence
from neuroparallel.modifiers.curriculum import Curriculum
from neuroparallel.modifiers.fixation_gate import FixationGate
from neuroparallel.modifiers.miss_penalty import MissPenalty
from neuroparallel.modifiers.reaction_time import ReactionTime
from neuroparallel.modifiers.side_bias import SideBias
from neuroparallel.modifiers.staircase import Staircase
from neuroparallel.modifiers.task_schedule import TaskSchedule
from neuroparallel.modifiers.time_out import TimeOut
from neuroparallel.modifiers.transfer import Transfer
from neuroparallel.modifiers.trial_history import TrialHistory
from neuroparallel.modifiers.urgency import Urgency
from neuroparallel.modifiers.variable_choices import VariableChoices
from neuroparallel.modifiers.variable_mapping import VariableMapping
from neuroparallel.wrappers._entries import apply_wrappers, check_wrappers, list_wrappers
from neuroparallel.wrappers._sequences import sequence_wrapper
from neuroparallel.wrappers.agent_indicator import AgentIndicator, agent_indicator_v0
from neuroparallel.wrappers.clock import Clock, clock_v0
from neuroparallel.wrappers.delay_observation import DelayObservation, delay_observation_v0
from neuroparallel.wrappers.flat_action import FlatAction, flat_action_v0
from neuroparallel.wrappers.frame_stack import FrameStack, frame_stack_v0
from neuroparallel.wrappers.joint_action import JointAction, joint_action_v0
from neuroparallel.wrappers.noise import Noise, noise_v0
from neuroparallel.wrappers.pad_action import PadAction, pad_action_v0
from neuroparallel.wrappers.pad_observation import PadObservation, pad_observation_v0
from neuroparallel.wrappers.partner_view import PartnerView, partner_view_v0
from neuroparallel.wrappers.previous_action import PreviousAction, previous_action_v0
from neuroparallel.wrappers.previous_outcome import PreviousOutcome, previous_outcome_v0
from neuroparallel.wrappers.previous_reward import PreviousReward, previous_reward_v0
from neuroparallel.wrappers.scale_reward import ScaleReward, scale_reward_v0
from neuroparallel.wrappers.serial_access import SerialAccess, serial_access_v0
from neuroparallel.wrappers.share_attention import ShareAttention, share_attention_v0
from neuroparallel.wrappers.sticky_action import StickyAction, sticky_action_v0
from neuroparallel.wrappers.sync_pulse import SyncPulse, sync_pulse_v0

adaptive_noise_v0 = sequence_wrapper("adaptive_noise")
balanced_design_v0 = sequence_wrapper("balanced_design")
block_schedule_v0 = sequence_wrapper("block_schedule")
catch_trials_v0 = sequence_wrapper("catch_trials")
condition_sequence_v0 = sequence_wrapper("condition_sequence")
curriculum_v0 = sequence_wrapper("curriculum")
fixation_gate_v0 = sequence_wrapper("fixation_gate")
miss_penalty_v0 = sequence_wrapper("miss_penalty")
reaction_time_v0 = sequence_wrapper("reaction_time")
side_bias_v0 = sequence_wrapper("side_bias")
staircase_v0 = sequence_wrapper("staircase")
task_schedule_v0 = sequence_wrapper("task_schedule")
time_out_v0 = sequence_wrapper("time_out")
transfer_v0 = sequence_wrapper("transfer")
trial_history_v0 = sequence_wrapper("trial_history")
urgency_v0 = sequence_wrapper("urgency")
variable_choices_v0 = sequence_wrapper("variable_choices")
variable_mapping_v0 = sequence_wrapper("variable_mapping")

__all__ = [
    "AdaptiveNoise",
    "AgentIndicator",
    "BalancedDesign",
    "BlockSchedule",
    "CatchTrials",
    "Clock",
    "ConditionSequence",
    "Curriculum",
    "DelayObservation",
    "FixationGate",
    "FlatAction",
    "FrameStack",
    "JointAction",
    "MissPenalty",
    "Noise",
    "PadAction",
    "PadObservation",
    "PartnerView",
    "PreviousAction",
    "PreviousOutcome",
    "PreviousReward",
    "ReactionTime",
    "ScaleReward",
    "SerialAccess",
    "ShareAttention",
    "SideBias",
    "Staircase",
    "StickyAction",
    "SyncPulse",
    "TaskSchedule",
    "TimeOut",
    "Transfer",
    "TrialHistory",
    "Urgency",
    "VariableChoices",
    "VariableMapping",
    "adaptive_noise_v0",
    "agent_indicator_v0",
    "apply_wrappers",
    "balanced_design_v0",
    "block_schedule_v0",
    "catch_trials_v0",
    "check_wrappers",
    "clock_v0",
    "condition_sequence_v0",
    "curriculum_v0",
    "delay_observation_v0",
    "fixation_gate_v0",
    "flat_action_v0",
    "frame_stack_v0",
    "joint_action_v0",
    "list_wrappers",
    "miss_penalty_v0",
    "noise_v0",
    "pad_action_v0",
    "pad_observation_v0",
    "partner_view_v0",
    "previous_action_v0",
    "previous_outcome_v0",
    "previous_reward_v0",
    "reaction_time_v0",
    "scale_reward_v0",
    "serial_access_v0",
    "share_attention_v0",
    "side_bias_v0",
    "staircase_v0",
    "sticky_action_v0",
    "sync_pulse_v0",
    "task_schedule_v0",
    "time_out_v0",
    "transfer_v0",
    "trial_history_v0",
    "urgency_v0",
    "variable_choices_v0",
    "variable_mapping_v0",
]
