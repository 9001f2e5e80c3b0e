"""trial_history_v0: transition matrices, blocks, errors, contexts, and what an observer can gain from it."""

from itertools import pairwise

import numpy as np
import pytest

from neuroparallel.errors import ScenarioError
from tests.tasks import playing
from tests.wrappers.sequences import dots, modified, mostly_wrong, played, runs


def history(**options):
    return {"trial_history": options}


def transitions(truth, within, choices):
    """Counts of what followed what, where the later trial is one of those asked for."""
    counts = np.zeros((len(choices), len(choices)))
    for i, before in enumerate(choices):
        for j, after in enumerate(choices):
            counts[i, j] = ((truth[:, :-1] == before) & (truth[:, 1:] == after) & within[:, 1:]).sum()
    return counts


def assert_matrix(counts, expected):
    for row, chances in zip(counts, expected, strict=True):
        for count, chance in zip(row, chances, strict=True):
            assert playing.near(count / row.sum(), chance, row.sum()), (count / row.sum(), chance)


class TestTwoChoices:
    """Repeating and alternating blocks."""

    def test_transitions_of_each_block_and_equal_sides(self):
        found = played(dots(history(block=20)), 500, 100)
        truth, block = found["ground_truth"], found["history_block"]
        assert_matrix(transitions(truth, block == 1, (1, 2)), [[0.8, 0.2], [0.2, 0.8]])
        assert_matrix(transitions(truth, block == 2, (1, 2)), [[0.2, 0.8], [0.8, 0.2]])
        assert playing.near((truth[:, ::20] == 1).mean(), 0.5, truth[:, ::20].size)
        assert (found["side"] == truth).all()

    def test_other_conditions_stay_independent(self):
        found = played(dots(history(block=20)), 500, 50)
        levels, counts = np.unique(found["coherence"], return_counts=True)
        for count in counts:
            assert playing.near(count / counts.sum(), 1 / len(levels), counts.sum())
        r = np.corrcoef(found["coherence"].ravel(), found["ground_truth"].ravel())[0, 1]
        assert abs(r) < 4.5 / found["coherence"].size ** 0.5

    def test_blocks_have_their_length_and_begin_anywhere(self):
        found = played(dots(history(block=7)), 200, 60)
        assert set(runs(found["history_block"])) == {7}
        assert playing.near((found["history_block"][:, 0] == 1).mean(), 0.5, 200)

    def test_hazards_give_geometric_lengths(self):
        lengths = runs(played(dots(history(block={"hazard": 0.1})), 300, 200)["history_block"])
        kept = lengths[lengths < 20]  # long ones are cut by the end of the session
        for k in (1, 2, 5):
            expected = 0.1 * 0.9 ** (k - 1) / (1 - 0.9**19)
            assert playing.near((kept == k).mean(), expected, len(kept))

    def test_drawn_lengths_keep_to_their_law(self):
        law = {"truncated_exponential": {"mean": 6, "low": 2, "high": 12}}
        lengths = runs(played(dots(history(block=law)), 200, 200)["history_block"])
        assert set(lengths) == set(range(2, 13))
        assert (lengths == 3).mean() > (lengths == 11).mean()
        assert set(runs(played(dots(history(block=[3, 5])), 50, 60)["history_block"])) == {3, 5}

    def test_one_block_for_the_whole_session(self):
        found = played(dots(history(block=None, blocks="repeat", probability=0.9)), 200, 40)
        assert (found["history_block"] == 1).all()
        same = found["ground_truth"][:, 1:] == found["ground_truth"][:, :-1]
        assert playing.near(same.mean(), 0.9, same.size)

    def test_an_observer_who_knows_the_block_is_right_in_8_of_10_without_evidence(self):
        found = played(dots(history(block=200), params={"coherences": [0]}), 300, 100)
        truth, block = found["ground_truth"], found["history_block"]
        guess = np.where(block[:, 1:] == 1, truth[:, :-1], 3 - truth[:, :-1])
        assert playing.near((guess == truth[:, 1:]).mean(), 0.8, guess.size)

    def test_an_observer_who_infers_the_block_reaches_779_of_1000(self):
        """Bayes, expecting a change with 1 in 200 (known block: 0.800; simulated for this rule: 0.7797)."""
        truth = played(dots(history(block=200), params={"coherences": [0]}), 256, 600)["ground_truth"]
        repeating, right = np.full(256, 0.5), []
        for t in range(1, 600):
            repeating = repeating * 0.995 + (1 - repeating) * 0.005
            chance = 0.2 + 0.6 * repeating
            same = truth[:, t] == truth[:, t - 1]
            right.append(same == (chance > 0.5))
            repeating = repeating * np.where(same, 0.8 / chance, 0.2 / (1 - chance))
        found = np.array(right[199:])
        assert abs(found.mean() - 0.7797) < 4 * (0.78 * 0.22 / found.size) ** 0.5


