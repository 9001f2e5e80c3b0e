"""catch_trials_v0, condition_sequence_v0, staircase_v0, variable_choices_v0, variable_mapping_v0."""

import numpy as np
import pytest

from neuroparallel.errors import ScenarioError
from neuroparallel.scenario import Scenario
from neuroparallel.tasks import make_task
from tests.engine.comparing import SideBySide
from tests.tasks import playing
from tests.wrappers.sequences import dots, modified, mostly_wrong, played, runs


class TestCatchTrials:
    """Trials without reward or without a stimulus."""

    def test_come_at_their_rate_and_pay_nothing(self):
        found = played(dots({"catch_trials": {"probability": 0.15}}), 300, 60)
        catch = found["catch"]
        assert playing.near(catch.mean(), 0.15, catch.size)
        assert (found["outcome"] == "correct").all()
        assert (found["reward"] == np.where(catch, 0.0, 1.0)).all()
        later = catch[:, 1:][catch[:, :-1]]
        assert playing.near(later.mean(), 0.15, later.size)

    def test_only_where_they_may_and_not_at_the_start(self):
        options = {"probability": 0.5, "only": {"coherence": [0, 6.4]}, "start": 10, "reward": 0.25}
        found = played(dots({"catch_trials": options}), 200, 40)
        hard = found["coherence"] <= 6.4
        assert not found["catch"][:, :10].any()
        assert not found["catch"][~hard].any()
        late = found["catch"][:, 10:][hard[:, 10:]]
        assert playing.near(late.mean(), 0.5, late.size)
        assert set(found["reward"][found["catch"]]) == {0.25}

    def test_errors_pay_as_ever(self):
        scenario = dots({"catch_trials": {"probability": 0.5}}, rewards={"error": -0.5})
        found = played(scenario, 100, 20, mostly_wrong(0.5))
        assert set(found["reward"][found["outcome"] == "error"]) == {-0.5}

    def test_tasks_with_prices_of_their_own(self):
        found = played(modified("ready_set_go", {"catch_trials": {"probability": 0.5}}), 50, 6)
        catch = found["catch"]
        assert (found["reward"][catch] == 0).all()
        assert (found["reward"][~catch] == 1).all()

    def test_blank_ones_show_nothing_and_ask_to_hold(self):
        scenario = dots({"catch_trials": {"probability": 0.5, "kind": "blank"}}, rewards={"withheld": 0.3})
        found = played(scenario, 100, 20)
        assert (found["ground_truth"] == np.where(found["catch"], 0, found["side"])).all()
        assert set(found["reward"][found["catch"]]) == {0.3}
        batch = playing.engine(scenario, 64)
        batch.reset(1)
        catch = batch.streams[0].conditions["catch"]
        shown = batch.streams[0].mean[batch.streams[0].tables.channels["motion"]]
        assert (shown[:, catch] == 0).all()
        assert (shown[:, ~catch] > 0).all()
        guess = played(scenario, 100, 20, playing.uniform())
        answered = (guess["choice"] > 0) & guess["catch"]
        assert set(guess["outcome"][answered]) <= {"error", "abort"}

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"probability": 1.2}, "it is a probability, 0 to 1"),
            ({"kind": "empty"}, r"catch_trials\.kind is 'empty'"),
            ({"only": {"coherenc": 0}}, "Did you mean 'coherence'"),
            ({"only": {"coherence": 5}}, "coherence is never 5"),
            ({"only": "coherence"}, "a mapping of conditions to values"),
            ({"start": 0.5}, "start is 0.5"),
            ({"reward": "much"}, "a finite number"),
        ],
    )
    def test_options_that_make_no_sense(self, options, message):
        with pytest.raises(ScenarioError, match=message):
            dots({"catch_trials": options})

    def test_a_continuous_condition_has_no_values(self):
        with pytest.raises(ScenarioError, match="'interval_ms' is continuous"):
            modified("ready_set_go", {"catch_trials": {"only": {"interval_ms": 900}}})


