"""block_schedule_v0 and curriculum_v0: a task whose numbers change within a session."""

from itertools import pairwise

import numpy as np
import pytest

from neuroparallel.agents import simulate
from neuroparallel.errors import ScenarioError
from tests.engine.comparing import SideBySide
from tests.tasks import playing
from tests.wrappers.sequences import dots, modified, mostly_wrong, played, runs


def schedule(*blocks, **options):
    return {"block_schedule": {"blocks": list(blocks), **options}}


class TestBlockSchedule:
    """Parameters, odds, durations and rewards by block."""

    def test_parameters_that_make_conditions(self):
        found = played(dots(schedule({"coherences": [0]}, {"coherences": [51.2, 100]}, block=4)), 50, 20)
        easy = found["schedule_block"] == 2
        assert set(found["coherence"][~easy]) == {0}
        assert set(found["coherence"][easy]) == {51.2, 100}
        assert set(runs(found["schedule_block"])) == {4}

    def test_odds_of_levels(self):
        blocks = ({"weights": {"coherence": [3, 1, 0, 0, 0]}}, {"weights": {"side": [1, 4]}})
        found = played(dots(schedule(*blocks, block=10)), 200, 40)
        first = found["schedule_block"] == 1
        assert playing.near((found["coherence"][first] == 0).mean(), 0.75, first.sum())
        assert set(found["coherence"][first]) == {0, 6.4}
        assert playing.near((found["side"][~first] == 2).mean(), 0.8, (~first).sum())
        assert playing.near((found["side"][first] == 2).mean(), 0.5, first.sum())

    def test_conditions_that_keep_a_value(self):
        found = played(dots(schedule({"set": {"side": 1}}, {"set": {"side": 2, "coherence": 25.6}}, block=3)), 20, 12)
        second = found["schedule_block"] == 2
        assert (found["side"] == np.where(second, 2, 1)).all()
        assert set(found["coherence"][second]) == {25.6}

    def test_durations_rewards_and_what_is_shown(self):
        blocks = ({"timing": {"stimulus": 300}, "rewards": {"correct": 2}}, {"evidence": 0.0})
        scenario = dots(schedule(*blocks, block=5), params={"coherences": [51.2]})
        found = played(scenario, 30, 20)
        first = found["schedule_block"] == 1
        np.testing.assert_allclose(found["duration_s"], np.where(first, 0.4, 0.2))
        np.testing.assert_allclose(found["reward"], np.where(first, 2, 1))
        batch = playing.engine(scenario, 64)
        batch.reset(0)
        stream = batch.streams[0]
        contrast = np.abs(stream.mean[1] - stream.mean[2])
        np.testing.assert_allclose(contrast, np.where(stream.conditions["schedule_block"] == 1, 0.512, 0.0), atol=1e-6)

    def test_the_same_odds_give_the_same_trials(self):
        plain = played(dots(), 20, 20)
        found = played(dots(schedule({}, {"rewards": {"correct": 3}}, block=4)), 20, 20)
        for name in ("side", "coherence"):
            assert (plain[name] == found[name]).all()

    def test_an_observer_may_expect_what_comes_in_any_block(self):
        scenario = dots(schedule({"coherences": [0]}, {"coherences": [100]}, block=5), params={"sigma": 0.1})
        trials = simulate(scenario, "ideal_observer", trials=2000)
        easy = trials["schedule_block"] == 2
        assert (trials["outcome"] == "correct")[easy].all()
        assert playing.near((trials["outcome"] == "correct")[~easy].mean(), 0.5, (~easy).sum())

    def test_each_block_may_have_its_length_and_once_stays_in_the_last(self):
        blocks = ({"trials": 3}, {"trials": 5}, {})
        found = played(dots(schedule(*blocks, order="once")), 4, 20)
        assert found["schedule_block"][0].tolist() == [1] * 3 + [2] * 5 + [3] * 12
        ordered = played(
            dots(schedule({"trials": 2}, {"trials": {"hazard": 0.5}}, {"trials": 4}, order="random")), 99, 60
        )
        block = ordered["schedule_block"]
        lengths = [(row[s], e - s) for row in block for s, e in stretches(row)]
        assert {length for number, length in lengths if number == 1} == {2}
        assert {length for number, length in lengths if number == 3} == {4}
        middle = np.array([length for number, length in lengths if number == 2])
        assert playing.near((middle == 1).mean(), 0.5, len(middle))

    def test_tasks_with_a_history_play_each_block_by_its_numbers(self):
        blocks = ({"chances": [1.0, 0.0]}, {"chances": [0.0, 1.0]})
        found = played(modified("bandit", schedule(*blocks, block=5, restart=True)), 40, 20)
        assert (found["best"] == found["schedule_block"]).all()
        assert (found["outcome"] == "correct").all()
        assert (found["reward"] == 1).all()

    def test_continuous_priors_and_prices(self):
        blocks = ({"interval": "short"}, {"interval": {"uniform": [1100, 1200]}, "rewards": {"correct": 2}})
        found = played(modified("ready_set_go", schedule(*blocks, block=2)), 30, 8)
        long = found["schedule_block"] == 2
        assert found["interval_ms"][~long].max() <= 850
        assert found["interval_ms"][long].min() >= 1100
        np.testing.assert_allclose(found["reward"], np.where(long, 2, 1))

    def test_rows_of_tables_are_joined(self):
        blocks = ({"pairs": [[18, 10]]}, {"pairs": [[18, 10], [40, 20]]})
        found = played(modified("delayed_comparison", schedule(*blocks, block=3)), 20, 12)
        first = found["schedule_block"] == 1
        assert set(found["f1"][first]) == {10, 18}
        assert set(found["f1"][~first]) == {10, 18, 20, 40}

    def test_modifiers_inside_go_on(self):
        scenario = dots("trial_history", schedule({}, {"timing": {"stimulus": 300}}, block=3))
        found = played(scenario, 100, 30)
        same = found["ground_truth"][:, 1:] == found["ground_truth"][:, :-1]
        repeating = found["history_block"][:, 1:] == 1
        assert playing.near(same[repeating].mean(), 0.8, repeating.sum())

    def test_both_engines_play_the_same(self):
        for task, blocks in (
            ("bandit", [{"chances": [1.0, 0.0]}, {"change": "reverse", "chances": [0.2, 0.7]}]),
            ("ready_set_go", [{"interval": "short"}, {"interval": "long", "gain": 1.5}]),
            ("stop_signal", [{"delay_step": 0}, {"stop_probability": 0.5}]),
        ):
            pair = SideBySide(
                modified(task, schedule(*blocks, block=2, restart=task == "bandit")), 4, "mixed", session={"trials": 7}
            )
            for _ in range(250):
                pair.step()
            pair.compare_tables()

    @pytest.mark.parametrize(
        ("blocks", "message"),
        [
            ([], "a list of mappings"),
            ([3], r"blocks\.0 is 3"),
            ([{}, {"coherence": [0]}], r"blocks\.1: random_dots has no parameter 'coherence'.*'coherences'"),
            ([{"early": "free"}], "no parameter 'early'"),
            ([{}, {"sigma": 3}], r"blocks\.1: other noise"),
            ([{}, {"timing": {"stimuls": 3}}], "Did you mean 'stimulus'"),
            ([{"timing": {"stimulus": [100, 200]}}, {"timing": {"stimulus": [100, 300]}}], "another law"),
            ([{"weights": {"coherence": [1, 2]}}], "weights.coherence is .1, 2.; it is 5 numbers"),
            ([{"weights": {"sides": [1, 2]}}], "Did you mean 'side'"),
            ([{"weights": 3}], r"blocks\.0\.weights is 3"),
            ([{"set": {"side": 3}}], "side is never 3"),
            ([{"set": {"sid": 1}}], "Did you mean 'side'"),
            ([{"trials": 0}], "1 to 1,000,000,000"),
        ],
    )
    def test_options_that_make_no_sense(self, blocks, message):
        with pytest.raises(ScenarioError, match=message):
            dots(schedule(*blocks))

    def test_what_has_one_form_in_a_session(self):
        with pytest.raises(ScenarioError, match="other channels than before"):
            modified("ring_random_dots", schedule({}, {"choices": 4}))
        with pytest.raises(ScenarioError, match="other actions than before"):
            modified("game_choice", schedule({}, {"options": 4}))
        with pytest.raises(ScenarioError, match="'interval_ms' is continuous"):
            modified("ready_set_go", schedule({"set": {"interval_ms": 900}}))


