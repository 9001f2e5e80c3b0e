"""What the reference agents are known by, through the engine and our own analyses."""

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel import analysis
from neuroparallel.agents import Accumulator, Bottleneck, CapacitySharing, QLearner, RaceStopper, simulate
from neuroparallel.errors import ArgumentError, UnknownNameError
from neuroparallel.seeding import GAMMA, mix
from tests.agents.timed import Dots, Louder, Pick, pair

# Mean response times in ms behind a central bottleneck with stages of 100, 225 and 150 ms.
# Source: science reference 1a.
PRP = {0: 700, 50: 650, 100: 600, 150: 555, 200: 520, 300: 484, 500: 475, 800: 475, 1200: 475}


def near(values, expected, errors=4.5):
    """Whether a mean is as expected, give or take so many standard errors."""
    values = np.asarray(values, float)
    return abs(values.mean() - expected) < errors * values.std() / len(values) ** 0.5 + 1e-12


# ---- draws ----


def test_times_that_are_drawn_have_their_means_and_spreads():
    from neuroparallel.agents import distributions

    words = mix(np.arange(100_000, dtype=np.uint64) * GAMMA)
    for values, mean, spread in (
        (distributions.exponential(words), 1, 1),
        (distributions.erlang(words, 11), 1, 11**-0.5),
        (distributions.normal(words), 0, 1),
        (distributions.whole_steps(np.full(100_000, 24.0), 10.0, words), 2.4, 0.24**0.5),
    ):
        assert near(values, mean)
        assert abs(values.std() / spread - 1) < 0.02
    assert set(distributions.whole_steps(np.full(1000, 24.0), 10.0, words[:1000])) == {2, 3}
    weights = np.array([[1.0], [0.0], [3.0]]) * np.ones(100_000)
    assert near(distributions.pick_weighted(weights, words) == 2, 0.75)
    assert not (distributions.pick_weighted(weights, words) == 1).any()


# ---- the bottleneck and sharing ----


def test_the_bottleneck_has_the_response_times_of_the_reference():
    trials = simulate(pair(Pick, list(PRP)), "bottleneck", 9_000, per_lane=3, lanes=3000)
    curve = analysis.prp_curve(trials).times
    assert curve["soa_ms"].tolist() == list(PRP)
    for one, two, low, expected in zip(
        curve["mean_1_s"], curve["mean_2_s"], curve["low_2_s"], PRP.values(), strict=True
    ):
        assert abs(1000 * one - 475) < 15
        assert abs(1000 * two - expected) < 1 + 2.3 * 1000 * (two - low)


def test_behind_a_bottleneck_the_slope_is_minus_one_and_then_nothing():
    shipped = npar.Scenario.load("prp")
    prp = shipped.replace(**{"subjects.subject_0.streams.second.onset": [0, 100, 500, 1200]})  # more of each
    trials = simulate(prp, "bottleneck", 12_000, per_lane=3, lanes=4000)
    found = analysis.prp_curve(trials)
    assert abs(found.short.value + 1) < 0.1
    assert abs(found.long.value) < 0.05
    assert abs(found.short_1.value) < 0.1
    assert found.short.standard_error < 0.03


@pytest.mark.parametrize("soa", [0, 60, 200, 230, 700])
def test_without_variation_the_second_response_waits_for_the_first_decision_only(soa):
    stages = {"perception": {"first": 100, "second": 60}, "central": {"first": 220, "second": 300}, "motor": 150}
    trials = simulate(pair(Pick, soa), Bottleneck(**stages, shape=None), 20)
    times = {name: 1000 * trials.where(stream=name)["response_time_s"] for name in ("first", "second")}
    np.testing.assert_allclose(times["first"], 100 + 220 + 150)
    np.testing.assert_allclose(times["second"], 60 + 300 + 150 + max(0, 100 + 220 - 60 - soa))


@pytest.mark.parametrize("share", [0.5, 0.75, 1.0])
def test_those_who_share_capacity_are_slower_first_and_no_faster_second(share):
    soas = [0, 60, 150, 210, 500]
    trials = simulate(pair(Pick, soas), CapacitySharing(central=220, share=share, shape=None), 500, per_lane=5)
    table = analysis.response_pairs(trials)
    for soa in soas:
        mine = table.where(soa_ms=soa)
        alone = min(soa, 220)  # how long the first decision has all capacity
        times = 1000 * mine["response_time_1_s"], 1000 * mine["response_time_2_s"]
        assert near(times[0], 250 + alone + (220 - alone) / share)
        assert near(times[1], 470 + max(0, 220 - soa))
        assert np.ptp(times[0]) <= 10


