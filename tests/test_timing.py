"""Durations and their laws: what is refused, and why."""

import numpy as np
import pytest

from neuroparallel.environments import parallel_env
from neuroparallel.errors import ArgumentError
from neuroparallel.tasks import make_task
from neuroparallel.timing import Choice, TruncExp, Uniform, exact_steps, read_duration

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "law",
    [
        lambda: Uniform("a", "b"),
        lambda: Uniform(None, 1),
        lambda: Uniform(True, 2),
        lambda: Uniform(0, INF),
        lambda: TruncExp(INF, 0, 5),
        lambda: TruncExp(NAN, 0, 5),
        lambda: Choice("a", "b"),
        lambda: Choice(None, 1),
        lambda: Choice(100, NAN),
        lambda: Choice(100, 200, weights=(NAN, 1)),
    ],
)
def test_a_law_of_anything_but_finite_numbers_is_refused(law):
    with pytest.raises(ArgumentError, match="is no finite number"):
        law()


def test_numbers_of_numpy_are_numbers():
    assert read_duration(np.float32(200)) == 200.0
    assert read_duration(np.int64(200)) == 200.0
    assert Uniform(np.int64(0), np.float32(100)).bounds() == (0, 100)


@pytest.mark.parametrize("law", [Uniform(-500, 500), Uniform(0, 1e12), TruncExp(1e9, 0, 1e15)])
def test_durations_below_zero_or_beyond_counting_are_refused_at_once(law):
    with pytest.raises(ArgumentError, match=r"it is 0 or more, and takes at most 1,000,000 different numbers"):
        parallel_env(make_task("random_dots", timing={"delay": law}))


@pytest.mark.parametrize("ms", [1e20, 10**30, 2.0**63])
def test_a_fixed_duration_beyond_counting_is_refused(ms):
    with pytest.raises(ArgumentError, match="at most 1,000,000,000 can be counted"):
        exact_steps(ms, 100.0, "period 'delay'")
    with pytest.raises(ArgumentError, match="can be counted"):
        parallel_env(make_task("random_dots", timing={"delay": ms}))


def test_a_duration_has_one_law():
    with pytest.raises(ArgumentError, match="'choice' cannot stand beside 'uniform'"):
        read_duration({"uniform": [100, 200], "choice": [100]})
    with pytest.raises(ArgumentError, match="'low' cannot stand beside 'uniform'"):
        read_duration({"uniform": [100, 200], "low": 3})
    assert read_duration({"choice": [100, 200], "weights": [1, 2]}) == Choice(100, 200, weights=(1, 2))


def test_a_law_that_does_not_fit_says_where(tmp_path):
    for value in ({"uniform": ["a", 1]}, {"choice": ["a"]}, {"uniform": 3}, {"choice": [1], "weights": [NAN]}):
        with pytest.raises(ArgumentError, match=r"timing\.delay: "):
            make_task("random_dots", timing={"delay": value})
