"""What the reference agents do, on tasks whose answers are known."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import yaml

import neuroparallel as npar
from neuroparallel.agents import OracleAgent, RandomAgent, list_agents, make_agent, simulate
from neuroparallel.analysis import ideal_accuracy, win_stay_lose_shift
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.errors import ArgumentError, UnknownNameError
from neuroparallel.scenario import Scenario, list_scenarios
from neuroparallel.scenario.compile import build_layout
from neuroparallel.task import Actions, Bernoulli, Channels, Factorial, Poisson, Task
from neuroparallel.tasks import list_tasks, make_task
from neuroparallel.testkit.acting import packed
from neuroparallel.timing import Timing


def engine(what, lanes, seed=3):
    result = BatchEngine(build_layout(Scenario.load(what)), lanes)
    return result, *result.reset(seed)


def actions_of(agent, what, lanes, steps=60):
    batch, observations, infos = engine(what, lanes)
    agent.reset(batch)
    story = []
    for _ in range(steps):
        actions = agent.act(observations, infos, batch)
        story.append({name: packed(batch.action_space(name), part) for name, part in actions.items()})
        observations, _, _, _, infos = batch.step(actions)
    return {name: np.stack([actions[name] for actions in story]) for name in story[0]}


def moves(what):
    return any(subject.moving for subject in engine(what, 1)[0].subjects)


def accuracy_and_error(trials, mask=slice(None)):
    correct = trials["correct"][mask]
    assert len(correct) > 500
    return correct.mean(), np.sqrt(0.25 / len(correct))


# ---- names ----


def test_agents_are_listed_in_order_and_all_can_be_made():
    assert list_agents() == sorted(list_agents())
    assert set(list_agents()) >= {"blind", "bottleneck", "ideal_observer", "oracle", "q_learner", "random", "wsls"}
    for name in list_agents():
        assert isinstance(make_agent(name), npar.agents.Agent)


def test_every_agent_is_explained_in_the_docs():
    page = (Path(__file__).parents[2] / "docs" / "agents.md").read_text("utf-8")
    assert [name for name in list_agents() if f"| `{name}` |" not in page] == []


def test_an_unknown_agent_is_named_with_the_nearest_one():
    with pytest.raises(UnknownNameError, match="oracle"):
        make_agent("orcle")


@pytest.mark.parametrize("what", [3, None, OracleAgent, object()])
def test_what_is_no_agent_is_refused(what):
    with pytest.raises(ArgumentError, match="no agent"):
        make_agent(what)


def test_an_option_that_an_agent_does_not_have_is_refused():
    with pytest.raises(ArgumentError, match="wsls"):
        make_agent("wsls", colour=1)
    with pytest.raises(ArgumentError, match="reward"):
        make_agent("ideal_observer", maximise="rewards")


# ---- every agent plays everything ----


MOVERS = ("hold", "oracle", "random")  # who can make movements
# What agents can play that are made for some tasks only; all others play everything.
MADE_FOR = {
    "accumulator": {
        *("random_dots", "random_dots_a2c", "dual_random_dots", "dpa_gng", "context_decision", "go_nogo"),
        *("prp", "motion_colour", "motion_colour_fixed", "joint_perception"),
    },
    "confidence_sharer": {"random_dots", "dual_random_dots", "joint_perception", "joint_random_dots"},
    "hybrid": {"two_step"},
    "model_based": {"two_step"},
    "model_free": {"two_step"},
    "race_stopper": {"stop_signal"},
}
PLAYED = [
    (name, what)
    for name in list_agents()
    for what in list_scenarios()
    if name != "ideal_observer" and what in MADE_FOR.get(name, {what})
    if name in MOVERS or not moves(what)
]


@pytest.mark.parametrize(("name", "what"), PLAYED)
def test_an_agent_plays_a_scenario_whatever_its_neighbours(name, what):
    few, many = (actions_of(make_agent(name), what, lanes, 30) for lanes in (2, 9))
    for agent, actions in few.items():
        assert (actions == many[agent][:, :2]).all()
        assert actions.dtype == np.int64 or moves(what)


@pytest.mark.parametrize("name", [name for name in list_agents() if name not in (*MOVERS, *MADE_FOR)])
def test_an_agent_that_makes_choices_says_that_it_cannot_move(name):
    for what in filter(moves, list_scenarios()):
        with pytest.raises(ArgumentError, match=r"has to move|decides in each step"):
            actions_of(make_agent(name), what, 2, 1)


@pytest.mark.parametrize("name", sorted(MADE_FOR))
def test_an_agent_that_is_made_for_some_tasks_says_so_of_the_others(name):
    with pytest.raises(
        ArgumentError, match=name if name in ("accumulator", "confidence_sharer", "race_stopper") else "two_step"
    ):
        actions_of(make_agent(name), "matching_pennies", 2)


@pytest.mark.parametrize("what", ["dpa_gng", "dual_random_dots", "context_decision", "matching_pennies", "two_step"])
def test_the_ideal_observer_decides_the_same_whatever_its_neighbours(what):
    few, many = (actions_of(make_agent("ideal_observer"), what, lanes) for lanes in (1, 9))
    for agent, actions in few.items():
        assert (actions == many[agent][:, :1]).all()


@pytest.mark.parametrize("task", list_tasks())
def test_the_oracle_is_never_wrong(task):
    trials = simulate(make_task(task), "oracle", 300)
    assert set(np.unique(trials["outcome"])) <= {"correct", "unscored"}


def test_hold_never_responds():
    trials = simulate("random_dots", "hold", 100)
    assert (trials["outcome"] == "miss").all()
    assert len(trials.responses) == 0


# ---- random ----


def test_random_takes_every_action_equally_often():
    actions = actions_of(RandomAgent(), make_task("random_dots"), 2000)["subject_0"]
    share = np.bincount(actions.ravel(), minlength=3) / actions.size
    assert np.abs(share - 1 / 3).max() < 4 * np.sqrt(2 / 9 / actions.size)
    both = actions[1:] * 3 + actions[:-1]  # nor does the last action tell the next one
    share = np.bincount(both.ravel(), minlength=9) / both.size
    assert np.abs(share - 1 / 9).max() < 4 * np.sqrt(8 / 81 / both.size)


def test_random_factors_are_independent():
    actions = actions_of(RandomAgent(), "dual_random_dots", 2000)["subject_0"]
    both = actions[..., 0] * 3 + actions[..., 1]
    share = np.bincount(both.ravel(), minlength=9) / both.size
    assert np.abs(share - 1 / 9).max() < 4 * np.sqrt(8 / 81 / both.size)


def test_random_with_another_seed_is_another_series():
    one, other = (actions_of(RandomAgent(seed), "random_dots", 50)["subject_0"] for seed in (0, 1))
    assert 0.2 < (one == other).mean() < 0.5


def test_two_subjects_draw_at_random_separately():
    actions = actions_of(RandomAgent(), "matching_pennies", 300)
    assert 0.2 < (actions["matcher"] == actions["mismatcher"]).mean() < 0.5


# ---- the ideal observer ----


@pytest.mark.parametrize("dt", [20, 100])
@pytest.mark.parametrize("duration", [200, 400, 800])
def test_the_ideal_observer_of_random_dots_meets_the_gaussian_ceiling(duration, dt):
    task = make_task("random_dots", coherences=(6.4, 12.8, 25.6), timing={"stimulus": duration})
    trials = simulate(task, "ideal_observer", 12_000, per_lane=20, dt=dt, seed=duration + dt)
    for coherence in (6.4, 12.8, 25.6):
        found, error = accuracy_and_error(trials, trials["coherence"] == coherence)
        assert abs(found - ideal_accuracy(coherence, duration)) < 4 * error


@pytest.mark.parametrize("dt", [20, 100])
@pytest.mark.parametrize("duration", [300, 700, 1500])
def test_the_ideal_observer_of_context_meets_the_ceiling_of_what_is_asked(duration, dt):
    task = make_task("context_decision", timing={"stimulus": duration, "delay": 300})
    trials = simulate(task, "ideal_observer", 6_000, per_lane=10, dt=dt, seed=duration + dt)
    asked = np.where(trials["context"] == 1, trials["motion_coherence"], trials["color_coherence"])
    for coherence in (5.0, 15.0, 50.0):
        found, error = accuracy_and_error(trials, asked == coherence)
        assert abs(found - ideal_accuracy(coherence, duration)) < 4 * error


def test_the_ideal_observer_is_told_the_period_where_durations_are_drawn():
    trials = simulate(make_task("context_decision"), "ideal_observer", 4_000, per_lane=10)
    found, error = accuracy_and_error(trials)
    assert abs(found - ideal_accuracy([5, 15, 50], 700).mean()) < 4 * error


def test_the_ideal_observer_of_two_displays_is_as_good_at_each_as_at_one():
    trials = simulate("dual_random_dots", "ideal_observer", 4_000, per_lane=20)
    ceiling = ideal_accuracy([0, 6.4, 12.8, 25.6, 51.2], 800).mean()
    for stream in ("first", "second"):
        found, error = accuracy_and_error(trials, trials["stream"] == stream)
        assert abs(found - ceiling) < 4 * error


def test_the_ideal_observer_remembers():
    trials = simulate("dpa_gng", "ideal_observer", 1_000)
    assert trials["correct"].mean() > 0.99


def test_paid_by_the_reward_the_ideal_observer_takes_sure_bets_when_in_doubt():
    sure = {}
    for maximise in ("correct", "reward"):
        trials = simulate("post_decision_wager", make_agent("ideal_observer", maximise=maximise), 3_000, per_lane=20)
        sure[maximise] = (trials["outcome"] == "unscored").mean(), trials["reward"].mean()
    assert sure["correct"][0] == 0
    assert sure["reward"][0] > 0.05
    assert sure["reward"][1] > sure["correct"][1]


def test_the_ideal_observer_says_which_tasks_it_cannot_play():
    for task, reason in (
        ("ready_set_go", "as it has no list of conditions to weigh: interval_ms can take any value in a range"),
        ("stop_signal", r"as it has no list of conditions to weigh: its class says so \(lazy = True\)"),
        ("pursuit", "as it has an observe hook, which decides in each step what is shown"),
    ):
        with pytest.raises(ArgumentError, match=f"ideal_observer: it cannot play {task}, {reason}; use another agent"):
            simulate(task, "ideal_observer", 10)
    many = make_task("economic_choice", offers=tuple((a, b) for a in range(1, 60) for b in range(1, 60)))
    with pytest.raises(ArgumentError, match=r"its design has .* conditions, and at most 4,096 are listed"):
        simulate(many, "ideal_observer", 10)


# ---- blind, and habits ----


@pytest.mark.parametrize("task", ["random_dots", "context_decision", "delayed_match_to_sample"])
def test_blind_is_at_chance(task):
    found, error = accuracy_and_error(simulate(make_task(task), "blind", 4_000))
    assert abs(found - 0.5) < 4 * error


def test_blind_gives_the_answer_that_pays_most():
    often = simulate(make_task("go_nogo", go_probability=0.9), "blind", 1_000)
    seldom = simulate(make_task("go_nogo", go_probability=0.1), "blind", 1_000)
    assert (often["choice"] == 1).all()
    assert len(seldom.responses) == 0


def test_blind_times_its_answer_by_the_median_trial():
    trials = simulate("ready_set_go", "blind", 1_000)
    assert trials["correct"].mean() > 0.5


def test_wsls_stays_after_a_win_and_shifts_after_a_loss():
    trials = simulate("matching_pennies_computer", "wsls", 1_000)
    table = win_stay_lose_shift(trials)
    assert table["win_stay"].tolist() == [1.0]
    assert table["lose_shift"].tolist() == [1.0]


def test_wsls_earns_a_half_until_the_computer_learns_from_outcomes():
    earned = [
        simulate(make_task("matching_pennies", algorithm=a), "wsls", 4_000, per_lane=500)["reward"].mean()
        for a in (0, 1, 2)
    ]
    assert abs(earned[0] - 0.5) < 0.04
    assert abs(earned[1] - 0.5) < 0.04
    assert earned[2] < 0.1


# ---- clocks, sessions, wrappers ----


@pytest.mark.parametrize("session", [None, {"trials": 3}, {"steps": 30}])
def test_its_own_clock_tells_the_ideal_observer_what_it_would_be_told(session, monkeypatch):
    clocked = simulate("random_dots", "ideal_observer", 600, per_lane=20, session=session)
    monkeypatch.setattr("neuroparallel.agents.ideal_observer._clock", lambda engine, stream: None)
    told = simulate("random_dots", "ideal_observer", 600, per_lane=20, session=session)
    assert (clocked["choice"] == told["choice"]).all()
    assert (clocked["outcome"] == told["outcome"]).all()
    assert (
        np.nanmean(clocked["correct"]) > 0.85
    )  # the end of a session of steps breaks a trial off, which has no result


@pytest.mark.parametrize(
    "name", sorted({"ideal_observer"} | {name for name, what in PLAYED if what == "random_dots_a2c"})
)
def test_agents_play_engines_within_wrappers(name):
    batch = npar.batch("random_dots_a2c", lanes=6)
    assert hasattr(batch, "unwrapped")
    observations, infos = batch.reset(1)
    agent = make_agent(name)
    agent.reset(batch)
    for _ in range(20):
        observations, _, _, _, infos = batch.step(agent.act(observations, infos, batch))


def test_in_a_reset_between_an_agent_starts_afresh():
    agent = RandomAgent()
    one, again = (actions_of(agent, "random_dots", 4)["subject_0"] for _ in range(2))
    assert (one == again).all()


@dataclass(frozen=True, kw_only=True)
class Clicks(Task):
    """Say on which side there were more clicks, counted or seen one by one."""

    dt: ClassVar[float] = 10.0
    counted: bool = True
    timing: Timing = Timing(stimulus=500, decision=100)
    channels: ClassVar = Channels(clicks=2, noise={"clicks": Poisson()})
    actions: ClassVar = Actions("hold", "left", "right")

    def channel_groups(self):
        return Channels(clicks=2, noise={"clicks": Poisson() if self.counted else Bernoulli()})

    def conditions(self):
        return Factorial(side=(1, 2))

    def define(self, trial):
        rates = np.where(trial.side == 1, 24.0, 16.0), np.where(trial.side == 1, 16.0, 24.0)
        trial.show("clicks", per_channel=[rate * trial.dt / 1000 for rate in rates], during="stimulus")
        trial.answer(trial.side, during="decision")


def test_the_ideal_observer_counts_clicks():
    trials = simulate(Clicks(), "ideal_observer", 8_000, per_lane=20)
    found, error = accuracy_and_error(trials)
    # Two Poisson counts of means 12 and 8; a tie is a guess.
    counts = np.arange(80)
    factorial = np.cumsum(np.log(np.maximum(counts, 1)))
    many, few = (np.exp(counts * np.log(mean) - mean - factorial) for mean in (12.0, 8.0))
    both = many[:, None] * few
    ceiling = np.tril(both, -1).sum() + 0.5 * np.trace(both)
    assert abs(found - ceiling) < 4 * error


def test_the_ideal_observer_sees_single_clicks():
    trials = simulate(Clicks(counted=False), "ideal_observer", 4_000, per_lane=20)
    found, _ = accuracy_and_error(trials)
    assert 0.75 < found < 0.9


@pytest.mark.parametrize("name", ["random", "wsls", "q_learner", "best_response"])
def test_an_agent_draws_the_same_for_a_subject_of_another_name(name):
    pennies = npar.Scenario.load("matching_pennies")
    text = pennies.to_yaml().replace("mismatcher", "ben").replace("matcher", "ann")
    renamed = npar.Scenario.load(yaml.safe_load(text))
    for before, after in (("matcher", "ann"), ("mismatcher", "ben")):
        was = npar.simulate(pennies, name, trials=200).where(subject=before)["choice"]
        now = npar.simulate(renamed, name, trials=200).where(subject=after)["choice"]
        assert len(set(was.tolist())) > 1
        assert np.array_equal(was, now)


def test_a_random_agent_does_the_same_in_either_view():
    whole, parts = (npar.batch("random_dots", lanes=8, view=view) for view in ("subjects", "streams"))
    assert np.array_equal(played(whole)["choice"], played(parts)["choice"])


def played(batch):
    """Some trials with random actions."""
    agent = npar.agents.make_agent("random")
    observations, infos = batch.reset(seed=0)
    agent.reset(batch)
    for _ in range(60):
        observations, *_, infos = batch.step(agent.act(observations, infos, batch))
    return batch.trials()