def test_sharing_differs_from_a_bottleneck_in_the_first_response():
    trials = simulate(pair(Pick, [0, 100]), "capacity_sharing", 6_000, per_lane=3, lanes=2000)
    found = analysis.prp_curve(trials)
    assert found.short_1.value < -0.4
    order = analysis.response_order(trials)
    assert abs(order["in_order"][0] - 0.5) < 0.05
    assert (
        analysis.response_order(simulate(pair(Pick, [0, 100]), "bottleneck", 900, per_lane=3))["in_order"].min() > 0.95
    )


@pytest.mark.parametrize("agent", [Bottleneck(errors=0.2), CapacitySharing(errors=0.2)])
def test_slips_are_as_frequent_as_they_should_be(agent):
    trials = simulate(pair(Pick), agent, 3_000, per_lane=3)
    assert near(trials["correct"], 0.8)
    assert set(trials["outcome"]) == {"correct", "error"}


@pytest.mark.parametrize(
    "wrong", [{"perception": -1}, {"central": {"first": -2}}, {"shape": 0}, {"shape": 1.5}, {"errors": 2}]
)
def test_stages_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        Bottleneck(**wrong)


def test_a_duration_for_a_stream_that_does_not_exist_or_for_not_all_of_them_is_refused():
    with pytest.raises(UnknownNameError, match="first"):
        simulate(pair(Pick), Bottleneck(central={"frist": 100, "second": 100}), 3)
    with pytest.raises(ArgumentError, match="central: second"):
        simulate(pair(Pick), Bottleneck(central={"first": 100}), 3)
    with pytest.raises(ArgumentError, match="share"):
        CapacitySharing(share=1.2)


# ---- accumulators ----

COHERENCES = (0.0, 3.2, 6.4, 12.8, 25.6, 51.2)
# Source: science reference 4.1, fit to the pooled data of two monkeys.
POOLED = {"bound": 0.706, "sensitivity": 13.44, "residual": 327.0}
ACCURACY = (0.5, 0.647, 0.771, 0.919, 0.992, 1.0)
TIMES = (826, 811, 772, 671, 529, 429)


@pytest.mark.parametrize("dt", [10.0, 20.0])
def test_the_accumulator_is_as_accurate_and_as_fast_as_the_diffusion_at_every_dt(dt):
    trials = simulate(Dots(coherences=COHERENCES), Accumulator(**POOLED), 24_000, per_lane=12, lanes=2000, dt=dt)
    for coherence, accuracy, time in zip(COHERENCES, ACCURACY, TIMES, strict=True):
        mine = trials.where(coherence=coherence)
        assert abs(mine["correct"].mean() - accuracy) < 0.001 + 4 * (accuracy * (1 - accuracy) / len(mine)) ** 0.5
        times = 1000 * mine["response_time_s"]
        # The correction for steps is a first-order one: what is left of it is below 0.5 % of the time at 10 ms.
        assert abs(times.mean() - time) < 4 * times.std() / len(mine) ** 0.5 + 0.0005 * dt * time


def test_the_fit_of_psychometric_and_chronometric_finds_the_parameters_of_the_accumulator_again():
    trials = simulate(Dots(coherences=COHERENCES), Accumulator(**POOLED, seed=4), 30_000, per_lane=15, lanes=2000)
    fit = analysis.fit_diffusion(trials)
    for name, value in (("bound", 0.706), ("sensitivity", 13.44), ("residual_s", 0.327)):
        assert abs(getattr(fit, name) - value) < 4 * fit.standard_errors[name] + 0.01 * value
    assert fit.standard_errors["bound"] < 0.01


def test_the_accumulator_without_noise_of_its_own_is_as_sensitive_as_the_display_allows():
    trials = simulate(Dots(coherences=(6.4,), sigma=2.0), "accumulator", 6_000, per_lane=6)
    # k = sqrt(1000) / (sigma sqrt 2): evidence of mean c per step, variance 2 sigma^2 / dt.
    sensitivity = 1000**0.5 / (2.0 * 2**0.5)
    assert near(trials["correct"], 1 / (1 + np.exp(-2 * 0.706 * sensitivity * 0.064)))


