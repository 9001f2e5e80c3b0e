"""Several tasks in one subject: what must hold for any combination, and the traps that others fell into.

The traps are those of NeuroGym's `combine` (2019) and `Combine` (2020): exactly two tasks; their numbers of actions
had to agree; a shared action paid either task, never both, and failed where both asked for a choice; the compound
trial was over when the first task said so, and lasted as long as both after each other; the second task began one
step late, its means were doubled; a waiting task showed zeros where a live one has noise; only the first task was
seeded, and the mix came from the global generator; what had been handed in was changed in place.
"""

import copy
import math

import numpy as np
import pytest

from neuroparallel.agents import simulate
from neuroparallel.analysis import response_pairs
from neuroparallel.environments import batch
from neuroparallel.errors import ScenarioError
from neuroparallel.scenario import Scenario
from neuroparallel.tasks import list_tasks, make_task, task_class
from neuroparallel.wrappers import joint_action_v0
from tests.engine.comparing import SideBySide, bits, engine
from tests.tasks import playing

AGENT = "subject_0"
FLAGS = {"task": "go_nogo", "params": {"sigma": 0}, "timing": {"stimulus": 200, "delay": 100, "decision": 200}}
DOTS = {"task": "random_dots", "timing": {"fixation": 100, "stimulus": 300, "decision": 200}}


def written(streams, dt=100.0, group=None, **subject):
    """One subject with several streams, in one group, as a scenario file would have it."""
    value = {"name": "combined", "dt": dt, "subjects": {AGENT: {"streams": streams, **subject}}}
    if group is not None:
        value["groups"] = {"trial": {"streams": [f"{AGENT}.{name}" for name in streams], **group}}
    return value


def combined(streams, dt=100.0, group=None, **subject):
    return Scenario.load(written(streams, dt, group, **subject))


def hold(batch):
    return {agent: np.zeros_like(truth) for agent, truth in batch.truth().items()}


def held(scenario, steps, lanes=1):
    """What is seen when nothing is done, float32 (steps, lanes, channels), names of channels, and the engine."""
    batch = engine(scenario, lanes)
    seen = [batch.reset(0)[0][AGENT].copy()]
    seen += [batch.step(hold(batch))[0][AGENT].copy() for _ in range(steps)]
    return np.array(seen[:-1]), list(batch.channel_names(AGENT)), batch


# ---- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", range(6))
@pytest.mark.parametrize("dt", [20.0, 100.0])
def test_a_stream_is_live_from_exactly_the_step_of_its_onset_on(dt, steps):
    for ms in {steps * dt, max(steps - 0.4, 0) * dt}:  # between two steps it is the later one
        scenario = combined({"first": DOTS, "second": {**FLAGS, "onset": ms}}, dt)
        seen, names, batch = held(scenario, steps + 60)
        shown = seen[: steps + 5, 0, names.index("second.stimulus_nogo") :].max(axis=1)
        begun = math.ceil(ms / dt)
        assert shown[begun] == 1  # neither later nor doubled
        assert not shown[:begun].any()
        assert batch.trials().where(stream="second", trial=0)["onset_s"][0] == pytest.approx(begun * dt / 1000)


@pytest.mark.parametrize("steps", range(4))
@pytest.mark.parametrize("dt", [20.0, 100.0])
def test_a_stream_that_waits_for_a_period_is_live_from_exactly_so_many_steps_after_its_end(dt, steps):
    scenario = combined({"first": DOTS, "second": {**FLAGS, "onset": f"after first.stimulus + {steps * dt}"}}, dt)
    seen, names, _ = held(scenario, 60)
    shown = seen[:, 0, names.index("second.stimulus_nogo") :].max(axis=1)
    assert np.flatnonzero(shown)[0] == 400 / dt + steps


