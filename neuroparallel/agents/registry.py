"""Reference agents by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from neuroparallel.agents.accumulator import Accumulator
from neuroparallel.agents.baselines import BlindAgent, HoldAgent, OracleAgent, RandomAgent
from neuroparallel.agents.confidence import ConfidenceSharer
from neuroparallel.agents.games import BestResponse, MemoryOne
from neuroparallel.agents.ideal_observer import IdealObserver
from neuroparallel.agents.learners import QLearner, TwoStepLearner
from neuroparallel.agents.predictor import Predictor
from neuroparallel.agents.processing_stages import Bottleneck, CapacitySharing
from neuroparallel.agents.protocol import Agent
from neuroparallel.agents.stop_signal_race import RaceStopper
from neuroparallel.agents.win_stay_lose_shift import WinStayLoseShift
from neuroparallel.errors import ArgumentError, NeuroparallelError, UnknownNameError, nearest, whole_number

__all__ = ["list_agents", "make_agent"]

_AGENTS: dict[str, Callable[..., Agent]] = {
    "accumulator": Accumulator,
    "best_response": BestResponse,
    "blind": BlindAgent,
    "bottleneck": Bottleneck,
    "capacity_sharing": CapacitySharing,
    "confidence_sharer": ConfidenceSharer,
    "hold": HoldAgent,
    "hybrid": TwoStepLearner,
    "ideal_observer": IdealObserver,
    "memory_one": MemoryOne,
    "model_based": partial(TwoStepLearner, weight=1.0),
    "model_free": partial(TwoStepLearner, weight=0.0),
    "oracle": OracleAgent,
    "predictor": Predictor,
    "q_learner": QLearner,
    "race_stopper": RaceStopper,
    "random": RandomAgent,
    "wsls": WinStayLoseShift,
}


def list_agents() -> list[str]:
    """Return the names of the reference agents, in alphabetical order."""
    return sorted(_AGENTS)


def make_agent(what: str | Agent, **options: Any) -> Agent:
    """Make a reference agent.

    Args:
        what: Its name, see `list_agents`; an agent is returned as it is.
        **options: What the agent's class takes, such as ``maximise="reward"`` of the ideal observer.

    Raises:
        UnknownNameError: There is no such agent; names the nearest one.
        ArgumentError: It is neither a name nor an agent, or an option does not exist.
    """
    if isinstance(what, str):
        if what not in _AGENTS:
            raise UnknownNameError(f"there is no agent {what!r}.{nearest(what, _AGENTS)}")
        known = inspect.signature(_AGENTS[what]).parameters
        for option in options:
            if option not in known:
                raise ArgumentError(f"agent {what!r} has no option {option!r}.{nearest(option, known)}")
        if "seed" in options:
            whole_number(options["seed"], f"agent {what!r}: seed")
        try:
            return _AGENTS[what](**options)
        except NeuroparallelError:
            raise
        except (TypeError, ValueError, OverflowError) as error:
            usual = ", ".join(f"{name}: {option.default!r}" for name, option in known.items())
            raise ArgumentError(f"agent {what!r}: {options!r} does not fit; its own options are {usual}.") from error
    if isinstance(what, type) or not isinstance(what, Agent):
        raise ArgumentError(
            f"{what!r} is no agent; give a name ({', '.join(list_agents())}) or an object with reset and act."
        )
    if options:
        raise ArgumentError(f"options {', '.join(options)} go with a name; this agent is made already.")
    return what