class TestAfterErrors:
    """What happens in the trial after an error."""

    def split(self, **options):
        found = played(dots(history(block=50, **options)), 400, 60, mostly_wrong(0.4))
        repeated = found["ground_truth"][:, 1:] == found["ground_truth"][:, :-1]
        failed = found["outcome"][:, :-1] == "error"
        return repeated, failed, found["history_block"]

    def test_the_same(self):
        repeated, failed, block = self.split()
        first = block[:, 1:] == 1
        for part in (failed, ~failed):
            chosen = repeated[part & first]
            assert playing.near(chosen.mean(), 0.8, chosen.size)

    def test_another_probability(self):
        repeated, failed, block = self.split(after_error=[0.6, 0.9])
        for number, after_correct, after_error in ((1, 0.8, 0.6), (2, 0.2, 0.1)):
            within = block[:, 1:] == number
            for part, expected in ((failed, after_error), (~failed, after_correct)):
                chosen = repeated[part & within]
                assert playing.near(chosen.mean(), expected, chosen.size)

    def test_forgetting(self):
        repeated, failed, block = self.split(after_error="forget")
        chosen = repeated[failed & (block[:, 1:] == 1)]
        assert playing.near(chosen.mean(), 0.5, chosen.size)
        assert set(runs(block)) == {50}

    def test_reset_changes_the_block(self):
        repeated, failed, block = self.split(after_error="reset", order="random")
        assert (block[:, 1:] != block[:, :-1])[failed].all()
        assert playing.near(repeated[failed].mean(), 0.5, failed.sum())


