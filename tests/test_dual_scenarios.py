"""The shipped dual tasks, by their numbers: what comes when, and what those who know, guess or wait earn."""

import numpy as np
import pytest
from scipy.stats import norm

from neuroparallel.agents import make_agent, simulate
from neuroparallel.environments import batch, parallel_env
from neuroparallel.errors import ScenarioError
from neuroparallel.records import Trials
from neuroparallel.records.partner_columns import PartnerColumn, partner_column_values
from neuroparallel.reporting import find_signature
from neuroparallel.scenario import Scenario
from tests.tasks import playing


def by_trial(trials, column, streams=("motion", "colour")):
    """One column of two streams, trial by trial, (trials,) each."""
    parts = [trials.where(stream=stream) for stream in streams]
    order = [np.lexsort((part["group_trial"], part["session"], part["lane"])) for part in parts]
    return [part[column][rows] for part, rows in zip(parts, order, strict=True)]


# ---- the psychological refractory period -----------------------------------------------------------


def with_asynchrony(ms):
    scenario = Scenario.load("prp").dump()
    scenario["subjects"]["subject_0"]["streams"]["second"]["onset"] = ms
    return Scenario.load(scenario)


@pytest.mark.parametrize("soa", [0, 50, 300, 1200])
def test_the_number_comes_exactly_one_asynchrony_after_the_tone(soa):
    batch = playing.engine(with_asynchrony(soa), 64)
    names, seen = batch.channel_names("subject_0"), []
    batch.reset(0)
    for _ in range(200):
        seen.append(batch.step({"subject_0": np.zeros((64, 2), int)})[0]["subject_0"].mean(axis=0))
    seen = np.array(seen)
    onset = {}
    for stream, pair in (("first", ("low", "high")), ("second", ("small", "large"))):
        shown = sum(seen[:, names.index(f"{stream}.stimulus_{name}")] for name in pair)
        onset[stream] = 10 * int(np.argmax(shown > 0.5))
        assert ((shown > 0.5).sum()) * 10 == 150
    assert onset["second"] - onset["first"] == soa
    assert onset["first"] == 500 - 10  # the first observation is that of the reset


def test_the_warning_signal_comes_before_the_tone_only():
    for soa in (0, 100, 1200):
        batch = playing.engine(with_asynchrony(soa), 4)
        first = batch.reset(0)[0]["subject_0"][:, 0]
        cue = [first]
        for step in range(230):
            action = np.tile([int(step >= 54), int(step >= 54)], (4, 1))  # as fast as anyone ever is
            cue.append(batch.step({"subject_0": action})[0]["subject_0"][:, 0])
        cue = np.array(cue)
        assert (cue[:50] == 1).all()
        assert (cue[50:171] == 0).all()


@pytest.mark.parametrize(
    ("agent", "rates"),
    [("oracle", (1.0, 1.0)), ("hold", (0.0, 0.0)), ("random", (0.5, 0.5)), ("blind", (0.5, 0.5))],
)
def test_who_knows_earns_everything_and_who_guesses_or_waits_nothing(agent, rates):
    trials = simulate("prp", agent, 2000, per_lane=5)
    for stream, expected in zip(("first", "second"), rates, strict=True):
        share, n = playing.correct(trials.where(stream=stream))
        assert n == 2000
        assert playing.near(share, expected, n)
        table = trials.where(stream=stream)
        assert abs(table["reward"].mean() - (share - (table["outcome"] == "error").mean())) < 1e-9


def test_an_ideal_observer_in_haste_has_the_accuracy_of_one_step():
    trials = simulate("prp", "ideal_observer", 4000, per_lane=10)
    second = trials.where(stream="second")
    for strength in (25, 50):
        share, n = playing.correct(second.where(coherence=strength))
        assert playing.near(share, norm.cdf(strength / 100 * 5**0.5), n)
    assert np.allclose(second["response_time_s"], 0.01)


def test_every_asynchrony_comes_equally_often_and_is_recorded_with_both_responses():
    trials = simulate("prp", "oracle", 4000, per_lane=10)
    for stream in ("first", "second"):
        soa = trials.where(stream=stream)["soa_ms"]
        for ms in (0, 50, 100, 150, 300, 500, 800, 1200):
            assert playing.near((soa == ms).mean(), 1 / 8, 4000)
    first, second = by_trial(trials, "onset_s", ("first", "second"))
    np.testing.assert_allclose(second - first, by_trial(trials, "soa_ms", ("first", "second"))[0] / 1000)


