"""The ten points that were settled because they are hard to change later; each is held here."""

import numpy as np
import pytest

from neuroparallel.errors import ActionError, ArgumentError, NeuroparallelError, ScenarioError, UsageError
from neuroparallel.outcomes import Outcome
from neuroparallel.scenario import Scenario
from tests.engine.comparing import SideBySide, bits, draw_actions, engine, lane_engine
from tests.engine.toys import Again, Idle, Window, alone


def play(batch, actions, agent="subject_0"):
    """Step with the same scripted action in every lane; returns the last step."""
    for action in actions:
        last = batch.step({agent: np.full(batch.lanes, action)})
    return last


def outcome(task, actions, seed=0):
    """Outcomes and rewards of one trial under scripted actions, in lanes whose right side is left."""
    batch = engine(alone(task), 40)
    batch.reset(seed)
    left = batch.streams[0].values(np.arange(40))["side"] == 1
    play(batch, [*actions, *[0] * 9])
    trials = batch.trials().where(trial=0)
    return trials["outcome"][left].tolist(), trials["reward"][left].tolist(), trials["response_time_s"][left].tolist()


# 1. Randomness: branches travel with their streams, purposes hash their names, a period entered twice draws twice


def test_a_stream_alone_is_bit_identical_to_itself_in_the_scenario():
    whole, alone_ = Scenario.load("dpa_gng"), Scenario.load("dpa_gng").only("memory")
    both, single = engine(whole, 50), engine(alone_, 50)
    first, second = both.reset(4)[0]["subject_0"], single.reset(4)[0]["subject_0"]
    names = list(both.channel_names("subject_0"))
    own = [i for i, name in enumerate(names) if name.startswith("memory.")]
    theirs = [i for i, name in enumerate(single.channel_names("subject_0")) if name != "fixation"]
    for _ in range(200):
        assert (bits(first[:, own]) == bits(second[:, theirs])).all()
        action = {"subject_0": np.zeros(50, int)}
        first, second = both.step(action)[0]["subject_0"], single.step(action)[0]["subject_0"]
    ours, lone = both.trials().where(stream="memory"), single.trials()
    for column in ("lane", "trial", "onset_s", "outcome", "reward", "sample", "test"):
        np.testing.assert_array_equal(ours[column], lone[column])


def test_the_second_stream_alone_has_the_same_trials_at_other_times():
    whole = Scenario.load("dpa_gng")
    both, single = engine(whole, 20), engine(whole.only("gonogo"), 20)
    both.reset(4), single.reset(4)
    play(both, [0] * 26 * 12), play(single, [0] * 26 * 12)
    ours, lone = both.trials().where(stream="gonogo"), single.trials()
    condition = both.streams[1].tables.design.names[0]
    for lane in range(20):
        mine = ours.where(lane=lane)[condition]
        assert mine.tolist() == lone.where(lane=lane)[condition][: len(mine)].tolist()
        assert len(mine) > 3


def test_renaming_and_reordering_streams_changes_names_and_columns_only():
    value = Scenario.load("dual_random_dots").dump()
    streams = value["subjects"]["subject_0"]["streams"]
    old = list(streams)
    value["subjects"]["subject_0"]["streams"] = {f"{name}_x": streams[name] for name in reversed(old)}
    group = next(iter(value["groups"].values()))
    group["streams"] = [f"subject_0.{name}_x" for name in old]
    ours, theirs = engine(Scenario.load("dual_random_dots"), 9), engine(Scenario.load(value), 9)
    first, second = ours.reset(1)[0]["subject_0"], theirs.reset(1)[0]["subject_0"]
    names, others = ours.channel_names("subject_0"), theirs.channel_names("subject_0")
    order = [others.index(name.replace(".", "_x.")) for name in names]
    rng = np.random.default_rng(0)
    for _ in range(60):
        assert (bits(first) == bits(second[:, order])).all()
        action = draw_actions(ours, "mixed", rng)["subject_0"]
        first, paid, *_ = ours.step({"subject_0": action})
        second, also, *_ = theirs.step({"subject_0": action[:, ::-1]})
        first, second = first["subject_0"], second["subject_0"]
        np.testing.assert_array_equal(paid["subject_0"], also["subject_0"])


