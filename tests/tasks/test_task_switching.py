"""Task switching: the sequence is as scheduled, the keys are right, the intervals are kept."""

import numpy as np
import pytest

from neuroparallel.errors import NeuroparallelError
from neuroparallel.tasks import make_task
from tests.tasks import playing
from tests.tasks.playing import AGENT

PARITY, MAGNITUDE = 1, 2
STIMULUS = 2  # the period's number
QUICK = {"csi": (50,), "rsi": (50,)}


def task(**parameters):
    return make_task("task_switching", **QUICK | parameters)


def sequences(what, subject=playing.oracle, lanes=512, trials=40):
    """Columns as (lanes, trials) in order."""
    batch = playing.engine(what, lanes)
    table = playing.run(batch, subject, trials)
    order = np.lexsort((table["trial"], table["lane"]))
    return {name: table[name][order].reshape(lanes, trials) for name in table.columns}


def keys(digit, rule):
    """The right key of the two that are shared."""
    return np.where(rule == PARITY, 2 - digit % 2, 1 + (digit > 5))


# ---- the schedules -----------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 1.0])
def test_cued_at_random_the_question_changes_as_often_as_scheduled_whatever_happened(p):
    seen = sequences(task(p_switch=p), playing.uniform(1))
    rule, switch = seen["rule"], seen["switch"].astype(bool)
    np.testing.assert_array_equal(switch[:, 1:], rule[:, 1:] != rule[:, :-1])
    assert not switch[:, 0].any()
    assert playing.near(switch[:, 1:].mean(), p, switch[:, 1:].size)
    for again in (True, False):  # nor does a change make the next one more likely
        after = switch[:, 2:][switch[:, 1:-1] == again]
        if len(after):
            assert playing.near(after.mean(), p, len(after))
    assert playing.near((rule[:, 0] == PARITY).mean(), 0.5, len(rule))