def test_same_and_different_keys_are_asked_for_equally_often():
    trials = simulate("prp", "hold", 4000, per_lane=4)
    first, second = (trials.where(stream=stream)["target"] for stream in ("first", "second"))
    assert playing.near((first == second).mean(), 0.5, 4000)


# ---- motion and colour -----------------------------------------------------------------------------


def signed(trials):
    targets, strengths = by_trial(trials, "target"), by_trial(trials, "coherence")
    return [np.where(t == 1, -s, s) for t, s in zip(targets, strengths, strict=True)]


@pytest.mark.parametrize("name", ["motion_colour", "motion_colour_fixed"])
def test_eighty_one_displays_come_equally_often(name):
    motion, colour = signed(simulate(name, "oracle", 16_200, per_lane=10))
    kinds, counts = np.unique(np.stack([motion, colour], axis=1), axis=0, return_counts=True)
    assert len(kinds) == 81
    for count in counts:
        assert playing.near(count / 16_200, 1 / 81, 16_200, 4.5)


def test_both_are_right_as_often_as_chance_has_it_and_as_the_evidence_allows():
    trials = simulate("motion_colour_fixed", "ideal_observer", 20_000, per_lane=20)
    right = [outcome == "correct" for outcome in by_trial(trials, "outcome")]
    strength = by_trial(trials, "coherence")
    for mine, own, other in zip(right, strength, strength[::-1], strict=True):
        for c in (0, 3.2, 6.4, 12.8, 25.6):
            expected = norm.cdf(c / 100 * (120 / 2) ** 0.5)
            assert playing.near(mine[own == c].mean(), expected, (own == c).sum())
            for d in (0, 25.6):  # whatever the other decision is like
                cell = (own == c) & (other == d)
                assert playing.near(mine[cell].mean(), expected, cell.sum(), 4.5)
    both = right[0].mean() * right[1].mean()
    assert playing.near((right[0] & right[1]).mean(), both, 20_000)


@pytest.mark.parametrize("name", ["motion_colour", "motion_colour_fixed"])
@pytest.mark.parametrize(("agent", "expected"), [("oracle", 1.0), ("hold", 0.0), ("blind", 0.5)])
def test_display_decisions_earn_everything_nothing_or_half(name, agent, expected):
    trials = simulate(name, agent, 1500, per_lane=3)
    for stream in ("motion", "colour"):
        share, n = playing.correct(trials.where(stream=stream))
        assert playing.near(share, expected, n)
    motion, colour = by_trial(trials, "outcome")
    paid = by_trial(trials, "reward")
    np.testing.assert_array_equal(paid[0] + paid[1], (motion == "correct") & (colour == "correct"))
    assert playing.near((paid[0] + paid[1]).mean(), expected**2, len(motion))


def test_one_hand_that_moves_too_early_ends_the_trial_for_both():
    def hasty(batch, _observations, infos):
        early = np.asarray(infos["subject_0"]["motion.period"]) == 0
        return {"subject_0": np.stack([early, 0 * early], axis=1).astype(int)}

    trials = playing.run(playing.engine(Scenario.load("motion_colour"), 16), hasty, 2)
    assert set(trials.where(stream="motion")["outcome"]) == {"abort"}
    assert set(trials.where(stream="colour")["outcome"]) == {"cancelled"}


def test_either_hand_answers_in_its_own_time_and_the_display_stays_for_the_other():
    batch = playing.engine(Scenario.load("motion_colour"), 32)
    names = batch.channel_names("subject_0")
    colour_on = []
    observations, _ = batch.reset(0)
    for step in range(120):
        action = np.tile([int(step == 39), int(step == 79)], (32, 1))
        observations, *_ = batch.step({"subject_0": action})
        pair = [names.index(f"colour.stimulus_{name}") for name in ("blue", "yellow")]
        colour_on.append(observations["subject_0"][:, pair].sum(axis=1).mean())
    motion, colour = by_trial(batch.trials(), "response_time_s")
    np.testing.assert_allclose(motion, 0.3)
    np.testing.assert_allclose(colour, 1.1)
    assert (np.array(colour_on[25:79]) > 0.5).all()


