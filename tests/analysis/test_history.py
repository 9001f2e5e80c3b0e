"""History kernels: known weights come back, sessions and misses are respected, and what the reset index tells apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel import analysis
from neuroparallel.analysis.regression import regress
from neuroparallel.errors import ArgumentError, UnknownNameError
from neuroparallel.records import Trials
from tests.tasks import playing
from tests.wrappers.sequences import dots


def table(choice: Any, correct: Any, **columns: Any) -> Trials:
    """One lane's trials in order; a choice of 0 is a miss."""
    choice, correct = np.asarray(choice), np.asarray(correct, float)
    outcome = np.where(choice == 0, "miss", np.where(correct == 1, "correct", "error"))
    given = {"trial": np.arange(len(choice)), "choice": choice, "correct": correct, "outcome": outcome}
    return Trials(given | {name: np.asarray(values) for name, values in columns.items()})


def choosers(lanes: int, trials: int, bias: Any, seed: int = 0, noise: str = "logit") -> Trials:
    """Lanes that choose by the evidence and ``bias(r, o)``: past responses (1, -1) and outcomes, the latest first."""
    rng = np.random.default_rng(seed)
    side = rng.choice([-1, 1], (trials, lanes))
    coherence = rng.choice([0.0, 6.4, 12.8], (trials, lanes))
    r, o = np.zeros((8, lanes)), np.zeros((8, lanes))
    choices, correct = [], []
    for s, c in zip(side, coherence, strict=True):
        error = rng.logistic(size=lanes) if noise == "logit" else rng.normal(size=lanes)
        now = np.where(0.1 * s * c + bias(r, o) + error > 0, 1, -1)
        choices.append(now)
        correct.append(now == s)
        r, o = np.vstack([now, r[:-1]]), np.vstack([np.where(now == s, 1, -1), o[:-1]])
    right = np.concatenate(correct)
    order = rng.permutation(lanes * trials)
    columns = {
        "lane": np.tile(np.arange(lanes), trials),
        "trial": np.repeat(np.arange(trials), lanes),
        "side": np.where(side.ravel() > 0, 2, 1),
        "coherence": coherence.ravel(),
        "choice": np.where(np.concatenate(choices) > 0, 2, 1),
        "correct": right.astype(float),
        "outcome": np.where(right, "correct", "error"),
    }
    return Trials({name: values[order] for name, values in columns.items()})


def plus(values: np.ndarray, o: np.ndarray, sign: int) -> np.ndarray:
    """Values where the outcome had this sign, else 0."""
    return values * (o == sign)


def weight(fit: analysis.HistoryFit, regressor: str, lag: int) -> tuple[float, float]:
    row = fit.weights.where(regressor=regressor, lag=lag)
    return float(row["weight"][0]), float(row["standard_error"][0])


def gated(after_error: float) -> Any:
    """A bias towards the last choice, and one by the last three transitions between correct trials."""

    def bias(r: np.ndarray, o: np.ndarray) -> np.ndarray:
        lateral = 0.3 * plus(r[0], o[0], 1) - 0.2 * plus(r[0], o[0], -1)
        transition = sum(
            w * plus(r[k - 1], o[k - 1], 1) * plus(r[k], o[k], 1) for k, w in ((1, 0.5), (2, 0.4), (3, 0.2))
        )
        return lateral + r[0] * transition * np.where(o[0] == 1, 1.0, after_error)

    return bias


# ---- known weights ----


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_the_weights_of_a_chooser_come_back(link: Any):
    found = analysis.history_kernels(choosers(200, 150, gated(-0.5), noise=link), lags=4, link=link)
    expected = {
        "after_correct": {("evidence", 0): 0.1, ("L+", 1): 0.3, ("T++", 1): 0.5, ("T++", 2): 0.4, ("T++", 3): 0.2},
        "after_error": {("evidence", 0): 0.1, ("L-", 1): -0.2, ("T++", 2): -0.2, ("T++", 3): -0.1},
    }
    for part, known in expected.items():
        fit = getattr(found, part)
        rows = zip(*(fit.weights[name] for name in ("regressor", "lag", "weight", "standard_error")), strict=True)
        seen = [(name, lag, w, error) for name, lag, w, error in rows if np.isfinite(w)]
        assert {(name, lag) for name, lag, *_ in seen} >= set(known)
        for name, lag, w, error in seen:
            assert abs(w - known.get((name, lag), 0.0)) < 4.5 * error, (part, name, lag)
            assert error < (0.01 if name == "evidence" else 0.15)
    assert abs(found.reset_index - 0.5) < 4.5 * found.reset_index_error < 0.7


def test_what_cannot_vary_has_no_weight():
    found = analysis.history_kernels(choosers(50, 60, gated(0)), lags=3)
    for fit, missing in ((found.after_correct, ("L-", "T+-", "T--")), (found.after_error, ("L+", "T++", "T-+"))):
        for name in missing:
            assert np.isnan(weight(fit, name, 1)).all()
        assert np.isfinite(fit.total("T++", 2)).all()
    lags = found.after_correct.weights.where(regressor=("L+", "L-"))["lag"]
    assert 2 not in lags  # the same numbers as T++ and T-+ at lag 1


