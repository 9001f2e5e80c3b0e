"""First come, first served: by hand, and as an ideal free distribution of foragers who follow their gains."""

import numpy as np
import pytest

from neuroparallel.errors import NeuroparallelError
from neuroparallel.rules import Resolution, make_rule
from neuroparallel.scenario import Scenario
from tests.engine.comparing import engine

N = 6
NAMES = [f"forager_{i}" for i in range(N)]
CHOICE = 1  # period


def served(choice, time, stock, n=400):
    """Who gets an item, (players, n), and what is left of the two stocks."""
    choice, time = (np.tile(np.array(values)[:, None], n) for values in (choice, time))
    end = Resolution(
        conditions={}, memory={f"stock_{k + 1}": np.full(n, s) for k, s in enumerate(stock)},
        trial=np.zeros(n, np.int64), _keys=np.arange(n, dtype=np.uint64), choice=choice,
        outcome=np.where(choice > 0, 6, 4).astype(np.uint8), time=np.where(choice > 0, time, np.nan),
        message=np.zeros(choice.shape), given=tuple({} for _ in choice), options=(2,) * len(choice),
        pay=np.zeros(choice.shape), again=np.ones(n, bool),
    )  # fmt: skip
    make_rule("first_come").resolve(end)
    return end.pay, end.memory["stock_1"], end.memory["stock_2"]


def test_items_go_to_those_who_came_first_and_what_is_left_stays():
    pay, one, two = served([1, 1, 2, 1, 0], [300.0, 100.0, 100.0, 200.0, 0.0], [2, 3])
    np.testing.assert_array_equal(pay, np.tile([[0.0], [1.0], [1.0], [1.0], [0.0]], 400))
    assert set(one) == {0}
    assert set(two) == {2}


def test_ties_are_broken_by_lot_and_never_by_the_order_of_subjects():
    pay, one, _ = served([1, 1, 1], [100.0, 100.0, 100.0], [1, 0], n=6000)
    np.testing.assert_array_equal(pay.sum(axis=0), 1)
    assert (abs(pay.mean(axis=1) - 1 / 3) < 4.5 * (2 / 9 / 6000) ** 0.5).all()
    assert set(one) == {0}


def forage(scenario, going, trials, seed=0):
    """Let foragers go where `going` says, (lanes, N); it may change it between trials. The trial table."""
    lanes, batch = len(going), engine(scenario, len(going))
    observations, infos = batch.reset(seed)
    for _ in range(2 * trials + 1):
        ended = np.asarray(infos[NAMES[0]]["trial_end"])
        going = yield batch, observations, ended
        period = np.asarray(infos[NAMES[0]]["period"])
        actions = {name: np.where(period == CHOICE, going[:, i], 0) for i, name in enumerate(NAMES)}
        observations, _, _, _, infos = batch.step(actions)
    assert lanes == batch.lanes


def play(scenario, going, trials, revise=None):
    game = forage(scenario, going, trials)
    batch, observations, ended = next(game)
    try:
        while True:
            if revise is not None:
                going = revise(batch, observations, ended, going)
            batch, observations, ended = game.send(going)
    except StopIteration:
        return batch.trials(), going


def test_a_foragers_intake_is_the_input_of_its_patch_divided_by_those_who_are_there():
    for crowd in range(N + 1):
        going = np.tile(np.where(np.arange(N) < crowd, 1, 2), (400, 1))
        table, _ = play(Scenario.load("competitive_foraging"), going, 20)
        for patch, rate, there in ((1, 2, crowd), (2, 1, N - crowd)):
            mine = table.where(choice=patch)
            if there:
                expected = min(rate / there, 1.0)
                error = 0.5 / (200 * 40) ** 0.5
                assert abs(mine["reward"].mean() - expected) < 4.5 * error + 0.001
        stock = table["stock_1"]
        assert stock.max() == (4 if crowd < 2 else 2)


def test_a_fraction_of_an_item_is_the_chance_of_one_more():
    scenario = Scenario.load("competitive_foraging").replace(
        **{"groups.field.rule": {"first_come": {"inputs": [0.3, 1.6], "capacity": 4}}}
    )
    table, _ = play(scenario, np.tile([1, 1, 1, 2, 2, 2], (200, 1)), 40)
    for patch, rate in ((1, 0.3), (2, 1.6)):
        mine = table.where(choice=patch)
        assert abs(3 * mine["reward"].mean() - rate) < 4.5 * 0.5 / (200 * 40) ** 0.5


def test_foragers_who_follow_their_gains_come_to_the_ideal_free_distribution():
    rng = np.random.default_rng(0)

    def revise(batch, observations, ended, going):
        """After every trial one forager moves if it would get more where it is not, given who it saw where."""
        going, me = going.copy(), rng.integers(N, size=len(going))
        names = batch.channel_names(NAMES[0])
        seen = {k: [i for i, name in enumerate(names) if name.endswith(f".choice_{k}")] for k in (1, 2)}
        for lane in np.flatnonzero(ended):
            mine, view = going[lane, me[lane]], observations[NAMES[me[lane]]][lane]
            others = {patch: view[columns].sum() for patch, columns in seen.items()}
            gain = {patch: rate / (others[patch] + 1) for patch, rate in ((1, 2.0), (2, 1.0))}
            if gain[3 - mine] > gain[mine]:
                going[lane, me[lane]] = 3 - mine
        return going

    start = rng.integers(1, 3, (60, N))
    table, going = play(Scenario.load("competitive_foraging"), start, 80, revise)
    np.testing.assert_array_equal((going == 1).sum(axis=1), round(N * 2 / 3))
    late = table.select(table["trial"] >= 60)
    for patch in (1, 2):
        mine = late.where(choice=patch)
        assert abs(mine["reward"].mean() - 0.5) < 4.5 * 0.5 / len(mine) ** 0.5


def test_members_who_see_no_stocks_or_smaller_ones_are_refused():
    value = Scenario.load("competitive_foraging").dump()
    value["groups"]["field"]["rule"] = {"first_come": {"capacity": 5}}
    with pytest.raises(NeuroparallelError, match="capacity: 5"):
        Scenario.load(value)
    with pytest.raises(NeuroparallelError, match="inputs"):
        make_rule("first_come", inputs=(-1, 1))