def test_the_accumulator_knows_what_speaks_for_neither_answer():
    trials = simulate(Louder(), "accumulator", 6_000, per_lane=6)
    drive = 0.706 * 1000**0.5 * 0.03  # one channel of s.d. 1 for 1 ms
    for side in (1, 2):
        mine = trials.where(side=side)
        assert near(mine["correct"], 1 / (1 + np.exp(-2 * drive)))
        assert near(mine["response_time_s"], 0.706**2 * np.tanh(drive) / drive + 0.327)


def test_no_one_is_more_sensitive_than_the_noise_of_the_display_allows():
    with pytest.raises(ArgumentError, match=r"leaves at most 22\.36"):
        simulate(Dots(), Accumulator(sensitivity=23.0), 5)
    task = npar.make_task("random_dots")  # which has periods without evidence as well
    assert len(simulate(task, Accumulator(sensitivity=22.0), 5)) == 5


def test_where_the_answer_is_due_later_the_accumulator_answers_then_by_what_it_has():
    trials = simulate(npar.make_task("random_dots", timing={"stimulus": 400}), Accumulator(bound=50.0), 6_000)
    for coherence in (6.4, 12.8):  # no bound is reached: it adds up everything, as the ideal observer does
        mine = trials.where(coherence=coherence)
        assert near(mine["correct"], float(analysis.ideal_accuracy(coherence, 400)))
    assert (trials["response_time_s"] == 0.1).all()


@pytest.mark.parametrize("mode", ["serial", "parallel"])
def test_decisions_in_turn_add_up_and_decisions_at_once_do_not(mode):
    agent = Accumulator(**POOLED, mode=mode)
    trials = simulate(pair(Dots, coherences=[3.2, 51.2]), agent, 8_000, per_lane=4, lanes=2000)
    found = analysis.additivity(trials)
    if mode == "serial":
        assert abs(found.interaction_s) < 4.5 * found.standard_error_s
        hard, easy = TIMES[1] / 1000 - 0.327, TIMES[5] / 1000 - 0.327
        for first, second, expected in ((3.2, 3.2, 2 * hard), (3.2, 51.2, hard + easy), (51.2, 51.2, 2 * easy)):
            cell = found.cells.where(level_1=first, level_2=second)
            assert abs(cell["mean_s"][0] - 0.327 - expected) < 4.5 * cell["sem_s"][0] + 0.01
    else:
        assert found.interaction_s < -0.1
        assert found.interaction_s < -5 * found.standard_error_s
        assert found.effect_1_s > 0.3


def test_in_turn_the_first_decision_is_not_slowed_by_the_second():
    agent = Accumulator(**POOLED, mode="serial")
    trials = simulate(pair(Dots, coherences=[12.8]), agent, 4_000, per_lane=4)
    times = {name: trials.where(stream=name)["response_time_s"] for name in ("first", "second")}
    assert near(times["first"], 0.671)
    assert near(times["second"], 0.671 + 0.671 - 0.327, errors=5)


@pytest.mark.parametrize("wrong", [{"bound": 0}, {"sensitivity": -1}, {"residual": -1}, {"mode": "both"}])
def test_accumulators_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        Accumulator(**wrong)


def test_the_accumulator_says_which_tasks_it_cannot_play():
    with pytest.raises(ArgumentError, match=r"between two answers, and bandit has 4"):
        simulate(npar.make_task("bandit", "restless"), "accumulator", 3)
    with pytest.raises(ArgumentError, match=r"and game_choice has 0"):
        simulate("matching_pennies", "accumulator", 3)


# ---- learners ----


def slow_learner(rate, temperature, sessions, trials, seed):
    """How often a Q-learner takes the better of two arms (0.8 and 0.2), trial by trial, in plain Python."""
    rng, better = np.random.default_rng(seed), np.zeros(trials)
    for _ in range(sessions):
        value = [0.0, 0.0]
        for trial in range(trials):
            arm = int(rng.random() < 1 / (1 + np.exp(-temperature * (value[1] - value[0]))))
            paid = float(rng.random() < (0.8, 0.2)[arm])
            value[arm] += rate * (paid - value[arm])
            better[trial] += arm == 0
    return better / sessions


def test_the_q_learner_learns_as_a_slow_reference_does():
    task = npar.make_task("bandit", chances=(0.8, 0.2))
    trials = simulate(task, QLearner(0.2, 4.0), 30_000, per_lane=15, lanes=2000, session={"trials": 15})
    rate = np.bincount(trials["trial"], trials["choice"] == 1) / np.bincount(trials["trial"])
    reference = slow_learner(0.2, 4.0, 2_000, 15, 0)
    assert np.abs(rate - reference).max() < 4.5 * (0.25 / 2000 + 0.25 / 2000) ** 0.5
    assert rate[-1] > 0.75


