"""Choice reaction: from when on a response counts, what it is worth to wait, and chance among many."""

import numpy as np
import pytest
from scipy.stats import norm

from neuroparallel.errors import NeuroparallelError
from neuroparallel.scenario import Scenario
from neuroparallel.tasks import make_task
from tests.tasks import playing
from tests.tasks.playing import AGENT

STIMULUS, RESPONSE = 1, 2  # the periods' numbers


def most_after(batch, ms, width=2):
    """Adds up the evidence and chooses the strongest alternative once so many ms of the stimulus are over."""
    sums, seen = np.zeros((batch.lanes, width)), np.zeros(batch.lanes)

    def act(_batch, observations, infos):
        info = infos[AGENT]
        fresh = np.asarray(info["trial_end"], bool)
        sums[fresh], seen[fresh] = 0, 0
        on = info["period"] == STIMULUS
        sums[on] += observations[AGENT][on, 1 : 1 + width]
        waiting = np.isin(info["period"], (STIMULUS, RESPONSE))
        seen[waiting] += batch.dt
        return {AGENT: np.where(waiting & (seen >= ms), sums.argmax(axis=1) + 1, 0)}

    return act


@pytest.mark.parametrize("dt", [10, 50])
@pytest.mark.parametrize("ms", [50, 150])
def test_who_looks_for_so_long_is_as_accurate_as_its_evidence(ms, dt):
    task = make_task("choice_reaction", coherences=(25, 50), timing={"iti": 0})
    batch = playing.engine(task, 4000, dt)
    table = playing.run(batch, most_after(batch, ms), 1)
    np.testing.assert_allclose(table["response_time_s"], ms / 1000)
    for strength in (25, 50):
        share, n = playing.correct(table.where(coherence=strength))
        assert playing.near(share, norm.cdf(strength / 100 * (ms / 2) ** 0.5), n)


@pytest.mark.parametrize(("ms", "outcome"), [(10, "correct"), (160, "correct"), (2500, "correct"), (2510, "miss")])
def test_a_response_counts_from_the_first_step_of_the_stimulus_to_the_deadline(ms, outcome):
    task = make_task("choice_reaction", sigma=0.0)
    batch = playing.engine(task, 16)
    table = playing.run(batch, most_after(batch, ms), 1)
    assert set(table["outcome"]) == {outcome}
    if outcome == "correct":
        np.testing.assert_allclose(table["response_time_s"], ms / 1000)
        np.testing.assert_allclose(table["duration_s"], 0.5 + ms / 1000 + 1.0)


def test_the_stimulus_lasts_its_time_or_until_it_is_answered():
    def shown(*presets):
        batch = playing.engine(make_task("choice_reaction", *presets, sigma=0.0, timing={"iti": 0}), 8)
        watched = []
        playing.run(batch, most_after(batch, 400), 1, watch=lambda o, _: watched.append(o[AGENT][:, 1:].max(axis=1)))
        return (np.array(watched) > 0).sum(axis=0) * 10

    assert set(shown()) == {150}
    assert set(shown("until_response")) == {400}


@pytest.mark.parametrize("n", [2, 4, 8])
def test_chance_is_one_among_the_alternatives_and_each_comes_as_often(n):
    task = make_task("choice_reaction", choices=tuple(f"key_{i}" for i in range(n)), timing={"iti": 0})
    batch = playing.engine(task, 4000)
    assert batch.channel_names(AGENT)[1:] == tuple(f"stimulus_key_{i}" for i in range(n))
    assert batch.action_space(AGENT).n == n + 1
    table = playing.run(batch, lambda b, _o, i: {AGENT: np.where(i[AGENT]["period"] >= STIMULUS, n, 0)}, 1)
    share, count = playing.correct(table)
    assert playing.near(share, 1 / n, count)
    assert (table["response_time_s"] == 0.01).all()


def test_with_the_window_at_its_offset_responses_to_the_stimulus_abort_and_times_run_from_its_end():
    task = make_task("choice_reaction", opens="offset", coherences=(100,), sigma=0.0)
    batch = playing.engine(task, 64)
    table = playing.run(batch, most_after(batch, 170), 1)
    assert set(table["outcome"]) == {"correct"}
    np.testing.assert_allclose(table["response_time_s"], 0.02)
    batch = playing.engine(task, 64)
    early = playing.run(batch, most_after(batch, 100), 1)
    assert set(early["outcome"]) == {"abort"}


def test_a_coherence_that_is_written_twice_comes_twice_as_often():
    batch = playing.engine(make_task("choice_reaction", coherences=(0, 10, 10), timing={"iti": 0}), 4000)
    table = playing.run(batch, playing.oracle, 1)
    assert playing.near((table["coherence"] == 10).mean(), 2 / 3, len(table))


@pytest.mark.parametrize(
    "wrong",
    [
        {"choices": ("one",)},
        {"choices": ("a", "a")},
        {"choices": ("hold", "go")},
        {"opens": "ofset"},
        {"opens": "offset", "timing": {"response": 0}},
        {"sigma": -1.0},
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(NeuroparallelError):
        make_task("choice_reaction", **wrong)


def test_the_former_word_for_coherence_is_refused_and_the_new_one_named():
    with pytest.raises(NeuroparallelError, match="Did you mean 'coherences'"):
        make_task("choice_reaction", strengths=(25,))
    stream = {"task": "choice_reaction", "params": {"strengths": [25]}}
    with pytest.raises(NeuroparallelError, match=r"params\.strengths: .* Did you mean 'coherences'"):
        Scenario.load({"name": "x", "subjects": {"rat": {"streams": {"a": stream}}}})
    table = playing.run(playing.engine(make_task("choice_reaction"), 4), lambda b, o, i: {AGENT: np.ones(4, int)}, 1)
    with pytest.raises(NeuroparallelError, match=r"No column 'strength'\. Did you mean 'coherence'"):
        table["strength"]
