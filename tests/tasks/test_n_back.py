"""N-back: what a memory of so many items earns, targets, lures, lead-in, blocks, and the level that adapts."""

import numpy as np
import pytest

from neuroparallel.errors import ArgumentError
from neuroparallel.scenario import Scenario
from neuroparallel.tasks import make_task
from tests.engine.comparing import SideBySide
from tests.tasks import playing
from tests.tasks.playing import AGENT

QUICK = {"item": 100, "interval": 100}  # two steps per item, so that many pass quickly
MATCH, NONMATCH = 1, 2
LANES, TRIALS = 400, 40


def quick(lanes=LANES, **parameters):
    return playing.engine(make_task("n_back", timing=QUICK, sigma=0.0, **parameters), lanes)


def by_lane(table, column):
    """A column as (lanes, trials)."""
    order = np.lexsort((table["trial"], table["lane"]))
    return np.asarray(table[column])[order].reshape(-1, int(table["trial"].max()) + 1)


def scored(table):
    return table.select(table["lead_in"] == 0)


class Rememberer:
    """Remembers the last so many items, and answers when it sees one, by a rule for what it knows.

    Args:
        depth: How many items it remembers.
        answer: Function of (present item, (n,); remembered items, (n, depth), the latest first) that gives actions.
        stream: Which stream to look at, where there are several.
    """

    def __init__(self, batch, depth, answer, stream=""):
        self.prefix = f"{stream}." if stream else ""
        names = batch.channel_names(AGENT)
        columns = [i for i, name in enumerate(names) if name.startswith(f"{self.prefix}item_")]
        self.columns, self.answer = slice(columns[0], columns[-1] + 1), answer
        self.kept, self.before = np.zeros((batch.lanes, depth + 1), int), np.full(batch.lanes, -1)

    def __call__(self, _batch, observations, infos):
        shown = observations[AGENT][:, self.columns]
        trial = np.asarray(infos[AGENT][f"{self.prefix}trial"]) + np.asarray(infos[AGENT][f"{self.prefix}trial_end"])
        new, self.before = trial != self.before, trial.copy()  # the first step of an item
        item = np.where(new, shown.argmax(axis=1) + 1, 0)
        action = np.where(new, self.answer(item, self.kept[:, :-1]), 0)
        self.kept = np.where(new[:, None], np.column_stack([item, self.kept[:, :-1]]), self.kept)
        return {AGENT: action}


def compares(back, other):
    """Says match if the item is that of so many ago, else something else."""
    return lambda item, kept: np.where(kept[:, back - 1] == item, MATCH, other)


def constant(action):
    return lambda item, _kept: np.full(len(item), action)


def familiar(item, kept):
    return np.where((kept == item[:, None]).any(axis=1), MATCH, NONMATCH)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_memory_of_n_items_is_perfect_and_one_of_fewer_is_at_chance(n, depth):
    batch = quick(n=n, response="keys", target_probability=0.5)
    answers = [compares(n, NONMATCH)] if depth >= n else [compares(depth, NONMATCH), familiar, constant(MATCH)]
    for answer in answers:
        table = scored(playing.run(batch, Rememberer(batch, depth, answer), TRIALS))
        share, size = playing.correct(table)
        assert playing.near(share, 1.0 if depth >= n else 0.5, size)


@pytest.mark.parametrize("n", [2, 3])
def test_without_lures_the_last_n_minus_one_items_tell_nothing(n):
    table = playing.run(quick(n=n), playing.hold, TRIALS)
    item, target = by_lane(table, "item"), by_lane(table, "target")
    same = np.stack([item[:, n:] == item[:, n - back : TRIALS - back] for back in range(1, n)], axis=-1)
    for pattern in np.unique(same.reshape(-1, n - 1), axis=0):
        among = (same == pattern).all(axis=-1)
        assert among.sum() > 100
        assert playing.near(target[:, n:][among].mean(), 0.3, among.sum())


@pytest.mark.parametrize("share", [0.0, 0.2, 0.3, 1.0])
def test_who_never_responds_is_right_wherever_there_is_no_target(share):
    table = scored(playing.run(quick(target_probability=share), playing.hold, TRIALS))
    assert playing.near(playing.correct(table)[0], 1 - share, len(table))
    np.testing.assert_array_equal(table["outcome"], np.where(table["target"] == 1, "miss", "correct"))


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("asked", [0.0, 0.4, 1.0])
def test_targets_and_lures_are_what_they_are_called_and_come_as_often_as_asked(n, asked):
    table = playing.run(quick(n=n, lure_probability=asked), playing.hold, TRIALS)
    item, target, lure = (by_lane(table, name) for name in ("item", "target", "lure"))

    def ago(back):
        return np.column_stack([np.zeros((LANES, back), int), item])[:, :TRIALS]

    np.testing.assert_array_equal(target == 1, (item == ago(n)) & (ago(n) > 0))
    near = [ago(n + 1), ago(n - 1) if n > 1 else np.zeros_like(item)]
    plain = (target == 0) & (by_lane(table, "lead_in") == 0)
    np.testing.assert_array_equal(lure == 1, plain & ((item == near[0]) | (item == near[1])))
    able = [(other > 0) & (other != ago(n)) for other in near]
    different = able[0].astype(int) + (able[1] & ~(able[0] & (near[0] == near[1])))
    expected = np.where(different > 0, asked + (1 - asked) * different / 7, 0.0)[plain]  # 7 items are no target
    assert playing.near(lure[plain].mean(), expected.mean(), plain.sum())
    assert playing.near(target[:, n:].mean(), 0.3, target[:, n:].size)


