"""In which order, and how long after each other, a subject answers in its streams: columns of the trial table.

The witness is a rule, which hears from the engine when each member answered; the columns are made of what is recorded.
"""

from dataclasses import replace

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel.analysis import response_pairs
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.records import StreamInfo, TrialLog, Trials
from neuroparallel.rules import Rule
from neuroparallel.scenario import Scenario, list_scenarios
from neuroparallel.scenario.compile import build_layout
from tests.engine.comparing import draw_actions
from tests.records.test_trial_log import ended

ALL = {name: Scenario.load(name) for name in list_scenarios()}
DUAL = [name for name, scenario in ALL.items() if any(len(s.streams) > 1 for s in scenario.subjects.values())]
COLUMNS = ("response_order", "inter_response_ms")


def heard(rule):
    """The same rule, which notes besides when each member answered, ms from the start of the group's trial."""
    kind = Rule if rule is None else type(rule)
    times = [f"time_{player}" for player in range(8)]

    def resolve(self, end):
        if kind.resolve is not None:
            kind.resolve(self, end)
        end.conditions["heard"][:] = 1
        for name, time in zip(times, end.time, strict=False):
            end.conditions[name][:] = time

    noting = type("Noting", (kind,), {"notes": (*kind.notes, *times, "heard"), "resolve": resolve})
    return noting(**({} if rule is None else rule.parameters()))


def played(scenario, policy, steps=250, lanes=8):
    """The trials of a scenario, and when each was answered, as its rule heard it; keys are kept pressed if random."""
    layout = build_layout(scenario)
    groups = tuple(replace(group, rule=heard(group.rule)) for group in layout.groups)
    batch, rng = BatchEngine(replace(layout, groups=groups), lanes), np.random.default_rng(0)
    batch.reset(1)
    actions = draw_actions(batch, policy, rng)
    for _ in range(steps):
        batch.step(actions)
        new, stay = draw_actions(batch, policy, rng), (policy == "random") & (rng.random(lanes) < 0.7)
        actions = {name: kept(actions[name], one, stay) for name, one in new.items()}
    trials = batch.trials()
    player = {layout.streams[index].name: n for group in groups for n, index in enumerate(group.streams)}
    named = enumerate(zip(trials["subject"], trials["stream"], strict=True))
    times = np.array([trials[f"time_{player[f'{who}.{what}']}"][row] for row, (who, what) in named])
    return trials, np.where(trials["choice"] > 0, times, np.nan)


def kept(before, now, stay):
    """An agent's actions, in some lanes those of the step before."""
    if isinstance(now, dict):
        return {name: kept(before[name], part, stay) for name, part in now.items()}
    return np.where(stay.reshape(-1, *[1] * (now.ndim - 1)), before, now)


def in_turn(trials, times):
    """The columns, trial by trial, by the obvious loop."""
    order, since = np.zeros(len(trials)), np.full(len(trials), np.nan)
    together = {}
    for row, key in enumerate(zip(*(trials[n] for n in ("subject", "lane", "session", "group_trial")), strict=True)):
        together.setdefault(key, []).append(row)
    for rows in together.values():
        for row in rows:
            earlier = [times[other] for other in rows if times[other] < times[row]]
            order[row] = 0 if np.isnan(times[row]) else 1 + len(earlier)
            since[row] = times[row] - max(earlier) if earlier else np.nan
    return order, since


def agree(scenario, policy, steps=250):
    """Hold the columns against the loop; returns the places."""
    trials, times = played(scenario, policy, steps)
    rows = trials["heard"] > 0
    several = [name for name, subject in scenario.subjects.items() if len(subject.streams) > 1]
    rows &= np.isin(trials["subject"], several)
    order, since = in_turn(trials, times)
    np.testing.assert_array_equal(trials["response_order"][rows], order[rows])
    np.testing.assert_allclose(trials["inter_response_ms"][rows], since[rows], atol=1e-6)
    return order[rows]


@pytest.mark.parametrize("name", DUAL)
def test_the_columns_say_what_the_engine_knows_of_every_shipped_scenario(name):
    assert max(agree(ALL[name], policy).max() for policy in ("random", "adversary")) >= 1


DOTS = {"task": "random_dots", "timing": {"delay": {"uniform": [0, 500]}, "decision": 800}}
MATCH = {"task": "delayed_match_to_sample", "timing": {"delay": {"uniform": [100, 500]}, "fixation": 0}}


@pytest.mark.parametrize("early", ["abort", "penalty"])
@pytest.mark.parametrize("commit", ["first", "last", 300])
@pytest.mark.parametrize("task", [DOTS, MATCH, {"task": "task_switching"}, {"task": "dual_match_to_sample"}], ids=str)
def test_they_do_whatever_early_responses_do_and_whichever_choice_counts(task, commit, early):
    stream = {**task, "early": early, "commit": commit}
    scenario = together({"one": stream, "two": {**stream, "onset": [0, 300]}, "three": stream})
    for policy in ("mixed", "random"):
        agree(scenario, policy, 90)


