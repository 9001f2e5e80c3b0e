"""reaction_time_v0, time_out_v0, miss_penalty_v0, urgency_v0, fixation_gate_v0: periods and what time costs."""

from typing import ClassVar

import numpy as np
import pytest

from neuroparallel.errors import ScenarioError
from tests.engine.comparing import SideBySide
from tests.tasks import playing
from tests.wrappers.sequences import dots, modified, mostly_wrong, played


def after(step):
    """Holds until it has seen so many steps of the stimulus, then does what is right."""
    seen = 0

    def act(batch, _observations, infos):
        nonlocal seen
        period = list(batch.layout.streams[0].task.timing).index("stimulus")
        there = infos["subject_0"]["period"] == period
        seen = np.where(there, np.where(infos["subject_0"]["trial_end"], 0, seen) + 1, 0)
        return {"subject_0": np.where(~there | (seen >= step), np.maximum(batch.truth()["subject_0"], 0), 0)}

    return act


class TestReactionTime:
    """The window opens with the stimulus."""

    TIMING: ClassVar = {"fixation": 100, "stimulus": 500, "delay": 200, "decision": 300}

    @pytest.mark.parametrize("step", [1, 3, 5])
    def test_the_response_time_counts_from_the_stimulus(self, step):
        found = played(dots({"reaction_time": {}}, timing=self.TIMING), 8, 5, after(step))
        assert (found["outcome"] == "correct").all()
        np.testing.assert_allclose(found["response_time_s"], step * 0.1)
        np.testing.assert_allclose(found["duration_s"], 0.1 + step * 0.1)

    def test_time_is_up_with_the_stimulus(self):
        found = played(dots({"reaction_time": {}}, timing=self.TIMING), 8, 5, playing.hold)
        assert (found["outcome"] == "miss").all()
        np.testing.assert_allclose(found["duration_s"], 0.6)

    def test_or_with_the_tasks_own_window(self):
        scenario = dots({"reaction_time": {"closes": False}}, timing=self.TIMING)
        found = played(scenario, 8, 5, playing.hold)
        np.testing.assert_allclose(found["duration_s"], 1.1)
        early = played(scenario, 8, 5, after(2))
        np.testing.assert_allclose(early["response_time_s"], 0.2)

    def test_the_first_answer_can_use_the_first_sight(self):
        """An observer that answers at once is right as often as one step of evidence allows."""
        scenario = dots({"reaction_time": {}}, timing=self.TIMING, params={"coherences": [51.2], "sigma": 3.0})
        batch = playing.engine(scenario, 512)

        def act(_batch, observations, infos):
            seen = observations["subject_0"]
            answer = np.where(seen[:, 1] > seen[:, 2], 1, 2)
            return {"subject_0": np.where(infos["subject_0"]["period"] == 1, answer, 0)}

        share, n = playing.correct(playing.run(batch, act, 20))
        expected = 0.8861  # Phi(0.512 * sqrt(100) / (3 * sqrt(2)))
        assert playing.near(share, expected, n)

    def test_early_answers_still_abort_before_the_stimulus(self):
        found = played(dots({"reaction_time": {}}), 4, 3, lambda b, o, i: {"subject_0": np.ones(4, int)})
        assert (found["outcome"] != "abort").all()  # without fixation there is nothing before it
        found = played(
            dots({"reaction_time": {}}, timing=self.TIMING), 4, 3, lambda b, o, i: {"subject_0": np.ones(4, int)}
        )
        assert (found["outcome"] == "abort").all()

    def test_where_it_makes_no_sense(self):
        with pytest.raises(ScenarioError, match=r"there is no period 'stim'\. Did you mean 'stimulus'"):
            dots({"reaction_time": {"opens": "stim"}})
        with pytest.raises(ScenarioError, match="'decision' does not come before its response window"):
            dots({"reaction_time": {"opens": "decision"}})
        with pytest.raises(ScenarioError, match="it has 2 response windows"):
            modified("stop_signal", {"reaction_time": {"opens": "fixation"}})
        with pytest.raises(ScenarioError, match="depends on the time since that opened"):
            modified("ready_set_go", {"reaction_time": {"opens": "set"}})
        with pytest.raises(ScenarioError, match="true or false"):
            dots({"reaction_time": {"closes": "no"}})