def test_items_that_are_no_targets_are_all_other_items_equally_often():
    table = playing.run(quick(items=5), playing.hold, TRIALS)
    item, target = by_lane(table, "item"), by_lane(table, "target") == 1
    away = ((item[:, 2:] - item[:, :-2]) % 5)[~target[:, 2:]]
    for shift in (1, 2, 3, 4):
        assert playing.near((away == shift).mean(), 1 / 4, away.size)
    for value in range(1, 6):
        assert playing.near((item == value).mean(), 1 / 5, item.size, 5)


@pytest.mark.parametrize("response", ["go", "keys"])
@pytest.mark.parametrize("n", [1, 3])
def test_before_n_items_were_seen_nothing_is_asked(n, response):
    for subject in (playing.hold, playing.uniform(1)):
        table = playing.run(quick(n=n, response=response), subject, 12)
        np.testing.assert_array_equal(table["lead_in"] == 1, table["trial"] < n)
        lead_in = table.select(table["lead_in"] == 1)
        assert set(lead_in["outcome"]) == {"unscored"}
        assert set(lead_in["target"]) | set(lead_in["lure"]) | set(lead_in["reward"]) == {0}
        assert set(lead_in["ground_truth"]) == {-1}
        assert "unscored" not in set(scored(table)["outcome"])


def test_each_block_begins_anew_with_a_lead_in():
    table = playing.run(quick(n=3, block=5, target_probability=0.4), playing.hold, 24)
    np.testing.assert_array_equal(table["lead_in"] == 1, table["trial"] % 8 < 3)
    first, other = by_lane(table, "item")[:, 8], by_lane(table, "item")[:, 5]
    assert playing.near((first == other).mean(), 1 / 8, LANES)  # 3 ago, but in the block before


def plays(rate, seed=0):
    """Does what is right, but for so many of the items, in the first step of each."""
    rng = np.random.default_rng(seed)

    def act(batch, _observations, infos):
        truth, start = np.maximum(batch.truth()[AGENT], 0), np.asarray(infos[AGENT]["period"]) == 0
        wrong = rng.random(batch.lanes) < rate
        return {AGENT: np.where(start, np.where(wrong, 1 - truth, truth), 0)}

    return act


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.6])
def test_the_level_goes_up_after_few_errors_and_down_after_many(rate):
    batch = quick(n=2, block=20, adaptive=True)
    table = playing.run(batch, plays(rate), 120)
    level, lead_in = by_lane(table, "n_back"), by_lane(table, "lead_in") == 1
    wrong = by_lane(table, "outcome") != "correct"
    for lane in range(0, LANES, 10):
        n, at = 2, 0
        while at + 20 + n <= 120:
            block = slice(at, at + 20 + n)
            assert (level[lane, block] == n).all()
            assert lead_in[lane, block].tolist() == [True] * n + [False] * 20
            errors = (wrong & ~lead_in)[lane, block].sum()
            at, n = at + 20 + n, min(max(n + (errors < 3) - (errors > 5), 1), 9)
    ends = level[:, -1]
    assert {0.0: (ends == 6).all(), 0.2: len(set(ends)) > 1, 0.6: (ends == 1).all()}[rate]


def test_the_level_is_shown_while_it_adapts():
    batch = quick(n=4, block=20, adaptive=True)
    names = batch.channel_names(AGENT)
    observations, _ = batch.reset(0)
    assert observations[AGENT][:, names.index("level_4")].all()
    assert observations[AGENT][:, [names.index(f"level_{n}") for n in (1, 2, 3, 5, 9)]].max() == 0
    assert not any(name.startswith("level") for name in quick(n=4).channel_names(AGENT))


@pytest.mark.parametrize("policy", ["mixed", "adversary"])
@pytest.mark.parametrize(
    "parameters",
    [{"block": 3, "target_probability": 1 / 3, "adaptive": True}, {"n": 3, "lure_probability": 0.5}],
    ids=str,
)
def test_blocks_levels_and_lures_are_the_same_in_both_engines(parameters, policy):
    pair = SideBySide(Scenario.load(make_task("n_back", timing=QUICK, **parameters)), 4, policy)
    for _ in range(100):
        pair.step()
    pair.compare_tables()


@pytest.mark.parametrize("action", [0, 1])
def test_items_come_at_one_pace_and_may_be_answered_until_the_next_one(action):
    task = make_task("n_back", "paper", target_probability=1.0)
    assert task.timing["item"] + task.timing["interval"] == 3000
    batch = playing.engine(task, 8, 500)
    table = playing.run(batch, lambda *_: {AGENT: np.full(8, action) * (batch.now % 6 == 5)}, 6)
    np.testing.assert_allclose(table["duration_s"], 3.0)
    assert set(scored(table)["outcome"]) == {"correct" if action else "miss"}
    if action:
        np.testing.assert_allclose(table["response_time_s"], 3.0)  # counted from the onset of the item


def test_only_the_first_response_counts():
    batch = quick(response="keys")
    table = scored(playing.run(batch, lambda *_: {AGENT: np.full(LANES, 1 + batch.now % 2)}, 10))
    np.testing.assert_array_equal(table["outcome"], np.where(table["target"] == 1, "correct", "error"))
    np.testing.assert_allclose(table["response_time_s"], 0.1)


@pytest.mark.parametrize(
    "wrong",
    [{"n": 0}, {"n": 10}, {"items": 3}, {"target_probability": 1.2}, {"lure_probability": -0.1}, {"block": -1},
     {"response": "key"}, {"adaptive": True}],
    ids=str,
)  # fmt: skip
def test_impossible_parameters_are_refused(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        make_task("n_back", **wrong)