def stretches(row):
    """Start and stop of the stretches of equal values, without the last one, which is cut."""
    edges = [0, *(np.flatnonzero(np.diff(row)) + 1)]
    return list(pairwise(edges))


class TestCurriculum:
    """Phases by a lane's own performance."""

    def entry(self, **options):
        phases = [{"coherences": [100]}, {"coherences": [51.2]}, {"coherences": [0]}]
        return {"curriculum": {"phases": phases, "over": 10, **options}}

    def test_who_is_right_goes_on_and_who_is_not_stays(self):
        right = played(dots(self.entry()), 4, 40)["phase"]
        assert right[0].tolist() == [1] * 10 + [2] * 10 + [3] * 20
        wrong = played(dots(self.entry()), 4, 40, mostly_wrong(1.0))["phase"]
        assert (wrong == 1).all()

    def test_a_phase_is_passed_when_the_last_trials_were_good_enough(self):
        found = played(dots(self.entry(correct=0.7)), 60, 120, mostly_wrong(0.5))
        for phase, outcome in zip(found["phase"], found["outcome"] == "correct", strict=True):
            for start, stop in stretches(phase):
                assert outcome[stop - 10 : stop].sum() >= 7
                for t in range(start + 10, stop):
                    assert outcome[t - 10 : t].sum() < 7

    def test_lanes_may_fall_back(self):
        found = played(dots(self.entry(correct=0.6, back=0.3)), 60, 200, mostly_wrong(0.6))
        down = np.diff(found["phase"]) == -1
        assert down.any()
        right = found["outcome"] == "correct"
        for lane, t in np.argwhere(down):
            assert right[lane, t - 9 : t + 1].sum() < 3
        never = played(dots(self.entry(correct=0.6)), 60, 200, mostly_wrong(0.6))
        assert (np.diff(never["phase"]) >= 0).all()

    def test_each_phase_may_ask_for_its_own_share(self):
        phases = [{"correct": 0.0}, {"correct": 1.0}, {}]
        found = played(dots({"curriculum": {"phases": phases, "over": 5}}), 40, 60, mostly_wrong(0.5))
        assert (found["phase"][:, 5] == 2).all()

    def test_sessions_begin_with_the_first_phase(self):
        scenario = dots(self.entry())
        pair = SideBySide(scenario, 3, "oracle", session={"trials": 25})
        for _ in range(120):
            pair.step()
        pair.compare_tables()
        table = pair.batch.trials()
        assert set(table["phase"][table["trial"] == 0]) == {1}
        assert table["session"].max() >= 1

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"phases": [{}]}, "two mappings or more"),
            ({"phases": [{}, 3]}, r"phases\.1 is 3"),
            ({"phases": [{}, {"trials": 3}]}, "a phase lasts until it is passed"),
            ({"phases": [{}, {"sigmas": 3}]}, r"phases\.1: .*'sigma'"),
            ({"correct": 1.4}, "probability"),
            ({"over": 0}, "over is 0"),
            ({"back": 0.9}, "it lies below correct"),
        ],
    )
    def test_options_that_make_no_sense(self, options, message):
        with pytest.raises(ScenarioError, match=message):
            dots(self.entry(**options))

    def test_nobody_can_be_good_at_a_game(self):
        with pytest.raises(ScenarioError, match="nothing is right or wrong"):
            modified("game_choice", {"curriculum": {"phases": [{}, {}]}})
