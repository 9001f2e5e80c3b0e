"""task_schedule_v0 and transfer_v0: several tasks in one stream."""

import itertools

import numpy as np
import pytest

from neuroparallel.environments import batch
from neuroparallel.errors import ScenarioError
from neuroparallel.outcomes import Outcome
from neuroparallel.tasks import list_tasks, make_task, task_class
from tests.engine.comparing import SideBySide
from tests.tasks import playing
from tests.wrappers.sequences import SHORT, dots, modified, mostly_wrong, played, runs

GONOGO = {"task": "go_nogo", "early": "abort", "timing": {"stimulus": 100, "delay": 0, "decision": 200}}


def schedule(*tasks, **options):
    return {"task_schedule": {"tasks": list(tasks), **options}}


def test_each_trial_is_of_its_task_with_its_truth_and_pay():
    found = played(dots(schedule(GONOGO)), 200, 40)
    other = found["rule"] == 2
    assert playing.near(other.mean(), 0.5, other.size)
    assert (found["ground_truth"] == np.where(other, found["go"], found["side"])).all()
    assert (found["outcome"] == "correct").all()
    assert (found["reward"] == np.where(other & ~found["go"].astype(bool), 0.0, 1.0)).all()
    np.testing.assert_allclose(found["duration_s"], np.where(other, 0.3, 0.2))


def test_errors_pay_what_their_task_says():
    found = played(dots(schedule(GONOGO)), 100, 20, playing.uniform())
    other = found["rule"] == 2
    assert set(found["reward"][other & (found["outcome"] == "error")]) == {-0.5}
    assert set(found["reward"][other & (found["outcome"] == "abort")]) == {-0.1}
    assert set(found["reward"][~other & (found["outcome"] == "error")]) == {0.0}


def test_spaces_are_joined_and_the_rule_is_shown():
    engine = batch(dots(schedule(GONOGO)), 32)
    names = ("fixation", "motion_left", "motion_right", "stimulus_nogo", "stimulus_go", "rule_1", "rule_2")
    assert engine.channel_names("subject_0") == names
    assert engine.action_space("subject_0").n == 3
    stream = engine.streams[0]
    assert stream.spec.task.action_names() == ("fixate/withhold", "left/lick", "right")
    seen, _ = engine.reset(0)
    for _ in range(30):
        rule = stream.conditions["rule"]
        np.testing.assert_array_equal(seen["subject_0"][:, -2:].argmax(axis=1) + 1, rule)
        assert (stream.mean[3:5][:, rule == 1] == 0).all()
        assert (stream.mean[1:3][:, rule == 2] == 0).all()
        seen = engine.step(playing.oracle(engine, None, None))[0]


def test_an_action_that_a_task_does_not_have_holds():
    found = played(dots(schedule(GONOGO, odds=[0, 1])), 50, 10, lambda b, o, i: {"subject_0": np.full(50, 2)})
    assert set(np.unique(found["outcome"])) == {"miss", "correct"}


def test_channels_of_other_noise_stand_apart():
    entry = schedule({"task": "random_dots", "sigma": 3.0, "timing": SHORT, "name": "hard"}, cue=False)
    engine = batch(dots(entry), 2)
    assert engine.channel_names("subject_0")[3:] == ("hard_motion_left", "hard_motion_right")
    same = batch(dots(schedule({"task": "random_dots", "coherences": [3.0], "timing": SHORT}, cue=False)), 2)
    assert same.channel_names("subject_0") == ("fixation", "motion_left", "motion_right")


def test_alone_it_is_the_task_itself_bit_for_bit():
    plain, joined = batch(dots(), 8, seed=4), batch(dots(schedule(GONOGO, odds=[1, 0])), 8, seed=4)
    rng = np.random.default_rng(0)
    seen, also = plain.reset()[0], joined.reset()[0]
    for _ in range(60):
        np.testing.assert_array_equal(seen["subject_0"], also["subject_0"][:, :3])
        actions = {"subject_0": rng.integers(0, 3, 8)}
        (seen, paid, *_), (also, got, *_) = plain.step(actions), joined.step(actions)
        np.testing.assert_array_equal(paid["subject_0"], got["subject_0"])


def test_blocks_cycles_and_odds():
    found = played(dots(schedule(GONOGO, "delayed_comparison", block=4, order="cycle", cue=False)), 20, 24)
    assert set(runs(found["rule"])) == {4}
    assert set(np.unique(np.diff(found["rule"], axis=1))) == {0, 1, -2}
    found = played(dots(schedule(GONOGO, odds=[1, 3])), 200, 20)
    assert playing.near((found["rule"] == 2).mean(), 0.75, found["rule"].size)