class TestConditionSequence:
    """Lists of trials: written out, from files, crossed, with constraints."""

    def listed(self, **options):
        return {"condition_sequence": options}

    def test_a_list_is_played_in_order_and_begins_anew(self):
        sides = [1, 1, 2, 1, 2]
        found = played(dots(self.listed(trials={"side": sides})), 20, 12)
        assert (found["side"] == (sides * 3)[:12]).all()
        assert (found["ground_truth"] == found["side"]).all()
        assert len(np.unique(found["coherence"])) == 5

    def test_values_that_are_no_levels_are_shown(self):
        trials = [{"side": 1, "coherence": 40.0}, {"side": 2, "coherence": 10.5}]
        scenario = dots(self.listed(trials=trials))
        found = played(scenario, 4, 4)
        assert found["coherence"][0].tolist() == [40, 10.5, 40, 10.5]
        batch = playing.engine(scenario, 2)
        batch.reset(0)
        np.testing.assert_allclose(batch.streams[0].mean[1:, 0], [0.7, 0.3], rtol=1e-6)

    @pytest.mark.parametrize("mark", [",", "\t"])
    def test_files(self, tmp_path, mark):
        path = tmp_path / "list.csv"
        path.write_text(f"side{mark}coherence{mark}rat\n1{mark}0{mark}A7\n2{mark}51.2{mark}A7\n", encoding="utf-8")
        scenario = dots(self.listed(file=str(path), columns=["side", "coherence"]))
        path.unlink()
        again = Scenario.load(scenario.dump())
        assert again == scenario
        found = played(again, 2, 4)
        assert found["side"][1].tolist() == [1, 2, 1, 2]
        assert found["coherence"][1].tolist() == [0, 51.2, 0, 51.2]

    def test_truth_values_come_as_words_or_numbers(self, tmp_path):
        path = tmp_path / "list.tsv"
        path.write_text("go\ntrue\nFalse\n1\n0\n", encoding="utf-8")
        found = played(modified("go_nogo", self.listed(file=str(path))), 2, 4)
        assert found["go"][0].tolist() == [True, False, True, False]

    def test_rows_of_a_table_come_together(self):
        trials = {"f1": [34, 10], "f2": [26, 18]}
        found = played(modified("delayed_comparison", self.listed(trials=trials)), 4, 4)
        assert found["ground_truth"][0].tolist() == [1, 2, 1, 2]
        with pytest.raises(ScenarioError, match="f1 cannot come without f2"):
            modified("delayed_comparison", self.listed(trials={"f1": [34]}))

    def test_continuous_conditions_take_any_value(self):
        found = played(modified("ready_set_go", self.listed(trials={"interval_ms": [700, 1200]})), 3, 4)
        assert found["interval_ms"][0].tolist() == [700, 1200, 700, 1200]
        assert found["target_ms"][0].tolist() == [700, 1200, 700, 1200]

    def test_a_factorial_design_is_shuffled_anew_each_time(self):
        scenario = dots(self.listed(factorial=["side", "coherence"], repeat=2, order="shuffled"))
        found = played(scenario, 60, 60)
        cells = found["side"] * 100 + found["coherence"]
        for start in (0, 20, 40):
            _, counts = np.unique(np.sort(cells[:, start : start + 20], axis=1), axis=0, return_counts=True)
            assert counts.tolist() == [60]
        assert (cells[:, :20] != cells[:, 20:40]).any(axis=1).all()
        assert (cells[0, :20] != cells[1, :20]).any()
        first = cells[:, ::20].ravel()
        levels, counts = np.unique(first, return_counts=True)
        assert len(levels) == 10
        for count in counts:
            assert playing.near(count / first.size, 0.1, first.size)

    def test_levels_of_a_factorial_may_be_written(self):
        scenario = dots(self.listed(factorial={"side": [1, 2], "coherence": [3, 4]}))
        assert played(scenario, 1, 4)["coherence"][0].tolist() == [3, 4, 3, 4]
        scenario = modified("delayed_comparison", self.listed(factorial="pair"))
        assert len(np.unique(played(scenario, 1, 10)["f1"])) == 7

    def test_random_draws_come_with_replacement(self):
        found = played(dots(self.listed(trials={"side": [1, 1, 1, 2]}, order="random")), 200, 40)
        assert playing.near((found["side"] == 1).mean(), 0.75, found["side"].size)

    def test_repeats_are_never_longer_than_allowed(self):
        options = {"factorial": ["side", "coherence"], "repeat": 4, "order": "shuffled"}
        found = played(dots(self.listed(**options, max_repeats={"side": 3, "coherence": 1})), 40, 130)
        assert runs(found["side"]).max() == 3
        assert runs(found["coherence"]).max() == 1
        assert len(np.unique(found["coherence"][:, :40], axis=0)) > 20

    def test_balanced_transitions_are_equally_frequent(self):
        options = {"factorial": ["side"], "repeat": 16, "order": "shuffled", "counterbalanced": "side"}
        side = played(dots(self.listed(**options)), 30, 65)["side"]
        for before in (1, 2):
            for after in (1, 2):
                assert (((side[:, :32] == before) & (side[:, 1:33] == after)).sum(axis=1) == 8).all()
        assert len(np.unique(side[:, :32], axis=0)) > 20

    def test_both_engines_shuffle_alike(self):
        for options in ({"order": "shuffled"}, {"order": "random"}, {"order": "shuffled", "max_repeats": {"side": 2}}):
            scenario = dots(self.listed(factorial=["side", "coherence"], **options))
            pair = SideBySide(scenario, 4, "mixed", session={"trials": 25})
            for _ in range(120):
                pair.step()
            pair.compare_tables()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "give one of trials, file and factorial; found none"),
            ({"trials": {"side": [1]}, "factorial": ["side"]}, "found .'trials', 'factorial'."),
            ({"trials": {"sid": [1]}}, "no condition 'sid'. Did you mean 'side'"),
            ({"trials": {"side": [1], "coherence": [0, 1]}}, "different lengths"),
            ({"trials": [{"side": 1}, {"coherence": 1}]}, r"trials\.1 has \['coherence'\]"),
            ({"trials": {"side": ["left"]}}, "values that are no whole numbers"),
            ({"trials": 3}, "a mapping of conditions to lists"),
            ({"trials": {"side": [1]}, "columns": ["sides"]}, "Did you mean 'side'"),
            ({"file": "no_such_file.csv"}, "no_such_file.csv cannot be read"),
            ({"factorial": ["sides"]}, "no factor 'sides'"),
            ({"factorial": ["side"], "order": "sorted"}, r"condition_sequence\.order is 'sorted'"),
            ({"factorial": ["side"], "max_repeats": {"side": 2}}, "need order: shuffled"),
            ({"factorial": ["side"], "order": "shuffled", "max_repeats": {"coherence": 2}}, "no condition 'coherence'"),
            ({"factorial": ["side"], "order": "shuffled", "max_repeats": 3}, "a mapping of conditions to numbers"),
            (
                {"trials": {"side": [1, 1]}, "order": "shuffled", "max_repeats": {"side": 1}},
                "2 of 2 trials have the same side",
            ),
            (
                {"trials": {"side": [1, 2] * 4, "coherence": [0, 51.2] * 4}, "order": "shuffled"}
                | {"max_repeats": {"side": 1}, "counterbalanced": "coherence"},
                "no order of 8 trials was found",
            ),
            ({"factorial": ["side"], "order": "shuffled", "counterbalanced": "side"}, "2 times or a multiple"),
            ({"factorial": ["side"], "repeat": 0}, "repeat is 0"),
        ],
    )
    def test_options_that_make_no_sense(self, options, message):
        with pytest.raises(ScenarioError, match=message):
            dots(self.listed(**options))

    def test_files_that_make_no_sense(self, tmp_path):
        path = tmp_path / "list.csv"
        path.write_text("side,coherence\n1,0\n2\n", encoding="utf-8")
        with pytest.raises(ScenarioError, match=r"list\.csv:3 has 1 values for 2 names"):
            dots(self.listed(file=str(path)))
        path.write_text("side\n", encoding="utf-8")
        with pytest.raises(ScenarioError, match="has no trials"):
            dots(self.listed(file=str(path)))