def test_a_period_entered_twice_draws_two_durations():
    batch = engine(alone(Again()), 300)
    batch.reset(0)
    entered, lengths = batch.streams[0].entered.copy(), [[] for _ in range(300)]
    for _ in range(60):
        truth = batch.truth()["subject_0"]
        before = batch.streams[0].row.copy()
        batch.step({"subject_0": np.where(truth == 2, 1, 0)})
        for lane in np.flatnonzero(batch.streams[0].row != before):
            lengths[lane].append(batch.now - entered[lane])
        entered = np.where(batch.streams[0].row != before, batch.now, entered)
    waits = np.array([lane[0:3:2] for lane in lengths if len(lane) > 2])
    assert len(waits) > 100
    assert abs(np.corrcoef(waits.T)[0, 1]) < 0.25
    assert (waits[:, 0] != waits[:, 1]).mean() > 0.8


# 2. Equality is held by test_equality; toy tasks with every commit rule join in here


@pytest.mark.parametrize("policy", ["hold", "random", "adversary", "mixed"])
@pytest.mark.parametrize(
    "task",
    [
        Window(),
        Window(commit="last"),
        Window(commit=200),
        Window(then="wait"),
        Window(early="penalty"),
        Window(early="free", then="end"),
        Again(),
    ],
    ids=repr,
)
def test_engines_agree_on_every_rule_of_response(task, policy):
    pair = SideBySide(alone(task), 6, policy)
    for _ in range(150):
        pair.step()
    pair.compare_tables()


# 3. Noise belongs to the channel and never tells which task is on


def test_idle_noise_has_the_same_variance_as_live_noise():
    batch = engine(Scenario.load("dpa_gng"), 400)
    batch.reset(0)
    column = -1  # the last odour of the go/no-go task
    live, idle = [], []
    for _ in range(26 * 4):
        seen = batch.step({"subject_0": np.zeros(400, int)})[0]["subject_0"][:, column]
        stream = batch.streams[1]
        rest = seen - stream.mean[-1]
        idle.append(rest[stream.idle])
        live.append(rest[~stream.idle])
    live, idle = np.concatenate(live), np.concatenate(idle)
    assert min(len(live), len(idle)) > 5000
    assert abs(live.std() - idle.std()) < 4 * live.std() * (1 / (2 * len(live)) + 1 / (2 * len(idle))) ** 0.5
    assert abs(idle.mean()) < 4 * idle.std() / len(idle) ** 0.5


def test_on_shared_channels_means_add_and_noise_is_drawn_once():
    scenario = Scenario.load("dual_random_dots").replace(**{"subjects.subject_0.observation": "shared"})
    batch = engine(scenario, 2000)
    batch.reset(0)
    seen = batch.step({"subject_0": np.zeros((2000, 2), int)})[0]["subject_0"]
    means = sum(stream.mean for stream in batch.streams).T
    noisy = [i for i, name in enumerate(batch.channel_names("subject_0")) if "motion" in name]
    rest = (seen - means)[:, noisy]
    sd = batch.streams[0].noise.sd[noisy]
    assert abs(rest.std(axis=0) / sd - 1).max() < 0.08


# 4. Time


def test_a_duration_between_two_steps_is_an_error_that_names_both_neighbours():
    with pytest.raises(ScenarioError, match=r"250 ms.*dt = 100 ms; use 200 or 300 ms"):
        Scenario.load("random_dots").replace(timing={"stimulus": 250})


def test_onsets_round_up():
    scenario = Scenario.load("dpa_gng").replace(
        **{"subjects.subject_0.streams.gonogo.onset": "after memory.sample + 210"}
    )
    batch = engine(scenario, 30)
    batch.reset(0)
    play(batch, [0] * 26)
    gonogo = batch.trials().where(stream="gonogo")
    np.testing.assert_allclose(gonogo["onset_s"], 0.2 + 0.3 + 0.3)


def test_a_period_of_no_duration_vanishes():
    batch = engine(Scenario.load("random_dots").replace(timing={"fixation": 0, "delay": 0}), 3)
    batch.reset(0)
    play(batch, [0] * 21)
    assert batch.trials()["duration_s"].tolist() == [2.1] * 3


# 5. Order of a step: act, resolve, start, observe


def test_the_observation_after_a_trials_last_step_is_the_first_of_the_next_trial():
    batch = engine(alone(Window(then="end")), 8)
    batch.reset(0)
    play(batch, [0])
    observations, rewards, _, _, infos = batch.step(batch.truth())
    info = infos["subject_0"]
    assert info["trial_end"].all()
    assert (info["outcome"] == Outcome.CORRECT).all()
    assert (info["trial"] == 0).all()
    assert (info["period"] == 0).all()
    assert (rewards["subject_0"] == 1).all()
    assert (observations["subject_0"][:, 0] == 1).all()