@pytest.mark.parametrize("first", [300, 900])
@pytest.mark.parametrize("second", [200, 1000])
@pytest.mark.parametrize("onset", [0, 300, 1500])
def test_a_trial_ends_with_the_last_of_its_streams_and_does_not_last_as_long_as_both(first, second, onset):
    streams = {
        "first": {**DOTS, "timing": {"fixation": 100, "stimulus": first, "decision": 200}},
        "second": {**FLAGS, "timing": {"stimulus": second, "delay": 100, "decision": 200}, "onset": onset},
    }
    table = held(combined(streams), 100)[2].trials()
    period = max(first + 300, onset + second + 300) / 1000
    for name, late in (("first", 0.0), ("second", onset / 1000)):
        onsets = table.where(stream=name)["onset_s"]
        assert len(onsets) >= 3
        np.testing.assert_allclose(onsets, late + period * np.arange(len(onsets)))


@pytest.mark.parametrize(("onset", "soa"), [(0, 0), (200, 200), ("after first.fixation + 200", 300), ([0, 300], None)])
def test_the_table_tells_asynchrony_order_and_interval_of_the_responses(onset, soa):
    trials = simulate(combined({"first": DOTS, "second": {**DOTS, "onset": onset}}), "oracle", 100)
    pairs = response_pairs(trials)
    assert len(pairs["soa_ms"]) == 100
    if soa is not None:
        assert set(pairs["soa_ms"]) == {soa}
    np.testing.assert_allclose(pairs["interval_s"], pairs["soa_ms"] / 1000)  # each is answered at its first moment
    np.testing.assert_array_equal(pairs["leader"], np.where(pairs["soa_ms"] > 0, "first", ""))
    np.testing.assert_array_equal(pairs["grouped"], pairs["soa_ms"] < 100)


def test_a_session_ends_with_the_trial_and_not_with_its_first_stream():
    batch = engine(combined({"first": DOTS, "second": {**FLAGS, "onset": 1000}}), 2, {"trials": 2})
    batch.reset(0)
    ended = [batch.step(hold(batch))[3][AGENT].all() for _ in range(30)]
    assert np.flatnonzero(ended).tolist() == [29]
    assert batch.trials()["outcome"].tolist().count("cancelled") == 0


def test_on_shared_channels_the_noise_is_the_same_whoever_is_live():
    scenario = combined({"first": {**DOTS, "onset": 400}, "second": DOTS}, observation="shared")
    batch, lanes, spread = engine(scenario, 2000), 2000, {}
    seen = batch.reset(0)[0][AGENT]
    for _ in range(20):
        live = tuple(not stream.idle.any() for stream in batch.streams)
        noise = (seen - sum(stream.shown(batch.now) for stream in batch.streams).T)[:, 1:].astype(float)
        assert abs(noise.mean()) < 4.5 * 0.1 / (2 * lanes) ** 0.5
        assert abs(noise.std() / 0.1 - 1) < 4.5 / (4 * lanes) ** 0.5
        spread[live] = spread.get(live, 0) + 1
        seen = batch.step(hold(batch))[0][AGENT]
    assert set(spread) == {(False, True), (True, True), (True, False)}


@pytest.mark.parametrize(("fixation", "fused"), [("any", np.logical_or.reduce), ("all", np.logical_and.reduce)])
@pytest.mark.parametrize("onsets", [(0, 0), (300, 0), (200, 500), (0, "after first.stimulus + 300")], ids=str)
def test_a_fused_fixation_cue_is_on_while_any_or_all_of_the_live_streams_ask_for_it(fixation, fused, onsets):
    second = {**DOTS, "timing": {"fixation": 200, "stimulus": 500, "decision": 300}}
    streams = {"first": {**DOTS, "onset": onsets[0]}, "second": {**second, "onset": onsets[1]}}
    own, names, apart = held(combined(streams), 60, 4)
    cues = own[:, :, [names.index(f"{name}.fixation") for name in streams]] > 0
    seen, others, _ = held(combined(streams, fixation=fixation), 60, 4)
    live = live_steps(apart, 60)
    asked = np.where(live, cues, fixation == "all")  # who is idle has no say
    np.testing.assert_array_equal(seen[:, :, others.index("fixation")], fused(asked, axis=2) & live.any(axis=2))
    assert len(np.unique(cues.reshape(-1, 2), axis=0)) > 2
    assert [name for name in others if "fixation" in name] == ["fixation"]


def live_steps(batch, steps):
    """Which streams are live, bool (steps, lanes, streams), when nothing is done."""
    batch.reset(0)
    live = []
    for _ in range(steps):
        live.append(np.stack([~stream.idle for stream in batch.streams], axis=1))
        batch.step(hold(batch))
    return np.array(live)


