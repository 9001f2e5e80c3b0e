"""What is said with an answer, who sees it, what a rule hears of it; and how long a group waits for the last one."""

from dataclasses import dataclass

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel.errors import ActionError, ScenarioError
from neuroparallel.rules import Rule
from neuroparallel.scenario import Scenario
from tests.engine.comparing import SideBySide, engine

LEVELS = 5
DOTS = {"task": "random_dots", "timing": {"fixation": 200, "stimulus": 300, "delay": 0, "decision": 500}}


@dataclass(frozen=True, kw_only=True)
class Loud(Rule):
    """Pays what each said with its answer."""

    def resolve(self, end):
        end.pay[:] = end.message


def pair(group=None, sees=None, speaks=True):
    message = {"message": {"levels": LEVELS}} if speaks else {}
    subjects = {name: {"streams": {"x": DOTS}, "sees": sees or {}} for name in ("a", "b")}
    subjects["a"]["sees"] = {}
    subjects["a"] |= message
    group = {"streams": ["a.x", "b.x"], **(group or {})}
    return Scenario.load({"name": "pair", "dt": 100, "subjects": subjects, "groups": {"g": group}})


def talk(scenario, steps=100, lanes=64, rate=0.25):
    """Answer at random times in the window and say something all the time; the table, and what happened."""
    batch, rng, story = engine(scenario, lanes), np.random.default_rng(0), []
    observations, infos = batch.reset(1)
    for _ in range(steps):
        window = {name: np.asarray(infos[name]["period"]) == 3 for name in ("a", "b")}
        says = rng.integers(0, LEVELS, lanes)
        acts = {name: np.where(open_ & (rng.random(lanes) < rate), 1, 0) for name, open_ in window.items()}
        story.append((acts["a"], says, window["a"], observations))
        actions = {"a": np.stack([acts["a"], says], axis=1), "b": acts["b"]}
        observations, _, _, _, infos = batch.step(actions)
    return batch, batch.trials(), story


def test_the_table_has_what_was_said_in_the_step_of_the_answer():
    _, table, story = talk(pair())
    mine = table.where(subject="a")
    answered = mine.select(np.isfinite(mine["response_time_s"]))
    step = np.rint((answered["onset_s"] + 0.5 + answered["response_time_s"]) / 0.1).astype(int) - 1
    acted = np.array([acts for acts, *_ in story])[step, answered["lane"]]
    said = np.array([says for _, says, *_ in story])[step, answered["lane"]]
    assert len(answered) > 300
    assert acted.all()
    np.testing.assert_array_equal(answered["message"], said / (LEVELS - 1))
    assert np.isnan(table.where(subject="b")["message"].astype(float)).all()  # cannot speak


@pytest.mark.parametrize("speaks", [True, False])
def test_a_rule_hears_what_was_said_with_the_answer_and_silence_of_the_mute(speaks):
    scenario = pair({"rule": "tests.test_answers_and_messages:Loud"}, speaks=speaks)
    if not speaks:
        batch = engine(scenario, 8)
        batch.reset(0)
        for _ in range(30):
            batch.step({name: np.ones(8, int) for name in ("a", "b")})
        assert len(batch.trials()) > 20
        assert (batch.trials()["reward"] <= 0).all()  # nothing but the cost of early answers
        return
    _, table, _ = talk(scenario)
    mine = table.where(subject="a", outcome="error")
    np.testing.assert_array_equal(mine["reward"], mine["message"])
    assert len(np.unique(mine["message"])) == LEVELS


