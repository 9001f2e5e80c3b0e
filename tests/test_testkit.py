"""The checks let through what is sound and refuse, in words that help, what is not."""

import os
import sys
import types
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.engine.batch.ensemble import Ensemble
from neuroparallel.engine.batch.stream import BatchStream
from neuroparallel.errors import NeuroparallelError, ScenarioError, TaskError
from neuroparallel.task import Actions, Channels, Draw, Factorial, Memory, Rewards, Task
from neuroparallel.tasks import make_task
from neuroparallel.testkit import ConformanceError, check_env, check_scenario, check_task, trajectory_digest
from neuroparallel.timing import Timing
from tests.engine.toys import Reach

QUICK = {"lanes": (1, 7, 20), "steps": 60, "process": False}
LEFT, RIGHT = 1, 2


@dataclass(frozen=True, kw_only=True)
class Sound(Task):
    """Report a side."""

    timing: Timing = Timing(stimulus=200, decision=100)
    rewards: Rewards = Rewards(correct=1.0, abort=-0.1)
    channels: ClassVar = Channels(fixation=1, light=2, noise={"light": 1.0})
    actions: ClassVar = Actions("hold", "left", "right")

    def conditions(self):
        return Factorial(side=(LEFT, RIGHT))

    def define(self, trial):
        trial.show("fixation", during="stimulus")
        trial.show("light", per_channel=(trial.side == LEFT, trial.side == RIGHT), during="stimulus")
        trial.answer(trial.side, during="decision")


@dataclass(frozen=True, kw_only=True)
class DrawsByItself(Sound):
    """Has a generator of its own."""

    def sequence(self, draw: Draw) -> None:
        draw.conditions["side"] = np.random.default_rng().integers(LEFT, RIGHT + 1, len(draw))


_calls = [0]
_HERE = int(os.environ.get("NEUROPARALLEL_TEST_PID", os.getpid()))  # a child is told its parent's


@dataclass(frozen=True, kw_only=True)
class RemembersByItself(Sound):
    """Keeps what it remembers outside of its memory."""

    def sequence(self, draw: Draw) -> None:
        _calls[0] += 1
        draw.conditions["side"] = np.full(len(draw), LEFT + _calls[0] % 2)


@dataclass(frozen=True, kw_only=True)
class LooksAtOthers(Sound):
    """Compares a condition with those of other lanes."""

    lazy: ClassVar[bool] = True

    def define(self, trial):
        trial.show("light", np.float64(trial.side.mean()), during="stimulus")
        trial.answer(trial.side, during="decision")


@dataclass(frozen=True, kw_only=True)
class ReadsItsSurroundings(Sound):
    """Depends on the process that it is in."""

    def sequence(self, draw: Draw) -> None:
        draw.conditions["side"] = np.full(len(draw), LEFT + (os.getpid() != _HERE))


@dataclass(frozen=True, kw_only=True)
class PaysTheWrongAnswer(Sound):
    """Says that one side is right and pays the other."""

    def define(self, trial):
        super().define(trial)
        other = LEFT + RIGHT - trial.side
        trial.on(trial.side, during="decision", outcome="error", then="end")
        trial.on(other, during="decision", outcome="correct", then="end")


@dataclass(frozen=True, kw_only=True)
class PaysErrorsBest(Sound):
    """Pays errors more than what is right."""

    rewards: Rewards = Rewards(correct=0.1, error=1.0)


@dataclass(frozen=True, kw_only=True)
class ShowsNothingFinite(Sound):
    """Divides by zero."""

    def define(self, trial):
        super().define(trial)
        with np.errstate(divide="ignore"):
            trial.show("light", 1 / (trial.side - LEFT), during="stimulus")


@dataclass(frozen=True, kw_only=True)
class ShowsNothingFiniteAtLast(Sound):
    """Divides by zero when it is looked at."""

    def observe(self, view):
        with np.errstate(divide="ignore"):
            view.mean["light"][:] = (1 / (view.conditions["side"] - LEFT))[:, None]


@dataclass(frozen=True, kw_only=True)
class HoldsAnArray(Sound):
    """Has a field that cannot be compared."""

    levels: object = field(default_factory=lambda: {1})

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return id(self)