# ---- what is paid ---------------------------------------------------------------------------------


@pytest.mark.parametrize("observation", ["concat", "shared"])
def test_one_action_for_two_simultaneous_choices_is_right_in_both_in_half_of_the_trials(observation):
    scenario = combined({"first": DOTS, "second": DOTS}, action="shared", observation=observation)
    batch, lanes = engine(scenario, 4000), 4000
    batch.reset(0)
    side = batch.streams[0].values(np.arange(lanes))["side"]
    for step in range(6):
        rewards = batch.step({AGENT: side * (step == 4)})[1][AGENT]
        if step == 4:
            paid = rewards
    table = batch.trials()
    first, second = (table.where(stream=name) for name in ("first", "second"))
    right = [side == one["side"][np.argsort(one["lane"])] for one in (first, second)]
    assert right[0].all()
    assert playing.near((right[0] & right[1]).mean(), 0.5, lanes)
    assert playing.near((first["correct"].mean() + second["correct"].mean()) / 2, 0.75, lanes)
    np.testing.assert_array_equal(paid, 1.0 + right[1])  # the sum of both, also where they ask for different choices


def random_actions(batch, rng, rate=0.1):
    space = batch.action_space(AGENT)
    shape = (batch.lanes, len(space.nvec)) if hasattr(space, "nvec") else (batch.lanes,)
    return {AGENT: rng.integers(0, getattr(space, "nvec", None) if len(shape) > 1 else space.n, shape) *
            (rng.random(shape) < rate)}  # fmt: skip


def totals(scenario, lanes=50, trials=4):
    """Sum of all rewards of a session by lane, and of what the streams earned by stream and lane."""
    batch, rng = engine(scenario, lanes, {"trials": trials}), np.random.default_rng(3)
    batch.reset(0)
    paid, running = np.zeros(lanes), np.ones(lanes, bool)
    while running.any():
        _, rewards, _, truncations, _ = batch.step(random_actions(batch, rng))
        paid += rewards[AGENT] * running
        running &= ~truncations[AGENT]
    table = batch.trials()
    table = table.select(table["session"] == 0)
    return paid, {name: np.bincount(one["lane"], one["reward"], lanes) for name, one in by_stream(table).items()}


def by_stream(table):
    return {name: table.where(stream=name) for name in np.unique(table["stream"]).tolist()}


@pytest.mark.parametrize("action", ["factored", "shared"])
@pytest.mark.parametrize("group", [None, {"rule": {"all_correct": {"reward": 0.3, "otherwise": -0.2}}}], ids=str)
@pytest.mark.parametrize("weights", [(1, 1), (1, 0), (0.25, 0.75), (0.5, 2), (1, -1)])
def test_the_reward_is_the_weighted_sum_of_what_the_streams_earn(weights, group, action):
    streams = {
        "memory": {"task": "delayed_paired_association", "early": "penalty", "weight": weights[0]},
        "gonogo": {**FLAGS, "early": "penalty", "weight": weights[1], "onset": 500},
    }
    paid, earned = totals(combined(streams, group=group, action=action))
    assert abs(earned["memory"]).sum() > 0
    assert abs(earned["gonogo"]).sum() > 0
    np.testing.assert_allclose(paid, weights[0] * earned["memory"] + weights[1] * earned["gonogo"], atol=1e-12)


def test_a_weight_changes_the_pay_and_nothing_else():
    tables = []
    for weight in (1.0, 0.0):
        batch = engine(combined({"first": DOTS, "second": {**DOTS, "weight": weight}}), 20)
        batch.reset(0)
        rng = np.random.default_rng(0)
        for _ in range(60):
            batch.step(random_actions(batch, rng))
        tables.append(batch.trials())
    for column in ("stream", "onset_s", "outcome", "choice", "reward", "side"):
        np.testing.assert_array_equal(tables[0][column], tables[1][column])