def test_standard_errors_are_those_of_the_spread_over_tables():
    fits = [analysis.history_kernels(choosers(20, 80, gated(0), seed), lags=2) for seed in range(60)]
    for name, lag in (("T++", 1), ("L+", 1), ("evidence", 0)):
        pairs = np.array([weight(fit.after_correct, name, lag) for fit in fits])
        assert pairs[:, 0].std(ddof=1) == pytest.approx(pairs[:, 1].mean(), rel=0.35)
    indices = np.array([(fit.reset_index, fit.reset_index_error) for fit in fits])
    assert np.isfinite(indices).all()


def test_sums_over_lags_have_the_error_of_correlated_weights():
    fit = analysis.history_kernels(choosers(50, 60, gated(1)), lags=3).after_correct
    total, error = fit.total("T++", 2, 3)
    parts = [weight(fit, "T++", lag) for lag in (2, 3)]
    assert total == pytest.approx(parts[0][0] + parts[1][0])
    assert 0 < error < parts[0][1] + parts[1][1]
    with pytest.raises(UnknownNameError, match=r"no regressor 'T\+'.*Did you mean"):
        fit.total("T+")


def test_certain_choices_have_finite_weights():
    x = np.array([-2.0, -1, 1, 2])
    matrix = np.stack([np.ones(4), x], axis=1)
    for link in ("logit", "probit"):
        found = regress(matrix, (x > 0).astype(float), link=link)  # type: ignore[arg-type]
        assert 1 < found.weights[1] < 100
        assert abs(found.weights[0]) < 1e-6
        assert np.isfinite(found.covariance).all()
        assert -1 < found.log_likelihood < 0


# ---- the design ----


def test_regressors_of_a_trial_by_hand():
    #        r: -1 +1 +1 -1 +1, outcomes + + - + .
    design = analysis.history_design(table([1, 2, 2, 1, 2], [1, 1, 0, 1, 1]), None, lags=3)
    assert design.rows.tolist() == [4]
    assert design.chosen.tolist() == [True]
    assert design.after.tolist() == [1]
    values = dict(zip(zip(design.regressors["regressor"], design.regressors["lag"], strict=True),
                      design.matrix[0], strict=True))  # fmt: skip
    nonzero = {key: value for key, value in values.items() if value}
    # Last choice left: a repetition two trials ago predicts left, an alternation right.
    assert nonzero == {("bias", 0): 1, ("L+", 1): -1, ("L+", 3): 1,
                       ("T-+", 1): 1, ("T+-", 2): -1, ("T++", 3): 1}  # fmt: skip