@pytest.mark.parametrize("mode", ["serial", "parallel"])
def test_difficulties_add_up_in_who_decides_serially_and_not_in_who_decides_in_parallel(mode):
    trials = simulate("motion_colour", make_agent("accumulator", mode=mode), 24_000, per_lane=12, seed=1)
    last = np.maximum(*by_trial(trials, "response_time_s"))
    motion, colour = by_trial(trials, "coherence")
    right = by_trial(trials, "outcome")[0] == "correct"
    easy, hard = 25.6, 3.2
    mean, error = {}, 0.0
    for m in (easy, hard):
        for c in (easy, hard):
            cell = last[(motion == m) & (colour == c)]
            cell = cell[~np.isnan(cell)]  # the display is on for 5 s, which is not enough for everybody
            mean[m, c], error = cell.mean(), error + cell.var() / len(cell)
    interaction = mean[hard, hard] - mean[hard, easy] - mean[easy, hard] + mean[easy, easy]
    if mode == "serial":
        assert abs(interaction) < 4 * error**0.5
    else:
        assert interaction < -4 * error**0.5
    shares = [right[(motion == hard) & (colour == c)] for c in (easy, hard)]
    spread = sum(share.var() / len(share) for share in shares) ** 0.5
    assert abs(shares[0].mean() - shares[1].mean()) < 4 * spread  # accuracy does not depend on the other decision


# ---- timing while deciding -------------------------------------------------------------------------


def last_moment(batch, _observations, _infos):
    """What is right, but by the hands that decide only in the last step of their window."""
    action = np.maximum(batch.truth()["subject_0"], 0)
    for number, stream in enumerate(batch.streams[1:], start=1):
        action[:, number] = np.where(stream.end == batch.now + 1, action[:, number], 0)
    return {"subject_0": action}


@pytest.mark.parametrize("subject", [playing.oracle, last_moment])
def test_decisions_begin_and_end_within_the_interval_that_is_measured_or_produced(subject):
    batch = playing.engine(Scenario.load("timing_while_deciding"), 400)
    table = playing.run(batch, subject, 4)
    timing = table.where(stream="timing")
    start = {(lane, trial): i for i, (lane, trial) in enumerate(zip(timing["lane"], timing["trial"], strict=True))}
    kinds = {"measuring": 0, "producing": 0}
    for name in kinds:
        dots = table.where(stream=name)
        pairs = zip(dots["lane"], dots["group_trial"], strict=True)
        rows = [start.get(pair, -1) for pair in pairs]
        dots, rows = dots.select(np.array(rows) >= 0), [row for row in rows if row >= 0]
        kinds[name] = len(rows)
        ready = timing["onset_s"][rows] + 0.3
        flash = ready + timing["interval_ms"][rows] / 1000
        begin, end = (ready, flash) if name == "measuring" else (flash, flash + timing["target_ms"][rows] / 1000)
        assert set(dots["outcome"]) == {"correct"}
        assert (dots["onset_s"] > begin).all()
        assert (dots["onset_s"] + 0.35 + dots["response_time_s"] < end + 1e-9).all()
    assert set(timing["outcome"]) == {"correct"}
    for count in kinds.values():
        assert playing.near(count / len(timing), 1 / 3, len(timing))


@pytest.mark.parametrize(("agent", "timing", "dots"), [("oracle", 1.0, 1.0), ("hold", 0.0, 0.0), ("blind", None, 0.5)])
def test_timing_and_deciding_are_paid_apart(agent, timing, dots):
    trials = simulate("timing_while_deciding", agent, 1500, per_lane=3)
    if timing is not None:
        assert (trials.where(stream="timing")["reward"] == timing).all()
    for stream in ("measuring", "producing"):
        share, n = playing.correct(trials.where(stream=stream))
        assert 400 < n < 600
        assert playing.near(share, dots, n)


# ---- tracking with a probe -------------------------------------------------------------------------


def test_tracking_and_probe_have_an_action_each_and_come_alone_and_together():
    batch = playing.engine(Scenario.load("tracking_with_probe"), 500)
    assert {name: str(space) for name, space in batch.action_space("subject_0").items()} == {
        "tracking": "Box(-1.0, 1.0, (1,), float32)",
        "probe": "Discrete(2)",
    }
    trials = simulate("tracking_with_probe", "oracle", 4000, per_lane=10)  # a block each
    assert set(trials["outcome"]) == {"correct"}
    np.testing.assert_allclose(trials["reward"], 1.0, atol=1e-6)
    names = ("lane", "session", "group_trial")
    of = {s: set(zip(*(trials.where(stream=s)[n] for n in names), strict=True)) for s in ("tracking", "probe")}
    both, alone = of["tracking"] & of["probe"], of["tracking"] - of["probe"]
    for count, share in ((len(both), 1 / 2), (len(alone), 1 / 4), (4000 - len(of["tracking"]), 1 / 4)):
        assert count % 10 == 0
        assert playing.near(count / 4000, share, 400)


