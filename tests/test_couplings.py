"""What couples streams: drawn onsets, yoked conditions, cues, deadlines, locks, live actions, messages and rules."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neuroparallel as npar
from neuroparallel.errors import ScenarioError
from neuroparallel.rules import Rule
from neuroparallel.scenario import Scenario
from neuroparallel.task import Factorial, Memory
from tests.engine.comparing import POLICIES, SideBySide, engine

DOTS = {"task": "random_dots", "timing": {"fixation": 200, "stimulus": 300, "delay": 0, "decision": 300}}
GO = {"task": "go_nogo", "timing": {"fixation": 0, "stimulus": 200, "delay": 100, "decision": 200}}
LEFT, RIGHT = 1, 2
CANCELLED, ABORT = "cancelled", "abort"


def two(group=None, first=None, second=None, subject=None):
    """One subject with two random-dot displays."""
    streams = {"first": {**DOTS, **(first or {})}, "second": {**DOTS, **(second or {})}}
    value = {"name": "two", "dt": 100, "subjects": {"s": {"streams": streams, **(subject or {})}}}
    value["groups"] = {"g": {"streams": ["s.first", "s.second"], **(group or {})}}
    return Scenario.load(value)


def pair(group=None, a=None, b=None):
    """Two subjects with a display each."""
    subjects = {"a": {"streams": {"x": DOTS}, **(a or {})}, "b": {"streams": {"x": DOTS}, **(b or {})}}
    return Scenario.load(
        {"name": "pair", "dt": 100, "subjects": subjects, "groups": {"g": {"streams": ["a.x", "b.x"], **(group or {})}}}
    )


def play(scenario, steps=60, lanes=64, policy="mixed", seed=3):
    """Play with a mixture of right and wrong actions; the trial table, and everything that was seen."""
    from tests.engine.comparing import draw_actions

    batch, rng, seen = engine(scenario, lanes), np.random.default_rng(1), []
    seen.append(batch.reset(seed)[0])
    for _ in range(steps):
        seen.append(batch.step(draw_actions(batch, policy, rng))[0])
    return batch, batch.trials(), seen


def rows(table, stream, **keys):
    """A stream's trials in the order of lane and trial of the group."""
    mine = table.where(**{("subject" if len(stream) == 1 else "stream"): stream}, **keys)
    return mine.select(np.lexsort((mine["group_trial"], mine["lane"])))


# ---- equality of the engines ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Everything(Rule):
    """Uses all that a rule may use."""

    gain: float = 0.5
    notes: ClassVar[tuple[str, ...]] = ("stock",)

    def conditions(self):
        return Factorial(block=(0, 1, 2))

    def memory(self):
        return {"stock": Memory(5.0), "seen": Memory(np.zeros(2, np.int64), np.int64)}

    def draw(self, draw):
        draw.conditions["stock"] = draw.memory["stock"] + (draw.random("extra") < 0.3)
        draw.give(1, coherence=np.where(draw.conditions["block"] == 2, 51.2, 0.0))

    def resolve(self, end):
        chose = end.choice > 0
        end.pay[0] = self.gain * chose[0] + np.where(np.isnan(end.time[1]), 0.0, end.time[1] / 1000)
        end.pay[1] = np.where(end.given[1]["side"] == end.choice[0], 1.0, -0.25)
        end.memory["stock"] = np.maximum(end.memory["stock"] - chose.sum(axis=0), 0.0)
        end.memory["seen"] = end.memory["seen"] + chose.T
        end.again[:] = end.random("again") < 0.5


