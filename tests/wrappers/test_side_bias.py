"""side_bias_v0: how often each answer is right, block by block."""

import numpy as np
import pytest
from scipy.stats import kstest

from neuroparallel.errors import ScenarioError
from neuroparallel.timing import TruncExp
from tests.tasks import playing
from tests.wrappers.sequences import dots, modified, played, runs


def bias(**options):
    return {"side_bias": options}


def test_each_block_has_its_odds_whatever_came_before():
    found = played(dots(bias(probabilities=[0.2, 0.5, 0.9], block=10)), 400, 60)
    truth, block = found["ground_truth"], found["side_block"]
    for number, share in enumerate((0.2, 0.5, 0.9), start=1):
        inside = block == number
        assert playing.near((truth[inside] == 1).mean(), share, inside.sum())
        after = inside[:, 1:] & (truth[:, :-1] == 1)
        assert playing.near((truth[:, 1:][after] == 1).mean(), share, after.sum())
    assert set(runs(block)) == {10}
    assert set(np.unique(np.diff(block, axis=1))) == {0, 1, -2}


def test_random_order_goes_to_any_other_block():
    found = played(dots(bias(probabilities=[0.1, 0.5, 0.9], block=5, order="random")), 200, 40)
    steps = np.diff(found["side_block"], axis=1)[:, 4::5]
    assert (steps != 0).all()
    assert playing.near((steps % 3 == 1).mean(), 0.5, steps.size)


def test_ibl_blocks_follow_a_lead_in_of_the_tasks_own_trials():
    law = {"truncated_exponential": {"mean": 60, "low": 20, "high": 100}}
    found = played(dots(bias(block=law, lead_in=90)), 200, 300)
    block, truth = found["side_block"], found["ground_truth"]
    assert (block[:, :90] == 0).all()
    assert (block[:, 90:] > 0).all()
    assert playing.near((truth[:, :90] == 1).mean(), 0.5, 90 * 200)
    lengths = runs(block[:, 90:])
    assert 20 <= lengths.min() <= lengths.max() <= 100
    # The first one of each session is never cut short: of all lengths the mean is that of the law.
    first = np.array([runs(row[None])[0] for row in block[:, 90:]])
    law = TruncExp(60, 20, 100)
    expected = np.mean(law.quantile((np.arange(1000) + 0.5) / 1000))
    assert abs(first.mean() - expected) < 4 * first.std() / len(first) ** 0.5
    assert kstest([law.cdf(k) for k in first], "uniform").pvalue > 1e-3


def test_an_entry_for_each_of_many_answers():
    scenario = modified("stop_signal", bias(probabilities=[[0.5, 0.3, 0.2]], block=None), timing={"iti": 0})
    truth = played(scenario, 100, 20)["ground_truth"]
    for answer, share in enumerate((0.5, 0.3, 0.2)):
        assert playing.near((truth == answer).mean(), share, truth.size)


def test_the_block_can_be_shown():
    batch = playing.engine(dots(bias(block=3, show_block=True, lead_in=2)), 8)
    batch.reset(1)
    assert batch.channel_names("subject_0")[-2:] == ("side_block_1", "side_block_2")
    assert (batch.streams[0].shown(0)[-2:] == 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"probabilities": 0.3}, "a list with an entry for each block"),
        ({"probabilities": [1.2]}, r"side_bias\.probabilities\.0 is 1\.2"),
        ({"probabilities": [[0.5, 0.6]]}, "which add up to 1"),
        ({"probabilities": [[0.5, 0.3, 0.2]]}, r"one is needed for each of \['left', 'right'\]"),
        ({"lead_in": -1}, "lead_in is -1"),
        ({"block": {"hazard": 3}}, "it is a probability, 0 to 1"),
        ({"order": "x"}, "order is 'x'"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ScenarioError, match=message):
        dots(bias(**options))