class TestStaircase:
    """n-up m-down on the levels of a condition."""

    LEVELS = np.round(np.linspace(0, 60, 31), 6).tolist()

    def run_down(self, trials=400, **options):
        """A subject whose chance of being right is a known function of coherence, without lapses."""
        entry = {"staircase": {"condition": "coherence", "levels": self.LEVELS, **options}}
        rng = np.random.default_rng(1)

        def act(batch, _observations, _infos):
            truth = batch.truth()["subject_0"]
            p = self.accuracy(batch.streams[0].conditions["coherence"])
            answer = np.where(rng.random(truth.shape) < p, truth, 3 - truth)
            return {"subject_0": np.where(truth > 0, answer, 0)}

        return played(dots(entry), 150, trials, act)

    def accuracy(self, coherence):
        return 0.5 + 0.5 * (1 - np.exp(-((coherence / 20) ** 2)))

    @pytest.mark.parametrize(("down", "target"), [(2, 0.7071), (3, 0.7937)])
    def test_transformed_staircases_settle_at_their_share(self, down, target):
        found = self.run_down(down=down)
        settled = self.accuracy(found["coherence"][:, 150:]).mean()
        assert abs(settled - target) < 0.015

    def test_weighted_staircases_settle_at_theirs(self):
        found = self.run_down(down=1, up=1, down_by=1, up_by=3)
        assert abs(self.accuracy(found["coherence"][:, 150:]).mean() - 0.75) < 0.015

    def test_one_step_for_two_in_a_row_and_back_for_one_error(self):
        found = played(dots({"staircase": {"condition": "coherence"}}), 1, 12)
        assert found["coherence"][0].tolist() == [51.2, 51.2, 25.6, 25.6, 12.8, 12.8, 6.4, 6.4, 0, 0, 0, 0]
        wrong = played(dots({"staircase": {"condition": "coherence", "start": 0.0}}), 1, 6, mostly_wrong(1.0))
        assert wrong["coherence"][0].tolist() == [0, 6.4, 12.8, 25.6, 51.2, 51.2]

    def test_misses_and_aborts_do_not_count(self):
        found = played(dots({"staircase": {"condition": "coherence", "start": 12.8}}), 2, 5, playing.hold)
        assert (found["coherence"] == 12.8).all()

    def test_higher_may_be_harder(self):
        entry = {"staircase": {"condition": "coherence", "harder": "higher", "down": 1, "levels": [10, 20, 30]}}
        assert played(dots(entry), 1, 4)["coherence"][0].tolist() == [10, 20, 30, 30]

    def test_chains_are_independent_and_equally_frequent(self):
        entry = {"staircase": {"condition": "coherence", "down": 1, "chains": 2, "levels": list(range(40))}}
        found = played(dots(entry), 60, 30)
        for coherence, chain in zip(found["coherence"], found["staircase_chain"], strict=True):
            for number in (1, 2):
                mine = coherence[chain == number]
                assert mine.tolist() == list(range(39, 39 - len(mine), -1))
        assert playing.near((found["staircase_chain"] == 1).mean(), 0.5, found["staircase_chain"].size)

    def test_reversals_are_counted(self):
        rng = np.random.default_rng(3)
        turns = iter(rng.random(10_000) < 0.5)

        def act(batch, _observations, _infos):
            truth = batch.truth()["subject_0"]
            return {"subject_0": np.where(truth > 0, np.where(next(turns), truth, 3 - truth), 0)}

        entry = {"staircase": {"condition": "coherence", "down": 1, "levels": list(range(100)), "start": 50}}
        found = played(dots(entry), 1, 60, act)
        moves = np.sign(np.diff(found["coherence"][0]))
        counted = np.concatenate([[0, 0], np.cumsum(moves[1:] != moves[:-1])])
        assert found["staircase_reversals"][0].tolist() == counted.tolist()

    def test_a_continuous_condition_moves_along_written_levels(self):
        levels = [600, 800, 1000]
        entry = {"staircase": {"condition": "interval_ms", "levels": levels, "down": 1}}
        found = played(modified("ready_set_go", entry), 2, 4)
        assert found["interval_ms"][0].tolist() == [1000, 800, 600, 600]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "needs the option 'condition'"),
            ({"condition": "coherenc"}, "Did you mean 'coherence'"),
            ({"condition": "coherence", "levels": [1]}, "two different numbers or more"),
            ({"condition": "coherence", "start": 7}, "start is 7, which is none of the levels"),
            ({"condition": "coherence", "harder": "down"}, "harder is 'down'"),
            ({"condition": "coherence", "down": 0}, "down is 0"),
            ({"condition": "coherence", "chains": 0}, "chains is 0"),
        ],
    )
    def test_options_that_make_no_sense(self, options, message):
        with pytest.raises(ScenarioError, match=message):
            dots({"staircase": options})

    @pytest.mark.parametrize(
        ("task", "condition", "message"),
        [
            ("delayed_comparison", "f1", "comes with others in the conditions table 'pair'"),
            ("ready_set_go", "interval_ms", "write the levels to move along"),
            ("go_nogo", "go", "it takes two numbers or more"),
        ],
    )
    def test_conditions_that_cannot_be_moved(self, task, condition, message):
        with pytest.raises(ScenarioError, match=message):
            modified(task, {"staircase": {"condition": condition}})


