"""Metrics of a runner: RLlib's counters of steps, and the performance of the task."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from ray.rllib.utils.metrics import (
    NUM_AGENT_STEPS_SAMPLED,
    NUM_AGENT_STEPS_SAMPLED_LIFETIME,
    NUM_ENV_STEPS_SAMPLED,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_EPISODES,
    NUM_EPISODES_LIFETIME,
    NUM_MODULE_STEPS_SAMPLED,
    NUM_MODULE_STEPS_SAMPLED_LIFETIME,
)

from neuroparallel.outcomes import Outcome
from neuroparallel.rllib.rollout import Rollout

__all__ = ["SCORED", "SessionReturns", "SessionSummary", "fraction_correct", "log_steps", "log_tally", "trials_ended"]

Array: TypeAlias = NDArray[Any]
SCORED = [Outcome.CORRECT, Outcome.ERROR, Outcome.ABORT, Outcome.MISS]
"""Outcomes that count as right or wrong; a cancelled or unscored trial does not."""
JUDGED = [Outcome.CORRECT, Outcome.ERROR]


def fraction_correct(counts: Array) -> float:
    """Share of scored trials that were right, rightly withheld responses included.

    Args:
        counts: int64, (7,). Trials by outcome code.

    Returns:
        0 to 1; nan if no trial was scored, or if trials end without right and wrong, as in a game, unless aborted.
    """
    scored = int(counts[SCORED].sum())
    if counts[Outcome.UNSCORED] and not counts[JUDGED].any():
        return float("nan")
    return float(counts[Outcome.CORRECT] / scored) if scored else float("nan")


def trials_ended(tally: Mapping[str, Array]) -> int:
    """Trials that ended: those of the stream that had most, since streams of a group share theirs."""
    return max((int(counts.sum()) for counts in tally.values()), default=0)


def log_tally(logger: Any, tally: Mapping[str, Array], reward: float) -> None:
    """Log how trials went.

    Args:
        logger: RLlib's MetricsLogger.
        tally: Stream to counts by outcome code.
        reward: Summed reward of the same time.
    """
    trials = trials_ended(tally)
    logger.log_value("trials", trials, reduce="sum")
    logger.log_value("trials_lifetime", trials, reduce="lifetime_sum")
    if not trials:
        return
    logger.log_value("reward_per_trial", reward / trials, window=1)
    counts = np.stack(list(tally.values()))
    logger.log_value("abort", float(counts[:, Outcome.ABORT].sum() / counts.sum()), window=1)
    right = {name: fraction_correct(row) for name, row in tally.items()}
    right = {name: value for name, value in right.items() if value == value}
    for name, value in right.items():
        logger.log_value(f"correct/{name}", value, window=1)
    if right:
        logger.log_value("correct", float(np.mean(list(right.values()))), window=1)


def log_steps(logger: Any, rollout: Rollout, agents: Mapping[str, list[str]]) -> None:
    """Log RLlib's counters, and the largest reward of a step, once per stretch.

    Args:
        logger: RLlib's MetricsLogger.
        rollout: What was sampled.
        agents: Policy name to the agents that it acts for.
    """
    _count(logger, NUM_ENV_STEPS_SAMPLED, None, len(rollout), with_throughput=True)
    if rollout.modules:
        best = max(float(part.rewards.max()) for part in rollout.modules.values())
        logger.log_value("reward_max", best, reduce="max")
    for name, members in agents.items():
        if name not in rollout.modules:
            continue
        steps = int(rollout.modules[name].lengths.sum())
        _count(logger, NUM_MODULE_STEPS_SAMPLED, name, steps)
        for agent in members:
            _count(logger, NUM_AGENT_STEPS_SAMPLED, agent, steps // len(members))


_LIFETIME = {
    NUM_ENV_STEPS_SAMPLED: NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_MODULE_STEPS_SAMPLED: NUM_MODULE_STEPS_SAMPLED_LIFETIME,
    NUM_AGENT_STEPS_SAMPLED: NUM_AGENT_STEPS_SAMPLED_LIFETIME,
    NUM_EPISODES: NUM_EPISODES_LIFETIME,
}


def _count(logger: Any, key: str, part: str | None, value: int, **options: Any) -> None:
    """Log a number both since the last report and since the beginning."""
    total = _LIFETIME[key]
    logger.log_value(key if part is None else (key, part), value, reduce="sum")
    logger.log_value(total if part is None else (total, part), value, reduce="lifetime_sum", **options)


@dataclass(frozen=True)
class SessionSummary:
    """One finished session of one lane, or a stretch of all of them.

    Attributes:
        steps: Its length.
        returns: Summed reward by agent.
    """

    steps: int
    returns: dict[str, float]

    def metrics(self, modules: Mapping[str, str]) -> tuple[Any, ...]:
        """Return the arguments of RLlib's `_log_episode_metrics`; modules names each agent's policy."""
        by_module: dict[str, float] = {}
        for agent, value in self.returns.items():
            by_module[modules[agent]] = by_module.get(modules[agent], 0.0) + value
        lengths = dict.fromkeys(self.returns, self.steps)
        return self.steps, sum(self.returns.values()), 0.0, dict(self.returns), by_module, lengths


class SessionReturns:
    """Add up the rewards of running sessions.

    Args:
        agents: Names.
        lanes: Copies.
    """

    def __init__(self, agents: list[str], lanes: int) -> None:
        self.agents = agents
        self.sessions = 0
        self._sums = np.zeros((len(agents), lanes))
        self._steps = np.zeros(lanes, np.int64)
        self._done: deque[SessionSummary] = deque(maxlen=1000)

    def add(self, rewards: Mapping[str, Array], alive: Array) -> None:
        """Add a step's rewards, (lanes,) by agent, of agents alive, bool (agents, lanes)."""
        for i, agent in enumerate(self.agents):
            self._sums[i] += rewards[agent] * alive[i]
        self._steps += 1

    def close(self, lanes: Array) -> None:
        """End the session of some lanes, bool (lanes,)."""
        for lane in np.flatnonzero(lanes):
            sums = {agent: float(self._sums[i, lane]) for i, agent in enumerate(self.agents)}
            self._done.append(SessionSummary(int(self._steps[lane]), sums))
        self.sessions += int(lanes.sum())
        self._sums[:, lanes] = 0.0
        self._steps[lanes] = 0

    @property
    def running(self) -> bool:
        """Whether a step was taken since the last end."""
        return bool(self._steps.any())

    def pop(self) -> list[SessionSummary]:
        """Return and forget the sessions that ended since the last call (the last 1000 at most)."""
        done = list(self._done)
        self._done.clear()
        return done

    def state(self) -> tuple[Array, Array]:
        """Return a copy of what the running sessions have so far."""
        return self._sums.copy(), self._steps.copy()

    def set_state(self, saved: tuple[Array, Array]) -> None:
        """Go back to a state from `state`."""
        self._sums[:], self._steps[:] = saved

    def stretch(self, forget: bool) -> SessionSummary:
        """Return the mean over lanes of what runs: one summary, as there may be thousands of lanes.

        Args:
            forget: Whether the next stretch begins at 0, as where sessions have no end.
        """
        sums = {agent: float(self._sums[i].mean()) for i, agent in enumerate(self.agents)}
        summary = SessionSummary(round(float(self._steps.mean())), sums)
        if forget:
            self._sums[:] = 0.0
            self._steps[:] = 0
        return summary