class TestManyChoices:
    """Chains of more than two answers; stop-signal has three, of which holding is one."""

    NAMES = (0, 1, 2)

    def found(self, **options):
        scenario = modified("stop_signal", history(**options), timing={"iti": 0, "fixation": 50})
        return played(scenario, 150, 40)

    @pytest.mark.parametrize(
        ("kind", "row"),
        [
            ("repeat", [0.8, 0.1, 0.1]),
            ("alternate", [0.2, 0.4, 0.4]),
            ("clockwise", [0.1, 0.8, 0.1]),
            ("counterclockwise", [0.1, 0.1, 0.8]),
            ("independent", [1 / 3, 1 / 3, 1 / 3]),
        ],
    )
    def test_kinds(self, kind, row):
        found = self.found(blocks=[kind], block=None)
        counts = transitions(found["ground_truth"], found["history_block"] == 1, self.NAMES)
        assert_matrix(counts, [np.roll(row, i) for i in range(3)])

    def test_a_matrix(self):
        matrix = [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5]]
        found = self.found(blocks=[matrix], block=None)
        counts = transitions(found["ground_truth"], found["history_block"] == 1, self.NAMES)
        assert counts[np.array(matrix) == 0].sum() == 0
        assert_matrix(counts, matrix)

    def test_permutations_are_drawn_for_each_block_and_kept_within_it(self):
        found = self.found(blocks=["permutation"], block=10, probability=1.0)
        seen = set()
        for truth in found["ground_truth"]:
            for start in range(0, 40, 10):
                part = truth[start : start + 10]
                follows = {}
                for before, after in pairwise(part):
                    assert follows.setdefault(before, after) == after
                assert len(set(follows.values())) == len(follows)
                if len(follows) == 3:
                    seen.add(tuple(follows[k] for k in self.NAMES))
        assert {(1, 2, 0), (2, 0, 1)} <= seen

    def test_contexts_come_back_until_they_are_renewed(self):
        for renewal, kept in ((0.0, True), (0.5, False)):
            found = self.found(blocks=["map", "map"], block=10, probability=1.0, renewal=renewal)
            agree = []
            for truth, block in zip(found["ground_truth"], found["history_block"], strict=True):
                follows = {}
                for t in range(1, 40):
                    key = (block[t], truth[t - 1])
                    agree.append(follows.setdefault(key, truth[t]) == truth[t])
            assert all(agree) == kept

    def test_a_chain_of_some_answers_leaves_the_other_trials_alone(self):
        found = self.found(choices=["left", "right"], blocks=["repeat"], block=None, probability=1.0)
        truth = found["ground_truth"]
        assert playing.near((truth == 0).mean(), 0.25, truth.size)
        for row in truth:
            assert len(set(row[row > 0])) == 1


def test_the_block_can_be_shown():
    batch = playing.engine(dots(history(block=3, show_block=True)), 16)
    assert batch.channel_names("subject_0")[-2:] == ("history_block_1", "history_block_2")
    table = playing.run(batch, playing.oracle, 6)
    assert set(np.unique(table["history_block"])) == {1, 2}
    seen, _ = batch.reset(2)
    for _ in range(30):
        cue = seen["subject_0"][:, -2:]
        assert (cue.sum(axis=1) == 1).all()
        np.testing.assert_array_equal(cue.argmax(axis=1) + 1, batch.streams[0].conditions["history_block"])
        seen = batch.step(playing.oracle(batch, None, None))[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"probability": 1.5}, r"trial_history\.probability is 1\.5; it is a probability"),
        ({"probability": [0.8]}, "one for each of 2 blocks"),
        ({"blocks": ["repeats"]}, r"trial_history\.blocks\.0 is 'repeats'.*'repeat'"),
        ({"blocks": []}, "it is a list of kinds"),
        ({"blocks": [[[0.5, 0.6], [0.5, 0.5]]]}, "each row adding up to 1"),
        ({"blocks": [[[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]]]}, "3 rows; 2 answers can be right"),
        ({"blocks": [[[0.5, 0.5], [0.5, 0.5]]], "after_error": 0.5}, "a matrix favours none"),
        ({"block": 0}, "a whole number of trials, 1 to 1,000,000,000"),
        ({"block": 2.5}, "a whole number of trials"),
        ({"block": {"hazard": 1.01}}, r"block\.hazard is 1\.01; it is a probability, 0 to 1"),
        ({"block": {"hazrd": 0.1}}, "write a number of trials"),
        ({"block": {"uniform": [0, 5]}}, "1 trial or more"),
        ({"block": [1.5, 3]}, "a whole number of trials"),
        ({"order": "shuffled"}, r"trial_history\.order is 'shuffled'"),
        ({"after_error": "forgets"}, "Did you mean 'forget'"),
        ({"after_error": -0.1}, "it is a probability"),
        ({"renewal": 0.1}, "no block is drawn at random"),
        ({"renewal": 7, "blocks": ["map"]}, "it is a probability"),
        ({"choices": ["lft", "right"]}, "'lft' is never right. Did you mean 'left'"),
        ({"choices": ["left"]}, "two choices or more"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ScenarioError, match=message):
        dots(history(**options))
