"""trial_history_2afc and trial_history_nchoice: what an ideal observer gains from the blocks, and what follows what."""

import numpy as np
import pytest

from neuroparallel import analysis
from neuroparallel.errors import NeuroparallelError
from neuroparallel.outcomes import Outcome
from neuroparallel.scenario import Scenario
from tests.tasks import playing
from tests.wrappers.sequences import played

TWO = [
    {"variable_choices": {"counts": [2], "block": 1_000_000}},
    {"trial_history": {"blocks": ["repeat", "clockwise"], "probability": 0.8, "block": {"hazard": 0.0125}}},
]


class Observer:
    """Weighs the evidence of `trial_history_2afc` exactly, and infers the block by Bayes' rule.

    Args:
        after_correct: Whether it uses the block after a correct trial.
        after_error: The same after an error.
    """

    def __init__(self, after_correct, after_error):
        self.gate = {Outcome.CORRECT: after_correct, Outcome.ERROR: after_error}

    def start(self, lanes):
        self.sums, self.steps, self.choice = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
        self.last, self.repeating, self.use = np.zeros(lanes), np.full(lanes, 0.5), np.zeros(lanes)

    def __call__(self, batch, observations, infos):
        info, seen = infos[playing.AGENT], observations[playing.AGENT].astype(float)
        if not hasattr(self, "sums"):
            self.start(batch.lanes)
        over = np.asarray(info["trial_end"], bool)
        self.learn(over, np.asarray(info["outcome"]))
        self.sums[over] = self.steps[over] = 0
        stimulus, window = info["period"] == 1, batch.truth()[playing.AGENT] > 0
        self.sums += np.where(stimulus, seen[:, 2] - seen[:, 1], 0)
        self.steps += stimulus
        chance = 0.2 + 0.6 * self.repeating
        prior = self.use * self.last * np.log(chance / (1 - chance))
        choice = np.where(self.evidence() + prior > 0, 1, -1)
        self.choice = np.where(window, choice, self.choice)
        return {playing.AGENT: np.where(window, np.where(choice > 0, 2, 1), 0)}

    def evidence(self):
        """Log-odds of right against left, all strengths of motion being equally likely."""
        n = np.maximum(self.steps, 1)
        drift = np.array([[0], [6.4], [12.8], [25.6], [51.2]]) * 0.6195 / 100 * n
        right, left = (np.exp(-((self.sums - sign * drift) ** 2) / (4 * 0.01 * n)).sum(axis=0) for sign in (1, -1))
        return np.log(right / left)

    def learn(self, over, outcome):
        """Find out what was right, and what that says about the block."""
        truth = np.where(outcome == Outcome.CORRECT, self.choice, -self.choice)
        repeating = self.repeating * 0.9875 + (1 - self.repeating) * 0.0125
        chance = 0.2 + 0.6 * repeating
        same = truth == self.last
        updated = np.where(same, repeating * 0.8 / chance, repeating * 0.2 / (1 - chance))
        self.repeating = np.where(over & (self.last != 0), updated, self.repeating)
        use = np.where(outcome == Outcome.CORRECT, self.gate[Outcome.CORRECT], self.gate[Outcome.ERROR])
        self.last, self.use = np.where(over, truth, self.last), np.where(over, use, self.use)


def observed(after_correct, after_error):
    batch = playing.engine(Scenario.load("trial_history_2afc"), 250)
    table = playing.run(batch, Observer(after_correct, after_error), 160)
    return table.select(table["trial"] >= 40)


@pytest.mark.parametrize(
    ("after_correct", "after_error", "expected"),
    # Source: the same observers in 1.1 million trials of a separate simulation.
    [(0, 0, 0.7495), (1, 1, 0.826), (1, 0, 0.8165)],
)
def test_what_an_ideal_observer_gains_from_the_blocks(after_correct, after_error, expected):
    table = observed(after_correct, after_error)
    right, n = playing.correct(table)
    assert n == 250 * 120
    assert playing.near(right, expected, n)
    if after_correct:
        found = analysis.history_kernels(table, lags=6)
        assert abs(found.reset_index - (1 - after_error)) < 0.3
        assert found.bias_after_correct[0] > 10 * found.bias_after_correct[1]


