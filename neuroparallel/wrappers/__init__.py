"""Wrappers: what is added to or changed about an environment, in SuperSuit's form or as a class.

``previous_reward_v0(env)`` and ``PreviousReward(env)`` are the same. Each works on the batch engine, on
gymnasium's single and vector environments, and on any PettingZoo parallel environment. A scenario
names them in its ``wrappers:`` list, in the order in which they are applied.
"""

from neuroparallel.wrappers._entries import apply_wrappers, check_wrappers, list_wrappers
from neuroparallel.wrappers.previous_action import PreviousAction, previous_action_v0
from neuroparallel.wrappers.previous_reward import PreviousReward, previous_reward_v0

__all__ = [
    "PreviousAction",
    "PreviousReward",
    "apply_wrappers",
    "check_wrappers",
    "list_wrappers",
    "previous_action_v0",
    "previous_reward_v0",
]
