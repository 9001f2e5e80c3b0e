"""What holds for every sequence wrapper on every task: what is steered is the condition, or it is refused."""

import pickle
from functools import cache

import numpy as np
import pytest

from neuroparallel import wrappers
from neuroparallel.agents.baselines import OracleAgent
from neuroparallel.environments import aec_env, batch, gym_env, parallel_env, vector_env
from neuroparallel.errors import ArgumentError, NeuroparallelError, ScenarioError, UnknownNameError, UsageError
from neuroparallel.modifiers import Modified, layers, list_modifiers, modifier_class, modify, read_modifier
from neuroparallel.reporting import describe_scenario
from neuroparallel.scenario import Scenario
from neuroparallel.task import Task
from neuroparallel.task.trial import Trial
from neuroparallel.tasks import list_tasks, make_task, task_class
from neuroparallel.wrappers import previous_action_v0, previous_reward_v0, side_bias_v0, trial_history_v0
from tests.engine.comparing import SideBySide
from tests.tasks import playing
from tests.wrappers.sequences import dots, modified, mostly_wrong, played

# One entry for each modifier that fits many tasks, as it is tried on all of them.
ENTRIES = {
    "trial_history": {"trial_history": {"block": 5}},
    "trial_history shown": {"trial_history": {"block": 5, "show_block": True, "after_error": "reset"}},
    "side_bias": {"side_bias": {"probabilities": [0.1, 0.9], "block": {"hazard": 0.2}}},
    "catch_trials": {"catch_trials": {"probability": 0.4}},
    "blank": {"catch_trials": {"probability": 0.4, "kind": "blank"}},
    "miss_penalty": {"miss_penalty": {"reward": -0.5}},
    "urgency": {"urgency": {"per_second": -0.2}},
    "time_out": {"time_out": {"ms": 400, "after": ["error", "abort", "miss"]}},
    "fixation_gate": {"fixation_gate": {}},
    "reaction_time": {"reaction_time": {}},
    "reaction_time open": {"reaction_time": {"closes": False}},
    "variable_mapping": {"variable_mapping": {"block": 3}},
    "variable_choices": {"variable_choices": {"block": 3, "counts": [1, 2], "in_order": False}},
    "block_schedule": {"block_schedule": {"blocks": [{"rewards": {"correct": 2}}, {"rewards": {}}], "block": 3}},
    "curriculum": {"curriculum": {"phases": [{}, {"rewards": {"correct": 2}}], "over": 3, "correct": 0.5}},
    "adaptive_noise": {"adaptive_noise": {"start": 1.0, "step": 0.1}},
    "staircase": {"staircase": {"condition": "coherence", "chains": 2}},
}
OVERRULED = ("blank", "variable_mapping")  # something else is right than what the task itself says
STEERS = ("trial_history", "trial_history shown", "side_bias", "variable_choices", "block_schedule", *OVERRULED)
SAYS_SO = ("trial_history shown",)  # what is right depends on what the subject does
TASKS = list_tasks()
# A plain task, one of withholding, and those with a staircase, a history, continuous conditions or prices of their own.
DIVERSE = ("random_dots", "go_nogo", "stop_signal", "bandit", "ready_set_go")


class _Oracle:
    """The oracle, also of movements; a new one for each play."""

    def __call__(self, batch, observations, infos):
        return OracleAgent().act(observations, infos, batch)


ORACLE = _Oracle()


@cache
def best_outcomes(task):
    """The outcomes of somebody who always does what is right, in the task by itself."""
    return set(np.unique(playing.run(playing.engine(make_task(task), 16), ORACLE, 30)["outcome"]))


def tried(task, entry):
    """The scenario, or the reason for which it was refused."""
    try:
        return modified(task, entry), None
    except ScenarioError as error:
        return None, str(error)