EVERYTHING = {"tests.test_couplings:Everything": {"gain": 0.25}}
LONGER = {"timing": {**DOTS["timing"]}}
SCENARIOS = {
    "drawn onset": two(second={"onset": [0, 100, 250]}),
    "onset law": two(first={"onset": {"uniform": [0, 400]}}, second={"onset": {"uniform": [100, 300]}}),
    "yoked": two({"yoked": ["side", "coherence"]}),
    "abort of all": two({"abort": "trial"}, second={"onset": 300}),
    "deadline": two({"deadline": 700}, second={"onset": [0, 300, 600]}),
    "blocked mix with cue": two({"mix": {"first": 1, "second": 1, "first + second": 2}, "block": 3, "cue": True}),
    "lock": two(subject={"response_lock": 400}),
    "shared, main first": two(subject={"action": "shared", "routing": "main_first"}, second={"onset": 100}),
    "shared, both": two(subject={"action": "shared", "routing": "both"}, second={"onset": 100}),
    "shared with lock": two(subject={"action": "shared", "routing": "both", "response_lock": 200}),
    "dict": two(subject={"observation": "dict", "fixation": "all"}),
    "message to oneself": two(subject={"message": {"levels": 4, "cost": 0.5}}),
    "all correct": two({"rule": "all_correct"}),
    "everything": pair(
        {"rule": EVERYTHING, "then": "decision", "deadline": 1500},
        {"sees": {"b": {"choice": True, "reward": True, "action": 100, "message": 300}}},
        {"sees": {"a": {"action": 250}}, "message": {"levels": 3, "cost": 0.1}},
    ),
    "everything, aborting": pair(
        {"rule": EVERYTHING, "abort": "trial", "mix": {"a.x": 1, "a.x + b.x": 3}, "block": 2, "cue": True},
        {"sees": {"b": {"reward": True, "message": 100}}, "message": {"levels": 2}},
        {"sees": {"a": {"message": 200, "action": 100}}, "message": {"levels": 5}},
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("policy", POLICIES)
def test_every_coupling_is_the_same_in_both_engines(name, policy):
    sides = SideBySide(SCENARIOS[name], 7, policy, session={"trials": 5})
    for _ in range(130):
        sides.step()
    sides.compare_tables()


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_coupling_survives_a_checkpoint(name):
    from tests.engine.comparing import draw_actions

    batch, again = engine(SCENARIOS[name], 5), engine(SCENARIOS[name], 5)
    rng = np.random.default_rng(0)
    batch.reset(1)
    for _ in range(23):
        batch.step(draw_actions(batch, "mixed", rng))
    again.set_state(batch.state())
    for _ in range(40):
        actions = draw_actions(batch, "mixed", rng)
        one, two_ = batch.step(actions), again.step(actions)
        for agent in one[0]:
            np.testing.assert_array_equal(one[0][agent], two_[0][agent])
            np.testing.assert_array_equal(one[1][agent], two_[1][agent])


def two_clocks(deadline):
    """Two subjects whose groups do not wait for each other; the first ends the session, in the midst of a trial."""
    subjects = {"a": {"streams": {"x": DOTS}}, "b": {"streams": {"x": {**DOTS, "onset": 500}}}}
    groups = {"g": {"streams": ["a.x"]}, "h": {"streams": ["b.x"], "deadline": deadline}}
    return Scenario.load({"name": "clocks", "dt": 100, "subjects": subjects, "groups": groups})


def test_an_onset_is_recorded_only_of_a_stream_that_takes_part():
    mixed = two(second={"onset": [0, 200]}, group={"mix": {"first": 1, "first + second": 1}})
    table = npar.simulate(mixed, agents="oracle", trials=200)
    first = table.where(stream="first")
    alone = np.isnan(first["soa_ms"])
    np.testing.assert_array_equal(alone, first["mix"] == 0)
    assert 0.3 < alone.mean() < 0.7
    assert set(first["soa_ms"][~alone]) == {0, 200}


@pytest.mark.parametrize("deadline", range(100, 1000, 100))
def test_a_deadline_that_falls_into_the_step_after_a_session_ends_nothing_a_second_time(deadline):
    sides = SideBySide(two_clocks(deadline), 3, "hold", session={"trials": 1})
    for _ in range(30):
        sides.step()
    sides.compare_tables()


onsets = st.one_of(
    st.integers(0, 5).map(lambda n: 100 * n),
    st.lists(st.sampled_from([0, 30, 100, 250]), min_size=1, max_size=3, unique=True),
    st.just("after first.stimulus + 100"),
)


@given(
    onset=onsets,
    abort=st.sampled_from(["stream", "trial"]),
    deadline=st.sampled_from([0, 300, 800]),
    patience=st.sampled_from([0, 100, 300]),
    action=st.sampled_from([{}, {"action": "shared"}, {"action": "shared", "routing": "both"}]),
    lock=st.sampled_from([0, 100, 500]),
    message=st.sampled_from([None, {"levels": 3}]),
    mixed=st.booleans(),
    yoked=st.sampled_from([[], ["side"], ["coherence", "side"]]),
)
def test_any_combination_of_couplings_is_the_same_in_both_engines(
    onset, abort, deadline, patience, action, lock, message, mixed, yoked
):
    group = {"abort": abort, "deadline": deadline, "patience": patience, "yoked": yoked}
    if mixed:
        group |= {"mix": {"first": 1, "first + second": 1}, "cue": True, "block": 2}
    subject = {**action, "response_lock": lock, **({"message": message} if message else {})}
    sides = SideBySide(two(group, second={"onset": onset}, subject=subject), 3, "mixed", session={"trials": 3})
    for _ in range(45):
        sides.step()
    sides.compare_tables()


# ---- what happens before a trial -----------------------------------------------------------------------------------


def test_drawn_onsets_are_recorded_for_all_and_exact_to_the_step():
    _, table, _ = play(two(second={"onset": [0, 100, 250]}), 200, policy="oracle")
    first, second = rows(table, "first"), rows(table, "second")
    n = min(len(first), len(second))
    soa = second["soa_ms"][:n]
    np.testing.assert_allclose((second["onset_s"] - first["onset_s"][:n])[:n] * 1000, soa, atol=1e-6)
    np.testing.assert_array_equal(first["soa_ms"][:n], soa)
    assert set(soa) == {0.0, 100.0, 300.0}  # rounded up to steps
    counts = np.array([(soa == value).sum() for value in (0, 100, 300)])
    assert (abs(counts / n - 1 / 3) < 4.5 * (2 / 9 / n) ** 0.5).all()


def test_a_drawn_onset_follows_its_law_rounded_up():
    _, table, _ = play(two(second={"onset": {"uniform": [0, 400]}}), 400, policy="oracle")
    soa = rows(table, "second")["soa_ms"]
    assert set(soa) == {100.0, 200.0, 300.0, 400.0}
    for value in (100, 200, 300, 400):
        assert abs((soa == value).mean() - 0.25) < 4.5 * (0.1875 / len(soa)) ** 0.5


def test_each_of_several_drawn_onsets_has_a_column_of_its_own_even_if_streams_are_called_alike():
    law = {"uniform": [0, 400]}
    for scenario, names in (
        (two(first={"onset": law}, second={"onset": law}), ("first_soa_ms", "second_soa_ms")),
        (drawn_pair(law), ("a_x_soa_ms", "b_x_soa_ms")),
    ):
        _, table, _ = play(scenario, 100, policy="oracle")
        keys = [("stream" if name.startswith(("first", "second")) else "subject", name.split("_")[0]) for name in names]
        onsets = [table.where(**{key: value}) for key, value in keys]
        onsets = [part.select(np.lexsort((part["group_trial"], part["lane"]))) for part in onsets]
        gap = 1000 * (onsets[1]["onset_s"] - onsets[0]["onset_s"])
        np.testing.assert_allclose(gap, onsets[0][names[1]] - onsets[0][names[0]], atol=1e-6)
        assert len(set(gap)) > 4


def drawn_pair(onset):
    """Two subjects whose displays begin at times of their own."""
    value = pair().dump()
    for name in "ab":
        value["subjects"][name]["streams"]["x"]["onset"] = {"ms": onset}
    return Scenario.load(value)


def test_yoked_conditions_are_the_same_for_all_and_keep_their_probabilities():
    _, table, seen = play(two({"yoked": ["side", "coherence"]}), 400, policy="oracle")
    first, second = rows(table, "first"), rows(table, "second")
    for name in ("side", "coherence"):
        np.testing.assert_array_equal(first[name], second[name])
    assert abs((first["side"] == LEFT).mean() - 0.5) < 4.5 * 0.5 / len(first) ** 0.5
    noise = np.concatenate([step["s"] for step in seen])
    assert abs(np.corrcoef(noise[:, 1], noise[:, 4])[0, 1]) < 0.9  # each has its own noise


def test_the_entry_of_a_blocked_mix_lasts_for_a_block_and_is_cued():
    scenario = two({"mix": {"first": 1, "second": 1}, "block": 4, "cue": True})
    batch, table, seen = play(scenario, 300, policy="oracle")
    entry = np.full((64, 60), -1)
    entry[table["lane"], table["group_trial"]] = table["mix"]
    for start in range(0, 20, 4):
        block = entry[:, start : start + 4]
        assert (block == block[:, :1]).all()
    assert abs((entry[:, ::4][:, :8] == 0).mean() - 0.5) < 4.5 * 0.5 / (64 * 8) ** 0.5
    names = batch.channel_names("s")
    columns = [names.index("g.cue_0"), names.index("g.cue_1")]
    np.testing.assert_array_equal(seen[-1]["s"][:, columns], np.eye(2)[batch.groups[0].entry])


# ---- what ends one -------------------------------------------------------------------------------------------------


def test_an_abort_can_end_the_trial_of_all():
    scenario = two({"abort": "trial"}, second={"onset": 300})
    _, table, _ = play(scenario, 100, policy="adversary")
    first, second = rows(table, "first"), rows(table, "second")
    assert set(first["outcome"]) == {ABORT}
    assert set(second["outcome"]) == {CANCELLED}
    np.testing.assert_allclose(first["duration_s"], 0.1)


def test_an_abort_of_one_stream_leaves_the_other_as_it_was():
    _, table, _ = play(two(second={"onset": 300}), 100, policy="adversary")
    assert set(rows(table, "first")["outcome"]) == {ABORT}
    assert set(rows(table, "second")["outcome"]) == {ABORT}


def test_who_is_not_done_by_the_deadline_is_cancelled():
    scenario = two({"deadline": 900}, second={"onset": 400})
    _, table, _ = play(scenario, 90, policy="hold")
    first, second = rows(table, "first"), rows(table, "second")
    assert set(first["outcome"]) == {"miss"}  # 800 ms
    assert set(second["outcome"]) == {CANCELLED}  # it would have lasted until 1200 ms
    np.testing.assert_allclose(second["onset_s"] + second["duration_s"], 0.9 * (second["group_trial"] + 1))


def test_a_stream_by_itself_goes_on_to_the_further_period_too():
    alone = {"name": "alone", "dt": 100, "subjects": {"s": {"streams": {"x": DOTS}}}}
    sides = SideBySide(Scenario.load({**alone, "groups": {"g": {"streams": ["s.x"], "then": "stimulus"}}}), 3, "hold")
    for _ in range(30):
        sides.step()
    sides.compare_tables()
    assert set(np.round(sides.batch.trials()["duration_s"], 6)) == {1.4}  # 800 ms, then stimulus and decision again


# ---- routes of actions ---------------------------------------------------------------------------------------------


def test_a_locked_subject_answers_once_and_then_not_again_for_a_while():
    for lock, seconds in ((0, 0.0), (200, 0.2), (300, 0.3)):
        scenario = two(subject={"response_lock": lock}, first=LONG, second=LONG)
        _, table, _ = play(scenario, 300, policy="oracle")
        times = np.stack([rows(table, name)["response_time_s"] for name in ("first", "second")])
        gap = abs(times[0] - times[1])
        np.testing.assert_allclose(gap, seconds, atol=1e-9)
        if lock:
            sooner = (times[0] < times[1]).mean()
            assert abs(sooner - 0.5) < 4.5 * 0.5 / len(gap) ** 0.5  # a tie is broken by lot


LONG = {"timing": {**DOTS["timing"], "decision": 1000}}


def test_a_shared_action_goes_where_its_routing_says():
    expected = {"open_window": 0.5, "both": 0.5, "main_first": 0.0}
    for routing, both_answered in expected.items():
        subject = {"action": "shared", "routing": routing}
        _, table, _ = play(two(subject=subject), 400, policy="oracle")
        first, second = rows(table, "first"), rows(table, "second")
        n = min(len(first), len(second))
        assert (first["outcome"][:n] == "correct").all()  # the truth told is that of the first open window
        same = first["side"][:n] == second["side"][:n]
        if routing == "main_first":  # the second one is asked once the first has answered
            assert (second["outcome"][:n] == "correct").all()
        else:
            np.testing.assert_array_equal(second["outcome"][:n] == "correct", same)
            assert abs(same.mean() - both_answered) < 4.5 * 0.5 / n**0.5


@pytest.mark.parametrize(
    ("routing", "step", "aborted"),
    [
        *((routing, 6, {"both": ["second"]}.get(routing, [])) for routing in ("open_window", "main_first", "both")),
        *((routing, 4, ["first", "second"]) for routing in ("open_window", "main_first", "both")),
        *((routing, 1, ["first"]) for routing in ("open_window", "main_first", "both")),
    ],
)
def test_a_shared_action_reaches_who_is_not_asked_only_if_nobody_is_or_if_it_goes_to_both(routing, step, aborted):
    """The first is asked from 500 to 800 ms, the second one begins at 300 ms and is asked from 800 ms on."""
    batch = engine(two(subject={"action": "shared", "routing": routing}, second={"onset": 300}), 8)
    batch.reset(0)
    for now in range(12):
        batch.step({"s": np.full(8, LEFT * (now == step))})
    table = batch.trials().where(group_trial=0)
    outcomes = {name: set(rows(table, name)["outcome"]) for name in ("first", "second")}
    assert [name for name, found in outcomes.items() if found == {ABORT}] == aborted
    if step == 6:
        assert outcomes["first"] == {"correct", "error"}


# ---- what subjects see of each other -------------------------------------------------------------------------------


@pytest.mark.parametrize("latency", [100, 200, 500])
def test_a_live_action_is_seen_after_its_latency_and_never_sooner(latency):
    scenario = pair(a={"sees": {"b": {"action": latency}}})
    batch = engine(scenario, 32)
    names = batch.channel_names("a")
    columns = [names.index("partner.action_1"), names.index("partner.action_2")]
    rng, stood, steps = np.random.default_rng(0), [], latency // 100
    observations, _ = batch.reset(0)
    assert not observations["a"][:, columns].any()
    for step in range(60):
        truth = batch.truth()
        truth = {agent: np.where(rng.random(32) < 0.5, 0, action) for agent, action in truth.items()}
        observations, *_ = batch.step(truth)
        stood.append(batch.streams[1].current_choice.copy())
        shown = observations["a"][:, columns] @ np.array([1, 2])
        due = stood[step - steps + 1] if step >= steps - 1 else np.zeros(32)
        np.testing.assert_array_equal(shown, due)
    assert np.array(stood).any()


def test_a_message_is_seen_after_its_latency_costs_what_it_says_and_changes_nothing_else():
    said = {"levels": 3, "cost": 0.25}
    scenario = pair(a={"sees": {"b": {"message": 200}}}, b={"message": said})
    batch, silent = engine(scenario, 16), engine(pair(), 16)
    assert batch.action_space("b").nvec.tolist() == [3, 3]
    column = batch.channel_names("a").index("partner.message")
    rng, past = np.random.default_rng(0), [np.zeros(16), np.zeros(16)]
    batch.reset(0)
    silent.reset(0)
    for _ in range(40):
        truth = silent.truth()
        level = rng.integers(0, 3, 16)
        past.append(level / 2)
        seen, rewards, *_ = batch.step({"a": truth["a"], "b": np.stack([truth["b"], level], axis=1)})
        plain, paid, *_ = silent.step(truth)
        np.testing.assert_array_equal(seen["a"][:, column], past[-2].astype(np.float32))
        np.testing.assert_array_equal(seen["a"][:, :column], plain["a"])
        np.testing.assert_allclose(rewards["b"], paid["b"] - 0.25 * level / 2)
        np.testing.assert_array_equal(rewards["a"], paid["a"])


def test_the_partners_last_reward_is_seen_until_its_next_trial_is_over():
    batch, table, seen = play(pair(a={"sees": {"b": {"reward": True}}}), 100)
    column = batch.channel_names("a").index("partner.reward")
    last = table.where(subject="b")
    last = last.select(last["group_trial"] == batch.groups[0].trial[last["lane"]] - 1)
    shown = seen[-1]["a"][last["lane"], column]
    np.testing.assert_allclose(shown, last["reward"], rtol=1e-6)
    assert len(set(shown.tolist())) > 1


# ---- rules ---------------------------------------------------------------------------------------------------------


def test_all_correct_pays_only_for_the_whole():
    weightless = {"rewards": {"correct": 0, "error": 0, "miss": 0, "abort": 0}}
    scenario = two({"rule": {"all_correct": {"reward": 0.5}}}, weightless, {**weightless, "onset": [0, 200]})
    _, table, _ = play(scenario, 300)
    first, second = rows(table, "first"), rows(table, "second")
    n = min(len(first), len(second))
    both = (first["outcome"][:n] == "correct") & (second["outcome"][:n] == "correct")
    assert 0.2 < both.mean() < 0.95
    np.testing.assert_allclose(first["reward"][:n], 0.5 * both)
    np.testing.assert_allclose(second["reward"][:n], 0.5 * both)


def test_a_rules_conditions_and_notes_are_columns_and_its_memory_lasts():
    _, table, _ = play(SCENARIOS["everything"], 200, policy="oracle")
    mine, theirs = rows(table, "a"), rows(table, "b")
    n = min(len(mine), len(theirs))
    assert {"block", "stock", "group_trial"} <= set(table.columns)
    np.testing.assert_array_equal(mine["block"][:n], theirs["block"][:n])
    np.testing.assert_array_equal(theirs["coherence"] == 51.2, theirs["block"] == 2)
    assert set(mine["coherence"]) > {0.0, 51.2}  # nothing was imposed on the first
    late = mine["group_trial"] > 5
    assert mine["stock"][late].max() <= 1  # the stock is eaten up, two in a trial


@dataclass(frozen=True, kw_only=True)
class Wrong(Rule):
    """Imposes what cannot be."""

    name: str = "side"
    value: float = 7.0

    def draw(self, draw):
        draw.give(0, **{self.name: np.full(len(draw), self.value)})


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"name": "sied"}, "Did you mean 'side'"),
        ({"value": 3.0}, "none of its levels"),
        ({"value": 1.5}, "is no int64"),
    ],
)
def test_what_a_rule_may_not_impose_is_refused_by_name(parameters, says):
    with pytest.raises(ScenarioError, match=rf"groups\.g: .*{says}"):
        pair({"rule": {"tests.test_couplings:Wrong": parameters}})


