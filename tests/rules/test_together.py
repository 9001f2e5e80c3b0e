"""Acting together: what is paid, when levers reset, and what two who pull at random achieve."""

import numpy as np
import pytest

from neuroparallel.errors import NeuroparallelError
from neuroparallel.rules import make_rule
from neuroparallel.scenario import Scenario
from tests.engine.comparing import engine

FREE = 1  # period
NAMES = ("left", "right")


def pulling(scenario, rate, steps, lanes=256, everywhere=False):
    """Both pull at random, at so many per second; the trial table by subject, in the same order, and all responses."""
    batch, rng = engine(scenario, lanes), np.random.default_rng(1)
    chance = 1 - np.exp(-rate * batch.dt / 1000)
    _, infos = batch.reset(0)
    for _ in range(steps):
        actions = {}
        for name in NAMES:
            may = everywhere | (np.asarray(infos[name]["period"]) == FREE)
            actions[name] = np.where(may & (rng.random(lanes) < chance), 1, 0)
        _, _, _, _, infos = batch.step(actions)
    table = batch.trials()
    sides = [table.where(subject=name) for name in NAMES]
    return [side.select(np.lexsort((side["group_trial"], side["lane"]))) for side in sides], table.responses, chance


def scenario(within=1000, **changes):
    changes = {f"subjects.{name}.sees": {} for name in NAMES} | {"dt": 20, **changes}
    changes |= {"groups.pair.rule": {"together": {"within": within}}, "groups.pair.patience": within}
    return Scenario.load("cooperative_pull").replace(**changes)