def test_what_was_said_with_the_last_answer_is_seen_from_the_end_of_the_trial_on():
    batch, table, story = talk(pair(sees={"a": {"answer_message": True}}))
    column = batch.channel_names("b").index("partner.answer_message")
    seen = np.array([observations["b"][:, column] for *_, observations in story])
    mine = table.where(subject="a")
    end = np.rint((mine["onset_s"] + mine["duration_s"]) / 0.1).astype(int)
    later = mine["group_trial"] > 0
    for row in np.flatnonzero(later & (end < len(story) - 1)):
        lane = mine["lane"][row]
        assert seen[end[row], lane] == np.float32(mine["message"][row])
        before = mine.where(lane=lane, group_trial=mine["group_trial"][row] - 1)["message"]
        assert seen[end[row] - 1, lane] == np.float32(before[0])  # not before everybody is done


def test_one_who_has_nothing_to_say_cannot_be_heard():
    with pytest.raises(ScenarioError, match="answer_message: a has nothing to say"):
        pair(sees={"a": {"answer_message": True}}, speaks=False)


def test_a_wrong_action_is_told_what_each_factor_is():
    both = {"streams": {"dots": DOTS, "tone": {"task": "go_nogo"}}, "message": {"levels": LEVELS}}
    one = {"streams": {"dots": DOTS, "more": DOTS}, "action": "shared", "message": {"levels": 2}}
    scenario = {"name": "speakers", "dt": 100, "subjects": {"a": both, "b": one}}
    told = {"a": "dots 0 to 2, tone 0 to 1, message 0 to 4", "b": "action 0 to 2, message 0 to 1"}
    single, batch, turns = npar.parallel_env(scenario), npar.batch(scenario, lanes=3), npar.aec_env(scenario)
    for env in (single, batch, turns):
        env.reset(seed=0)
    right = {agent: np.zeros(words.count(",") + 1, np.int64) for agent, words in told.items()}
    for agent, factors in told.items():
        actions = right | {agent: right[agent] + 5}
        with pytest.raises(ActionError, match=rf"^{agent}: .* integers: {factors}\.$"):
            single.step(actions)
        with pytest.raises(ActionError, match=rf"^{agent}: .*: {factors}\.$"):
            batch.step({name: np.tile(action, (3, 1)) for name, action in actions.items()})
        with pytest.raises(ActionError, match=rf"^{agent}: .* integers: {factors}\.$"):
            turns.step(actions[agent])
        turns.step(right[agent])
    assert single.factor_names("a") == ("dots", "tone", "message")


@pytest.mark.parametrize("deadline", [0, 800])
@pytest.mark.parametrize("patience", [100, 200, 250])
def test_nobody_is_waited_for_longer_than_the_patience_after_the_first_is_done(patience, deadline):
    _, table, _ = talk(pair({"patience": patience, "deadline": deadline}), 300)
    a, b = (table.where(subject=name) for name in ("a", "b"))
    rank = [np.lexsort((side["group_trial"], side["lane"])) for side in (a, b)]
    a, b = a.select(rank[0]), b.select(rank[1])
    steps, last = -(-patience // 100), 8 if deadline else 10
    times = np.stack([np.where(side["choice"] > 0, side["response_time_s"], np.inf) for side in (a, b)]) / 0.1 + 5
    duration = np.rint(a["duration_s"] / 0.1)
    first, second = np.rint(np.sort(np.where(np.isfinite(times), times, 10), axis=0))
    np.testing.assert_array_equal(duration, np.minimum(np.minimum(second, first + steps), last))
    for mine, other in ((a, b), (b, a)):
        late = mine["outcome"] == "cancelled"
        assert late.any()
        assert (mine["choice"][late] <= 0).all()
        if not deadline:
            assert (other["outcome"][late] != "cancelled").all()


@pytest.mark.parametrize("policy", ["mixed", "random", "hold"])
def test_messages_and_patience_are_the_same_in_both_engines(policy):
    group = {"patience": 200, "deadline": 900, "rule": "tests.test_answers_and_messages:Loud", "then": "fixation"}
    sides = SideBySide(pair(group, {"a": {"answer_message": True, "message": 100}}), 5, policy, {"trials": 3})
    for _ in range(90):
        sides.step()
    sides.compare_tables()