# ---- what is refused when the file is read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "subject", "says"),
    [
        ({"rule": "all_corect"}, {}, "Did you mean 'all_correct'"),
        ({"rule": {"all_correct": {"rewrad": 1}}}, {}, "Did you mean 'reward'"),
        ({"rule": "all_correct", "game": {"payoffs": [[[1, 0]]]}}, {}, "leave out one"),
        ({"yoked": ["sied"]}, {}, "no condition of two members"),
        ({"cue": True}, {}, "no mix"),
        ({"deadline": -1}, {}, "it is 0 or more"),
        ({"block": 0}, {}, "it is 1 or more"),
        ({"abort": "all"}, {}, "'stream' or 'trial'"),
        ({}, {"sees": {"b": {"action": 50}}}, "dt = 100 ms or more"),
        ({}, {"sees": {"b": {"message": 100}}}, "nothing to say"),
        ({}, {"sees": {"b": {}}}, "nothing is seen"),
        ({}, {"sees": ["c"]}, "no other subject 'c'"),
        ({}, {"message": {"levels": 1}}, "it is 2 or more"),
        ({}, {"routing": "first"}, "main_first"),
    ],
)
def test_couplings_that_make_no_sense_are_refused(group, subject, says):
    with pytest.raises(ScenarioError, match=says):
        pair(group, subject)


