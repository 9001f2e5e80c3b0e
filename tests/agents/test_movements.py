"""Reference agents in tasks in which one has to move."""

import numpy as np
import pytest

from neuroparallel.agents import make_agent, simulate
from neuroparallel.errors import ArgumentError
from tests.engine.toys import Clicks, Reach, alone, together

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
    with pytest.raises(ArgumentError, match=r"subject_0|step by step"):
        simulate(alone(Reach()), name, 4)


def test_random_movements_fill_the_range():
    from tests.engine.comparing import engine

    batch, agent = engine(alone(Reach()), 5000), make_agent("random")
    observations, infos = batch.reset(0)
    agent.reset(batch)
    moves = agent.act(observations, infos, batch)["subject_0"]
    assert moves.shape == (5000, 1)
    np.testing.assert_allclose(np.quantile(moves, [0, 0.25, 0.5, 0.75, 1]), [-1, -0.5, 0, 0.5, 1], atol=0.03)