# 6. Response


def test_the_first_response_counts():
    assert outcome(Window(), [0, 0, 2, 1])[0][0] == "error"
    assert outcome(Window(), [0, 0, 1, 2])[0][0] == "correct"


def test_the_choice_of_the_last_step_counts():
    assert outcome(Window(commit="last"), [0, 2, 2, 2, 2, 1, 0, 0])[0][0] == "correct"
    assert outcome(Window(commit="last"), [0, 1, 1, 1, 1, 0, 0, 0])[0][0] == "miss"


def test_a_choice_counts_once_it_was_held():
    task = Window(commit=300)
    labels, _, times = outcome(task, [0, 2, 2, 1, 1, 1, 0, 0, 0])
    assert labels[0] == "correct"
    assert times[0] == pytest.approx(0.5)
    assert outcome(task, [0, 1, 2, 1, 2, 1, 0, 0])[0][0] == "miss"


def test_response_times_count_from_the_onset_of_the_window_and_include_the_step_of_the_response():
    assert outcome(Window(), [0, 0, 0, 1])[2][0] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("early", "label", "reward"), [("abort", "abort", -0.5), ("penalty", "correct", 0.5), ("free", "correct", 1.0)]
)
def test_early_responses_follow_the_tasks_rule(early, label, reward):
    labels, rewards, _ = outcome(Window(early=early, then="end"), [2, 1])
    assert labels[0] == label
    assert rewards[0] == pytest.approx(reward)


# 7. Outcomes and truth


def test_withholding_is_correct_where_it_is_right():
    batch = engine(Scenario.load("go_nogo"), 64)
    batch.reset(0)
    for _ in range(15):
        batch.step({"subject_0": np.zeros(64, int)})
    trials = batch.trials().where(trial=0)
    assert set(trials["outcome"]) == {"correct", "miss"}
    assert (trials["correct"] == (trials["ground_truth"] == 0)).all()


# 8. Two tables


def test_every_response_has_a_row_in_the_second_table():
    batch = engine(alone(Window()), 3)
    batch.reset(0)
    play(batch, [0, 0, 1, 0, 0])
    rows = batch.trials().responses
    assert rows["period"].tolist() == ["decision"] * 3
    assert rows["action"].tolist() == [1] * 3
    np.testing.assert_allclose(rows["time_s"], 0.3)


def test_licks_that_only_cost_are_in_the_second_table_too():
    batch = engine(alone(Window(early="penalty", then="wait")), 2)
    batch.reset(0)
    play(batch, [2, 0, 1, 1, 0, 0, 2, 0])
    rows = batch.trials().responses.where(lane=0)
    assert rows["period"].tolist() == ["fixation", "decision", "decision", "iti"]
    assert rows["action"].tolist() == [2, 1, 1, 2]
    np.testing.assert_allclose(rows["time_s"], [0.1, 0.3, 0.4, 0.7])
    assert rows["reward"].tolist()[0] == rows["reward"].tolist()[-1] == -0.5


# 9. Sessions


def test_a_session_counts_trials_of_the_first_group_and_is_truncated_for_all():
    batch = engine(Scenario.load("dpa_gng"), 4, {"trials": 2})
    batch.reset(0)
    cut = [batch.step({"subject_0": np.zeros(4, int)})[3]["subject_0"].any() for _ in range(26 * 2)]
    assert cut == [False] * 51 + [True]
    assert not batch.step({"subject_0": np.zeros(4, int)})[3]["subject_0"].any()


def test_a_session_counted_in_steps_ends_exactly_then_and_breaks_the_trial_off():
    batch = engine(Scenario.load("dpa_gng"), 4, {"steps": 30})
    batch.reset(0)
    cut = [batch.step({"subject_0": np.zeros(4, int)})[3]["subject_0"].any() for _ in range(26 * 2)]
    assert cut.index(True) == 29


def test_the_step_an_autoreset_swallows_draws_nothing():
    batch = engine(Scenario.load("random_dots"), 5, {"trials": 1})
    batch.reset(0)
    play(batch, [0] * 22)
    swallowed, rewards, *_ = batch.step({"subject_0": np.full(5, 2)})
    again = engine(Scenario.load("random_dots"), 5)
    again.reset(0)
    fresh, _ = again.reset()
    assert (bits(swallowed["subject_0"]) == bits(fresh["subject_0"])).all()
    assert not rewards["subject_0"].any()