def test_two_choices_left_of_many_are_repeating_and_alternating_blocks():
    found = played(Scenario.load("trial_history_nchoice").replace(modifiers=TWO), 200, 100)
    assert set(np.unique(found["direction"])) == {1, 2}
    same = found["direction"][:, 1:] == found["direction"][:, :-1]
    for block, chance in ((1, 0.8), (2, 0.2)):
        within = found["history_block"][:, 1:] == block
        assert playing.near(same[within].mean(), chance, within.sum())


def test_many_choices_follow_each_other_around_those_that_can_be_right():
    found = played(Scenario.load("trial_history_nchoice"), 300, 40)
    truth, count, block = found["direction"], found["alternatives"], found["history_block"]
    assert (truth <= count).all()
    assert set(np.unique(count)) == set(range(2, 9))
    step = (truth[:, 1:] - truth[:, :-1]) % count[:, 1:]
    for kind, shift in ((1, 0), (2, 1), (3, -1)):
        within = (block[:, 1:] == kind) & (count[:, 1:] > 2)
        favoured = step[within] == shift % count[:, 1:][within]
        assert playing.near(favoured.mean(), 0.8, within.sum())


def test_the_old_name_of_a_scenario_is_refused_with_a_suggestion():
    with pytest.raises(NeuroparallelError, match=r"trial_history_2to16.*Did you mean"):
        Scenario.load("trial_history_2to16")


def paper(**changes):
    """The paper's scenario with other options of `variable_choices`."""
    scenario = Scenario.load("trial_history_paper")
    choices, history = scenario.subjects["subject_0"].streams["dots"].modifiers
    return scenario.replace(modifiers=[{"variable_choices": choices["variable_choices"] | changes}, history])


@pytest.mark.parametrize(("count", "contexts", "run"), [(2, 2, 160), (5, 3, 120)])
def test_the_paper_redraws_the_context_among_all_different_ones(count, contexts, run):
    block = played(paper(counts=[count], odds=None, block=1_000_000), 400, 800)["history_block"].astype(int)
    assert len(np.unique(block)) == contexts
    ends = np.diff(block, axis=1) != 0
    assert ends.mean() == pytest.approx(1 / run, abs=4 * np.sqrt(1 / run / ends.size))
    share = np.bincount(block[:, 0], minlength=4)[1 : contexts + 1] / len(block)
    assert share == pytest.approx(np.full(contexts, 1 / contexts), abs=4 * np.sqrt(0.25 / len(block)))


def test_a_context_that_can_be_any_begins_anew_with_another_number_of_choices():
    found = played(paper(counts=[2, 3], odds=[1, 1], block=10), 400, 200)
    block, possible = found["history_block"].astype(int), found["alternatives"]
    assert set(np.unique(block[possible == 2])) == {1, 2}
    assert set(np.unique(block[possible == 3])) == {1, 2, 3}


def test_the_paper_has_its_stimuli_and_numbers_of_choices():
    trials = played(paper(block=1), 400, 300)
    steps = (trials["duration_s"] / 0.1).round().astype(int)
    assert set(np.unique(steps)) == {3, 4}  # fixation, one or two of stimulus, decision
    assert np.mean(steps == 3) == pytest.approx(0.6608, abs=4 * np.sqrt(0.224 / steps.size))
    for count, chance in ((2, 0.01), (3, 0.99 / 14)):
        found = np.mean(trials["alternatives"] == count)
        assert found == pytest.approx(chance, abs=4 * np.sqrt(chance / steps.size))
    free = played(paper(), 100, 20, subject=lambda batch, *_: {"subject_0": np.ones(batch.lanes, int)})
    assert not np.any(free["outcome"] == "abort")
