"""Wrappers: they stand between the subjects and the environment, in SuperSuit's form or as a class.

``previous_reward_v0(env)`` and ``PreviousReward(env)`` are the same. Each works on a batch, on gymnasium's single and
vector environments, and on any PettingZoo parallel environment. A scenario lists them under ``wrappers:``, in the order
in which they are applied.

Every wrapper is one file of this folder. Modifiers, such as ``trial_history_v0``, are offered here in the same form,
because they work on an environment as well: they make it anew over the changed scenario. `neuroparallel.modifiers` has
their classes.
"""

from __future__ import annotations

from neuroparallel.wrappers._functions import WrapperFunction
from neuroparallel.wrappers._registry import class_of, function_of, list_wrappers
from neuroparallel.wrappers._scenario_list import apply_wrappers, check_wrappers

_CLASSES = {class_of(name).__name__: name for name in list_wrappers()}

__all__ = ["apply_wrappers", "check_wrappers", "list_wrappers"]
__all__ += sorted([*_CLASSES, *(f"{name}_v0" for name in list_wrappers())])


def __getattr__(name: str) -> WrapperFunction:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = class_of(_CLASSES[name]) if name in _CLASSES else function_of(name.removesuffix("_v0"))
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
