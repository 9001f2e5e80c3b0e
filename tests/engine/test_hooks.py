"""Hooks for what a table cannot say: counted events, drift, changing displays, movements."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from gymnasium import spaces

from neuroparallel.errors import ActionError, NeuroparallelError, ScenarioError, TaskError
from neuroparallel.scenario import Scenario
from neuroparallel.task import Actions, Bernoulli, Channels, Movement, Task
from neuroparallel.timing import Timing, Uniform
from tests.engine.comparing import POLICIES, SideBySide, bits, draw_actions, engine, lane_engine, of_lane
from tests.engine.toys import Clicks, Counting, Fading, Ramp, Reach, Tracking, Window, alone, together

TOYS = {
    "clicks": alone(Clicks()),
    "counting": alone(Counting()),
    "counting+clicks": together(Clicks, Counting, onset=200),
    "ramp": alone(Ramp(sigma=1.0)),
    "ramp-last": alone(Ramp(sigma=1.0, commit="last")),
    "fading": alone(Fading(commit="last")),
    "tracking": alone(Tracking()),
    "reach": alone(Reach()),
    "reach-tremor": alone(Reach(tremor=0.3, distance=2.0)),
    "fading+clicks": together(Fading, Clicks, onset=200, fixation="all"),
    "clicks+clicks": together(Clicks, Clicks),
    "clicks+ramp": together(Clicks, Ramp, onset="after first.fixation + 300"),
    "clicks+reach": together(Clicks, Reach, onset=200),
    "reach+tracking": together(Reach, Tracking, fixation="any"),
    "reach+reach": together(Reach, Reach, onset="after first.wait", fixation="all"),
    "shared-clicks": together(Clicks, Clicks, onset=300, action="shared", observation="shared"),
    "shared-tracking": together(Tracking, Tracking, onset=300, observation="shared"),
}


# Equality


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", TOYS)
def test_both_engines_run_hooks_alike(name, policy):
    pair = SideBySide(TOYS[name], 7, policy)
    for _ in range(120):
        pair.step()
    pair.compare_tables()


@pytest.mark.parametrize("session", [{"trials": 2}, {"steps": 30}], ids=str)
@pytest.mark.parametrize("name", TOYS)
def test_sessions_with_hooks_end_and_begin_alike(name, session):
    pair = SideBySide(TOYS[name], 5, "mixed", session)
    for _ in range(120):
        pair.step()
    pair.compare_tables()


@pytest.mark.parametrize("lanes", [1, 300])
@pytest.mark.parametrize("name", TOYS)
def test_hooks_do_not_notice_the_number_of_lanes(name, lanes):
    pair = SideBySide(TOYS[name], lanes, "mixed")
    for _ in range(50):
        pair.step()


@pytest.mark.parametrize("name", TOYS)
def test_actions_in_one_lane_never_reach_the_hooks_of_another(name):
    calm, disturbed = engine(TOYS[name], 6), engine(TOYS[name], 6)
    calm.reset(5), disturbed.reset(5)
    rng, noise = np.random.default_rng(1), np.random.default_rng(2)
    for _ in range(60):
        actions, others = draw_actions(calm, "mixed", rng), draw_actions(disturbed, "random", noise)
        changed = {agent: mixed(action, others[agent]) for agent, action in actions.items()}
        first, second = calm.step(actions)[0]["subject_0"], disturbed.step(changed)[0]["subject_0"]
        assert (bits(first)[1::2] == bits(second)[1::2]).all()


def mixed(action, other):
    """Every second lane does something else."""
    if isinstance(action, dict):
        return {name: mixed(part, other[name]) for name, part in action.items()}
    action = action.copy()
    action[::2] = other[::2]
    return action


@pytest.mark.parametrize("name", TOYS)
def test_a_saved_state_with_hooks_resumes_exactly(name):
    batch, rng = engine(TOYS[name], 5, {"trials": 3}), np.random.default_rng(4)
    batch.reset(1)
    for _ in range(23):
        batch.step(draw_actions(batch, "mixed", rng))
    saved, plan, results = batch.state(), [], []
    for _ in range(40):
        plan.append(draw_actions(batch, "mixed", rng))
        results.append(batch.step(plan[-1]))
    again = engine(TOYS[name], 5, {"trials": 3})
    again.set_state(saved)
    for actions, before in zip(plan, results, strict=True):
        repeated = again.step(actions)
        for part in range(4):
            np.testing.assert_array_equal(before[part]["subject_0"], repeated[part]["subject_0"])


@pytest.mark.parametrize("name", TOYS)
def test_a_scalar_state_with_hooks_resumes_in_the_middle_of_a_period(name):
    guide, single, copy = engine(TOYS[name], 1), lane_engine(TOYS[name]), lane_engine(TOYS[name])
    guide.reset(8), single.reset(8)
    rng = np.random.default_rng(0)
    for step in range(60):
        actions = draw_actions(guide, "mixed", rng)
        guide.step(actions)
        mine = {agent: of_lane(action, 0) for agent, action in actions.items()}
        ours = single.step(mine)
        if step == 13:
            copy.set_state(single.state())
        elif step > 13:
            theirs = copy.step(mine)
            assert (bits(ours[0]["subject_0"]) == bits(theirs[0]["subject_0"])).all()
            assert ours[1:] == theirs[1:]


@pytest.mark.parametrize("name", ["tracking", "clicks", "counting", "reach", "reach+tracking"])
def test_restarting_some_lanes_does_not_disturb_the_hooks_of_others(name):
    plain, restarted = engine(TOYS[name], 6), engine(TOYS[name], 6)
    plain.reset(2), restarted.reset(2)
    mask, rng = np.array([True, False, False, True, False, False]), np.random.default_rng(0)
    for step in range(40):
        actions = draw_actions(plain, "mixed", rng)
        first, second = plain.step(actions)[0]["subject_0"], restarted.step(actions)[0]["subject_0"]
        assert (bits(first)[~mask] == bits(second)[~mask]).all()
        if step == 20:
            shown = restarted.restart(mask)["subject_0"]
            assert (bits(shown)[~mask] == bits(first)[~mask]).all()


@pytest.mark.parametrize("tasks", [(Clicks, Tracking), (Reach, Clicks), (Tracking, Reach)], ids=str)
def test_a_stream_with_hooks_is_the_same_alone(tasks):
    whole = together(*tasks)
    part = whole.only("first")
    both, single = engine(whole, 20), engine(part, 20)
    first, second = both.reset(4)[0]["subject_0"], single.reset(4)[0]["subject_0"]
    own = [i for i, name in enumerate(both.channel_names("subject_0")) if name.startswith("first.")]
    rng, space = np.random.default_rng(0), both.action_space("subject_0")
    lasts = both.streams[0].tables
    for _ in range(min(lasts.steps[: lasts.phase].sum(), 8)):  # until the barrier holds one of them up
        assert (bits(first[:, own]) == bits(second)).all()
        actions = draw_actions(both, "hold", rng)["subject_0"]
        mine = actions["first"] if isinstance(space, spaces.Dict) else actions[:, 0]
        first = both.step({"subject_0": actions})[0]["subject_0"]
        second = single.step({"subject_0": mine})[0]["subject_0"]


# Counted events


def watch(scenario, lanes, steps, seed=0):
    """What is shown while the subject holds; float64 (steps, lanes, channels), the sides, and the periods."""
    batch = engine(scenario, lanes)
    seen, infos = batch.reset(seed)
    hold = {"subject_0": np.zeros(lanes, int)}
    shown, periods = [seen["subject_0"]], [infos["subject_0"]["period"]]
    for _ in range(steps - 1):
        seen, _, _, _, infos = batch.step(hold)
        shown.append(seen["subject_0"])
        periods.append(infos["subject_0"]["period"])
    return np.array(shown, np.float64), batch.streams[0].values(np.arange(lanes)), np.array(periods)


def test_counts_have_the_mean_the_variance_and_the_shape_of_a_poisson_law():
    from scipy import stats

    lanes = 20_000
    shown, conditions, periods = watch(alone(Clicks()), lanes, 11)
    during = shown[(periods == 1).all(axis=1)]
    assert len(during) == 10
    for column, side in ((2, 1), (3, 2)):
        counts = during[:, :, column]
        for rate, where in ((1.2, conditions["side"] == side), (0.2, conditions["side"] != side)):
            mine = counts[:, where].ravel()
            n = len(mine)
            assert abs(mine.mean() - rate) < 4 * (rate / n) ** 0.5
            assert abs(mine.var() - rate) < 4 * ((rate + 2 * rate**2) / n) ** 0.5
            found = np.bincount(mine.astype(int), minlength=8)[:8] / n
            expected = stats.poisson.pmf(np.arange(8), rate)
            assert (abs(found - expected) <= 4 * (expected * (1 - expected) / n) ** 0.5 + 1e-9).all()
            assert (mine == np.floor(mine)).all()


def test_counts_are_independent_over_time_lanes_and_channels():
    lanes = 20_000
    shown, _, periods = watch(alone(Clicks(low_hz=8.0, high_hz=8.0, flicker_hz=4.0)), lanes, 11)
    z = shown[(periods == 1).all(axis=1)][:, :, 1:]
    z = (z - z.mean(axis=(0, 1))) / z.std(axis=(0, 1))
    n = z.shape[0] * lanes
    for one in range(4):
        for other in range(one):
            assert abs((z[..., one] * z[..., other]).mean()) < 4 / n**0.5
    for lag in (1, 2, 5):
        assert abs((z[lag:] * z[:-lag]).mean()) < 4 / (4 * n * (10 - lag) / 10) ** 0.5
    for shift in (1, 7):
        assert abs((z * np.roll(z, shift, axis=1)).mean()) < 4 / (4 * n) ** 0.5


@pytest.mark.parametrize("dt", [20, 50, 100])
def test_a_rate_in_hz_gives_as_many_events_per_second_at_every_dt(dt):
    lanes = 4000
    steps = int(1100 / dt)
    shown, conditions, _ = watch(alone(Clicks(), dt=dt), lanes, steps)
    fixation = int(100 / dt)
    sums = shown[fixation:, :, 2:].sum(axis=0)
    left = conditions["side"] == 1
    assert abs(sums[left, 0].mean() - 12) < 4 * (12 / left.sum()) ** 0.5
    assert abs(sums[left, 0].var() - 12) < 4 * ((12 + 2 * 144) / left.sum()) ** 0.5
    assert abs(sums[:, 2].mean() - 3) < 4 * (3 / lanes) ** 0.5
    p = 3 * dt / 1000
    assert abs(sums[:, 2].var() - 3 * (1 - p)) < 4 * (30 / lanes) ** 0.5


def test_flashes_are_ones_and_zeros_with_the_probability_that_is_shown():
    shown, _, periods = watch(alone(Clicks(flicker_hz=10.0)), 300, 17)
    lamp = shown[:, :, 4]
    assert set(np.unique(lamp)) == {0.0, 1.0}
    assert (lamp[(periods < 3).all(axis=1)] == 1).all()  # probability 1: always
    assert (lamp[(periods == 3).all(axis=1)] == 0).all()  # nothing shown: never
    shown, _, _ = watch(alone(Clicks(flicker_hz=0.0, low_hz=0.0, high_hz=0.0)), 300, 17)
    assert not shown[:, :, 2:].any()


def test_many_counts_per_step_are_drawn_as_well_as_few():
    rate, lanes = 100.0, 5000
    shown, _, _ = watch(alone(Clicks(low_hz=1000.0, high_hz=1000.0)), lanes, 3)
    counts = shown[1:, :, 2:4].ravel()
    assert abs(counts.mean() - rate) < 4 * (rate / counts.size) ** 0.5
    assert abs(counts.var() - rate) < 4 * ((rate + 2 * rate**2) / counts.size) ** 0.5


def test_an_idle_stream_shows_no_events():
    batch = engine(together(Clicks, Clicks, onset=500), 50)
    seen, _ = batch.reset(1)
    idle = [
        i for i, name in enumerate(batch.channel_names("subject_0")) if name.startswith("second.") and "hum" not in name
    ]
    for _ in range(5):
        assert not seen["subject_0"][:, idle].any()
        seen = batch.step({"subject_0": np.zeros((50, 2), int)})[0]


def test_counts_have_their_golden_values():
    from neuroparallel.engine.noise import poisson

    words = np.arange(1, 9, dtype=np.uint64) * np.uint64(0x1FFFFFFFFFFFFFFF)
    assert poisson(words, np.full(8, 1.5, np.float32)).tolist() == GOLDEN_COUNTS
    shown, _, _ = watch(alone(Clicks()), 3, 6)
    assert shown[:, 0, 2:].astype(int).tolist() == GOLDEN_CLICKS


GOLDEN_COUNTS = [0, 1, 1, 1, 2, 2, 3, 23]
GOLDEN_CLICKS = [[0, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0], [0, 3, 0], [0, 1, 0]]


def test_a_count_depends_on_its_word_and_mean_only():
    from neuroparallel.engine.noise import poisson

    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**64, 500, dtype=np.uint64)
    means = rng.uniform(0, 6, 500).astype(np.float32)
    whole = poisson(words, means)
    assert [float(poisson(words[i : i + 1], means[i : i + 1])[0]) for i in range(500)] == whole.tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"flicker_hz": 10.5}, "lamp.*1.05.*probability"), ({"low_hz": -1.0}, "clicks"), ({"high_hz": 1001.0}, "clicks")],
    ids=str,
)
def test_a_mean_that_no_count_can_have_is_refused_when_compiled(changes, message):
    with pytest.raises(NeuroparallelError, match=message):
        engine(alone(Clicks(**changes)), 3)


def test_a_probability_that_drifts_above_one_is_refused_when_compiled():
    with pytest.raises(NeuroparallelError, match="sparks"):
        engine(alone(Ramp(timing={"ramp": 1200})), 3)
    with pytest.raises(NeuroparallelError, match="sparks"):
        engine(alone(Ramp(timing={"ramp": Uniform(100, 1200)})), 3)
    engine(alone(Ramp(timing={"ramp": 1000})), 3)


def test_a_noise_that_is_none_is_refused():
    with pytest.raises(TaskError, match="clicks"):
        Channels(clicks=1, noise={"clicks": "normal"} | {"clicks": None})
    with pytest.raises(TaskError, match="clicks"):
        Channels(clicks=1, noise={"clicks": -1.0})


def test_pay_knows_what_was_really_shown_in_the_trial():
    batch = engine(alone(Counting(low_hz=5.0, high_hz=7.0)), 200)
    seen = [batch.reset(1)[0]["subject_0"]]
    for _ in range(12):
        seen.append(batch.step({"subject_0": np.zeros(200, int)})[0]["subject_0"])
    total = np.array(seen, np.float64).sum(axis=0)
    choice = np.where(total[:, 2] >= total[:, 3], 1, 2)
    rewards = batch.step({"subject_0": choice})[1]["subject_0"]
    np.testing.assert_allclose(rewards, total[:, 2] - 100 * total[:, 3] + total[:, 1] / 1000, rtol=1e-9)
    batch.step({"subject_0": np.zeros(200, int)})
    trials = batch.trials()
    assert set(trials["outcome"]) == {"correct"}
    assert (trials["choice"] != trials["ground_truth"]).any()  # fooled by the clicks, and rightly so


def test_sums_of_channels_that_are_not_there_or_shared_are_refused():
    @dataclass(frozen=True, kw_only=True)
    class Missing(Clicks):
        sums: ClassVar = ("klicks",)

    with pytest.raises(NeuroparallelError, match="clicks"):
        engine(alone(Missing()), 2)
    with pytest.raises(ScenarioError, match="adds up"):
        engine(together(Counting, Counting, observation="shared"), 2)


# Drift


@pytest.mark.parametrize("commit", ["first", "last"])
@pytest.mark.parametrize("dt", [20, 50, 100])
def test_drift_shows_the_mean_over_each_step_since_the_onset_of_the_period(dt, commit):
    lanes = 50
    task = Ramp(commit=commit, timing={"fixation": 100})
    shown, conditions, periods = watch(alone(task, dt=dt), lanes, int(800 / dt))
    pressure = shown[:, :, 1]
    for period, start in ((1, 100), (2, 500)):
        when = np.flatnonzero((periods == period).all(axis=1))
        assert when[0] == start / dt
        seconds = (np.arange(len(when)) + 0.5) * dt / 1000
        expected = 1.0 + 2.0 * conditions["sign"] * seconds[:, None]
        np.testing.assert_allclose(pressure[when], expected, rtol=0, atol=1e-6)
        assert (shown[when][:, :, 2] == 1.0).all()


def test_drifting_evidence_adds_up_to_the_same_at_every_dt():
    sums = []
    for dt in (20, 50, 100):
        shown, conditions, _ = watch(alone(Ramp(timing={"fixation": 100}), dt=dt), 20, int(500 / dt))
        up = conditions["sign"] > 0
        sums.append((shown[:, up, 1] * dt / 1000).sum(axis=0)[0])
    np.testing.assert_allclose(sums, 0.4 + 2.0 * 0.4**2 / 2, rtol=1e-6)


def test_drifting_probabilities_are_followed_step_by_step():
    lanes = 20_000
    shown, _, _ = watch(alone(Ramp(timing={"fixation": 100})), lanes, 5)
    for step in range(4):
        p = (step + 0.5) * 0.1
        assert abs(shown[1 + step, :, 3].mean() - p) < 4 * (p * (1 - p) / lanes) ** 0.5


def test_drift_differs_between_trials_where_conditions_are_drawn():
    shown, conditions, periods = watch(alone(Fading(sigma=0.0, timing={"fixation": 100})), 50, 1)
    np.testing.assert_allclose(shown[0, :, 0], 1 - conditions["speed"] * 0.05, atol=1e-6)
    assert (periods == 0).all()


@pytest.mark.parametrize(
    ("task", "steps"), [(Ramp(), 0), (Clicks(), 0), (Tracking(), 11)], ids=["drift", "counts", "observe"]
)
def test_what_changes_within_a_period_counts_as_shown(task, steps):
    batch = engine(alone(task), 2)
    assert batch.memory_steps() == steps


# Observe


def test_observe_sees_the_time_in_the_period_and_changes_what_is_shown():
    batch = engine(alone(Tracking(timing={"wait": 100})), 40)
    batch.streams[0].noise.sd[:] = 0.0
    seen, _ = batch.reset(0)
    speed = batch.streams[0].values(np.arange(40))["speed"]
    names = batch.channel_names("subject_0")
    x, y = names.index("spot_x"), names.index("spot_y")
    shown = [seen["subject_0"]]
    for _ in range(6):
        shown.append(batch.step({"subject_0": np.zeros(40, int)})[0]["subject_0"])
    np.testing.assert_allclose(shown[0][:, y], 1.0)
    for step in range(6):
        np.testing.assert_allclose(shown[1 + step][:, x], speed * step / 10, atol=1e-6)
    trembles = np.array([row[:, y] for row in shown[1:]])
    assert ((trembles >= 0) & (trembles < 1)).all()
    assert len(np.unique(trembles)) == trembles.size


def test_counts_follow_what_observe_shows():
    lanes = 20_000
    batch = engine(alone(Tracking(timing={"wait": 100})), lanes)
    batch.reset(0)
    speed = np.abs(batch.streams[0].values(np.arange(lanes))["speed"])
    counts = batch.step({"subject_0": np.zeros(lanes, int)})[0]["subject_0"][:, 3].astype(float)
    assert abs((counts - speed).mean()) < 4 * (speed.mean() / lanes) ** 0.5
    residual = (counts - speed) ** 2 - speed
    assert abs(residual.mean()) < 4 * residual.std() / lanes**0.5


@dataclass(frozen=True, kw_only=True)
class Careless(Tracking):
    """A task whose hooks do what they must not."""

    fault: str = "probability"
    channels: ClassVar = Channels(fixation=1, spot=("x", "y"), clicks=1, noise={"clicks": Bernoulli()})

    def observe(self, view):
        if self.fault == "probability":
            view.mean["clicks"][:] = 1.5
        if self.fault == "memory":
            view.memory["seen"][:] = 3.0
        if self.fault == "period":
            view.during("wlak")


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("probability", TaskError, "clicks.*1.5"),
        ("memory", ValueError, "read-only"),
        ("period", NeuroparallelError, "walk"),
    ],
)
def test_what_observe_must_not_do_is_an_error(fault, error, message):
    with pytest.raises(error, match=message):
        engine(alone(Careless(fault=fault)), 3).reset(0)
    with pytest.raises(error, match=message):
        lane_engine(alone(Careless(fault=fault))).reset(0)


# Movements


def test_a_moving_task_has_a_box_of_actions():
    space = engine(alone(Reach()), 3).action_space("subject_0")
    assert space == spaces.Box(-1.0, 1.0, (1,), np.float32) == lane_engine(alone(Reach())).action_space("subject_0")
    both = engine(together(Clicks, Reach), 3).action_space("subject_0")
    assert both == spaces.Dict({"first": spaces.Discrete(3), "second": space})
    assert list(both) == ["first", "second"]


def test_a_reach_arrives_when_distance_and_speed_say():
    batch = engine(alone(Reach(speed=2.5)), 40)
    batch.reset(0)
    left = batch.streams[0].values(np.arange(40))["side"] == 1
    rest, go = np.zeros((40, 1), np.float32), np.where(left, -1.0, 1.0).astype(np.float32)[:, None]
    for _ in range(2):
        seen, *_ = batch.step({"subject_0": rest})
    for step in range(4):  # 0.25 per step, so the target is reached in the fourth
        cursor = seen["subject_0"][:, 3]
        np.testing.assert_allclose(cursor, np.where(left, -1, 1) * 0.25 * step, atol=1e-6)
        assert (batch.truth()["subject_0"] == np.where(left, 1, 2)).all()
        seen, rewards, *_ = batch.step({"subject_0": go})
        assert (rewards["subject_0"] == (step == 3)).all()
    batch.step({"subject_0": rest})
    trials = batch.trials()
    assert trials["outcome"].tolist() == ["correct"] * 40
    np.testing.assert_allclose(trials["response_time_s"], 0.4)
    assert (trials["choice"] == trials["ground_truth"]).all()
    assert set(trials.responses["action"]) == {1, 2}


def test_a_reach_that_begins_too_early_or_never_is_an_abort_or_a_miss():
    batch = engine(alone(Reach()), 3)
    batch.reset(0)
    push = np.array([[0.0], [1.0], [-1.0]], np.float32)
    batch.step({"subject_0": push})
    for _ in range(14):
        batch.step({"subject_0": np.zeros((3, 1), np.float32)})
    assert batch.trials().where(trial=0)["outcome"].tolist() == ["miss", "abort", "abort"]


def test_movements_know_the_time_in_the_period_with_the_present_step():
    batch = engine(alone(Reach()), 2)
    batch.reset(0)
    rest = {"subject_0": np.zeros((2, 1), np.float32)}
    times = []
    for _ in range(5):
        batch.step(rest)
        times.append(batch.streams[0].memory["path"][0, 1])
    assert times == [100, 200, 100, 200, 300]


BAD_MOVES = [
    {},
    {"subject_0": np.zeros((4, 1), int)},
    {"subject_0": np.zeros(4, np.float32)},
    {"subject_0": np.zeros((3, 1), np.float32)},
    {"subject_0": np.full((4, 1), 1.5)},
    {"subject_0": np.array([[0.0], [0.0], [-1.1], [0.0]])},
    {"subject_0": np.array([[0.0], [np.nan], [0.0], [0.0]])},
    {"subject_0": np.array([[0.0], [np.inf], [0.0], [0.0]])},
    {"subject_0": None},
    {"subject_0": "left"},
    {"subject_0": {"first": 0}},
]


@pytest.mark.parametrize("actions", BAD_MOVES, ids=str)
def test_a_wrong_movement_is_refused_by_name_and_range_and_changes_nothing(actions):
    batch = engine(alone(Reach()), 4)
    batch.reset(0)
    before = batch.state()
    with pytest.raises(ActionError, match=r"subject_0"):
        batch.step(actions)
    unchanged(before, batch.state())
    if actions:
        with pytest.raises(ActionError, match=r"-1 to 1"):
            batch.step(actions)


BAD_PARTS = [
    np.zeros((4, 2), int),
    {"first": np.zeros(4, int)},
    {"first": np.zeros(4, int), "third": np.zeros((4, 1))},
    {"first": np.zeros(4, int), "second": np.zeros((4, 1)), "third": 0},
    {"first": np.full(4, 3), "second": np.zeros((4, 1))},
    {"first": np.zeros(4), "second": np.zeros((4, 1))},
    {"first": np.zeros(4, int), "second": np.full((4, 1), 2.0)},
]


@pytest.mark.parametrize("action", BAD_PARTS, ids=str)
def test_a_wrong_part_of_an_action_is_refused_and_changes_nothing(action):
    batch = engine(together(Clicks, Reach), 4)
    batch.reset(0)
    before = batch.state()
    with pytest.raises(ActionError, match=r"subject_0"):
        batch.step({"subject_0": action})
    unchanged(before, batch.state())


def unchanged(before, after):
    assert before["now"] == after["now"]
    for one, other in zip(before["streams"], after["streams"], strict=True):
        for name, array in one.items():
            if isinstance(array, np.ndarray):
                np.testing.assert_array_equal(array, other[name])
        for name, array in one["memory"].items():
            np.testing.assert_array_equal(array, other["memory"][name])


@dataclass(frozen=True, kw_only=True)
class Staying(Reach):
    """A reach that counts once the cursor has stayed at the target for 300 ms."""

    def define(self, trial):
        trial.show("fixation", during="wait")
        trial.answer(trial.side, during="reach", commit="held", hold_ms=300)


def test_an_event_can_be_held_like_a_choice():
    pair = SideBySide(alone(Staying()), 6, "oracle")
    for _ in range(40):
        pair.step()
    pair.compare_tables()
    trials = pair.batch.trials()
    assert set(trials["outcome"]) == {"correct"}
    assert trials["response_time_s"].min() == pytest.approx(0.3)


@dataclass(frozen=True, kw_only=True)
class Still(Task):
    """A movement with nothing that turns it into events, or with events that do not exist."""

    event: float = 0
    timing: Timing = Timing(reach=500)
    channels: ClassVar = Channels(fixation=1)
    actions: ClassVar = Actions("hold", "arrive")
    movement: ClassVar = Movement(x=(0, 1))

    def define(self, trial):
        trial.answer(1, during="reach")


@dataclass(frozen=True, kw_only=True)
class Wrong(Still):
    def move(self, step):
        return np.full(len(step), self.event, type(self.event))


@dataclass(frozen=True, kw_only=True)
class Unmoved(Window):
    def move(self, step):
        return np.zeros(len(step), int)


@pytest.mark.parametrize("task", [Still(), Unmoved()], ids=["no hook", "no movement"])
def test_a_movement_and_its_hook_need_each_other(task):
    with pytest.raises(NeuroparallelError, match="move"):
        engine(alone(task), 2)


@pytest.mark.parametrize("event", [2, -1, 0.5])
def test_an_event_that_does_not_exist_is_an_error_of_the_task(event):
    action = np.zeros((2, 1), np.float32)
    batch = engine(alone(Wrong(event=event)), 2)
    batch.reset(0)
    with pytest.raises(TaskError, match=r"wrong.*move"):
        batch.step({"subject_0": action})
    single = lane_engine(alone(Wrong(event=event)))
    single.reset(0)
    with pytest.raises(TaskError, match=r"wrong.*move"):
        single.step({"subject_0": action[0]})


def test_a_shared_action_cannot_be_a_movement():
    with pytest.raises(ScenarioError, match="movement"):
        engine(together(Reach, Reach, action="shared"), 2)


@pytest.mark.parametrize("axes", [{}, {"x": (1, -1)}, {"x": (0, np.inf)}, {"x": (np.nan, 1)}], ids=str)
def test_a_movement_needs_axes_with_a_range(axes):
    with pytest.raises(TaskError, match="movement"):
        Movement(**axes)


def test_a_task_without_hooks_is_not_asked_for_any():
    stream = engine(Scenario.load("random_dots"), 3).streams[0]
    assert not stream.changing
    assert not stream.tables.times_periods
    assert stream.noise.counts == ()