@pytest.mark.parametrize(
    ("onset", "says"),
    [
        ("later", "is no onset"),
        ([-100, 0], "0 or more"),
        (True, "no duration"),
        ({"uniform": [300, 100]}, "lower bound"),
    ],
)
def test_onsets_that_make_no_sense_are_refused(onset, says):
    with pytest.raises(ScenarioError, match=says):
        two(second={"onset": onset})


def test_the_view_by_streams_shows_the_same_trials_and_refuses_what_ties_them():
    from neuroparallel.environments import batch
    from neuroparallel.errors import ArgumentError

    scenario = SCENARIOS["everything"]
    whole, parts = batch(scenario, 8, seed=2), batch(scenario, 8, seed=2, view="streams")
    one, two_ = whole.reset()[0], parts.reset()[0]
    for _ in range(60):
        for agent in one:
            np.testing.assert_array_equal(one[agent], two_[f"{agent}.x"])
        truth = whole.truth()
        truth["b"] = np.maximum(truth["b"], 1)
        one, two_ = whole.step(truth)[0], parts.step({f"{a}.x": t for a, t in truth.items()})[0]
    with pytest.raises(ArgumentError, match="response_lock"):
        batch(SCENARIOS["lock"], 2, view="streams")


# ---- streams that share no clock -----------------------------------------------------------------------------------