def test_a_session_begins_as_if_nothing_had_been_learnt():
    task = npar.make_task("bandit", chances=(1.0, 0.0))
    trials = simulate(task, QLearner(1.0, 50.0), 4_000, per_lane=20, session={"trials": 10})
    first, last = (trials["choice"][trials["trial"] == trial] == 1 for trial in (0, 9))
    assert near(first, 0.5)
    assert last.mean() > 0.99


def test_a_learner_without_temperature_chooses_at_random():
    trials = simulate("bandit", QLearner(0.5, 0.0), 3_000)
    assert near(trials["choice"] == 1, 0.5)


@pytest.mark.parametrize("wrong", [{"learning_rate": 2}, {"inverse_temperature": -1}])
def test_learners_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        QLearner(**wrong)


# Source: science reference 4.4, simulations of Daw et al. 2011 with alpha 0.5 and beta 5, by reward and transition.
STAY = {
    "model_free": {(True, True): 0.910, (True, False): 0.903, (False, True): 0.569, (False, False): 0.585},
    "model_based": {(True, True): 0.660, (True, False): 0.445, (False, True): 0.448, (False, False): 0.657},
}
QUICK = {"fixation": 0, "first": 100, "state_1": 100, "state_2": 100, "reward": 0, "omission": 0}


@pytest.mark.parametrize("agent", ["model_free", "model_based", "hybrid"])
def test_learners_with_and_without_the_map_stay_as_published(agent):
    task = npar.make_task("two_step", timing=QUICK)
    trials = simulate(task, agent, 400 * 201, per_lane=201)
    found = analysis.stay_probabilities(trials)
    for rewarded, common, stay in zip(*(found.stay[n] for n in ("rewarded", "common", "stay")), strict=True):
        if agent in STAY:
            assert abs(stay - STAY[agent][bool(rewarded), bool(common)]) < 0.02
    assert (found.reward > 0.3) == (agent == "model_free")
    assert (abs(found.interaction) < 0.05) == (agent == "model_free")
    if agent == "model_based":
        assert abs(found.reward) < 0.05
        assert found.interaction > 0.35
    if agent == "hybrid":
        assert 0.05 < found.reward < 0.3
        assert 0.05 < found.interaction < 0.35
    assert abs(trials["reward"].mean() - 0.53) < 0.015


def test_the_two_step_learner_plays_nothing_else():
    with pytest.raises(ArgumentError, match="bandit"):
        simulate("bandit", "model_based", 3)


# ---- the race ----


def test_the_race_has_the_inhibition_function_and_the_stopping_time_that_were_put_in():
    task = npar.make_task("stop_signal", first_delay=250.0)  # where the staircase will settle
    trials = simulate(task, "race_stopper", 15_000, per_lane=15, lanes=1000, dt=10)
    found = analysis.stop_signal_reaction_time(trials)
    assert abs(found.ssrt_s - 0.200) < 0.015
    assert abs(found.p_respond - 0.5) < 0.03
    assert abs(found.mean_delay_s - 0.250) < 0.02
    assert abs(found.go_mean_s - 0.470) < 0.01
    assert abs(found.failed_stop_mean_s - 0.387) < 0.01
    assert found.reliable
    table = analysis.inhibition_function(trials)
    often = table.select(table["trials"] > 300)
    assert (np.diff(often["responded"]) > 0).all()
    assert table["trials"].sum() == found.stop_trials
    assert set(trials.where(stop=False)["outcome"]) <= {"correct", "miss"}


def test_who_stops_at_once_always_stops_and_who_never_stops_never_does():
    at_once = simulate("stop_signal", RaceStopper(stop=(0, 0)), 800, per_lane=4)
    late = simulate("stop_signal", RaceStopper(stop=(5000, 0)), 800, per_lane=4)
    stops = at_once.where(stop=True)
    slow = np.isnan(stops["response_time_s"])
    assert (stops["response_time_s"][~slow] <= stops["stop_delay_ms"][~slow] / 1000 + 0.05).all()
    assert np.isfinite(late.where(stop=True)["response_time_s"]).mean() > 0.99


def test_the_race_needs_an_arrow_and_a_stop_signal():
    with pytest.raises(ArgumentError, match=r"go_nogo has no channel 'arrow'"):
        simulate("go_nogo", "race_stopper", 3)
    with pytest.raises(ArgumentError, match="three and two times"):
        RaceStopper(go=(350, 60))