@pytest.mark.parametrize("kind", ENTRIES)
@pytest.mark.parametrize("task", TASKS)
def test_truth_agrees_with_what_is_shown_or_the_task_is_refused_with_a_reason(task, kind):
    scenario, reason = tried(task, ENTRIES[kind])
    if scenario is None:
        assert f"wrappers.0: {next(iter(ENTRIES[kind]))} makes no sense for {task}: " in reason, reason
        assert reason.endswith((".", "?"))
        return
    if kind not in STEERS and task not in DIVERSE:
        return  # what does not touch the conditions is played on a few tasks
    lanes = 32 if task_class(task).dt >= 50 else 8
    table = playing.run(playing.engine(scenario, lanes), ORACLE, 8)
    assert set(np.unique(table["outcome"])) <= best_outcomes(task)
    if kind in OVERRULED:
        return
    plain = make_task(task)
    names = plain.conditions().names
    conditions = {name: np.asarray(table[name]) for name in names}
    trial = Trial(plain, conditions, len(table), task_class(task).dt)
    plain.define(trial)
    window = np.flatnonzero(trial.window)[0]
    np.testing.assert_array_equal(trial.truth[:, window], table["ground_truth"])


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
@pytest.mark.parametrize("task", DIVERSE)
def test_both_engines_play_the_same(task, entry):
    scenario, _ = tried(task, entry)
    if scenario is None:
        return
    pair = SideBySide(scenario, 3, "mixed", session={"trials": 4})
    for _ in range(120):
        pair.step()
    pair.compare_tables()


@pytest.mark.parametrize("kind", ENTRIES)
def test_what_is_right_does_not_depend_on_the_subject_unless_it_says_so(kind):
    if kind == "fixation_gate":
        scenario = dots(ENTRIES[kind], timing={"fixation": 100})
    else:
        scenario = dots(ENTRIES[kind], timing={"delay": 100 if "open" in kind else 0})
    right, wrong = (played(scenario, 16, 40, policy)["ground_truth"] for policy in (playing.oracle, mostly_wrong(0.7)))
    assert (right == wrong).all() != (kind in SAYS_SO)


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_scenarios_survive_writing_reading_changing_and_pickling(entry):
    scenario = dots(entry, timing={})
    assert Scenario.load(scenario.dump()) == scenario == scenario.resolve()
    assert pickle.loads(pickle.dumps(scenario)) == scenario
    assert hash(Scenario.load(scenario.dump())) == hash(scenario)
    assert scenario.wrappers == ()
    name = next(iter(entry))
    stream = scenario.replace(seed=3).only("random_dots").subjects["subject_0"].streams["random_dots"]
    assert [modifier.name() for modifier in layers(stream.make())[1]] == [name]
    assert name in scenario.to_yaml()
    task = stream.make()
    assert pickle.loads(pickle.dumps(task)) == task
    assert Scenario.load(task).subjects["subject_0"].streams["random_dots"].make() == task


def test_a_stream_alone_has_the_trials_that_it_has_inside_a_dual_task():
    value = Scenario.load("dpa_gng").dump()
    value["wrappers"] = [{"trial_history": {"streams": ["memory"], "block": 5}}]
    whole = Scenario.load(value)
    both = playing.run(playing.engine(whole, 8), playing.oracle, 10).where(stream="memory")
    alone = playing.run(playing.engine(whole.only("memory"), 8), playing.oracle, 10)
    for name in ("sample", "test", "ground_truth", "history_block"):
        mine = dict(zip(zip(both["lane"], both["trial"], strict=True), both[name], strict=True))
        for lane, trial, value in zip(alone["lane"], alone["trial"], alone[name], strict=True):
            assert mine.get((lane, trial), value) == value