def test_a_staircase_goes_on_from_its_own_last_trial():
    """Stop-signal's delay moves by its own stops only, whatever happens in between."""
    other = {"task": "stop_signal", "stop_probability": 1.0, "timing": {"iti": 0}}
    timing = {"fixation": 50, "stimulus": 50, "delay": 0, "decision": 50}
    scenario = dots(schedule(other, cue=False), dt=50, timing=timing)
    found = played(scenario, 20, 30, mostly_wrong(0.5))
    for rule, delay, outcome in zip(found["rule"], found["stop_delay_ms"], found["outcome"], strict=True):
        mine = np.flatnonzero(rule == 2)
        for before, after in itertools.pairwise(mine):
            step = {"correct": 50, "error": -50}.get(outcome[before], 0)
            assert delay[after] == max(delay[before] + step, 50)


def test_memory_notes_and_prices_of_both_tasks_are_kept_apart():
    bandit = {"task": "bandit", "chances": [1.0, 0.0], "name": "fruit"}
    scenario = modified("bandit", schedule(bandit, cue=False), params={"chances": [0.0, 1.0]})
    found = played(scenario, 30, 20)
    second = found["rule"] == 2
    assert (found["ground_truth"] == np.where(second, 1, 2)).all()
    assert (found["chance_2"][~second] == 1).all()
    assert set(found["fruit_chance_1"][second]) == {1.0}
    assert (found["reward"] == 1).all()
    timed = played(modified("go_nogo", schedule("ready_set_go"), dt=10), 20, 8)
    right = timed["rule"] == 2
    np.testing.assert_allclose(timed["reward"][right], 1.0)
    np.testing.assert_allclose(timed["produced_ms"][right], timed["target_ms"][right])


@pytest.mark.parametrize("task", list_tasks())
def test_any_task_can_take_turns_or_is_refused_with_the_reason(task):
    other = {"task": task, "early": "abort"}
    try:
        scenario = dots(schedule(other), timing={"fixation": 100}, dt=min(task_class(task).dt, 50))
    except ScenarioError as error:
        reason = str(error)
        assert "something in every step" in reason or "no multiple of dt" in reason, reason
        return
    pair = SideBySide(scenario, 3, "mixed", session={"trials": 4})
    for _ in range(60):
        pair.step()
    pair.compare_tables()
    plain = playing.engine(make_task(task), 16)
    lanes = 16 if task_class(task).dt >= 50 else 4
    best = set(np.unique(playing.run(plain, playing.oracle, 10)["outcome"])) | {Outcome.CORRECT.label}
    assert set(np.unique(playing.run(playing.engine(scenario, lanes), playing.oracle, 6)["outcome"])) <= best


class TestTransfer:
    """One task after the other."""

    def test_so_many_trials_of_each_in_every_session(self):
        entry = {"transfer": {"tasks": [GONOGO, "delayed_match_to_sample"], "trials": [3, 4]}}
        found = played(dots(entry), 4, 12)
        assert found["rule"][0].tolist() == [1] * 3 + [2] * 4 + [3] * 5
        assert (found["outcome"] == "correct").all()

    def test_spaces_have_no_cue_unless_it_is_wanted(self):
        entry = {"transfer": {"tasks": "go_nogo", "trials": 2}}
        assert "rule_1" not in batch(dots(entry), 1).channel_names("subject_0")
        entry["transfer"]["cue"] = True
        assert "rule_1" in batch(dots(entry), 1).channel_names("subject_0")

    def test_both_engines_play_the_same(self):
        entry = {"transfer": {"tasks": ["stop_signal", "two_step"], "trials": 2}}
        pair = SideBySide(dots(entry, dt=50), 3, "mixed", session={"trials": 7})
        for _ in range(250):
            pair.step()
        pair.compare_tables()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (schedule(), "a list of names of tasks"),
        (schedule("go_nogoo"), r"tasks\.0: there is no task 'go_nogoo'. Did you mean 'go_nogo'"),
        (schedule({"task": "go_nogo", "sigm": 3}), r"tasks\.0: .*'sigma'"),
        (schedule(3), "it is a name, or a mapping"),
        (schedule({"task": "go_nogo", "timing": {"stimulus": 130}}), "go_nogo: .*no multiple of dt"),
        (schedule({"task": "go_nogo", "early": "free"}), "another rule for early responses"),
        (schedule("go_nogo", odds=[1]), "it is 2 numbers, 0 or more"),
        (schedule("go_nogo", odds=[1, 1], order="cycle"), "with order: random"),
        (schedule("go_nogo", order="any"), "order is 'any'"),
        (schedule("go_nogo", cue=3), "true or false"),
        (schedule("pursuit"), "does something in every step"),
        ({"transfer": {"tasks": ["go_nogo"], "trials": [3, 4]}}, "one number for each of 1 changes"),
        ({"transfer": {"tasks": ["go_nogo"], "trials": 0}}, "trials is 0"),
    ],
)
def test_options_that_make_no_sense(entry, message):
    with pytest.raises(ScenarioError, match=message):
        dots(entry)