class TestTimeOut:
    """A wait after what went wrong."""

    def test_the_next_trial_begins_later(self):
        found = played(dots({"time_out": {"ms": 700}}), 50, 20, mostly_wrong(0.5))
        wrong = found["outcome"] == "error"
        assert (found["timed_out"][:, 1:] == wrong[:, :-1]).all()
        assert not found["timed_out"][:, 0].any()
        np.testing.assert_allclose(found["duration_s"], np.where(found["timed_out"], 0.9, 0.2))

    def test_after_what_it_is_told(self):
        found = played(dots({"time_out": {"ms": 100, "after": "miss"}}), 3, 6, playing.hold)
        assert found["timed_out"][:, 1:].all()
        found = played(dots({"time_out": {"ms": 100, "after": ["abort"]}}), 3, 6, mostly_wrong(1.0))
        assert not found["timed_out"].any()

    def test_nothing_is_shown_and_nothing_has_an_effect(self):
        scenario = dots({"time_out": {"ms": 300, "after": ["error"]}}, early="penalty", timing={"fixation": 100})
        batch = playing.engine(scenario, 4)
        batch.reset(0)
        wait = list(batch.layout.streams[0].task.timing).index("time_out")
        for _ in range(60):
            infos = batch.step({"subject_0": np.full(4, 2)})[-1]["subject_0"]
            waiting = infos["period"] == wait
            assert (batch.streams[0].mean[:, waiting] == 0).all()
            before = waiting
            rewards = batch.step({"subject_0": np.full(4, 2)})[1]["subject_0"]
            assert (rewards[before] == 0).all()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"ms": 0}, "more than 0 ms"),
            ({"ms": 250}, "no multiple of dt"),
            ({"after": ["eror"]}, "Did you mean 'error'"),
        ],
    )
    def test_options_that_make_no_sense(self, options, message):
        with pytest.raises(ScenarioError, match=message):
            dots({"time_out": options})


class TestCosts:
    """miss_penalty and urgency."""

    def test_a_miss_costs_and_nothing_else_does(self):
        found = played(dots({"miss_penalty": {"reward": -0.4}}, rewards={"miss": 0.1}), 20, 5, playing.hold)
        np.testing.assert_allclose(found["reward"], -0.3)
        right = played(dots({"miss_penalty": {"reward": -0.4}}), 20, 5)
        assert (right["reward"] == 1).all()

    def test_correct_withholding_is_no_miss(self):
        found = played(modified("go_nogo", {"miss_penalty": {}}), 20, 10, playing.hold)
        paid = found["reward"]
        np.testing.assert_allclose(paid[found["go"]], -0.6)
        np.testing.assert_allclose(paid[~found["go"]], 0.0)

    @pytest.mark.parametrize("dt", [20, 50, 100])
    def test_a_second_costs_the_same_at_every_time_step(self, dt):
        timing = {"fixation": 100, "stimulus": 200, "delay": 0, "decision": 500}
        found = played(dots({"urgency": {"per_second": -0.5}}, timing=timing).replace(dt=dt), 4, 3, playing.hold)
        np.testing.assert_allclose(found["reward"], -0.25)

    def test_haste_is_cheaper(self):
        entries = ({"reaction_time": {}}, {"urgency": {"per_second": -1.0}})
        timing = {"fixation": 100, "stimulus": 500, "delay": 0, "decision": 100}
        for step in (1, 4):
            found = played(dots(*entries, timing=timing), 4, 3, after(step))
            np.testing.assert_allclose(found["reward"], 1 - step * 0.1)

    def test_periods_can_be_named(self):
        timing = {"fixation": 100, "stimulus": 200, "delay": 0, "decision": 500}
        entry = {"urgency": {"per_second": -1.0, "during": ["fixation", "stimulus"]}}
        found = played(dots(entry, timing=timing), 4, 3)
        np.testing.assert_allclose(found["reward"], 0.7)

    def test_answers_that_are_kept_cost_no_more(self):
        """In go/no-go a lick is kept until the window's end, and time is free after it."""
        entry = {"urgency": {"per_second": -1.0}}
        found = played(modified("go_nogo", entry), 20, 6)
        licked = found["go"]
        np.testing.assert_allclose(found["reward"][licked], 0.9)
        np.testing.assert_allclose(found["reward"][~licked], -0.5)

    def test_options_that_make_no_sense(self):
        for entry, message in (
            ({"miss_penalty": {"reward": "a"}}, "a finite number"),
            ({"urgency": {"per_second": None}}, "a finite number"),
            ({"urgency": {"during": ["stimuls"]}}, "Did you mean 'stimulus'"),
        ):
            with pytest.raises(ScenarioError, match=message):
                dots(entry)


