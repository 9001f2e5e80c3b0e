"""Dual match to sample: what is shown when, two answers in a trial, and what has to be remembered for them."""

import numpy as np
import pytest

from neuroparallel.errors import ArgumentError
from neuroparallel.scenario import Scenario
from neuroparallel.tasks import make_task
from tests.engine.comparing import SideBySide
from tests.tasks import playing
from tests.tasks.playing import AGENT

MATCH, NONMATCH = 1, 2
PERIODS = list(make_task("dual_match_to_sample").timing)
TESTS = [PERIODS.index("test_1"), PERIODS.index("test_2")]
LANES, TRIALS = 1000, 4


def engine(lanes=LANES, **parameters):
    return playing.engine(make_task("dual_match_to_sample", sigma=0.0, **parameters), lanes)


class Subject:
    """Remembers the samples that it does not lose, and guesses about the others.

    Args:
        loses: Function of (rng, lanes) that gives the samples lost at once, bool (lanes, 2).
        drops: Whether it drops the sample that was not cued, once the first cue is there.
    """

    def __init__(self, batch, loses=lambda rng, lanes: np.zeros((lanes, 2), bool), drops=False):
        items = (len(batch.channel_names(AGENT)) - 3) // 2
        self.columns = [slice(1, 1 + items), slice(1 + items, 1 + 2 * items)]
        self.loses, self.drops, self.rng = loses, drops, np.random.default_rng(0)
        self.kept, self.cue = np.zeros((batch.lanes, 2), int), np.zeros(batch.lanes, int)

    def __call__(self, batch, observations, infos):
        seen, period = observations[AGENT], np.asarray(infos[AGENT]["period"])
        if (period == PERIODS.index("samples")).any():
            self.kept = np.stack([seen[:, part].argmax(axis=1) + 1 for part in self.columns], axis=1)
            self.kept[self.loses(self.rng, batch.lanes)] = 0
        cued = seen[:, -2:].max(axis=1) > 0
        self.cue = np.where(cued, seen[:, -2:].argmax(axis=1), self.cue)
        if self.drops and (period == PERIODS.index("cue_1")).any():
            self.kept[np.arange(batch.lanes), 1 - self.cue] = 0
        known = self.kept[np.arange(batch.lanes), self.cue]
        probe = np.stack([seen[:, part].argmax(axis=1) + 1 for part in self.columns], axis=1)
        same = probe[np.arange(batch.lanes), self.cue] == known
        answer = np.where(known == 0, self.rng.integers(1, 3, batch.lanes), np.where(same, MATCH, NONMATCH))
        return {AGENT: np.where(np.isin(period, TESTS), answer, 0)}


def loses_one(rng, lanes):
    first = rng.random(lanes) < 0.5
    return np.stack([first, ~first], axis=1)


def loses_both(_rng, lanes):
    return np.ones((lanes, 2), bool)


def shown(value):
    """A name that is the same in every process, which that of a function's address is not."""
    return (
        "_".join(getattr(part, "__name__", str(part)) for part in value.values()) if isinstance(value, dict) else None
    )


@pytest.mark.parametrize(
    ("memory", "repeat", "both", "first"),
    [
        ({}, 0.5, 1.0, 1.0),
        ({"loses": loses_one}, 0.5, 9 / 16, 3 / 4),
        ({"loses": loses_one}, 0.0, 1 / 2, 3 / 4),
        ({"drops": True}, 0.5, 3 / 4, 1.0),
        ({"drops": True}, 0.0, 1 / 2, 1.0),
        ({"drops": True}, 1.0, 1.0, 1.0),
        ({"loses": loses_both}, 0.5, 1 / 4, 1 / 2),
    ],
    ids=shown,
)
def test_what_a_subject_gets_right_follows_from_what_it_remembers(memory, repeat, both, first):
    batch = engine(repeat_probability=repeat)
    table = playing.run(batch, Subject(batch, **memory), TRIALS)
    share, n = playing.correct(table)
    assert playing.near(share, both, n)
    right = np.where(table["change_1"] == 0, MATCH, NONMATCH)
    assert playing.near((table["choice_1"] == right).mean(), first, n)
    assert set(table["outcome"]) <= {"correct", "error"}


