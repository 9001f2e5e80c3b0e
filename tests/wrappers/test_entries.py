"""The wrappers: list of a scenario."""

import inspect
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from neuroparallel import wrappers
from neuroparallel.environments import aec_env, batch, gym_env, parallel_env, vector_env
from neuroparallel.environments.actions import ActionReader
from neuroparallel.errors import MissingDependencyError, ScenarioError, UnknownNameError
from neuroparallel.modifiers import list_modifiers
from neuroparallel.scenario import Scenario
from neuroparallel.wrappers import (
    check_wrappers,
    list_wrappers,
    previous_action_v0,
    previous_reward_v0,
)
from neuroparallel.wrappers._signal import Signal, pipeline


def with_wrappers(*entries, name="random_dots"):
    return Scenario.load(name).replace(wrappers=list(entries))


BOTH = ("previous_reward", {"previous_action": {"encoding": "index"}})


@pytest.mark.parametrize("factory", [parallel_env, gym_env, vector_env, batch])
def test_all_factories_apply_the_list_in_its_order(factory):
    size = {} if factory in (parallel_env, gym_env) else {"num_envs" if factory is vector_env else "lanes": 2}
    env, bare = factory(with_wrappers(*BOTH), **size), factory("random_dots", **size)
    by_hand = previous_action_v0(previous_reward_v0(bare), encoding="index")
    assert repr(env).split("(")[0] == repr(by_hand).split("(")[0]
    names = env.channel_names("subject_0") if factory in (parallel_env, batch) else env.channel_names()
    assert names[-2:] == ("previous_reward", "previous_action")
    assert env.scenario.wrappers == Scenario.load(with_wrappers(*BOTH).dump()).wrappers


def test_the_aec_view_has_them_too():
    env = aec_env(with_wrappers(*BOTH))
    assert env.observation_space("subject_0").shape == (5,)
    env.reset(seed=0)
    env.step(1)
    assert env.last()[0].shape == (5,)
    assert env.trials() is not None


def test_wrapped_and_pickled_scenarios_play_the_same_in_lanes():
    scenario = with_wrappers(*BOTH, name="dpa_gng")
    engine, env = batch(scenario, 3), parallel_env(scenario, lane=2)
    seen, one = engine.reset(seed=1)[0]["subject_0"], env.reset(seed=1)[0]["subject_0"]
    rng = np.random.default_rng(0)
    for _ in range(60):
        assert np.array_equal(seen[2], one)
        actions = rng.integers(2, size=3)
        seen = engine.step({"subject_0": actions})[0]["subject_0"]
        one = env.step({"subject_0": actions[2]})[0]["subject_0"]