@pytest.mark.parametrize(
    ("within", "rate", "dt", "written"),  # written: in the scenario file
    [
        (1000, 0.5, 20, None),
        (500, 1.5, 20, None),
        (1000, 0.5, 100, 0.409),
        (1000, 1, 100, 0.650),
        (1000, 2, 100, 0.878),
    ],
)
def test_two_who_pull_at_random_succeed_as_often_as_the_first_pull_opens_a_window(within, rate, dt, written):
    (left, right), _, chance = pulling(scenario(within, dt=dt), rate, 17_200 // dt, lanes=2048)
    first = np.fmin(left["response_time_s"], right["response_time_s"])
    counted = first <= 5.0 - within / 1000  # the window was not cut by the end of the trial
    counted &= left["group_trial"] < 3  # long trials are not missed: none takes more than 280 steps
    success = left["together"][counted].mean()
    steps = round(within / dt)
    both, one = chance**2, 2 * chance * (1 - chance)
    expected = (both + one * (1 - (1 - chance) ** steps)) / (both + one)
    same = chance / (2 - chance)
    assert expected == pytest.approx(1 - (1 - same) * (1 - chance) ** steps)  # as the rule and the scenario file say
    assert written is None or expected == pytest.approx(written, abs=0.0005)
    assert abs(success - expected) < 4.5 * 0.5 / counted.sum() ** 0.5
    assert abs(expected - (1 - np.exp(-rate * within / 1000))) < chance  # the law for time without steps
    np.testing.assert_array_equal(left["reward"], left["together"])
    np.testing.assert_array_equal(right["reward"], left["together"])


def test_if_pulls_were_free_and_counted_either_way_chance_would_be_higher():
    rate, within = 0.3, 1.0
    free = scenario(**{f"subjects.{name}.streams.lever.timing.locked": 60_000 for name in NAMES})
    _, pulls, _ = pulling(free, rate, 3000, lanes=96, everywhere=True)
    hits = []
    for lane in range(96):
        mine, other = (pulls.where(subject=name, lane=lane)["time_s"] for name in NAMES)
        mine = mine[(mine > within) & (mine < 60 - within)]
        hits += (abs(mine[:, None] - other[None]) <= within + 1e-6).any(axis=1).tolist()
    assert abs(np.mean(hits) - (1 - np.exp(-2 * rate * within))) < 4.5 * 0.5 / len(hits) ** 0.5 + 0.01


def test_levers_reset_when_the_window_closes_and_only_success_is_followed_by_the_reward():
    (left, right), _, _ = pulling(scenario(), 0.8, 900)
    worked = left["together"] > 0
    times = np.stack([left["response_time_s"], right["response_time_s"]])
    first, last = np.fmin(*times), np.fmax(*times)
    np.testing.assert_allclose(left["interval_ms"][worked], 1000 * abs(times[0] - times[1])[worked], atol=1e-6)
    assert np.isnan(left["interval_ms"][~worked]).all()
    np.testing.assert_allclose(left["duration_s"][worked], (0.3 + last + 0.2)[worked], atol=1e-6)
    alone = ~worked & np.isfinite(first)
    ends = np.minimum(first + 1.0, 5.0)
    np.testing.assert_allclose(left["duration_s"][alone], (0.3 + ends)[alone], atol=1e-6)
    late = alone & (ends < 5.0)
    outcomes = np.sort(np.stack([left["outcome"][late], right["outcome"][late]]), axis=0)
    assert (outcomes == np.array([["cancelled"], ["unscored"]])).all()


def test_each_can_be_paid_for_itself():
    alone = scenario().replace(**{"groups.pair.rule": {"together": {"within": 1000, "alone": 1.0}}})
    (left, right), _, _ = pulling(alone, 0.5, 800)
    for side in (left, right):
        np.testing.assert_array_equal(side["reward"], side["choice"] > 0)


def test_one_who_pulls_as_soon_as_it_sees_the_other_pull_always_succeeds():
    batch, rng = engine(Scenario.load("cooperative_pull"), 64), np.random.default_rng(0)
    column = batch.channel_names("right").index("partner.action_1")
    observations, infos = batch.reset(0)
    for _ in range(400):
        free = {name: np.asarray(infos[name]["period"]) == FREE for name in NAMES}
        pulls = {"left": rng.random(64) < 0.2, "right": observations["right"][:, column] > 0}
        actions = {name: np.where(free[name] & pulls[name], 1, 0) for name in NAMES}
        observations, _, _, _, infos = batch.step(actions)
    mine = batch.trials().where(subject="right")
    assert len(mine) > 500
    assert (mine["together"] == 1).all()
    np.testing.assert_allclose(mine["interval_ms"], 100.0)  # the latency; it answers at once


def waiting(right, steps=1200, lanes=256):
    """Left pulls as soon as it can, right as it is told: (ms since its lever came free, what it sees of left)."""
    batch = engine(Scenario.load("cooperative_pull_waiting"), lanes)
    column = batch.channel_names("right").index("partner.action_1")
    (observations, infos), since = batch.reset(0), np.zeros(lanes)
    for _ in range(steps):
        free = {name: np.asarray(infos[name]["period"]) == FREE for name in NAMES}
        pulls = right(since, observations["right"][:, column] > 0)
        since = np.where(free["right"], since + batch.dt, 0.0)
        observations, _, _, _, infos = batch.step(
            {"left": 1 * free["left"], "right": np.where(free["right"] & pulls, 1, 0)}
        )
    mine = batch.trials().where(subject="right")
    return mine.select(mine["group_trial"] < 15)


@pytest.mark.parametrize("after", [0, 1000, 2000, 3000])
def test_without_a_look_at_the_other_lever_half_of_the_pulls_are_in_vain(after):
    mine = waiting(lambda since, _seen: since >= after)
    share = (min(after + 1000, 4000) - max(after - 1000, 0)) / 4000
    assert abs(mine["together"].mean() - share) < 4.5 * 0.5 / len(mine) ** 0.5 + 0.02  # a step of 4 s more or less
    np.testing.assert_allclose(
        mine["reward"][mine["choice"] > 0], np.where(mine["together"] == 1, 1, -0.3)[mine["choice"] > 0]
    )


def test_who_waits_for_the_other_to_pull_succeeds_always():
    mine = waiting(lambda _since, seen: seen)
    assert (mine["together"] == 1).all()
    np.testing.assert_allclose(mine["interval_ms"], 100.0)


def test_a_window_of_no_length_asks_for_the_same_step_and_a_negative_one_is_refused():
    assert make_rule("together", within=0).within == 0
    with pytest.raises(NeuroparallelError, match="within"):
        make_rule("together", within=-1)