# 10. Seeds


def test_seeds_and_lanes_hash_together_so_that_no_two_share_a_lane():
    first = engine(Scenario.load("random_dots"), 50).reset(0)[0]["subject_0"]
    second = engine(Scenario.load("random_dots"), 50).reset(1)[0]["subject_0"]
    assert len(np.unique(np.concatenate([first, second])[:, 1])) == 100


def test_a_list_of_seeds_gives_each_lane_lane_zero_of_its_seed():
    batch = engine(Scenario.load("random_dots"), 3)
    seen = batch.reset([7, 2, 7])[0]["subject_0"]
    assert (bits(seen[0]) == bits(seen[2])).all()
    single = lane_engine(Scenario.load("random_dots")).reset(2)[0]["subject_0"]
    assert (bits(seen[1]) == bits(single)).all()


# What is refused, and that nothing has changed then


@pytest.mark.parametrize(
    "actions",
    [
        {},
        {"subject_1": np.zeros(4, int)},
        {"subject_0": np.zeros(4)},
        {"subject_0": np.zeros(3, int)},
        {"subject_0": np.array([0, 1, 2, 3])},
        {"subject_0": np.array([0, -1, 0, 0])},
        {"subject_0": np.zeros(4, bool)},
        {"subject_0": None},
    ],
    ids=str,
)
def test_a_wrong_action_is_refused_by_name_and_changes_nothing(actions):
    batch = engine(Scenario.load("random_dots"), 4)
    batch.reset(0)
    before = batch.state()
    with pytest.raises(ActionError, match="subject_0"):
        batch.step(actions)
    after = batch.state()
    assert before["now"] == after["now"]
    for name, array in before["streams"][0].items():
        if isinstance(array, np.ndarray):
            np.testing.assert_array_equal(array, after["streams"][0][name])


def test_step_before_reset_is_refused():
    with pytest.raises(UsageError, match="reset"):
        engine(Scenario.load("random_dots"), 1).step({"subject_0": np.zeros(1, int)})


@pytest.mark.parametrize("lanes", [0, -1, 2.5, "4", True, None])
def test_lanes_must_be_a_whole_number(lanes):
    with pytest.raises(ArgumentError, match="lanes"):
        engine(Scenario.load("random_dots"), lanes)


def test_a_response_window_without_time_is_refused():
    with pytest.raises(NeuroparallelError, match=r"decision.*lasts 0 ms"):
        Scenario.load("random_dots").replace(timing={"decision": 0})


def test_a_stream_whose_cue_never_comes_is_cancelled_and_the_trial_goes_on():
    value = Scenario.load("dpa_gng").dump()
    value["subjects"]["subject_0"]["streams"]["memory"]["early"] = "abort"
    value["groups"]["trial"]["mix"] = {}
    pair = SideBySide(Scenario.load(value), 5, "adversary")
    for _ in range(40):
        pair.step()
    pair.compare_tables()
    trials = pair.batch.trials()
    assert set(trials.where(stream="memory")["outcome"]) == {"abort"}
    assert set(trials.where(stream="gonogo")["outcome"]) == {"cancelled"}
    assert len(trials.where(stream="gonogo")) == len(trials.where(stream="memory"))


def test_a_period_cut_short_by_an_abort_does_not_start_who_waits_for_its_end():
    value = Scenario.load("dpa_gng").dump()
    value["subjects"]["subject_0"]["streams"]["memory"]["early"] = "abort"
    value["groups"]["trial"]["mix"] = {}
    batch = engine(Scenario.load(value), 20)
    batch.reset(0)
    play(batch, [0, 0, 0, 1, 0, 0, 0])  # in the sample, for which the other stream waits
    trials = batch.trials().where(trial=0)
    assert set(trials.where(stream="memory")["outcome"]) == {"abort"}
    assert set(trials.where(stream="gonogo")["outcome"]) == {"cancelled"}


def test_a_trial_that_could_last_no_time_is_refused():
    with pytest.raises(ScenarioError, match="no time at all"):
        Scenario.load(Idle()).replace(timing={"fixation": {"uniform": [0, 300]}})


def test_waiting_for_an_absent_stream_is_refused():
    with pytest.raises(ScenarioError, match="gonogo waits for memory, which is not in the same entry"):
        Scenario.load("dpa_gng").replace(**{"groups.trial.mix": {"gonogo": 1, "memory": 1}})