def test_one_number_for_all_streams_plays_the_same_as_an_action_for_each():
    scenario = combined({"first": DOTS, "second": {**FLAGS, "onset": 200}})
    factored, joint = (batch(scenario, lanes=30, seed=4) for _ in range(2))
    joint = joint_action_v0(joint)
    sizes = factored.action_space(AGENT).nvec
    assert joint.action_space(AGENT).n == sizes.prod()
    (seen, _), (same, _), rng = factored.reset(), joint.reset(), np.random.default_rng(0)
    for _ in range(60):
        assert (bits(seen[AGENT]) == bits(same[AGENT])).all()
        action = random_actions(factored, rng)[AGENT]
        seen, rewards, *_ = factored.step({AGENT: action})
        same, others, *_ = joint.step({AGENT: np.ravel_multi_index(action.T, sizes)})
        np.testing.assert_array_equal(rewards[AGENT], others[AGENT])
    for column in ("stream", "onset_s", "outcome", "choice", "reward"):
        np.testing.assert_array_equal(factored.trials()[column], joint.trials()[column])


# ---- who takes part -------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [(0.3, 0.3, 0.4), (1, 0, 1), (0, 0, 1), (5, 1, 2)], ids=str)
def test_the_mix_is_exactly_as_declared(weights):
    entries = ("first", "second", "first + second")
    group = {"mix": dict(zip(entries, weights, strict=True))}
    batch = held(combined({"first": DOTS, "second": {**FLAGS, "onset": 200}}, group=group), 200, 300)[2]
    table, trials = batch.trials(), 20
    takes_part = np.zeros((2, 300, trials), bool)
    entry = np.full((300, trials), -1)
    for number, name in enumerate(("first", "second")):
        rows = table.where(stream=name)
        rows = rows.select(rows["group_trial"] < trials)
        takes_part[number, rows["lane"], rows["group_trial"]] = True
        entry[rows["lane"], rows["group_trial"]] = rows["mix"]
    np.testing.assert_array_equal(takes_part[0], entry != 1)
    np.testing.assert_array_equal(takes_part[1], entry != 0)
    for number, weight in enumerate(weights):
        share = weight / sum(weights)
        assert (
            playing.near((entry == number).mean(), share, entry.size)
            if 0 < share < 1
            else ((entry == number).mean() == share)
        )
    repeated = (entry[:, 1:] == entry[:, :-1]).mean()
    chance = sum((weight / sum(weights)) ** 2 for weight in weights)
    assert playing.near(repeated, chance, entry[:, 1:].size)


def test_what_is_done_in_a_task_that_is_left_out_or_still_waits_has_no_effect():
    group = {"mix": {"first": 1, "first + second": 1}}
    scenario = combined({"first": DOTS, "second": {**FLAGS, "onset": 200}}, group=group)
    still, busy = engine(scenario, 100), engine(scenario, 100)
    seen, infos = still.reset(0)
    same, _ = busy.reset(0)
    for _ in range(60):
        idle = still.streams[1].idle.copy()
        for key, nothing in (("ground_truth", 0), ("period", -1)):
            assert (np.asarray(infos[AGENT][f"second.{key}"])[idle] == nothing).all()
        assert (bits(seen[AGENT]) == bits(same[AGENT])).all()
        actions = hold(still)
        seen, rewards, _, _, infos = still.step(actions)
        same, others, *_ = busy.step({AGENT: actions[AGENT] + np.stack([0 * idle, idle], axis=1)})
        np.testing.assert_array_equal(rewards[AGENT], others[AGENT])
    assert len(busy.trials().responses) == 0
    assert len(busy.trials().where(stream="second")) > 100


@pytest.mark.parametrize(("aborts", "goes_on"), [(0, 1), (1, 0)])
def test_the_abort_of_one_stream_leaves_the_other_running(aborts, goes_on):
    batch = engine(combined({"first": DOTS, "second": DOTS}), 50)
    batch.reset(0)
    early = np.zeros((50, 2), int)
    early[:, aborts] = 1
    batch.step({AGENT: early})
    assert batch.streams[aborts].idle.all()
    for _ in range(5):
        assert not batch.streams[goes_on].idle.any()
        batch.step({AGENT: np.maximum(batch.truth()[AGENT], 0)})
    names, table = ("first", "second"), batch.trials().where(trial=0)
    assert set(table.where(stream=names[aborts])["outcome"]) == {"abort"}
    assert set(table.where(stream=names[goes_on])["outcome"]) == {"correct"}
    np.testing.assert_allclose(table.where(stream=names[aborts])["reward"], -0.1)