class TestOnEnvironments:
    """name_v0(env): the environment is built again over the changed scenario."""

    @pytest.mark.parametrize("make", [parallel_env, gym_env, vector_env, batch])
    def test_own_wrappers_are_put_around_again(self, make):
        options = {"num_envs": 3} if make is vector_env else {"lanes": 3} if make is batch else {"lane": 2}
        plain = make("random_dots", seed=5, **options)
        wrapped = trial_history_v0(previous_action_v0(previous_reward_v0(plain), encoding="index"), probability=0.9)
        assert repr(wrapped).startswith("PreviousAction<PreviousReward<")
        assert "(random_dots, trial_history" in repr(wrapped)
        names = wrapped.channel_names("subject_0") if make in (parallel_env, batch) else wrapped.channel_names()
        assert names[-2:] == ("previous_reward", "previous_action")
        direct = make(trial_history_v0("random_dots", probability=0.9), seed=5, **options)
        inside = wrapped.unwrapped if make is not vector_env else wrapped.env.env
        assert inside.scenario == direct.scenario
        seen, again = wrapped.reset()[0], direct.reset()[0]
        seen, again = (o["subject_0"] if isinstance(o, dict) else o for o in (seen, again))
        np.testing.assert_array_equal(np.asarray(seen)[..., :-2], again)

    def test_options_are_kept(self):
        env = side_bias_v0(parallel_env("random_dots", dt=50, session={"trials": 3}, lane=4, render_mode="rgb_array"))
        assert (env.dt, env.render_mode, env.scenario.session.trials) == (50, "rgb_array", 3)
        assert env._options["lane"] == 4
        two = {"name": "x", "subjects": {"a": {"streams": {"p": {"task": "go_nogo"}, "q": {"task": "random_dots"}}}}}
        assert side_bias_v0(batch(two, 2, view="streams")).possible_agents == ["a.p", "a.q"]

    @pytest.mark.parametrize("make", [parallel_env, gym_env, vector_env, batch])
    def test_a_session_that_has_begun_is_left_alone(self, make):
        env = make("random_dots", 2) if make in (vector_env, batch) else make("random_dots")
        env.reset()
        with pytest.raises(UsageError, match="before its first reset"):
            side_bias_v0(env)

    def test_wrappers_of_others_stand_in_the_way(self):
        supersuit = pytest.importorskip("supersuit")
        with pytest.raises(UsageError, match=r"write side_bias_v0 first"):
            side_bias_v0(supersuit.frame_stack_v1(parallel_env("random_dots"), 3))
        with pytest.raises(UsageError, match=r"side_bias_v0 first"):
            side_bias_v0(aec_env("random_dots"))

    def test_what_is_no_environment_is_refused(self):
        with pytest.raises(ArgumentError, match="it takes a scenario, or an environment"):
            side_bias_v0(3)

    def test_an_engine_made_by_hand_cannot_be_made_again(self):
        engine = playing.engine("random_dots", 2)
        engine.scenario = Scenario.load("random_dots")
        with pytest.raises(UsageError, match="made by hand"):
            side_bias_v0(engine)


def test_tasks_names_and_dictionaries_give_scenarios():
    for what in (make_task("random_dots"), "random_dots", Scenario.load("random_dots").dump()):
        assert isinstance(side_bias_v0(what), Scenario)


def test_functions_can_be_pickled_and_say_what_they_take():
    for name in list_modifiers():
        function = getattr(wrappers, f"{name}_v0")
        assert pickle.loads(pickle.dumps(function)) is function
        assert "env: Anything that `Scenario.load` takes" in function.__doc__
        assert isinstance(getattr(wrappers, modifier_class(name).__name__), type)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("trial_histori", "Did you mean 'trial_history'"),
        ({"trial_history": {"probabilty": 1}}, "wrappers.0: trial_history has no option.*'probability'"),
        ({"trial_history": {"streams": ["dots"]}}, "wrappers.0: there is no stream 'dots'"),
        ({"trial_history": {"streams": 3}}, "wrappers.0: streams is 3"),
        ({"trial_history": 3}, "wrappers.0: .*neither the name"),
        ({"trial_history": {}, "side_bias": {}}, "wrappers.0: .*neither the name"),
    ],
)
def test_what_is_wrong_in_the_list_is_said_with_its_place(entry, message):
    with pytest.raises(ScenarioError, match=message):
        dots(entry)