@dataclass(frozen=True, kw_only=True)
class CountsTrials(Sound):
    """Remembers, as it should, in its memory."""

    def memory(self):
        return {"count": Memory(0.0)}

    def sequence(self, draw: Draw) -> None:
        draw.memory["count"] = draw.memory["count"] + 1
        draw.conditions["side"] = np.where(draw.memory["count"] % 2 == 0, LEFT, RIGHT)


@dataclass(frozen=True, kw_only=True)
class PatchLeaving(Sound):
    """Stay in a patch, which pays less and less, or leave it: neither is right or wrong."""

    timing: Timing = Timing(patch=300, travel=200)
    rewards: Rewards = Rewards(correct=1.0, miss=-1.0, berry=1.0)
    actions: ClassVar = Actions("wait", "stay", "leave")
    timed_out: ClassVar = "miss"

    def define(self, trial):
        trial.show("light", per_channel=(trial.side == LEFT, trial.side == RIGHT), during="patch")
        trial.on("stay", during="patch", outcome="unscored", reward=self.rewards["berry"], then="end")
        trial.on("leave", during="patch", outcome="unscored", reward=0.0, then="travel")
        trial.on("timeout", during="patch", outcome=self.timed_out, then="end")


@dataclass(frozen=True, kw_only=True)
class PatchLeavingAtLeisure(PatchLeaving):
    """The same, in which doing nothing is unscored as well."""

    timed_out: ClassVar = "unscored"


@dataclass(frozen=True, kw_only=True)
class SureBetPaysBest(Sound):
    """Report a side, or take what is sure and pays more."""

    actions: ClassVar = Actions("hold", "left", "right", "sure")

    def define(self, trial):
        super().define(trial)
        trial.on("sure", during="decision", outcome="unscored", reward=2.0, then="end")


# ---- what is sound ----


@pytest.mark.parametrize(
    "task",
    [
        *(Sound(), CountsTrials(), make_task("random_dots"), Reach()),
        *(PatchLeaving(), PatchLeavingAtLeisure(), SureBetPaysBest()),
    ],
)
def test_sound_tasks_pass(task):
    check_task(task, trials=200, **QUICK)


def test_a_shipped_task_in_which_one_moves_passes():
    check_task("pursuit", trials=10, **QUICK)


@pytest.mark.parametrize("what", ["dpa_gng", "matching_pennies", "dual_random_dots", "tracking_with_probe"])
def test_shipped_scenarios_pass(what):
    check_scenario(what, **QUICK)


def test_a_shipped_scenario_plays_the_same_in_another_process():
    check_scenario("go_nogo", **{**QUICK, "process": True})


def test_the_digest_tells_sessions_apart():
    digests = {trajectory_digest("random_dots", seed=seed) for seed in (1, 1, 2)}
    assert len(digests) == 2


def test_our_environments_pass():
    check_env(npar.parallel_env("dpa_gng", session={"trials": 2}), steps=150)
    check_env(npar.parallel_env("matching_pennies"), steps=60)


def test_a_broken_promise_is_an_assertion_and_one_of_our_errors():
    assert issubclass(ConformanceError, AssertionError)
    assert issubclass(ConformanceError, NeuroparallelError)


# ---- tasks that are not ----


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (PaysTheWrongAnswer(), "contradict"),
        (PaysErrorsBest(), "what is right has to pay"),
        (LooksAtOthers(), "elementwise"),
        (HoldsAnArray(), "pickle"),
        (DrawsByItself(), "scalar engine"),
    ],
)
def test_an_unsound_task_is_refused_in_words_that_help(task, words):
    with pytest.raises(ConformanceError, match=words):
        check_task(task, trials=200, **QUICK)


def test_a_task_that_shows_nothing_finite_is_refused_when_it_is_read():
    with pytest.raises(ScenarioError, match="in period 'stimulus' channel 'light_1' shows inf; it is a finite number"):
        check_task(ShowsNothingFinite(), trials=200, **QUICK)


def test_a_task_whose_hook_shows_nothing_finite_is_refused_when_it_is_played():
    with pytest.raises(
        TaskError, match=r"observe, stream .*, trial \d+: channel 'light' is inf; it is a finite number"
    ):
        check_task(ShowsNothingFiniteAtLast(), trials=200, **QUICK)


@pytest.mark.parametrize("task", [DrawsByItself(), RemembersByItself()])
def test_a_scenario_that_is_not_decided_by_its_seed_is_refused(task):
    with pytest.raises(ConformanceError):
        check_scenario(task, **QUICK)