class TestVariableChoices:
    """How many answers can be right."""

    def found(self, *more, **options):
        scenario = modified("stop_signal", {"variable_choices": {"block": 5, **options}}, *more, timing={"iti": 0})
        return played(scenario, 200, 30)

    def test_only_so_many_answers_are_ever_right(self):
        found = self.found(counts=[1, 2, 3], odds=[1, 1, 2])
        truth, count = found["ground_truth"], found["alternatives"]
        assert (truth < count).all()
        for number, share in ((1, 0.25), (2, 0.25), (3, 0.5)):
            begun = count[:, ::5]
            assert playing.near((begun == number).mean(), share, begun.size)
        full = truth[count == 3]
        assert playing.near((full == 0).mean(), 0.25, full.size)

    def test_any_subset_may_be_left(self):
        found = self.found(counts=[2], in_order=False)
        left = {tuple(np.unique(row[k : k + 5])) for row in found["ground_truth"] for k in range(0, 30, 5)}
        assert {(0, 1), (0, 2), (1, 2)} <= left
        assert max(map(len, left)) == 2

    def test_chains_are_of_what_is_left(self):
        history = {"trial_history": {"blocks": ["clockwise", "repeat"], "block": 40, "probability": [0.7, 0.6]}}
        for in_order, holes in ((True, 0), (False, 100)):
            scenario = modified(
                "ring_random_dots",
                {"variable_choices": {"block": 40, "counts": [2, 3], "in_order": in_order}},
                history,
                params={"choices": 5},
                timing={"fixation": 0, "stimulus": 100},
            )
            found = played(scenario, 300, 40)
            clockwise, repeated = {2: [], 3: []}, []
            for truth, count, kind in zip(found["direction"], found["alternatives"][:, 0],
                                          found["history_block"][:, 0], strict=True):  # fmt: skip
                left = np.unique(truth)
                assert len(left) <= count
                holes -= int(left.max() > count)
                place = np.searchsorted(left, truth)
                step = (place[1:] - place[:-1]) % count
                if len(left) == count:
                    (clockwise[int(count)] if kind == 1 else repeated).append(step)
            assert holes <= 0
            assert playing.near((np.array(repeated) == 0).mean(), 0.6, np.size(repeated))
            for steps in clockwise.values():
                assert playing.near((np.array(steps) == 1).mean(), 0.7, np.size(steps))

    def test_a_matrix_is_cropped_to_what_is_left(self):
        rows = [[0.1, 0.6, 0.3], [0.5, 0.25, 0.25], [0.2, 0.2, 0.6]]
        found = self.found({"trial_history": {"blocks": [rows], "block": None}}, counts=[2])
        truth = found["ground_truth"]
        assert set(np.unique(truth)) == {0, 1}
        for before, chance in ((0, 6 / 7), (1, 1 / 3)):
            after = truth[:, 1:][truth[:, :-1] == before]
            assert playing.near((after == 1).mean(), chance, after.size)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"counts": [3]}, "counts has 3, but 2 answers can be right"),
            ({"counts": [0]}, "counts is 0"),
            ({"counts": [2, 2]}, "different numbers"),
            ({"counts": [1, 2], "odds": [1]}, "a number, 0 or more, for each of counts"),
            ({"in_order": 3}, "true or false"),
            ({"block": -1}, "1 to 1,000,000,000"),
        ],
    )
    def test_options_that_make_no_sense(self, options, message):
        with pytest.raises(ScenarioError, match=message):
            dots({"variable_choices": options})