@pytest.mark.parametrize("run", [1, 2, 4])
def test_alternating_runs_have_exactly_their_length(run):
    rule = sequences(task(schedule="alternating", run=run))["rule"]
    expected = (np.arange(40) // run) % 2
    np.testing.assert_array_equal(rule == rule[:, :1], np.broadcast_to(expected == 0, rule.shape))
    assert playing.near((rule[:, 0] == PARITY).mean(), 0.5, len(rule))


def test_a_pure_session_has_one_question_and_sessions_have_either():
    seen = sequences(task(schedule="pure"))
    assert (seen["rule"] == seen["rule"][:, :1]).all()
    assert not seen["switch"].any()
    assert playing.near((seen["rule"][:, 0] == PARITY).mean(), 0.5, 512)


# How much less often than in half of the trials a congruent digit follows another: (8 - 7.5) / 16 where both are drawn
# from the same 16 without replacement, half of that where every other pair is, nothing where none is.
TILTS = {"cued": 1 / 64, "alternating": 0, "pure": 1 / 32, "voluntary": 1 / 32}


@pytest.mark.parametrize("schedule", TILTS)
def test_digits_never_repeat_and_congruence_is_balanced(schedule):
    seen = sequences(task(schedule=schedule))
    digit, congruent = seen["digit"], seen["congruent"].astype(bool)
    assert (digit[:, 1:] != digit[:, :-1]).all()
    np.testing.assert_array_equal(congruent, keys(digit, PARITY) == keys(digit, MAGNITUDE))
    assert playing.near(congruent.mean(), 0.5, congruent.size)
    for before in (True, False):
        after = congruent[:, 1:][congruent[:, :-1] == before]
        assert playing.near(after.mean(), 0.5 + (-TILTS[schedule] if before else TILTS[schedule]), len(after))
    for value in (1, 2, 3, 4, 6, 7, 8, 9):
        assert playing.near((digit == value).mean(), 1 / 8, digit.size)


@pytest.mark.parametrize("schedule", ["cued", "alternating", "pure"])
def test_response_repetition_is_balanced_exactly_after_switches_and_after_repetitions(schedule):
    seen = sequences(task(schedule=schedule), lanes=64, trials=129)
    for lane in range(64):
        for switch in (0, 1):
            rows = np.flatnonzero(seen["switch"][lane, 1:] == switch) + 1
            for block in range(len(rows) // 16):
                mine = rows[block * 16 : block * 16 + 16]
                kinds = seen["response_repetition"][lane, mine] * 2 + seen["congruent"][lane, mine]
                assert np.bincount(kinds.astype(int), minlength=4).tolist() == [4, 4, 4, 4]


@pytest.mark.parametrize("schedule", ["cued", "alternating", "pure", "voluntary"])
@pytest.mark.parametrize("plan", [(1, 1), (1, 2), (1, 4), (1, 3)])  # which key in odd trials, which in even ones
def test_who_alternates_or_repeats_keys_blindly_earns_chance(schedule, plan):
    if max(plan) > 2 and schedule != "voluntary":
        plan = plan[0], 2

    def blind(_batch, _observations, infos):
        key = np.array(plan)[np.asarray(infos[AGENT]["trial"]) % 2]
        return {AGENT: np.where(infos[AGENT]["period"] == STIMULUS, key, 0)}

    correct = sequences(task(schedule=schedule), blind, 256, 129)["outcome"] == "correct"
    assert playing.near(correct.mean(), 0.5, correct.size)


def test_voluntary_switchers_have_balanced_repetitions_of_the_position():
    rng = np.random.default_rng(1)

    def chooses(batch, _observations, infos):  # any question, the right key
        shown = batch.streams[0].conditions["digit"]
        rule = rng.integers(1, 3, batch.lanes)
        return {AGENT: np.where(infos[AGENT]["period"] == 2, keys(shown, rule) + 2 * (rule - 1), 0)}

    seen = sequences(task(schedule="voluntary"), chooses, 256, 129)
    assert (seen["outcome"] == "correct").all()
    rule, digit = seen["rule"].astype(int), seen["digit"].astype(int)
    position = keys(digit, rule)
    again = position[:, 1:] == position[:, :-1]
    np.testing.assert_array_equal(seen["response_repetition"][:, 1:], again)
    assert not seen["response_repetition"][:, 0].any()
    # For each question, taken by itself, 8 of 16 digits ask for the position of the last answer, 4 of them congruent.
    for question in (rule[:, :-1], 3 - rule[:, :-1]):
        repeats = (keys(digit[:, 1:], question) == position[:, :-1]).reshape(256, 8, 16)
        congruent = seen["congruent"][:, 1:].reshape(256, 8, 16).astype(bool)
        assert (repeats.sum(axis=2) == 8).all()
        assert ((repeats & congruent).sum(axis=2) == 4).all()
    for switch in (0, 1):
        mine = again[seen["switch"][:, 1:] == switch]
        assert playing.near(mine.mean(), 0.5, mine.size)


@pytest.mark.parametrize("schedule", ["cued", "alternating", "pure"])
def test_response_repetition_is_recorded_and_as_frequent_after_switches_as_after_repetitions(schedule):
    seen = sequences(task(schedule=schedule))
    key, again = keys(seen["digit"], seen["rule"]), seen["response_repetition"].astype(bool)
    np.testing.assert_array_equal(again[:, 1:], key[:, 1:] == key[:, :-1])
    assert not again[:, 0].any()
    for switch in (0, 1):
        for congruent in (0, 1):
            mine = again[:, 1:][(seen["switch"][:, 1:] == switch) & (seen["congruent"][:, 1:] == congruent)]
            assert len(mine) == 0 or playing.near(mine.mean(), 0.5, len(mine))


def test_the_response_stimulus_interval_is_blocked():
    rsi = sequences(task(schedule="alternating", rsi=(50, 100, 150), rsi_block=8))["rsi_ms"].reshape(512, 5, 8)
    assert (rsi == rsi[:, :, :1]).all()
    for value in (50, 100, 150):
        assert playing.near((rsi[:, :, 0] == value).mean(), 1 / 3, 512 * 5)


# ---- what is right -----------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["cued", "alternating", "pure"])
def test_the_right_key_is_that_of_the_question(schedule):
    seen = sequences(task(schedule=schedule), lanes=128)
    np.testing.assert_array_equal(seen["choice"], keys(seen["digit"], seen["rule"]))
    assert (seen["outcome"] == "correct").all()
    assert (seen["reward"] == 1).all()


def test_who_always_answers_one_question_is_right_in_congruent_trials_and_if_it_is_asked():
    def parity(_batch, observations, infos):
        seen = observations[AGENT][:, 3:]
        digit = np.array([1, 2, 3, 4, 6, 7, 8, 9])[seen.argmax(axis=1)]
        return {AGENT: np.where(infos[AGENT]["period"] == STIMULUS, keys(digit, PARITY), 0)}

    seen = sequences(task(sigma=0.0), parity)
    right = seen["outcome"] == "correct"
    np.testing.assert_array_equal(right, seen["congruent"].astype(bool) | (seen["rule"] == PARITY))
    assert playing.near(right.mean(), 0.75, right.size)


@pytest.mark.parametrize("schedule", ["cued", "pure", "voluntary"])
def test_waiting_misses_and_a_key_is_right_half_of_the_time(schedule):
    waited = sequences(task(schedule=schedule, timing={"stimulus": 200}), playing.hold, trials=4)
    assert (waited["outcome"] == "miss").all()
    assert (waited["reward"] == 0).all()
    for key in (1, 2):
        batch = playing.engine(task(schedule=schedule), 1000)
        share, n = playing.correct(playing.run(batch, playing.in_windows(batch, key), 4))
        assert playing.near(share, 0.5, n)


# ---- the subject's own choice ------------------------------------------------------------------------


def test_in_the_voluntary_schedule_the_hand_tells_the_question_and_either_may_be_right():
    rng = np.random.default_rng(0)

    def either(_batch, observations, infos):
        digit = np.array([1, 2, 3, 4, 6, 7, 8, 9])[observations[AGENT][:, 3:].argmax(axis=1)]
        rule = np.where(rng.random(len(digit)) < 0.3, MAGNITUDE, PARITY)
        right = keys(digit, rule) + 2 * (rule == MAGNITUDE)
        slip = rng.random(len(digit)) < 0.1
        key = np.where(slip, right + np.where(right % 2 == 1, 1, -1), right)  # the other key of that hand
        waits = rng.random(len(digit)) < 0.3
        return {AGENT: np.where((infos[AGENT]["period"] == STIMULUS) & ~waits, key, 0)}

    parameters = {"schedule": "voluntary", "sigma": 0.0, "timing": {"stimulus": 100}}
    seen = sequences(task(**parameters), either, lanes=256)
    choice, outcome = seen["choice"], seen["outcome"]
    made = choice > 0
    rule = np.where(made, np.where(choice > 2, MAGNITUDE, PARITY), 0)
    np.testing.assert_array_equal(seen["rule"], rule)
    np.testing.assert_array_equal(outcome == "miss", ~made)
    right = np.where(rule == MAGNITUDE, choice - 2, choice) == keys(seen["digit"], rule)
    np.testing.assert_array_equal((outcome == "correct")[made], right[made])
    assert playing.near(right[made].mean(), 0.9, made.sum())
    last = np.zeros(len(choice), int)
    for trial in range(choice.shape[1]):  # a change is one against the last question answered, misses in between or not
        changed = made[:, trial] & (last > 0) & (rule[:, trial] != last)
        np.testing.assert_array_equal(seen["switch"][:, trial].astype(bool), changed)
        last = np.where(made[:, trial], rule[:, trial], last)


def test_in_the_voluntary_schedule_nothing_is_cued_and_there_are_two_pairs_of_keys():
    batch = playing.engine(task(schedule="voluntary", sigma=0.0), 64)
    cue = []
    playing.run(batch, playing.oracle, 5, watch=lambda o, _: cue.append(o[AGENT][:, 1:3].max()))
    assert max(cue) == 0
    names = ("hold", "parity_left", "parity_right", "magnitude_left", "magnitude_right")
    assert task(schedule="voluntary").action_names() == names


# ---- intervals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("csi", [0, 100, 600])
def test_the_cue_precedes_the_digit_and_the_digit_follows_the_response_by_their_intervals(csi):
    batch = playing.engine(make_task("task_switching", csi=(csi,), rsi=(700,), sigma=0.0), 64)
    lit = []
    table = playing.run(batch, playing.oracle, 6, watch=lambda o, _: lit.append(o[AGENT].copy()))
    order = np.lexsort((table["trial"], table["lane"]))
    onset = table["onset_s"][order].reshape(64, 6)
    np.testing.assert_allclose(np.diff(onset, axis=1), 0.75)  # the interval, and one step to respond
    lit = np.array(lit)
    cue, digit = (lit[:14, :, columns].max(axis=2) for columns in (slice(1, 3), slice(3, None)))
    assert (digit.sum(axis=0) == 0).all()
    np.testing.assert_array_equal(cue.sum(axis=0) * 50, csi)
    assert (lit[14, :, 1:3].sum(axis=1) == 1).all()
    assert (lit[14, :, 3:].sum(axis=1) == 1).all()


def test_intervals_are_drawn_and_recorded():
    task = make_task("task_switching", csi=(0, 100), rsi=(150, 300, 600))
    table = playing.run(playing.engine(task, 512), playing.oracle, 4)
    for column, values in (("csi_ms", (0, 100)), ("rsi_ms", (150, 300, 600))):
        for value in values:
            assert playing.near((table[column] == value).mean(), 1 / len(values), len(table))
    np.testing.assert_allclose(table["duration_s"], table["rsi_ms"] / 1000 + 0.05)


def test_a_response_before_the_digit_aborts():
    table = playing.run(
        playing.engine(task(), 32), lambda b, _o, i: {AGENT: (i[AGENT]["period"] < STIMULUS).astype(int)}, 2
    )
    assert set(table["outcome"]) == {"abort"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"schedule": "random"},
        {"p_switch": 1.5},
        {"run": 0},
        {"csi": (700,), "rsi": (600,)},
        {"csi": ()},
        {"csi": (-50,)},
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(NeuroparallelError):
        make_task("task_switching", **wrong)