def test_a_task_that_differs_between_processes_is_refused(monkeypatch):
    monkeypatch.setenv("NEUROPARALLEL_TEST_PID", str(os.getpid()))
    with pytest.raises(ConformanceError, match="gets another session"):
        check_scenario(ReadsItsSurroundings(), **{**QUICK, "process": True})


def test_a_task_that_another_process_cannot_import_is_refused(monkeypatch):
    module = types.ModuleType("made_in_a_session")
    module.Typed = type("Typed", (Sound,), {"__module__": module.__name__})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(ConformanceError, match="another process cannot play it"):
        check_scenario(module.Typed(), **{**QUICK, "process": True})


# ---- engines that are not ----


def change(monkeypatch, cls, name, how):
    original = getattr(cls, name)
    monkeypatch.setattr(cls, name, lambda self, *args, **kwargs: how(self, original, *args, **kwargs))


def refused(words):
    with pytest.raises(ConformanceError, match=words):
        check_scenario("random_dots", **QUICK)


def test_an_engine_that_is_off_by_one_bit_is_found(monkeypatch):
    def off(self, original, out, *rest):
        original(self, out, *rest)
        out[1, 0] = np.nextafter(out[1, 0], np.float32(9))

    change(monkeypatch, BatchStream, "observe", off)
    refused("observation at step 0, lane 0")


def test_an_engine_whose_lanes_touch_is_found(monkeypatch):
    def touching(self, original, actions, now):
        original(self, actions, now)
        if self.lanes == 7 and actions[3] == 1:
            self.reward = self.reward + 0.1

    change(monkeypatch, Ensemble, "act", touching)
    refused("lane 3|reward")


def test_an_engine_that_forgets_part_of_its_state_is_found(monkeypatch):
    def forgetful(self, original):
        return original(self) | {"phase": np.zeros_like(self.phase)}

    change(monkeypatch, BatchStream, "state", forgetful)
    refused("resumed")


def test_an_engine_that_uses_its_arrays_again_is_found(monkeypatch):
    def reusing(self, original):
        fresh = original(self)
        if not hasattr(self, "kept"):
            self.kept = {agent: array.copy() for agent, array in fresh.items()}
        for agent, array in fresh.items():
            self.kept[agent][:] = array
        return self.kept

    change(monkeypatch, BatchEngine, "_observe", reusing)
    refused("fresh array|restart|saw|state|changed")


# ---- environments that are not ----


class Broken:
    """A sound environment with one thing changed."""

    def __init__(self, what):
        self.env = npar.parallel_env(what, session={"steps": 30})
        self.changes = {}

    def __getattr__(self, name):
        return self.changes.get(name) or getattr(self.env, name)


def unsound(words, what="matching_pennies", **changes):
    broken = Broken(what)
    broken.changes = {name: change(broken.env) for name, change in changes.items()}
    with pytest.raises(ConformanceError, match=words):
        check_env(broken, steps=60)


def test_spaces_made_anew_are_refused():
    unsound("new object", observation_space=lambda env: lambda agent: type(env.observation_space(agent))(0, 1, (2,)))


def test_a_reset_that_ignores_its_seed_is_refused():
    unsound("Seed everything", "random_dots", reset=lambda env: lambda seed=None, options=None: env.reset())


def test_infos_that_are_no_numbers_are_refused():
    def reset(env):
        def named(seed=None, options=None):
            observations, infos = env.reset(seed)
            return observations, {agent: info | {"period": "delay"} for agent, info in infos.items()}

        return named

    unsound("numbers only", reset=reset)


def test_agents_that_end_alone_are_refused():
    def step(env):
        def alone(actions):
            result = env.step(actions)
            return (*result[:3], {**result[3], "matcher": True}, result[4])

        return alone

    unsound("some agents only", step=step)


def test_dictionaries_that_are_used_again_are_refused():
    def step(env):
        kept = {}

        def again(actions):
            result = env.step(actions)
            kept.update(result[1])
            return (result[0], kept, *result[2:])

        return again

    unsound("fresh", step=step)


def test_an_environment_that_takes_any_movement_is_refused():
    def step(env):
        return lambda actions: env.step({agent: np.clip(action, -1, 1) for agent, action in actions.items()})

    unsound("refuse it", "pursuit", step=step)


def test_an_environment_that_takes_any_action_is_refused():
    def step(env):
        return lambda actions: env.step({agent: min(action, 2) for agent, action in actions.items()})

    unsound("refuse it", step=step)
