"""Agents that learn from reward."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroparallel.agents.distributions import pick_weighted, words_for
from neuroparallel.agents.task_model import allowed
from neuroparallel.agents.trial_agent import Floats, Integers, Seen, TrialAgent
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.engine.batch.subject import BatchSubject
from neuroparallel.errors import ArgumentError, probability

__all__ = ["Learner", "QLearner", "TwoStepLearner"]


class Learner(TrialAgent):
    """An agent that learns at the end of each trial from the sum of its rewards; every session begins afresh.

    Args:
        learning_rate: Share of the prediction error by which a value changes, in [0, 1].
        inverse_temperature: How much a difference in value tells in a choice (softmax), 0 or more.
        seed: For other choices with the same trials.

    Raises:
        ArgumentError: A number is not allowed.
    """

    def __init__(self, learning_rate: float = 0.5, inverse_temperature: float = 5.0, *, seed: int = 0) -> None:
        if not 0 <= learning_rate <= 1 or not inverse_temperature >= 0:
            raise ArgumentError(
                f"learning_rate is {learning_rate!r} and inverse_temperature {inverse_temperature!r}; the first lies "
                "between 0 and 1, the second is 0 or more."
            )
        super().__init__(seed)
        self.learning_rate, self.inverse_temperature = learning_rate, inverse_temperature

    def softmax(self, name: str, lanes: Integers, values: Floats, open_: NDArray[np.bool_]) -> Integers:
        """Choose in some lanes by values (choices, n), among those that are open; rows, int64, (n,)."""
        top = np.where(open_, values, -np.inf).max(axis=0)
        above = np.where(open_, values - np.where(np.isfinite(top), top, 0.0), 0.0)
        weights = np.where(open_, np.exp(self.inverse_temperature * above), 0.0)
        return pick_weighted(weights, words_for(self._keys[name][lanes], self._step))


class QLearner(Learner):
    """Agent that learns the value of each choice from its rewards; sees no stimuli.

    Each response window of a trial has values of its own, which begin at 0 (``initial``). After a trial, the value
    of what was chosen moves towards the sum of the trial's rewards.

    Args:
        learning_rate: Share of the prediction error by which a value changes, in [0, 1].
        inverse_temperature: How much a difference in value tells in a choice (softmax), 0 or more.
        initial: What a choice is taken to be worth that was never made.
        seed: For other choices with the same trials.

    Source:
        Watkins & Dayan 1992, Mach Learn 8:279; Sutton & Barto 2018, Reinforcement Learning, chapter 2.
    """

    label = "QLearner"

    def __init__(
        self, learning_rate: float = 0.3, inverse_temperature: float = 5.0, *, initial: float = 0.0, seed: int = 0
    ) -> None:
        super().__init__(learning_rate, inverse_temperature, seed=seed)
        self.initial = initial
        self._values: dict[str, Floats] = {}
        self._chosen: dict[str, Integers] = {}

    def prepare(self, name: str, stream: BatchStream, subject: BatchSubject) -> None:
        """Return the values of every action in every window, (windows, actions, lanes)."""
        windows = len(stream.tables.periods)
        self._values[name] = np.full((windows, stream.tables.actions, stream.lanes), self.initial, np.float64)
        self._chosen[name] = np.zeros((windows, stream.lanes), np.int64)

    def forget(self, name: str, lanes: Integers) -> None:
        """All is worth the same again."""
        self._values[name][:, :, lanes] = self.initial
        self._chosen[name][:, lanes] = 0

    def learn(self, name: str, lanes: Integers, earned: Floats, seen: Seen) -> None:
        """Move the values of what was chosen towards what it brought."""
        for window, chosen in enumerate(self._chosen[name]):
            made = chosen[lanes] > 0
            who, what = lanes[made], chosen[lanes[made]]
            values = self._values[name][window]
            values[what, who] += self.learning_rate * (earned[made] - values[what, who])
            chosen[lanes] = 0

    def decide(self, name: str, stream: BatchStream, lanes: Integers, seen: Seen) -> Integers:
        """Return an available choice, drawn with a softmax of the values."""
        rows = stream.row[lanes]
        window = stream.tables.period_of[rows]
        choice = self.softmax(name, lanes, self._values[name][window, :, lanes].T, allowed(stream.tables, rows))
        self._chosen[name][window, lanes] = choice
        return choice


class TwoStepLearner(Learner):
    """Agent that learns the two-step task model-based, model-free, or by a mixture of both.

    What the second choices are worth it learns from reward. What the first ones are worth, a model-based subject
    works out from that and from the probabilities of the transitions, which it knows; a model-free one learns it
    from reward as well, whatever the transition. After reward the model-free one stays; the model-based one
    stays after reward with a common transition and after no reward with a rare one.

    Args:
        weight: Of the model-based values in the first choice, in [0, 1]; the model-free ones have the rest.
        learning_rate: Share of the prediction error by which a value changes, in [0, 1].
        inverse_temperature: How much a difference in value tells in a choice (softmax), 0 or more.
        trace: How much of the second stage's prediction error reaches the first choice at once, in [0, 1].
        perseveration: What repeating the last first choice is worth by itself.
        seed: For other choices with the same trials.

    Raises:
        ArgumentError: A number is not allowed; or, on reset: the task is not ``two_step``.

    Source:
        Daw, Gershman, Seymour, Dayan & Dolan 2011, Neuron 69:1204.
    """

    label = "TwoStepLearner"

    def __init__(
        self,
        weight: float = 0.5,
        learning_rate: float = 0.5,
        inverse_temperature: float = 5.0,
        *,
        trace: float = 1.0,
        perseveration: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(learning_rate, inverse_temperature, seed=seed)
        self.weight, self.trace = probability(weight, "weight"), probability(trace, "trace")
        self.perseveration = perseveration
        self._memory: dict[str, _Map] = {}

    def prepare(self, name: str, stream: BatchStream, subject: BatchSubject) -> None:
        """Return the values of both choices before any was made."""
        if stream.spec.task.task_name() != "two_step":
            raise ArgumentError(
                f"this learner knows the map of two_step only; {name} is {stream.spec.task.task_name()}."
            )
        self._memory[name] = _Map(stream)

    def forget(self, name: str, lanes: Integers) -> None:
        """All is worth nothing again."""
        self._memory[name].forget(lanes)

    def learn(self, name: str, lanes: Integers, earned: Floats, seen: Seen) -> None:
        """SARSA(lambda) over the two stages; Daw et al. 2011, equations of the model-free values."""
        known = self._memory[name]
        both = (known.chosen[0, lanes] >= 0) & (known.chosen[1, lanes] >= 0)
        who = lanes[both]
        one, two, state = known.chosen[0, who], known.chosen[1, who], known.state[who]
        early = known.second[state, two, who] - known.first[one, who]
        late = earned[both] - known.second[state, two, who]
        known.first[one, who] += self.learning_rate * (early + self.trace * late)
        known.second[state, two, who] += self.learning_rate * late
        known.last[who] = one
        known.chosen[:, lanes] = -1

    def decide(self, name: str, stream: BatchStream, lanes: Integers, seen: Seen) -> Integers:
        """Return the first or the second choice, the more often the more it is worth."""
        known = self._memory[name]
        state = known.place[stream.tables.period_of[stream.row[lanes]]]
        first = state < 0
        values = np.where(first, self._first_values(known, lanes), known.second[np.maximum(state, 0), :, lanes].T)
        choice = self.softmax(name, lanes, values, np.ones(values.shape, bool))
        known.chosen[np.where(first, 0, 1), lanes] = choice
        known.state[lanes] = np.maximum(state, 0)
        return choice + 1

    def _first_values(self, known: _Map, lanes: Integers) -> Floats:
        """Return the values of the first choices, (2, n)."""
        best = known.second[:, :, lanes].max(axis=1)
        by_map = known.common * best + (1 - known.common) * best[::-1]
        again = np.arange(2)[:, None] == known.last[lanes]
        learnt: Floats = self.weight * by_map + (1 - self.weight) * known.first[:, lanes]
        learnt += self.perseveration * again
        return learnt


class _Map:
    """Model of the two-step task in every lane."""

    def __init__(self, stream: BatchStream) -> None:
        periods = stream.tables.periods
        self.place = np.full(len(periods) + 1, -1)  # period -> state, -1 at the first choice
        self.place[[periods.index("state_1"), periods.index("state_2")]] = 0, 1
        self.common = float(getattr(stream.spec.task, "common"))  # noqa: B009 a parameter of this one task
        self.first = np.zeros((2, stream.lanes))  # choices
        self.second = np.zeros((2, 2, stream.lanes))  # states, choices
        self.chosen = np.full((2, stream.lanes), -1, np.int64)
        self.state = np.zeros(stream.lanes, np.int64)
        self.last = np.full(stream.lanes, -1, np.int64)

    def forget(self, lanes: Integers) -> None:
        """Begin anew in some lanes."""
        self.first[:, lanes] = 0.0
        self.second[:, :, lanes] = 0.0
        self.chosen[:, lanes] = self.last[lanes] = -1