def test_streams_in_groups_of_their_own_run_freely_side_by_side():
    """Trials of 800 and 500 ms: neither waits for the other, and each is what it is alone."""
    quick = {"timing": {"fixation": 100, "stimulus": 200, "delay": 0, "decision": 200}}
    value = two(second=quick).dump()
    value["groups"] = {"slow": {"streams": ["s.first"]}, "fast": {"streams": ["s.second"]}}
    scenario = Scenario.load(value)
    batch, table, seen = play(scenario, 200, lanes=8, policy="hold")
    for stream, period in (("first", 0.8), ("second", 0.5)):
        mine = table.where(stream=stream)
        np.testing.assert_allclose(mine["onset_s"], period * mine["trial"], atol=1e-9)
    alone = play(scenario.only("second"), 200, lanes=8, policy="hold")[2]
    columns = [i for i, name in enumerate(batch.channel_names("s")) if name.startswith("second.")]
    for one, other in zip(seen, alone, strict=True):
        np.testing.assert_array_equal(one["s"][:, columns], other["s"])
    sides = SideBySide(scenario, 3, "mixed", session={"trials": 4})
    for _ in range(80):
        sides.step()
    sides.compare_tables()


# ---- which choice counts -------------------------------------------------------------------------------------------


def chooses(left_for, commit):
    """Choose left for so many steps of a window of 300 ms, then right; how trials end in which left is right."""
    batch = engine(two(first={"commit": commit}, second={"commit": commit}), 64)
    batch.reset(0)
    opened = np.zeros(64, int)
    for _ in range(60):
        window = batch.streams[0].window_open()
        opened = np.where(window, opened + 1, 0)
        choice = np.where(window, np.where(opened <= left_for, LEFT, RIGHT), 0)
        batch.step({"s": np.stack([choice, choice], axis=1)})
    table = batch.trials().where(stream="first", side=LEFT)
    assert len(table) > 20
    return set(table["outcome"])