def test_the_sign_comes_and_goes_while_the_target_is_tracked():
    trials = simulate("tracking_with_probe", "hold", 3000, per_lane=6)
    probe, tracking = trials.where(stream="probe"), trials.where(stream="tracking")
    assert (tracking["duration_s"] == 2.5).all()
    lasts = np.unique(probe["duration_s"])  # with tracking as long as that, alone 0.3 to 1.3 s and 0.9 more
    assert lasts[-1] == 2.5
    assert 1.2 <= lasts[0] < lasts[-2] <= 2.2
    share, n = playing.correct(probe)  # to withhold is right in half of the trials
    assert playing.near(share, 0.5, n)
    assert set(probe["outcome"]) == {"correct", "miss"}


def test_what_one_hand_does_changes_nothing_for_the_other():
    rng = np.random.default_rng(0)
    batches = [playing.engine(Scenario.load("tracking_with_probe"), 64) for _ in range(2)]
    observations = [batch.reset(4)[0]["subject_0"] for batch in batches]
    names = batches[0].channel_names("subject_0")
    tracked = [names.index(f"tracking.{name}") for name in ("target", "cursor")]
    for _ in range(150):
        np.testing.assert_array_equal(observations[0][:, tracked], observations[1][:, tracked])
        velocity = rng.uniform(-1, 1, (64, 1)).astype(np.float32)
        pressed = (np.zeros(64, int), rng.integers(2, size=64))
        actions = [{"subject_0": {"tracking": velocity, "probe": press}} for press in pressed]
        observations = [b.step(a)[0]["subject_0"] for b, a in zip(batches, actions, strict=True)]


# ---- the distractor in the rows of the memory task ----


@pytest.mark.parametrize("name", ["dpa_gng", "dpa_gng_paper"])
def test_every_row_says_what_the_distractor_was(name):
    trials = simulate(name, "random", trials=600, seed=0)
    memory, gonogo = trials.where(stream="memory"), trials.where(stream="gonogo")
    key = ("lane", "session", "group_trial")
    went = {tuple(row): go for *row, go in zip(*(gonogo[k] for k in key), gonogo["go"], strict=True)}
    for *row, distractor in zip(*(memory[k] for k in key), memory["distractor"], strict=True):
        assert distractor == {None: "none", 1: "go", 0: "nogo"}[went.get(tuple(row))]
    shares = [np.mean(memory["distractor"] == kind) for kind in ("none", "go", "nogo")]
    assert shares == pytest.approx([1 / 3] * 3, abs=4 * np.sqrt(2 / 9 / len(memory)))
    assert set(gonogo["distractor"]) == {"go", "nogo"}


def test_the_figure_of_the_dual_task_compares_distractors():
    trials = simulate("dpa_gng", "oracle", trials=300, seed=0)
    signature = find_signature("dpa_gng")
    table, _ = signature.numbers(trials)
    rows = sorted(zip(table["stream"].tolist(), table["distractor"].tolist(), strict=True))
    assert rows == [("gonogo", "go"), ("gonogo", "nogo"), *(("memory", kind) for kind in ("go", "nogo", "none"))]
    assert signature.draw(trials).axes


def test_both_engines_and_files_agree_on_the_distractor(tmp_path):
    env, lanes = parallel_env("dpa_gng"), batch("dpa_gng", 1)
    for engine, action in ((env, 0), (lanes, np.zeros(1, int))):
        engine.reset(seed=0)
        for _ in range(400):
            engine.step({"subject_0": action})
    one, many = env.trials(), lanes.trials()
    assert len(one) > 20
    assert one["distractor"].tolist() == many["distractor"].tolist()
    one.to_csv(tmp_path / "trials.csv")
    assert Trials.read_csv(tmp_path / "trials.csv")["distractor"].tolist() == one["distractor"].tolist()


def test_a_distractor_whose_row_was_dropped_is_unknown():
    column = PartnerColumn("distractor", 1, "go", True, (0,))
    rows = {
        "stream": np.array([0, 0, 0, 1]),
        "lane": np.zeros(4, int),
        "session": np.zeros(4, int),
        "condition:group_trial": np.array([0.0, 1, 2, 2]),
        "condition:mix": np.array([0.0, 1, 1, 1]),
        "condition:go": np.array([np.nan, np.nan, np.nan, 1]),
    }
    assert partner_column_values([(column,), (column,)], rows)["distractor"].tolist() == ["none", "unknown", "go", "go"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"distractor": "gonogo.og"}, "no condition 'og'. Valid: go"),
        ({"distractor": "gonogoo.go"}, "'gonogoo' is not in this group"),
        ({"choice": "gonogo.go"}, "has a column of this name"),
    ],
)
def test_columns_that_cannot_be_are_refused(columns, message):
    with pytest.raises(ScenarioError, match=message):
        Scenario.load("dpa_gng").replace(**{"groups.trial.columns": columns}).resolve()
