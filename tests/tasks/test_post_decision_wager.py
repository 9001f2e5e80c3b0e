"""Post-decision wager: what pays, when the sure target is there, and what confidence is worth."""

import numpy as np
import pytest
from scipy.stats import norm

from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from neuroparallel.timing import Uniform
from tests.tasks import playing
from tests.tasks.playing import AGENT

LEFT, RIGHT, SURE = 1, 2, 3
DECISION = 4  # the period's number


def always(action):
    return lambda batch, _o, infos: {AGENT: np.where(infos[AGENT]["period"] == DECISION, action, 0)}


@pytest.mark.parametrize(("action", "side"), [(LEFT, 1), (RIGHT, 2)])
def test_the_right_direction_pays_and_the_other_does_not(action, side):
    table = playing.run(playing.engine("post_decision_wager", 256), always(action), 4)
    right = table["side"] == side
    assert (table["reward"] == right).all()
    assert (table["outcome"] == np.where(right, "correct", "error")).all()


def test_the_sure_target_pays_less_but_surely_and_only_where_it_is_offered():
    table = playing.run(playing.engine("post_decision_wager", 512), always(SURE), 4)
    offered = table["wager"].astype(bool)
    assert playing.near(offered.mean(), 0.5, len(table))
    assert (table["reward"] == np.where(offered, 0.7, 0.0)).all()
    assert (table["outcome"] == np.where(offered, "unscored", "miss")).all()


def test_the_sure_reward_is_what_the_user_says():
    task = make_task("post_decision_wager", rewards={"sure": 0.4})
    table = playing.run(playing.engine(task, 128), always(SURE), 2)
    assert set(table["reward"].tolist()) == {0.0, 0.4}


def test_the_sure_target_is_seen_from_its_onset_to_the_end_of_the_decision_if_offered():
    batch = playing.engine("post_decision_wager", 256)
    column = batch.channel_names(AGENT).index("sure")
    shown = []

    def watch(observations, infos):
        period = infos[AGENT]["period"]
        shown.append((period, observations[AGENT][:, column].copy()))

    playing.run(batch, playing.hold, 1, watch=watch)
    period, value = (np.array(part) for part in zip(*shown, strict=True))
    assert (value[period < 3] == 0).all()
    late = value[period >= 3]
    assert set(late.tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("preset", ["paper", "neurogym"])
def test_presets_delay_the_sure_target_and_the_go_cue_as_published(preset):
    task = make_task("post_decision_wager", preset)
    first, second = task.timing["delay"], task.timing["wager"]
    assert first.bounds() == (500, 750)
    assert first.bounds()[0] + second.bounds()[0] == 1200
    assert first.bounds()[1] + second.bounds()[1] == 1800
    assert isinstance(first, Uniform) == (preset == "neurogym")


class Confident:
    """Weighs all the evidence and takes the sure target when its chance of being right is below 0.7."""

    def __init__(self, batch, offered=True):
        self.task, self.dt = batch.layout.streams[0].task, batch.dt
        self.motion = [batch.channel_names(AGENT).index(f"motion_{s}") for s in ("left", "right")]
        self.offered = offered
        self.total, self.steps = np.zeros(batch.lanes), np.zeros(batch.lanes)

    def p_left(self):
        spread = np.sqrt(np.maximum(self.steps, 1) * 2 * self.task.sigma**2 / self.dt)
        likely = [
            sum(norm.pdf(self.total, sign * c / 100 * self.steps, spread) for c in self.task.coherences)
            for sign in (1, -1)
        ]
        return likely[0] / (likely[0] + likely[1])

    def __call__(self, _batch, observations, infos):
        info, seen = infos[AGENT], observations[AGENT].astype(float)
        fresh = np.asarray(info["trial_end"], bool)
        self.total[fresh], self.steps[fresh] = 0, 0
        now = info["period"] == 1
        self.total += np.where(now, seen[:, self.motion[0]] - seen[:, self.motion[1]], 0)
        self.steps += now
        left = self.p_left()
        choice = np.where(left > 0.5, LEFT, RIGHT)
        sure = (seen[:, -1] == 1) & (np.maximum(left, 1 - left) < 0.7) & self.offered
        return {AGENT: np.where(info["period"] == DECISION, np.where(sure, SURE, choice), 0)}


def test_waived_sure_targets_go_with_better_choices_at_every_coherence():
    batch = playing.engine("post_decision_wager", 2048, dt=50)
    table = playing.run(batch, Confident(batch), 12)
    wager = table["wager"].astype(bool)
    taken = table["choice"] == SURE
    rates = []
    for coherence in sorted(set(table["coherence"]))[1:-1]:
        here = table["coherence"] == coherence
        right = table["outcome"] == "correct"
        assert right[here & wager & ~taken].mean() > right[here & ~wager].mean()
        rates.append(taken[here & wager].mean())
    assert (np.diff(rates) < 0).all()  # the more coherent, the less often it is taken


def test_the_best_policy_earns_what_its_posterior_promises():
    """The expected reward is that of max(posterior, 0.7) where offered, worked out by direct sampling."""
    batch = playing.engine("post_decision_wager", 2048, dt=50)
    table = playing.run(batch, Confident(batch), 12)
    task, rng = batch.layout.streams[0].task, np.random.default_rng(0)
    n = 200_000
    low, cuts = task.timing["stimulus"].steps(50.0)
    words = rng.integers(0, 2**64, n, dtype=np.uint64)
    steps = low + np.searchsorted(cuts, words, side="right")
    agent = Confident(batch)
    coherence = rng.choice(task.coherences, n) / 100
    agent.steps = steps.astype(float)
    agent.total = coherence * steps + rng.normal(size=n) * np.sqrt(steps * 2 / 50.0)
    left = agent.p_left()
    promise = np.maximum(np.maximum(left, 1 - left), 0.7).mean()
    offered = table["wager"].astype(bool)
    reward = table["reward"][offered]
    assert abs(reward.mean() - promise) < 4 * reward.std() / len(reward) ** 0.5 + 0.002
    assert reward.mean() > table["reward"][~offered].mean()


def test_a_nameless_reward_is_refused():
    with pytest.raises(NeuroparallelError, match="sure"):
        make_task("post_decision_wager", rewards={"sur": 1})
