"""Wrappers: what is added to or changed about an environment, in SuperSuit's form or as a class.

``previous_reward_v0(env)`` and ``PreviousReward(env)`` are the same. Each works on the batch engine, on
gymnasium's single and vector environments, and on any PettingZoo parallel environment. A scenario
names them in its ``wrappers:`` list, in the order in which they are applied.

Those that change how trials are drawn, timed or laid out, such as ``trial_history_v0``, work on a scenario as well:
they give the changed scenario, or an environment over it. `neuroparallel.modifiers` has the classes behind them.
"""

from neuroparallel.modifiers.side_bias import SideBias
from neuroparallel.modifiers.trial_history import TrialHistory
from neuroparallel.wrappers._entries import apply_wrappers, check_wrappers, list_wrappers
from neuroparallel.wrappers._sequences import sequence_wrapper
from neuroparallel.wrappers.agent_indicator import AgentIndicator, agent_indicator_v0
from neuroparallel.wrappers.clock import Clock, clock_v0
from neuroparallel.wrappers.delay_observation import DelayObservation, delay_observation_v0
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

side_bias_v0 = sequence_wrapper("side_bias")
trial_history_v0 = sequence_wrapper("trial_history")

__all__ = [
    "AgentIndicator",
    "Clock",
    "DelayObservation",
    "FrameStack",
    "JointAction",
    "Noise",
    "PadAction",
    "PadObservation",
    "PartnerView",
    "PreviousAction",
    "PreviousOutcome",
    "PreviousReward",
    "ScaleReward",
    "SerialAccess",
    "ShareAttention",
    "SideBias",
    "StickyAction",
    "SyncPulse",
    "TrialHistory",
    "agent_indicator_v0",
    "apply_wrappers",
    "check_wrappers",
    "clock_v0",
    "delay_observation_v0",
    "frame_stack_v0",
    "joint_action_v0",
    "list_wrappers",
    "noise_v0",
    "pad_action_v0",
    "pad_observation_v0",
    "partner_view_v0",
    "previous_action_v0",
    "previous_outcome_v0",
    "previous_reward_v0",
    "scale_reward_v0",
    "serial_access_v0",
    "share_attention_v0",
    "side_bias_v0",
    "sticky_action_v0",
    "sync_pulse_v0",
    "trial_history_v0",
]
