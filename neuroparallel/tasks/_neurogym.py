"""NeuroGym's ids of tasks, as names of the tasks that stand for them here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neuroparallel.errors import UnknownNameError, nearest

__all__ = ["COUNTERPARTS", "Counterpart", "find_counterpart"]


@dataclass(frozen=True)
class Counterpart:
    """The task that stands for one of NeuroGym's.

    Attributes:
        task: Its name.
        preset: The named set of parameters with NeuroGym's numbers.
        changes: Further parameters.
    """

    task: str
    preset: str = "neurogym"
    changes: Mapping[str, Any] = field(default_factory=dict)

    def note(self, name: str) -> str:
        """Say in a sentence what stands for an id."""
        also = f" and {', '.join(self.changes)} of its own" if self.changes else ""
        return f"NeuroGym's {name} is the task {self.task} with the preset {self.preset}{also}."


# Source: NeuroGym 2.3.1, and its contributed tasks as far as they ever ran.
COUNTERPARTS: Mapping[str, Counterpart] = {
    "Bandit-v0": Counterpart("bandit"),
    "ContextDecisionMaking-v0": Counterpart("context_decision"),
    "DawTwoStep-v0": Counterpart("two_step"),
    "DelayComparison-v0": Counterpart("delayed_comparison"),
    "DelayMatchSample-v0": Counterpart("delayed_match_to_sample"),
    "DelayPairedAssociation-v0": Counterpart("delayed_paired_association"),
    "DualDelayMatchSample-v0": Counterpart("dual_match_to_sample"),
    "EconomicDecisionMaking-v0": Counterpart("economic_choice"),
    "GoNogo-v0": Counterpart("go_nogo"),
    "MatchingPenny-v0": Counterpart("matching_pennies"),
    "NAltPerceptualDecisionMaking-v0": Counterpart("ring_random_dots"),
    "PerceptualDecisionMaking-v0": Counterpart("random_dots"),
    "PerceptualDecisionMakingDelayResponse-v0": Counterpart(
        "random_dots",
        changes={
            "timing": {
                "fixation": 0,
                "stimulus": 1100,  # 1150 ms in the source, which NeuroGym cuts to whole steps of 100 ms
                "delay": ("choice", (300, 500, 700, 900, 1200, 2000, 3200, 4000)),
                "decision": 1500,
            }
        },
    ),
    "PostDecisionWager-v0": Counterpart("post_decision_wager"),
    "ReadySetGo-v0": Counterpart("ready_set_go"),
}

_DOTS = "random_dots"
# What comes nearest to those that have no counterpart; None: nothing does.
_OTHERS: Mapping[str, str | None] = {
    "AnnubesEnv-v0": "go_nogo",
    "AntiReach-v0": "ring_random_dots",
    "DelayMatchCategory-v0": "delayed_match_to_sample",
    "DelayMatchSampleDistractor1D-v0": "delayed_match_to_sample",
    "Detection-v0": "go_nogo",
    "HierarchicalReasoning-v0": "task_switching",
    "IntervalDiscrimination-v0": "delayed_comparison",
    "MotorTiming-v0": "ready_set_go",
    "MultiSensoryIntegration-v0": "context_decision",
    "Null-v0": None,
    "OneTwoThreeGo-v0": "ready_set_go",
    "ProbabilisticReasoning-v0": _DOTS,
    "PulseDecisionMaking-v0": _DOTS,
    "Reaching1D-v0": "pursuit",
    "Reaching1DWithSelfDistraction-v0": "pursuit",
    "ReachingDelayResponse-v0": "pursuit",
    "SpatialSuppressMotion-v0": _DOTS,
    "ToneDetection-v0": "go_nogo",
    "perceptualdecisionmaking.roitman02-v0": f"{_DOTS} with the modifier reaction_time",
    "perceptualdecisionmaking.ibl20-v0": f"{_DOTS} with the modifiers side_bias and block_schedule",
    **{
        f"yang19.{name}-v0": nearest_task
        for nearest_task, names in {
            "go_nogo": "go anti rtgo rtanti dlygo dlyanti",
            _DOTS: "dm1 dm2 multidm",
            "context_decision": "ctxdm1 ctxdm2",
            "delayed_comparison": "dlydm1 dlydm2 ctxdlydm1 ctxdlydm2 multidlydm",
            "delayed_match_to_sample": "dms dnms dmc dnmc",
        }.items()
        for name in names.split()
    },
}


def find_counterpart(name: Any) -> Counterpart | None:
    """Find the task that stands for one of NeuroGym's.

    Args:
        name: An id such as ``"GoNogo-v0"``.

    Returns:
        The counterpart; None if it is not an id of this kind.

    Raises:
        UnknownNameError: There is no counterpart; names what comes nearest.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[\w.]+-v\d+", name):
        return None
    if name in COUNTERPARTS:
        return COUNTERPARTS[name]
    if name in _OTHERS:
        close = f"the nearest is {_OTHERS[name]}" if _OTHERS[name] else "list_tasks() gives the tasks that there are"
        raise UnknownNameError(f"NeuroGym's task {name!r} has no counterpart here; {close}.")
    raise UnknownNameError(f"there is no task {name!r}.{nearest(name, COUNTERPARTS)}")
