"""Matching pennies: the computer's three algorithms, against a slow reference and against simple subjects."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from neuroparallel.tasks.games.matching_pennies import EXACT, critical_counts
from tests.tasks import playing
from tests.tasks.playing import AGENT

LANES, TRIALS = 8, 4000


def quick(algorithm, lanes=LANES):
    return playing.engine(make_task("matching_pennies", "neurogym", algorithm=algorithm), lanes)


def test_critical_counts_are_those_of_the_exact_two_sided_binomial_test():
    for n in [*range(121), 500, 1001]:
        counts = np.arange(n // 2 + 1)
        significant = [k for k in counts if 2 * k < n and binomtest(int(k), n, 0.5).pvalue < 0.05]
        assert critical_counts(np.array([n]))[0] == max(significant, default=-1)


def test_critical_counts_stay_exact_for_long_sessions_and_go_over_to_the_normal_limit_smoothly():
    n = np.array([4000, 9999, EXACT - 1, EXACT, EXACT + 1, 10 * EXACT])
    k = critical_counts(n)
    assert (2 * binom.cdf(k, n, 0.5) < 0.05).all()
    assert (2 * binom.cdf(k + 2, n, 0.5) >= 0.05).all()
    assert (2 * binom.cdf(k + 1, n, 0.5) >= 0.05)[:4].all()


def predict(history, algorithm):
    """Probability at which the computer expects the next choice to be right, in plain Python.

    Args:
        history: List of (went right, won).
        algorithm: 1 or 2.
    """
    best, departure = 0.5, 0.0
    kinds = [(0, back) for back in range(5)]
    if algorithm == 2:
        kinds += [(1, back) for back in range(1, 5)]
    for with_outcome, back in kinds:

        def key(at, with_outcome=with_outcome, back=back):
            return [pair if with_outcome else pair[0] for pair in history[at - back : at]]

        if len(history) < back:
            continue
        now = key(len(history))
        after = [history[at][0] for at in range(back, len(history)) if key(at) == now]
        n, right = len(after), sum(after)
        if n < 10 or binomtest(right, n, 0.5).pvalue >= 0.05:
            continue
        if abs(right / n - 0.5) > departure:
            best, departure = right / n, abs(right / n - 0.5)
    return best


@pytest.mark.parametrize("algorithm", [1, 2])
def test_predictions_are_those_of_a_slow_reference(algorithm):
    batch, rng = quick(algorithm, 4), np.random.default_rng(2)
    bias = np.array([0.5, 0.65, 0.8, 0.9])
    last = np.ones(4, int)

    def subject(_batch, _o, _i):
        """Repeats with a probability of its own, and sometimes does nothing."""
        last[:] = np.where(rng.random(4) < bias, last, 3 - last)
        return {AGENT: np.where(rng.random(4) < 0.1, 0, last)}

    table = playing.run(batch, subject, 150)
    for lane in range(4):
        mine = table["lane"] == lane
        order = np.argsort(table["trial"][mine])
        columns = [table[name][mine][order] for name in ("choice", "outcome", "predicted_right")]
        history = []
        for choice, outcome, predicted in zip(*columns, strict=True):
            assert predicted == pytest.approx(predict(history, algorithm), abs=1e-12)
            if outcome != "miss":
                history.append((int(choice == 2), int(outcome == "correct")))


def random(batch, _o, _i, rng=np.random.default_rng(0)):  # noqa: B008
    return {AGENT: rng.integers(1, 3, batch.lanes)}


def one_sided(batch, _o, _i, rng=np.random.default_rng(1)):  # noqa: B008
    return {AGENT: np.where(rng.random(batch.lanes) < 0.7, 1, 2)}


def win_stay_lose_shift(batch, seen, _i):
    """With two choices of which one wins, that is to choose what the computer chose last."""
    return {AGENT: np.where(seen[AGENT][:, 3] > 0.5, 2, 1)}


# Rewards per trial over 4,000 trials against algorithms 0, 1 and 2.
REFERENCE = [
    (random, (0.5, 0.5, 0.5)),
    (one_sided, (0.5, 0.414, 0.406)),
    (win_stay_lose_shift, (0.5, 0.5, 0.004)),
]


@pytest.mark.parametrize("algorithm", [0, 1, 2])
@pytest.mark.parametrize(("subject", "rewards"), REFERENCE)
def test_simple_subjects_earn_the_published_rates(subject, rewards, algorithm):
    table = playing.run(quick(algorithm), subject, TRIALS)
    tolerance = 4 * 0.5 / (LANES * TRIALS) ** 0.5
    if subject is one_sided and algorithm:  # the reference is one run of 4,000 trials
        tolerance = 0.02
    if rewards[algorithm] == 0.004:
        tolerance = 0.002
    assert abs(table["reward"].mean() - rewards[algorithm]) < tolerance


def test_a_match_pays_and_is_correct():
    table = playing.run(quick(0, 64), random, 20)
    match = table["choice"] == table["opponent"]
    assert (table["reward"] == match).all()
    assert (table["outcome"] == np.where(match, "correct", "error")).all()


def test_the_computers_choice_is_shown_only_as_feedback_and_until_the_next_one():
    batch = playing.engine("matching_pennies", 128)
    columns = [batch.channel_names(AGENT).index(f"opponent_{side}") for side in ("left", "right")]
    seen = []
    subject = playing.in_windows(batch, 1)
    table = playing.run(batch, subject, 4, watch=lambda o, i: seen.append((i[AGENT]["period"], o[AGENT][:, columns])))
    for lane in range(128):
        mine = table["lane"] == lane
        opponent = table["opponent"][mine][np.argsort(table["trial"][mine])]
        trial, shown = 0, 0
        for period, value in seen:
            if period[lane] == 4:  # feedback
                shown = opponent[trial]
            assert value[lane].tolist() == [float(shown == 1), float(shown == 2)]
            trial += int(period[lane] == 4)
            if trial == 4:
                break


def test_trials_without_a_choice_teach_the_computer_nothing_and_show_nothing():
    batch = playing.engine(make_task("matching_pennies", algorithm=2), 32)
    table = playing.run(batch, playing.hold, 20)
    assert (table["outcome"] == "miss").all()
    assert (table["predicted_right"] == 0.5).all()
    assert (table["last"] == 0).all()
    assert (batch.streams[0].memory["completed"] == 0).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"algorithm": 3},
        {"significance": 0},
        {"at_least": 0},
        {"coin": 1.2},
        {"algorithm": 0, "coin": -1},
        {"coin": 0.6},
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(NeuroparallelError):
        make_task("matching_pennies", **wrong)


def test_a_biased_coin_goes_left_as_often_as_it_says():
    task = make_task("matching_pennies", "neurogym", algorithm=0, coin=0.7)
    opponent = playing.run(playing.engine(task, 500), random, 20)["opponent"]
    n = len(opponent)
    assert n > 4_000
    assert abs((opponent == 1).mean() - 0.7) < 5 * (0.21 / n) ** 0.5