@pytest.mark.parametrize("items", [2, 5])
def test_samples_cues_and_tests_are_shown_in_their_periods_on_their_channels(items):
    seen, table = playing.everything(engine(300, items=items))
    seen = seen.reshape(300, 40, 3 + 2 * items)
    groups = {"first": seen[:, :, 1 : 1 + items], "second": seen[:, :, 1 + items : -2], "cue": seen[:, :, -2:]}
    shown = {name: np.where(part.max(axis=2) > 0, part.argmax(axis=2) + 1, 0)[:, ::5] for name, part in groups.items()}
    expected = {name: np.zeros((300, 8), int) for name in groups}
    expected["first"][:, 1], expected["second"][:, 1] = table["sample_1"], table["sample_2"]
    for test, at in ((1, 3), (2, 6)):
        cue, change = table[f"cue_{test}"], table[f"change_{test}"].astype(int)
        expected["cue"][:, at] = cue
        for number, name in enumerate(("first", "second"), start=1):
            probe = (table[f"sample_{number}"].astype(int) - 1 + change) % items + 1
            expected[name][:, at + 1] = np.where(cue == number, probe, 0)
    for name, part in expected.items():
        np.testing.assert_array_equal(shown[name], part, err_msg=name)
    np.testing.assert_array_equal(seen[0, ::5, 0], [1, 1, 1, 1, 0, 1, 1, 0])


@pytest.mark.parametrize(("match", "repeat"), [(0.5, 0.5), (0.25, 0.0), (0.8, 0.9)])
def test_matches_and_repeated_cues_come_as_often_as_asked(match, repeat):
    table = playing.run(engine(items=4, match_probability=match, repeat_probability=repeat), playing.hold, TRIALS)
    assert playing.near((table["cue_1"] == table["cue_2"]).mean(), repeat, len(table))
    assert playing.near((table["cue_1"] == 1).mean(), 0.5, len(table))
    for test in (1, 2):
        change = table[f"change_{test}"]
        assert playing.near((change == 0).mean(), match, len(table))
        for shift in (1, 2, 3):
            assert playing.near((change == shift).mean(), (1 - match) / 3, len(table))


PAY = {"correct": 1.0, "error": -2.0, "miss": -0.5}


@pytest.mark.parametrize("second", ["correct", "error", "miss"])
@pytest.mark.parametrize("first", ["correct", "error", "miss"])
def test_both_tests_are_paid_once_and_the_trial_is_as_good_as_the_worse_of_them(first, second):
    batch = engine(200, rewards=PAY)
    plan = dict(zip(TESTS, (first, second), strict=True))

    def subject(batch, _observations, infos):
        period, truth = np.asarray(infos[AGENT]["period"]), batch.truth()[AGENT]
        action = np.zeros(batch.lanes, int)
        for test, what in plan.items():
            does = {"correct": truth, "error": 3 - truth, "miss": 0 * truth}[what]
            action = np.where(period == test, does, action)
        return {AGENT: action}

    table = playing.run(batch, subject, 2)
    worse = max(first, second, key=["correct", "miss", "error"].index)
    assert set(table["outcome"]) == {worse}
    assert set(table["reward"]) == {PAY[first] + PAY[second]}
    for test, what in ((1, first), (2, second)):
        right = np.where(table[f"change_{test}"] == 0, MATCH, NONMATCH)
        expected = {"correct": right, "error": 3 - right, "miss": 0 * right}[what]
        np.testing.assert_array_equal(table[f"choice_{test}"], expected)
    answered = table.responses.select(table.responses["trial"] < 2)
    assert len(answered) == 400 * ((first != "miss") + (second != "miss"))


def test_a_response_ends_its_test_and_stands_in_the_second_table():
    batch = engine(20)
    table = playing.run(batch, playing.oracle, 1)
    np.testing.assert_allclose(table["duration_s"], 4.0 - 2 * 0.4)  # both answered in the first of five steps
    rows = table.responses.where(lane=3, trial=0)
    assert rows["period"].tolist() == ["test_1", "test_2"]
    np.testing.assert_allclose(rows["time_s"], [2.1, 3.2])


def test_an_early_response_aborts_before_either_test():
    for period in ("samples", "delay_2"):
        batch, at = engine(20), PERIODS.index(period)

        def early(_batch, _observations, infos, at=at):
            return {AGENT: np.where(infos[AGENT]["period"] == at, 1, 0)}

        assert set(playing.run(batch, early, 1)["outcome"]) == {"abort"}


@pytest.mark.parametrize("policy", ["mixed", "random"])
def test_many_items_defined_trial_by_trial_are_the_same_in_both_engines(policy):
    pair = SideBySide(Scenario.load(make_task("dual_match_to_sample", items=8, early="penalty")), 4, policy)
    assert pair.batch.streams[0].tables.lazy
    for _ in range(120):
        pair.step()
    pair.compare_tables()


@pytest.mark.parametrize("wrong", [{"items": 1}, {"match_probability": 1.5}, {"repeat_probability": -1}], ids=str)
def test_impossible_parameters_are_refused(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        make_task("dual_match_to_sample", **wrong)
