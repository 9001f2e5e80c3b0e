"""One level for two n-back streams: Jaeggi's rule replayed by hand, and where a memory of so many items ends."""

import numpy as np
import pytest

from neuroparallel.errors import NeuroparallelError
from neuroparallel.rules.shared_level import SharedLevel
from neuroparallel.scenario import Scenario
from tests.tasks import playing
from tests.tasks.playing import AGENT
from tests.tasks.test_n_back import MATCH, Rememberer, by_lane

STREAMS = ("position", "letter")
LANES = 40


def quick(lanes=LANES, n=2):
    """The shipped scenario with items of two steps and without noise."""
    scenario = Scenario.load("dual_n_back_adaptive").dump()
    for stream in scenario["subjects"][AGENT]["streams"].values():
        stream["timing"] = {"item": 100, "interval": 100}
        stream["params"] |= {"sigma": 0.0, "n": n}
    scenario["groups"]["trial"]["rule"]["shared_level"]["n"] = n
    return playing.engine(Scenario.load(scenario), lanes)


def errs(*rates):
    """Does what is right, but for so many of the items of each stream, in the first step of each."""
    rng = np.random.default_rng(0)

    def act(batch, _observations, infos):
        truth, start = np.maximum(batch.truth()[AGENT], 0), np.asarray(infos[AGENT]["position.period"]) == 0
        wrong = rng.random((batch.lanes, 2)) < rates
        return {AGENT: np.where(start[:, None], np.where(wrong, 1 - truth, truth), 0)}

    return act


@pytest.mark.parametrize(
    ("rates", "end"),
    [((0, 0), {6}), ((0, 0.8), {1}), ((0.8, 0), {1}), ((0, 0.15), None), ((0.15, 0.15), None), ((0.22, 0.1), None)],
)
def test_both_streams_go_up_after_few_errors_in_each_and_down_after_many_in_one(rates, end):
    table = playing.run(quick(), errs(*rates), 120)
    sides = [table.where(stream=name) for name in STREAMS]
    level, other = (by_lane(side, "n_back") for side in sides)
    np.testing.assert_array_equal(level, other)
    lead_in = by_lane(sides[0], "lead_in") == 1
    wrong = np.stack([~np.isin(by_lane(side, "outcome"), ("correct", "unscored")) for side in sides])
    for lane in range(LANES):
        n, at = 2, 0
        while at + 20 + n <= 120:
            block = slice(at, at + 20 + n)
            assert (level[lane, block] == n).all()
            assert lead_in[lane, block].tolist() == [True] * n + [False] * 20
            errors = wrong[:, lane, block].sum(axis=1)
            at += 20 + n
            n = min(max(n + int((errors < 3).all()) - int((errors > 5).any()), 1), 9)
    reached = set(level[:, -1].tolist())
    assert reached == end if end else len(reached) > 2


@pytest.mark.parametrize("depth", [1, 3])
def test_who_remembers_so_many_items_goes_back_and_forth_between_that_level_and_the_next(depth):
    batch = quick()

    def answer(item, kept):  # by the level that holds; beyond its memory it withholds
        level = batch.streams[0].values(np.arange(LANES))["n_back"]
        back = kept[np.arange(LANES), np.minimum(level, depth) - 1]
        return np.where((level <= depth) & (back == item), MATCH, 0)

    subjects = [Rememberer(batch, depth, answer, name) for name in STREAMS]

    def both(*moment):
        return {AGENT: np.stack([subject(*moment)[AGENT] for subject in subjects], axis=1)}

    level = by_lane(playing.run(batch, both, 500).where(stream="letter"), "n_back")[:, 200:]
    assert np.isin(level, (depth, depth + 1)).mean() > 0.98
    for n in (depth, depth + 1):
        assert (level == n).any(axis=1).mean() > 0.98


def test_who_never_responds_comes_down_to_one():
    level = by_lane(playing.run(quick(n=4), playing.hold, 300).where(stream="letter"), "n_back")
    assert (level[:, 0] == 4).all()
    assert (level[:, -1] == 1).mean() > 0.9


def test_without_the_rule_the_level_stays():
    scenario = Scenario.load("dual_n_back_adaptive").only("letter")
    table = playing.run(playing.engine(scenario, 8, 500), playing.hold, 30)
    assert set(table["n_back"]) == {2}


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("groups.trial.rule.shared_level.block", 10, "'block': 20"),
        ("groups.trial.rule.shared_level.n", 3, "'n': 2"),
        ("subjects.subject_0.streams.letter.params.adaptive", True, "'adaptive': True"),
        ("subjects.subject_0.streams.letter.params.adaptive", "togehter", "true, false or together"),
    ],
)
def test_members_who_keep_another_level_are_refused(key, value, says):
    with pytest.raises(NeuroparallelError, match=says):
        Scenario.load("dual_n_back_adaptive").replace(**{key: value})


@pytest.mark.parametrize("wrong", [{"few": -1}, {"few": 6, "many": 5}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(NeuroparallelError, match="few"):
        SharedLevel(**wrong)