def test_looking_back_ends_where_a_session_a_lane_or_the_record_does():
    n = 12
    given = {"lane": np.zeros(n, int), "session": np.arange(n) // 6, "trial": np.arange(n) % 6}
    base = table(np.tile([1, 2], 6), np.ones(n)).columns
    assert analysis.history_design(Trials(base | given), None, lags=2).rows.tolist() == [3, 4, 5, 9, 10, 11]
    lanes = given | {"lane": np.arange(n) % 2, "session": np.zeros(n, int), "trial": np.arange(n) // 2}
    assert analysis.history_design(Trials(base | lanes), None, lags=2).rows.tolist() == [6, 8, 10, 7, 9, 11]
    gap = table(np.tile([1, 2], 6), np.ones(n)).select(np.arange(n) != 5)
    assert gap["trial"][analysis.history_design(gap, None, lags=2).rows].tolist() == [3, 4, 9, 10, 11]


def test_a_miss_counts_for_nothing_and_nothing_follows_it():
    trials = table([1, 2, 2, 0, 2, 1, 1], [1, 1, 1, 0, 1, 1, 1])
    design = analysis.history_design(trials, None, lags=1, transitions=False)
    assert design.rows.tolist() == [1, 2, 4, 5, 6]
    assert design.after.tolist() == [1, 1, 0, 1, 1]
    assert design.matrix[design.rows == 4, 1:].tolist() == [[0, 0]]
    other = analysis.history_design(table([1, 2, 3, 2], [1, 1, 0, 1]), None, lags=1, transitions=False)
    assert other.rows.tolist() == [1, 3]
    assert other.after.tolist() == [1, 0]
    early = Trials(trials.columns | {"outcome": np.array(["correct"] * 4 + ["abort"] + ["correct"] * 2)})
    assert analysis.history_design(early, None, lags=1, transitions=False).rows.tolist() == [1, 2, 5, 6]


def test_evidence_is_signed_and_may_be_missing():
    trials = table([1, 2, 1], [1, 1, 1], coherence=[5.0, 10.0, np.nan], side=[2, 1, 2])
    design = analysis.history_design(trials, lags=1, transitions=False)
    assert design.rows.tolist() == [1]
    assert design.matrix[0].tolist() == [1, -10, -1, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lags": 1}, "lags is 1"),
        ({"lags": 2.5}, "lags is 2.5"),
        ({"link": "cauchit"}, "'logit' or 'probit'; found 'cauchit'"),
        ({"ridge": 0}, "ridge: a number above 0"),
        ({"choices": (1, 1)}, "the negative and the positive choice"),
        ({"lags": 100}, "no choice follows a correct trial"),
    ],
)
def test_impossible_requests_are_refused(options: dict[str, Any], message: str):
    with pytest.raises(ArgumentError, match=message):
        analysis.history_kernels(table([1, 2] * 20, [1] * 40), None, **options)


def test_a_subject_that_never_errs_has_no_kernel_after_errors():
    with pytest.raises(ArgumentError, match="no choice follows an error"):
        analysis.history_kernels(table([1, 2] * 20, [1] * 40), None)


# ---- through the engine ----


def transition_user(after_error: float, seed: int = 0) -> Any:
    """Weighs the evidence and the last three transitions of what was right; after an error so much of the latter."""
    rng = np.random.default_rng(seed)
    past: dict[str, np.ndarray] = {}

    def act(batch: Any, _observations: Any, infos: Any) -> Any:
        info = infos[playing.AGENT]
        truth = past.setdefault("truth", np.zeros((4, batch.lanes)))
        gate = past.setdefault("gate", np.ones(batch.lanes))
        over = np.asarray(info["trial_end"], bool)
        truth[:, over] = np.vstack([past["side"][over], truth[:-1, over]]) if over.any() else truth[:, over]
        gate[over] = np.where(np.asarray(info["outcome"])[over] == 1, 1.0, after_error)
        now = batch.streams[0].conditions
        past["side"] = np.where(now["side"] == 2, 1.0, -1.0)
        transitions = truth[:-1] * truth[1:]
        bias = gate * truth[0] * (0.6 * transitions[0] + 0.6 * transitions[1] + 0.4 * transitions[2])
        sums = 0.1 * past["side"] * now["coherence"] + bias + rng.logistic(size=batch.lanes)
        window = batch.truth()[playing.AGENT] > 0
        return {playing.AGENT: np.where(window, np.where(sums > 0, 2, 1), 0)}

    return act


def played(after_error: float) -> Trials:
    scenario = dots({"trial_history": {"block": 40}}, params={"coherences": [0, 6.4, 12.8]})
    return playing.run(playing.engine(scenario, 250), transition_user(after_error), 160)


@pytest.mark.parametrize(("after_error", "index"), [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)])
def test_the_reset_index_tells_who_drops_the_transitions_after_errors(after_error: float, index: float):
    found = analysis.history_kernels(played(after_error), lags=4)
    value, error = found.bias_after_correct
    assert abs(value - 1.0) < 4.5 * error  # 0.6 at lag 2 and 0.4 at lag 3
    value, error = found.bias_after_error
    assert abs(value + after_error) < 4.5 * error
    spread = 4.5 * found.bias_after_error[1] if index == 1 else 4.5 * found.reset_index_error
    assert abs(found.reset_index - index) < spread < 0.5


def test_repetition_goes_with_the_block_after_correct_trials():
    trials = played(0.0)
    found = analysis.repeat_probability(trials)
    assert len(found) == 4
    rate = {(int(block), after): (r, n) for block, after, r, n in zip(
        *(found[name] for name in ("history_block", "after", "repeated", "trials")), strict=True)}  # fmt: skip
    assert rate[1, "correct"][0] > 0.7 > 0.3 > rate[2, "correct"][0]
    # Without evidence and after an error this subject guesses, whatever the block.
    blind = analysis.repeat_probability(trials, ("history_block", "coherence")).where(coherence=0.0, after="error")
    for repeated, n in zip(blind["repeated"], blind["trials"], strict=True):
        assert playing.near(repeated, 0.5, n)
    assert sum(n for _, n in rate.values()) == len(trials) - 250


def test_repetition_by_hand():
    found = analysis.repeat_probability(table([3, 3, 1, 1, 0, 1], [1, 0, 1, 0, 0, 1]), ())
    assert found["after"].tolist() == ["correct", "error"]
    assert found["repeated"].tolist() == [1.0, 0.0]
    assert found["trials"].tolist() == [2, 1]


def test_who_never_chooses_repeats_nothing():
    assert len(analysis.repeat_probability(table([0, 0, 0], [0, 0, 0]), ())) == 0


def test_kernels_of_each_subject_are_those_of_its_own_trials():
    trials = [npar.simulate("trial_history_2afc", "wsls", trials=2000, per_lane=200, seed=seed) for seed in (1, 2)]
    named = [
        npar.Trials({**table.columns, "subject": np.full(len(table), name)})
        for table, name in zip(trials, ("rat_1", "rat_2"), strict=True)
    ]
    found = analysis.history_kernels(npar.Trials.concatenate(named), by="subject", lags=2)
    assert list(found) == ["rat_1", "rat_2"]
    for name, table in zip(found, trials, strict=True):
        alone = analysis.history_kernels(table, lags=2)
        np.testing.assert_array_equal(
            found[name].after_correct.weights["weight"], alone.after_correct.weights["weight"]
        )