# ---- any tasks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3, 4, 6])
def test_any_number_of_tasks_can_be_combined(number):
    streams = {f"task_{n}": {**FLAGS, "onset": 300 * n} for n in range(number)}
    table = held(combined(streams), 80)[2].trials()
    for n in range(number):
        rows = table.where(stream=f"task_{n}")
        assert set(rows["outcome"]) <= {"correct", "miss"}
        np.testing.assert_allclose(np.diff(rows["onset_s"]), 0.5 + 0.3 * (number - 1))


def test_tasks_of_different_actions_are_answered_apart_and_cannot_share_one():
    streams = {"wager": {"task": "post_decision_wager"}, "gonogo": {"task": "go_nogo"}}
    assert engine(combined(streams), 1).action_space(AGENT).nvec.tolist() == [4, 2]
    with pytest.raises(ScenarioError, match=r"subject_0.action: .*equally many actions, not .*'wager': 4, 'gonogo': 2"):
        combined(streams, action="shared")


def test_what_is_handed_in_is_not_changed():
    streams = {"first": copy.deepcopy(DOTS), "second": {**copy.deepcopy(FLAGS), "onset": 200}}
    before, task = copy.deepcopy(streams), make_task("random_dots")
    scenario = combined(streams, group={"mix": {"first": 1, "first + second": 1}})
    dump = copy.deepcopy(scenario.dump())
    held(scenario, 50, 3)
    assert streams == before
    assert scenario.dump() == dump
    assert make_task("random_dots") == task


def test_one_seed_decides_about_all_streams_and_the_mix_and_nothing_else_does():
    scenario = combined(
        {"first": DOTS, "second": {**FLAGS, "onset": 200}}, group={"mix": {"first": 1, "first + second": 1}}
    )

    def table(seed):
        batch = engine(scenario, 30)
        batch.reset(seed)
        for _ in range(60):
            batch.step(hold(batch))
        return batch.trials()

    np.random.seed(1)  # noqa: NPY002 - the global generator is what must not matter
    one, drawn = table(5), np.random.random()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert drawn == np.random.random()  # noqa: NPY002 - nobody drew from it meanwhile
    again, other = table(5), table(6)
    for name, condition in (("first", "side"), ("second", "go")):
        mine, same, different = (rows.where(stream=name) for rows in (one, again, other))
        for column in (condition, "mix"):
            np.testing.assert_array_equal(mine[column], same[column])
            if (name, column) != ("second", "mix"):  # where it takes part, the entry is always the same
                n = min(len(mine), len(different))
                assert (mine[column][:n] != different[column][:n]).any()


TASKS = list_tasks()


def ways(first, second):
    """How a pair of tasks is played: factored in one order of the two; shared, if they can, in the other."""
    sizes = {len(make_task(name).action_names()) for name in (first, second)}
    able = len(sizes) == 1 and all(task_class(name).movement is None for name in (first, second))
    if first == second:
        return ["factored", "shared"] if able else ["factored"]
    return ["shared"] if able and first > second else ["factored"]


@pytest.mark.parametrize("first", TASKS)
def test_every_task_can_be_combined_with_every_task_and_both_engines_agree(first):
    for second in TASKS:
        dt = math.gcd(int(task_class(first).dt), int(task_class(second).dt))
        for action in ways(first, second):
            streams, group = {"one": {"task": first}, "two": {"task": second}}, None
            if first > second:  # in the other order of the two they begin together, and always both
                streams["two"]["onset"] = [0, 2 * dt, 5 * dt]
                group = {"mix": {"one": 1, "two": 1, "one + two": 4}, "cue": True}
            value = written(streams, float(dt), group, action=action)
            scenario = Scenario.model_validate(value)  # unresolved, which takes half the time
            pair = SideBySide(scenario, 3, "mixed", checked=(1,))
            for _ in range(12):
                pair.step()
            pair.policy = "adversary"  # which ends trials
            for _ in range(6):
                pair.step()
            pair.compare_tables()