def test_what_is_wrong_in_a_stream_is_said_with_its_place():
    with pytest.raises(ScenarioError, match=r"random_dots\.modifiers\.0: trial_history\.probability is 2"):
        dots(modifiers=[{"trial_history": {"probability": 2}}])
    with pytest.raises(ScenarioError, match=r"modifiers\.0: 7 is neither the name"):
        dots(modifiers=[7])
    with pytest.raises(ScenarioError, match=r"go_nogo\.modifiers\.0: side_bias makes no sense"):
        modified("go_nogo", modifiers=[{"side_bias": {"probabilities": [[0.2, 0.3, 0.5]]}}])


def test_a_file_is_told_the_line(tmp_path):
    path = tmp_path / "mine.yaml"
    text = "name: mine\nsubjects:\n  a:\n    streams:\n      x: {task: game_choice}\nwrappers:\n- trial_history\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"mine\.yaml:7: wrappers\.0: .*nothing is right or wrong"):
        Scenario.load(path)


def test_what_overrules_the_task_stands_behind_what_steers():
    blank = {"catch_trials": {"kind": "blank"}}
    assert dots("trial_history", blank)
    for entry in (blank, "variable_mapping"):
        with pytest.raises(ScenarioError, match=r"wrappers\.1: trial_history: .* write trial_history before it"):
            dots(entry, "trial_history")


def test_show_tells_what_is_modified():
    text = describe_scenario(dots("trial_history"))
    assert "#   trial_history: Let what was right in the last trial" in text
    assert "Report the net direction of noisy motion" in text


def test_two_that_decide_what_is_right_cannot_stand_together_nor_one_twice():
    with pytest.raises(ScenarioError, match=r"wrappers\.1: side_bias: trial_history decides already"):
        dots("trial_history", "side_bias")
    with pytest.raises(ScenarioError, match=r"wrappers\.1: trial_history stands twice"):
        dots("trial_history", "trial_history")
    with pytest.raises(ScenarioError, match=r"wrappers\.0: trial_history stands twice"):
        dots("trial_history", modifiers=["trial_history"])


def test_a_modified_task_passes_on_all_that_a_task_has():
    made_anew = {"task_name", "parameters", "timing", "rewards", "early", "commit"}
    for name in vars(Task):
        if not name.startswith("_") and name not in made_anew:
            assert name in vars(Modified), f"Modified must delegate {name}"


def test_modifiers_are_read_from_names_mappings_and_themselves():
    history = read_modifier({"trial_history": {"probability": 0.7}})
    assert read_modifier(history) is history
    assert read_modifier("trial_history_v0") == modifier_class("trial_history")()
    with pytest.raises(UnknownNameError, match="Did you mean 'side_bias'"):
        modifier_class("side_bia")
    assert modify(make_task("random_dots"), [history]).task_name() == "random_dots"


def test_scenarios_that_were_not_resolved_play_the_same():
    value = dots().dump()
    value["wrappers"] = ["side_bias", "previous_reward"]
    raw = Scenario.model_validate(value)
    assert len(raw.wrappers) == 2
    env = parallel_env(raw, session=None)
    assert repr(env).startswith("PreviousReward<")
    assert env.scenario.resolve() == Scenario.load(value)


def test_it_says_what_would_be_right_when_any_of_it_is_wrong():
    for name in list_modifiers():
        with pytest.raises(NeuroparallelError, match=f"{name} has no option 'no_such_option'"):
            read_modifier({name: {"no_such_option": 1}})


def test_a_modified_task_keeps_which_choice_counts():
    scenario = dots("time_out", commit="last")
    assert next(stream for _, stream in scenario.stream_items()).make().commit == "last"
