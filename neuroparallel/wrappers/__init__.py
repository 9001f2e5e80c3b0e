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
from neuroparallel.wrappers.previous_action import PreviousAction, previous_action_v0
from neuroparallel.wrappers.previous_reward import PreviousReward, previous_reward_v0

side_bias_v0 = sequence_wrapper("side_bias")
trial_history_v0 = sequence_wrapper("trial_history")

__all__ = [
    "PreviousAction",
    "PreviousReward",
    "SideBias",
    "TrialHistory",
    "apply_wrappers",
    "check_wrappers",
    "list_wrappers",
    "previous_action_v0",
    "previous_reward_v0",
    "side_bias_v0",
    "trial_history_v0",
]