class TestFixationGate:
    """The stimulus waits for fixation."""

    TIMING: ClassVar = {"fixation": 300, "stimulus": 200, "delay": 0, "decision": 200}

    def restless(self, batch, _observations, _infos):
        """Breaks fixation in the first 10 steps of the session, then does what is right."""
        truth = np.maximum(batch.truth()["subject_0"], 0)
        return {"subject_0": np.ones_like(truth) if batch.now < 10 else truth}

    def test_breaks_delay_the_stimulus_and_cost_nothing(self):
        found = played(dots({"fixation_gate": {}}, timing=self.TIMING), 4, 3, self.restless)
        assert (found["outcome"] == "correct").all()
        assert (found["reward"] == 1).all()
        assert (found["duration_s"][:, 0] > 1.2).all()
        np.testing.assert_allclose(found["duration_s"][:, 1:], 0.6)

    def test_the_cue_goes_off_for_a_while_and_fixation_begins_anew(self):
        batch = playing.engine(dots({"fixation_gate": {"pause": 200}}, timing=self.TIMING), 2)
        batch.reset(0)
        cue = []
        for step in range(9):
            cue.append(int(batch.streams[0].mean[0, 0]))
            batch.step({"subject_0": np.full(2, int(step == 1))})
        assert cue == [1, 1, 0, 0, 1, 1, 1, 1, 1]
        periods = list(batch.layout.streams[0].task.timing)
        assert periods[int(batch.streams[0].tables.period_of[batch.streams[0].row[0]])] == "decision"

    def test_drawn_fixations_are_drawn_anew(self):
        timing = {**self.TIMING, "fixation": {"uniform": [200, 1500]}}
        pair = SideBySide(dots({"fixation_gate": {}}, timing=timing), 5, "random", session={"trials": 3})
        for _ in range(150):
            pair.step()
        pair.compare_tables()

    def test_where_it_makes_no_sense(self):
        for entry, message in (
            ({}, "lasts 0 ms, so there is nothing to hold"),
            ({"period": "fixate"}, "Did you mean 'fixation'"),
            ({"period": "decision"}, "is a response window"),
            ({"pause": 0}, "more than 0 ms"),
        ):
            with pytest.raises(ScenarioError, match=message):
                dots({"fixation_gate": entry})


def test_all_of_them_together():
    entries = (
        "trial_history",
        "fixation_gate",
        {"reaction_time": {"closes": False}},
        "time_out",
        "urgency",
        "miss_penalty",
    )
    timing = {"fixation": 200, "stimulus": 300, "delay": 100, "decision": 200}
    scenario = dots(*entries, timing=timing)
    pair = SideBySide(scenario, 5, "mixed", session={"trials": 6})
    for _ in range(150):
        pair.step()
    pair.compare_tables()
    task = next(iter(scenario.stream_items()))[1].make()
    assert list(task.timing) == ["time_out", "fixation", "stimulus", "delay", "decision", "refixate"]