@pytest.mark.parametrize(
    ("entry", "error", "message"),
    [
        ("previous_rewards", UnknownNameError, r"wrappers\.0: .*Did you mean 'previous_reward'"),
        ({"previous_action": {"encodings": 1}}, UnknownNameError, "Did you mean 'encoding'"),
        ({"previous_reward": {"scale": 2}}, UnknownNameError, "no option 'scale'"),
        ({"previous_action": 3}, ScenarioError, "neither the name"),
        (7, ScenarioError, "neither the name"),
        ({"previous_action": {}, "previous_reward": {}}, ScenarioError, "neither the name"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_made(entry, error, message):
    with pytest.raises(error, match=message):
        check_wrappers([entry])
    with pytest.raises((error, ScenarioError), match=message):
        parallel_env(with_wrappers(entry))


def test_a_wrong_name_in_a_file_is_found_with_its_line(tmp_path):
    path = tmp_path / "mine.yaml"
    text = Scenario.load("random_dots").to_yaml()
    wrong = "wrappers:\n- previous_reward\n- previous_actoin: {encoding: index}\n"
    path.write_text(text.replace("wrappers: []\n", wrong), encoding="utf-8")
    line = path.read_text(encoding="utf-8").splitlines().index("- previous_actoin: {encoding: index}")
    with pytest.raises(ScenarioError, match=rf"mine\.yaml:{line + 1}: .*'previous_action'"):
        Scenario.load(path)


def test_every_wrapper_is_a_function_and_a_class():
    assert {"previous_action", "previous_reward", "noise", "trial_history"} <= set(list_wrappers())
    for name in list_wrappers():
        assert callable(getattr(wrappers, f"{name}_v0"))
        assert isinstance(getattr(wrappers, name.title().replace("_", "")), type)


def test_an_option_that_is_not_allowed_names_its_place():
    with pytest.raises(ScenarioError, match=r"wrappers\.1: previous_action: .*'one_hot'"):
        parallel_env(with_wrappers("previous_reward", {"previous_action": {"encoding": "hot"}}))


def test_names_with_and_without_version_and_empty_options_will_do():
    check_wrappers(["previous_reward", "previous_reward_v0", {"previous_action": None}])


class TestSuperSuit:
    """SuperSuit's own wrappers, in the list."""

    @pytest.fixture(autouse=True)
    def supersuit(self):
        return pytest.importorskip("supersuit")

    def test_frame_stack(self):
        scenario = with_wrappers("previous_reward", {"supersuit.frame_stack_v1": {"stack_size": 3}})
        env = parallel_env(scenario)
        seen, _ = env.reset(seed=0)
        assert seen["subject_0"].shape == env.observation_space("subject_0").shape == (12,)
        env.step({"subject_0": 0})
        assert env.scenario is not None
        assert gym_env(scenario).observation_space.shape == (12,)

    def test_frame_skip_finds_its_generator(self):
        env = parallel_env(with_wrappers({"supersuit.frame_skip_v0": {"num_frames": [2, 3]}}))
        env.reset(seed=0)
        env.step({"subject_0": 0})

    def test_they_do_not_work_on_a_batch(self):
        scenario = with_wrappers({"supersuit.frame_stack_v1": {"stack_size": 3}})
        for factory in (batch, vector_env):
            with pytest.raises(ScenarioError, match="single environments only"):
                factory(scenario, 3)

    def test_names_and_options_are_checked(self):
        with pytest.raises(UnknownNameError, match="frame_stack_v1"):
            check_wrappers(["supersuit.frame_stak_v1"])
        with pytest.raises(UnknownNameError, match="stack_size"):
            check_wrappers([{"supersuit.frame_stack_v1": {"stacksize": 4}}])
        with pytest.raises(ScenarioError, match="needs the option 'repeat_action_probability'"):
            check_wrappers(["supersuit.sticky_actions_v0"])


def test_missing_supersuit_is_said_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "supersuit", None)
    with pytest.raises(MissingDependencyError, match="pip install supersuit"):
        check_wrappers(["supersuit.frame_stack_v1"])


def test_a_wrapper_is_one_file_and_no_list_is_edited():
    folder = Path(wrappers.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert files == set(list_wrappers()) - set(list_modifiers())
    for name in files:
        assert f"{name}_v0" not in (folder / f"{name}.py").read_text(encoding="utf-8")
    assert f"{wrappers.noise_v0.__module__}.{wrappers.noise_v0.__name__}" == "neuroparallel.wrappers.noise_v0"
    assert list(inspect.signature(wrappers.noise_v0).parameters) == ["env", "sigma", "channels"]
    assert pickle.loads(pickle.dumps(wrappers.noise_v0)) is wrappers.noise_v0


class Double(Signal):
    """Show every channel twice."""

    def fit(self, me):
        me.add([f"again.{name}" for name in me.names])

    def observe(self, me, now):
        now.out[me.at : me.end] = now.out[: me.at]


@pytest.mark.parametrize("factory", [parallel_env, gym_env, vector_env, batch])
def test_a_subclass_is_a_wrapper_of_every_kind_of_environment(factory):
    size = {} if factory in (parallel_env, gym_env) else {"num_envs" if factory is vector_env else "lanes": 2}
    seen = Double(factory("random_dots", **size)).reset(seed=0)[0]
    seen = seen["subject_0"] if isinstance(seen, dict) else seen
    assert seen.shape[-1] == 6
    assert np.array_equal(seen[..., :3], seen[..., 3:])


def test_wrappers_leave_the_methods_and_the_options_of_an_environment_alone(monkeypatch):
    env = parallel_env("random_dots")
    seen = []
    reset = env.reset_with_columns
    monkeypatch.setattr(env, "reset_with_columns", lambda *given: seen.append(given) or reset(*given))
    wrapped = previous_action_v0(previous_reward_v0(env))
    wrapped.reset(seed=0, options={"mine": 1})
    assert seen == [(0, {"mine": 1}, {"subject_0": 3 + 1})]
    assert "step" not in vars(wrapped)
    assert env.reset(seed=0, options={"room": {"subject_0": 5}})[0]["subject_0"].shape == (3,)


@pytest.mark.parametrize("make", [parallel_env, gym_env])
@pytest.mark.parametrize("what", ["random_dots", "dpa_gng"])
def test_an_action_is_checked_once(make, what, monkeypatch):
    checks = []
    check, read = pipeline.check_action, ActionReader.read
    monkeypatch.setattr(pipeline, "check_action", lambda *given: checks.append("wrapper") or check(*given))
    monkeypatch.setattr(ActionReader, "read", lambda *given: checks.append("environment") or read(*given))
    bare, acting = make(what), make(what)
    for _ in range(3):
        bare, acting = previous_reward_v0(bare), wrappers.sticky_action_v0(acting)
    for env, where in ((bare, "environment"), (acting, "wrapper")):
        env.reset(seed=0)
        space = env.action_space("subject_0") if make is parallel_env else env.action_space
        action = np.zeros(space.shape, np.int64)
        env.step({"subject_0": action} if make is parallel_env else action)
        assert checks == [where]
        checks.clear()