class TestVariableMapping:
    """Which answer goes with which stimulus."""

    def test_answers_trade_places_and_pay_accordingly(self):
        found = played(dots({"variable_mapping": {"block": 6}}), 100, 30)
        swapped = found["mapping"] == 2
        assert (found["ground_truth"] == np.where(swapped, 3 - found["side"], found["side"])).all()
        assert (found["reward"] == 1).all()
        assert set(runs(found["mapping"])) == {6}

    def test_the_usual_blocks_last_30_trials_at_least(self):
        lengths = runs(
            played(dots({"variable_mapping": {"block": {"hazard": 0.2, "at_least": 7}}}), 60, 150)["mapping"]
        )
        assert lengths.min() == 7
        assert playing.near((lengths == 7).mean(), 0.2, len(lengths), 5)
        default = make_scenario_modifier("variable_mapping")
        assert default["block"] == {"hazard": 0.003, "at_least": 30}

    def test_too_many_choices_are_refused(self):
        with pytest.raises(ScenarioError, match="8 choices have too many mappings"):
            modified("ring_random_dots", "variable_mapping", params={"choices": 8})


class TestAdaptiveNoise:
    """Noise that follows performance."""

    def test_grows_for_the_good_and_shrinks_for_the_bad(self):
        entry = {"adaptive_noise": {"start": 1.0, "step": 0.25}}
        right = played(dots(entry), 2, 5)["noise_sd"][0]
        assert right.tolist() == [1.0, 1.25, 1.5, 1.75, 2.0]
        wrong = played(dots(entry), 2, 6, mostly_wrong(1.0))["noise_sd"][0]
        assert wrong.tolist() == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]

    def test_is_seen_on_the_channels_with_the_s_d_that_is_recorded(self):
        entry = {"adaptive_noise": {"start": 3.0, "step": 0.0}}
        batch = playing.engine(dots(entry, params={"sigma": 0.0}), 400)
        seen, _ = batch.reset(0)
        rest = seen["subject_0"] - batch.streams[0].mean.T
        assert (rest[:, 0] == 0).all()
        n = rest[:, 1:].size
        assert abs(rest[:, 1:].std() - 0.3) < 4 * 0.3 / (2 * n) ** 0.5
        assert abs(np.corrcoef(rest[:, 1], rest[:, 2])[0, 1]) < 4 / 400**0.5

    def test_performance_is_held_at_its_target(self):
        """A subject that adds up the evidence; noise rises from 0 until it is right in about 3 of 4 trials."""
        timing = {"fixation": 0, "stimulus": 300, "delay": 0, "decision": 100}
        entry = {"adaptive_noise": {"correct": 0.75, "over": 20, "step": 0.2}}
        scenario = dots(entry, timing=timing, params={"sigma": 0.0, "coherences": [25.6]})
        batch = playing.engine(scenario, 200)
        observer = playing.integrator(batch, "stimulus", lambda sums, _: np.where(sums[:, 1] > sums[:, 2], 1, 2))
        table = playing.run(batch, observer, 150)
        late = table["trial"] >= 60
        assert abs((table["outcome"][late] == "correct").mean() - 0.75) < 0.02

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"correct": 2}, "probability"),
            ({"step": -1}, "0 or more"),
            ({"on": ["moton"]}, "Did you mean 'motion'"),
            ({"over": 0}, "over is 0"),
        ],
    )
    def test_options_that_make_no_sense(self, options, message):
        with pytest.raises(ScenarioError, match=message):
            dots({"adaptive_noise": options})


def make_scenario_modifier(name):
    """The options of a modifier as a scenario writes them out."""
    stream = next(iter(dots(name).stream_items()))[1]
    return stream.modifiers[0][name]


def test_all_of_them_leave_the_task_its_name_and_parameters():
    task = next(iter(dots("variable_mapping").stream_items()))[1].make()
    assert task.task_name() == "random_dots"
    assert task.parameters() == make_task("random_dots").parameters()
    assert task.sigma == 1.0
