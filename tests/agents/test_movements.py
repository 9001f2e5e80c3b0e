"""Reference agents in tasks in which one has to move."""

from dataclasses import dataclass

import numpy as np
import pytest

from neuroparallel.agents import make_agent, simulate
from neuroparallel.errors import ArgumentError, TaskError
from neuroparallel.reporting import watch
from tests.engine.toys import Clicks, Reach, alone, together


@dataclass(frozen=True, kw_only=True)
class Steered(Reach):
    """A reach that says how to get there: at full speed, and more, as the range sets the limit."""

    def steer(self, moment):
        return np.where(moment.during("reach"), np.where(moment.conditions["side"] == 1, -2.0, 2.0), 0.0)[:, None]


BOTH = together(Clicks, Reach)


@pytest.mark.parametrize("what", [alone(Reach()), BOTH], ids=["box", "dict"])
def test_who_holds_does_not_move_and_misses(what):
    trials = simulate(what, "hold", 40)
    reaches = trials.where(task="reach")
    assert set(reaches["outcome"]) == {"miss"}


def test_who_moves_at_random_arrives_on_both_sides():
    trials = simulate(alone(Reach()), "random", 400)
    assert set(trials["outcome"]) >= {"correct", "error"}
    right = trials["outcome"] == "correct"
    wrong = trials["outcome"] == "error"
    assert abs(int(right.sum()) - int(wrong.sum())) < 4 * (right.sum() + wrong.sum()) ** 0.5
    assert len(simulate(BOTH, "random", 40)) > 0


@pytest.mark.parametrize("name", ["oracle", "blind", "wsls", "ideal_observer"])
def test_agents_that_choose_say_that_they_cannot_move(name):
    with pytest.raises(ArgumentError, match=r"subject_0|decides in each step"):
        simulate(alone(Reach()), name, 4)


@pytest.mark.parametrize("what", [alone(Steered()), together(Clicks, Steered)], ids=["box", "dict"])
def test_the_oracle_asks_the_task_how_to_move(what):
    trials = simulate(what, "oracle", 40)
    assert set(trials["outcome"]) == {"correct"}
    reaches = trials.where(task="steered")
    np.testing.assert_allclose(reaches["response_time_s"], 0.1)  # at full speed


@pytest.mark.parametrize("what", [alone(Steered()), together(Clicks, Steered)], ids=["box", "dict"])
def test_who_watches_sees_a_movement_as_the_event_that_it_came_to(what):
    traces, trials = watch(what, "oracle", steps=60, seed=2)
    trace, reaches = traces["subject_0"], trials.where(task="steered")
    arrived = np.rint((reaches["onset_s"] + 0.2 + reaches["response_time_s"]) * 10).astype(int) - 1
    assert len(arrived) > 2
    np.testing.assert_array_equal(trace.actions[arrived, -1], reaches["choice"])
    assert (trace.actions[arrived - 1, -1] == 0).all()


@pytest.mark.parametrize(
    "wrong", [lambda n: np.zeros(n), lambda n: np.full((n, 1), np.nan), lambda n: np.ones((n, 1), int)]
)
def test_a_steer_hook_that_gives_no_movements_is_refused(monkeypatch, wrong):
    monkeypatch.setattr(Steered, "steer", lambda _self, moment: wrong(len(moment)))
    with pytest.raises(TaskError, match=r"steer, stream .*: it returned .* floats of shape"):
        simulate(alone(Steered()), "oracle", 4)


def test_what_a_steer_hook_does_to_the_memory_changes_nothing(monkeypatch):
    def meddling(_self, moment):
        moment.memory["position"][:] = 7.0
        return np.zeros((len(moment), 1))

    monkeypatch.setattr(Steered, "steer", meddling)
    assert set(simulate(alone(Steered()), "oracle", 4)["outcome"]) == {"miss"}


def test_random_movements_fill_the_range():
    from tests.engine.comparing import engine

    batch, agent = engine(alone(Reach()), 5000), make_agent("random")
    observations, infos = batch.reset(0)
    agent.reset(batch)
    moves = agent.act(observations, infos, batch)["subject_0"]
    assert moves.shape == (5000, 1)
    np.testing.assert_allclose(np.quantile(moves, [0, 0.25, 0.5, 0.75, 1]), [-1, -0.5, 0, 0.5, 1], atol=0.03)