def together(streams, **subject):
    """One subject with these streams, in one group."""
    subjects = {"rat": {"streams": streams, **subject}}
    return Scenario.load({"name": "t", "dt": 100, "subjects": subjects, "groups": {"g": {"streams": list(streams)}}})


CHOICE = {
    "task": "random_dots",
    "timing": {"fixation": 0, "stimulus": 100, "delay": 0, "decision": 600},
    "early": "free",
}


def answered_at(steps, **subject):
    """The trial of a subject with streams, each of which is answered in its step."""
    batch = npar.batch(together(dict.fromkeys(steps, CHOICE), **subject), lanes=1)
    batch.reset(0)
    for step in range(1, 8):
        chosen = [int(step == at) for at in steps.values()]
        batch.step({"rat": np.array([chosen if subject.get("action") != "shared" else max(chosen)])})
    table = batch.trials()
    assert table["stream"].tolist() == list(steps)
    return table


def test_places_and_times_are_those_of_the_responses():
    table = answered_at({"a": 5, "b": 2, "c": 9, "d": 6})
    assert table["response_order"].tolist() == [2, 1, 0, 3]
    np.testing.assert_array_equal(table["inter_response_ms"], [300, np.nan, np.nan, 100])


def test_a_tie_shares_a_place_and_both_count_from_the_answer_before():
    table = answered_at({"a": 4, "b": 2, "c": 4, "d": 6})
    assert table["response_order"].tolist() == [2, 1, 2, 4]
    np.testing.assert_array_equal(table["inter_response_ms"], [200, np.nan, 200, 200])
    shared = answered_at({"a": 3, "b": 3}, action="shared")
    assert shared["response_order"].tolist() == [1, 1]
    assert np.isnan(shared["inter_response_ms"]).all()


def test_subjects_with_one_stream_and_streams_on_their_own_have_no_order():
    assert not set(COLUMNS) & set(npar.simulate("random_dots", "oracle", 5))
    assert not set(COLUMNS) & set(npar.simulate("matching_pennies", "random", 5))
    one, two = {"streams": {"x": CHOICE, "y": CHOICE, "alone": CHOICE}}, {"streams": {"x": CHOICE}}
    groups = {"g": {"streams": ["a.x", "a.y", "b.x"]}, "h": {"streams": ["a.alone"]}}
    scenario = {"name": "t", "dt": 100, "subjects": {"a": one, "b": two}, "groups": groups}
    table = npar.simulate(scenario, "oracle", 8)
    ordered = (table["subject"] == "a") & (table["stream"] != "alone")
    np.testing.assert_array_equal(np.isfinite(table["response_order"]), ordered)
    assert (table["response_order"][ordered] == 1).all()


def test_there_are_columns_before_there_are_trials():
    table = npar.batch("prp", lanes=2).trials()
    assert len(table) == 0
    assert set(COLUMNS) <= set(table)


def test_a_lane_has_them_whoever_plays_beside_it():
    wide = npar.simulate("tracking_with_probe", "random", 60, seed=3, per_lane=10)
    thin = npar.simulate("tracking_with_probe", "random", 10, seed=3, per_lane=10)
    assert wide.where(lane=0).equals(thin)
    assert (thin["response_order"] > 0).any()


def test_they_do_not_hang_on_the_responses_that_are_kept():
    infos = [StreamInfo("rat", name, "x", ("group_trial",), ("p",), "g") for name in ("one", "two")]
    log = TrialLog(infos, dt=10.0)
    for stream in range(2):
        log.add(stream, **ended([0], clock_step=np.array([5 * stream]), conditions={"group_trial": np.array([0])}))
    assert log.table()["response_order"].tolist() == [1, 2]
    np.testing.assert_array_equal(log.table()["inter_response_ms"], [np.nan, 50])


def test_analyses_read_the_columns_where_early_responses_leave_it_open(tmp_path):
    trials, times = played(ALL["dpa_gng"], "adversary")
    trials, times = trials.select(trials["heard"] > 0), times[trials["heard"] > 0]
    trials.to_csv(tmp_path / "trials.csv")
    at = {}
    for row, (stream, lane, number) in enumerate(
        zip(*(trials[n] for n in ("stream", "lane", "group_trial")), strict=True)
    ):
        at.setdefault((lane, number), {})[stream] = times[row]
    interval = [(both["gonogo"] - both["memory"]) / 1000 for both in at.values() if len(both) == 2]
    assert len(interval) > 20
    for table in (trials, Trials.read_csv(tmp_path / "trials.csv")):  # with the responses, and without
        np.testing.assert_allclose(response_pairs(table)["interval_s"], interval)


def test_a_table_that_was_saved_without_the_columns_is_read_as_before():
    trials = npar.simulate("prp", "bottleneck", 40, seed=1)
    old = Trials({name: values for name, values in trials.columns.items() if name not in COLUMNS}, trials.responses)
    new, before = response_pairs(trials), response_pairs(old)
    assert new["leader"].tolist() == before["leader"].tolist()
    np.testing.assert_allclose(new["interval_s"], before["interval_s"])
