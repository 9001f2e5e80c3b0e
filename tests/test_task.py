"""Parameters of tasks: numbers are checked against their annotation before anything is compiled."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel.environments import parallel_env
from neuroparallel.errors import ArgumentError, ScenarioError, TaskError
from neuroparallel.scenario import Scenario
from neuroparallel.task import Actions, Channels, Factorial, Task
from neuroparallel.tasks import list_tasks, make_task
from neuroparallel.timing import Timing, Uniform

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("value", [None, "x", "", True, NAN, INF, [], {}, b"1", object()])
@pytest.mark.parametrize("name", ["sigma", "evidence"])
def test_a_number_is_a_finite_number(name, value):
    with pytest.raises(ArgumentError, match=rf"^{name} is .*it is a finite number"):
        make_task("random_dots", **{name: value})


@pytest.mark.parametrize("value", [1e300, -1e300, 3e38, 1.1e30, np.float32(2e30)])
def test_a_number_is_none_with_which_observations_become_infinite(value):
    for parameters in ({"sigma": value}, {"coherences": [0.0, value]}, {"rewards": {"correct": value}}):
        with pytest.raises(ArgumentError, match=r"from -1e\+30 to 1e\+30, as observations are float32"):
            make_task("random_dots", **parameters)
    with pytest.raises(TaskError, match=r"noise of 'x' is .* from 0 to 1e\+30"):
        Channels(x=1, noise={"x": value})


def test_what_is_as_large_as_it_may_be_is_seen_as_a_finite_number():
    task = make_task("random_dots", sigma=1e30, coherences=[1e30], rewards={"abort": -1e30})
    env = npar.wrappers.previous_reward_v0(npar.wrappers.noise_v0(npar.batch(task, lanes=500), sigma=1e30))
    seen = [env.reset()[0]["subject_0"]]
    for _ in range(5):
        seen.append(env.step({"subject_0": np.ones(500, int)})[0]["subject_0"])
    assert np.isfinite(seen).all()
    assert np.abs(seen).max() > 1e29


@pytest.mark.parametrize("value", [5, None, "abc", [0, NAN], [0, "x"], [True], {"a": 1}])
def test_levels_are_a_sequence_of_finite_numbers(value):
    with pytest.raises(ArgumentError, match=r"^coherences(\[\d\])? is"):
        make_task("random_dots", coherences=value)


def test_rows_of_numbers_have_the_right_length():
    with pytest.raises(ArgumentError, match=r"pairs\[1\] is \(1,\); it is a sequence of 2"):
        make_task("delayed_comparison", pairs=[(18, 10), (1,)])
    with pytest.raises(ArgumentError, match=r"pairs\[0\]\[1\] is 'b'"):
        make_task("delayed_comparison", pairs=[(1, "b")])


@pytest.mark.parametrize(("task", "name"), [("bandit", "arms"), ("game_choice", "options")])
def test_a_whole_number_is_a_whole_number(task, name):
    made = getattr(make_task(task, **{name: 3.0}), name)
    assert made == 3
    assert type(made) is int
    for value in (2.5, NAN, 10**30, 0):
        with pytest.raises(ArgumentError, match=rf"^{name} is"):
            make_task(task, **{name: value})


def test_a_standard_deviation_is_not_negative():
    tasks = [name for name in list_tasks() if hasattr(make_task(name), "sigma")]
    assert len(tasks) >= 7
    for name in tasks:
        with pytest.raises(ArgumentError, match="sigma is -1; a standard deviation is 0 or more"):
            make_task(name, sigma=-1)


def test_arrays_and_numbers_of_numpy_will_do():
    task = make_task(
        "random_dots", coherences=np.linspace(0, 50, 3), sigma=np.float32(2), rewards={"miss": np.int64(-1)}
    )
    assert task.coherences == (0.0, 25.0, 50.0)
    assert parallel_env(task).scenario.subjects["subject_0"].streams["random_dots"].rewards["miss"] == -1


def test_a_scenario_says_where_a_parameter_is_wrong():
    value = Scenario.load("random_dots").dump()
    value["subjects"]["subject_0"]["streams"]["random_dots"]["params"]["sigma"] = NAN
    with pytest.raises(ScenarioError, match=r"subject_0\.streams\.random_dots: .*sigma is nan"):
        Scenario.load(value)


@dataclass(frozen=True, kw_only=True)
class Odd(Task):
    """Has parameters that are no plain numbers."""

    gap: "float | None" = 1.0
    wait: "object" = 3.0
    names: tuple[str, ...] = ("a", "b")
    timing: Timing = Timing(fixation=100, decision=100)
    channels: ClassVar = Channels(fixation=1)
    actions: ClassVar = Actions("hold", "go")


def test_parameters_of_other_kinds_are_left_to_the_task():
    odd = Odd(gap=None, wait=Uniform(0, 1), names=["c"])
    assert (odd.gap, odd.wait, odd.names) == (None, Uniform(0, 1), ("c",))


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        ("GoNogo", "go_nogo"),
        ("NBack", "n_back"),
        ("TwoStep", "two_step"),
        ("Window2AFC", "window2_afc"),
        ("Idle", "idle"),
    ],
)
def test_a_task_is_called_like_its_class_in_lower_case_with_underscores(cls, name):
    assert type(cls, (Task,), {}).task_name() == name


@pytest.mark.parametrize("name", ["n", "dt", "reward", "show"])
def test_a_condition_cannot_have_the_name_of_what_a_trial_has_already(name):
    @dataclass(frozen=True, kw_only=True)
    class Hidden(Task):
        timing: Timing = Timing(decision=100)
        channels: ClassVar = Channels(cue=1)
        actions: ClassVar = Actions("hold", "go")

        def conditions(self):
            return Factorial(**{name: (0, 1)})

        def define(self, trial):
            trial.answer(getattr(trial, name), during="decision")

    with pytest.raises(ScenarioError, match=f"a condition cannot be called '{name}', as trial.{name} is taken"):
        Scenario.load(Hidden())