def test_the_first_the_last_or_a_held_choice_counts_as_the_scenario_says():
    assert chooses(1, "first") == {"correct"}
    assert chooses(1, "last") == {"error"}
    assert chooses(3, "last") == {"correct"}
    assert chooses(1, 200) == {"error"}  # right is held for 200 ms, left was not
    assert chooses(2, 200) == {"correct"}


@pytest.mark.parametrize("commit", ["last", 200])
@pytest.mark.parametrize("policy", POLICIES)
def test_what_counts_is_the_same_in_both_engines(commit, policy):
    scenario = two({"abort": "trial"}, first={"commit": commit}, second={"commit": commit, "onset": [0, 100]})
    assert Scenario.load(scenario.dump()) == scenario
    sides = SideBySide(scenario, 5, policy, session={"trials": 4})
    for _ in range(70):
        sides.step()
    sides.compare_tables()


@pytest.mark.parametrize(
    ("commit", "says"), [("lst", "first"), (0, "for how many ms"), (150, "multiple"), (True, "for how many ms")]
)
def test_a_commit_rule_that_makes_no_sense_is_refused(commit, says):
    with pytest.raises(ScenarioError, match=says):
        two(first={"commit": commit})


def test_a_choice_in_a_game_is_the_first_one():
    with pytest.raises(ScenarioError, match="none of its windows"):
        Scenario.load("matching_pennies").replace(**{"subjects.matcher.streams.play.commit": "last"})
