"""What each signal wrapper shows, does, pays or tells, against the plainest way to say it."""

import math
from itertools import pairwise

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Discrete, MultiDiscrete
from gymnasium.vector import SyncVectorEnv

from neuroparallel.environments import batch, gym_env, parallel_env, vector_env
from neuroparallel.errors import ActionError, ArgumentError
from neuroparallel.outcomes import Outcome
from neuroparallel.scenario import Scenario
from neuroparallel.wrappers import (
    agent_indicator_v0,
    clock_v0,
    delay_observation_v0,
    frame_stack_v0,
    joint_action_v0,
    noise_v0,
    pad_action_v0,
    pad_observation_v0,
    partner_view_v0,
    previous_action_v0,
    previous_outcome_v0,
    previous_reward_v0,
    scale_reward_v0,
    serial_access_v0,
    serial_decision_v0,
    share_attention_v0,
    sticky_action_v0,
    sync_pulse_v0,
)

from .stacks import DOTS as DOTS_ONLY
from .stacks import PAIR, drawn

ME = "subject_0"
DOTS = {"session": {"trials": 3}}


def played(what, wrap, steps=80, seed=0, **options):
    """(first, [(action, step of the wrapped, step of the bare one), ...]) with the same actions in both."""
    env, bare = wrap(parallel_env(what, **options)), parallel_env(what, **options)
    rng, story = np.random.default_rng(seed), []
    first = env.reset(seed=1), bare.reset(seed=1)
    for _ in range(steps):
        if not env.agents:
            break
        actions = {agent: drawn(bare.action_space(agent), rng, calm=True) for agent in bare.agents}
        story.append((actions, env.step(actions), bare.step(actions)))
    return first, story


# ---- what is shown ----


@pytest.mark.parametrize("hold", [False, True])
def test_previous_outcome_shows_how_the_trial_ended(hold):
    (first, _), story = played("random_dots", lambda env: previous_outcome_v0(env, hold=hold), **DOTS)
    assert (first[0][ME][3:] == 0).all()
    held, ends = 0, 0
    for _, (seen, *_), (*_, infos) in story:
        code = infos[ME]["outcome"]
        held = code or held
        shown = held if hold else code
        assert seen[ME][3:].tolist() == [float(shown == end) for end in range(1, 7)]
        ends += code > 0
    assert ends == 3
    names = previous_outcome_v0(parallel_env("random_dots")).channel_names(ME)[3:]
    assert names == tuple(f"previous_outcome_{end.label}" for end in Outcome if end)
    dual = previous_outcome_v0(parallel_env("dual_random_dots")).channel_names(ME)
    assert dual[6] == "first.previous_outcome_correct"
    assert dual[12] == "second.previous_outcome_correct"


def test_clock_shows_the_time_since_the_trial_began():
    (first, _), story = played("random_dots", clock_v0, **DOTS)
    assert first[0][ME][3] == 0
    time = 0.0
    for _, (seen, *_), (*_, infos) in story:
        time = 0.0 if infos[ME]["trial_end"] else time + 0.1
        assert seen[ME][3] == pytest.approx(time, abs=1e-6)


def test_frame_stack_shows_the_last_frames_oldest_first():
    (first, bare), story = played("random_dots", lambda env: frame_stack_v0(env, frames=3))
    frames = [np.zeros(3), np.zeros(3), bare[0][ME]]
    assert np.array_equal(first[0][ME], np.concatenate(frames))
    for _, (seen, *_), (own, *_) in story:
        frames = [*frames[1:], own[ME]]
        assert np.array_equal(seen[ME], np.concatenate(frames))
    names = frame_stack_v0(parallel_env("random_dots"), frames=2).channel_names(ME)
    assert names[:4] == ("fixation@-1", "motion_left@-1", "motion_right@-1", "fixation")


def test_delay_shows_what_was_seen_some_steps_ago():
    (first, bare), story = played("random_dots", lambda env: delay_observation_v0(env, steps=2))
    way = [np.zeros(3), np.zeros(3), bare[0][ME]]
    assert (first[0][ME] == 0).all()
    for _, (seen, rewards, *_), (own, paid, *_) in story:
        way = [*way[1:], own[ME]]
        assert np.array_equal(seen[ME], way[0])
        assert rewards == paid


def test_padding_and_indicators_stand_behind_what_is_seen():
    env = agent_indicator_v0(pad_observation_v0(previous_reward_v0(parallel_env(PAIR))))
    seen, _ = env.reset(seed=0)
    widths = {agent: len(array) for agent, array in seen.items()}
    assert len(set(widths.values())) == 1
    names = env.channel_names("ann_0")
    assert names[-2:] == ("is_ann_0", "is_bob_0")
    assert seen["ann_0"][-2:].tolist() == [1, 0]
    assert seen["bob_0"][-2:].tolist() == [0, 1]
    env = pad_observation_v0(gym_env("random_dots"), width=5)
    assert env.reset(seed=0)[0][3:].tolist() == [0, 0]
    assert env.observation_space.high[3:].tolist() == [0, 0]
    three = Scenario.load({"name": "three", "subjects": dict.fromkeys(("ape_0", "ape_1", "man_0"), DOTS_ONLY)})
    env = agent_indicator_v0(parallel_env(three), by_kind=True)
    assert env.channel_names("man_0")[-2:] == ("is_ape", "is_man")
    assert [seen[-2:].tolist() for seen in env.reset(seed=0)[0].values()] == [[1, 0], [1, 0], [0, 1]]


def test_a_partner_is_seen_as_it_was_in_the_step_before():
    everything = ("observation", "action", "reward")
    (first, bare), story = played(PAIR, lambda env: partner_view_v0(env, everything, {"ann_0": ["bob_0"]}))
    width = {agent: len(array) for agent, array in bare[0].items()}
    assert (first[0]["ann_0"][width["ann_0"] :] == 0).all()
    before = bare[0]["bob_0"]
    for actions, (seen, *_), (own, rewards, *_) in story:
        added = seen["ann_0"][width["ann_0"] :]
        expected = [*before, *np.eye(2)[actions["bob_0"]], np.float32(rewards["bob_0"])]
        assert added.tolist() == [float(value) for value in expected]
        assert np.array_equal(seen["bob_0"], own["bob_0"])
        before = own["bob_0"]
    names = partner_view_v0(parallel_env(PAIR), everything).channel_names("bob_0")
    assert names[-7:] == (
        *("ann_0.fixation", "ann_0.motion_left", "ann_0.motion_right"),
        *("ann_0.action_0", "ann_0.action_1", "ann_0.action_2", "ann_0.reward"),
    )


# ---- noise ----


def test_noise_has_its_size_and_is_independent_of_everything():
    lanes, steps = 400, 50
    scenario = Scenario.load(PAIR)
    engine, bare = noise_v0(noise_v0(batch(scenario, lanes), 0.5), 1.5), batch(scenario, lanes)
    noise = {agent: [] for agent in engine.possible_agents}
    seen, own = engine.reset(seed=1)[0], bare.reset(seed=1)[0]
    for _ in range(steps):
        for agent in noise:
            noise[agent].append(seen[agent].astype(float) - own[agent])
        actions = {agent: np.zeros(lanes, int) for agent in noise}
        seen, own = engine.step(actions)[0], bare.step(actions)[0]
    ann, bob = (np.array(values) for values in noise.values())
    assert ann.std() == pytest.approx(math.hypot(0.5, 1.5), rel=5 / math.sqrt(2 * ann.size))
    for a, b in (
        (ann[..., 0], ann[..., 1]),
        (ann[..., 0], bob[..., 0]),
        (ann[:-1, :, 0], ann[1:, :, 0]),
        (ann[:, :-1, 0], ann[:, 1:, 0]),
    ):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / math.sqrt(a.size)


def test_noise_of_a_lane_is_the_same_in_any_batch_and_another_in_every_session():
    def first(lanes, lane, resets=1, seed=3):
        engine, bare = (wrap(batch("random_dots", lanes)) for wrap in (noise_v0, lambda env: env))
        for number in range(resets):
            pair = [env.reset(seed if number == 0 else None)[0][ME][lane] for env in (engine, bare)]
        return pair[0] - pair[1]

    assert np.array_equal(first(3, 2), first(50, 2))
    different = [first(3, 2), first(3, 1), first(3, 2, resets=2), first(3, 2, seed=4)]
    assert len({tuple(noise) for noise in different}) == 4
    one = noise_v0(gym_env("random_dots", lane=2)).reset(seed=3)[0] - gym_env("random_dots", lane=2).reset(seed=3)[0]
    assert np.array_equal(one, first(3, 2))


def test_noise_is_added_to_the_named_channels_only():
    env, bare = noise_v0(gym_env("random_dots"), 0.5, channels=["fixation"]), gym_env("random_dots")
    seen, own = env.reset(seed=0)[0], bare.reset(seed=0)[0]
    assert (seen != own).tolist() == [True, False, False]
    assert np.array_equal(noise_v0(gym_env("random_dots"), 0.0).reset(seed=0)[0], own)


# ---- what is done ----


def test_sticky_actions_repeat_as_often_as_asked_each_lane_by_itself():
    lanes, steps, p = 300, 60, 0.3
    engine = previous_action_v0(batch("random_dots", lanes), encoding="index")
    outer = sticky_action_v0(engine, probability=p)
    outer.reset(seed=0)
    rng, stuck, last = np.random.default_rng(0), [], None
    for _ in range(steps):
        actions = rng.integers(3, size=lanes)
        seen = outer.step({ME: actions})[0][ME][:, -1]  # what was really done
        if last is not None:
            differ = actions != last
            assert ((seen == actions) | (seen == last)).all()
            stuck.append(np.where(differ, seen == last, np.nan))
        else:
            assert np.array_equal(seen, actions)  # nothing to repeat yet
        last = seen.astype(int)
    stuck = np.array(stuck)
    known = stuck[~np.isnan(stuck)]
    assert known.mean() == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / known.size))
    neighbours = stuck[:, :-1], stuck[:, 1:]
    both = ~np.isnan(neighbours[0]) & ~np.isnan(neighbours[1])
    assert abs(np.corrcoef(neighbours[0][both], neighbours[1][both])[0, 1]) < 5 / math.sqrt(both.sum())


def test_what_is_shown_above_and_below_a_wrapper_of_actions_is_what_was_said_and_done_there():
    inside = previous_action_v0(parallel_env("random_dots"), encoding="index")
    env = previous_action_v0(pad_action_v0(inside, actions=6), encoding="index")
    env.reset(seed=0)
    assert env.action_space(ME) == Discrete(6)
    seen = env.step({ME: 5})[0][ME]
    assert seen[-2:].tolist() == [0, 5]  # action 5 does not exist, so holding was done
    with pytest.raises(ActionError, match="0 to 5"):
        env.step({ME: 6})
    pair = pad_action_v0(parallel_env(PAIR))
    assert pair.action_space("bob_0") == pair.action_space("ann_0") == Discrete(3)
    assert pad_action_v0(parallel_env("dual_random_dots"), actions=4).action_space(ME) == MultiDiscrete([4, 4])


def test_a_joint_action_is_the_factored_one_by_another_name():
    joint, factored = joint_action_v0(parallel_env("dual_random_dots")), parallel_env("dual_random_dots")
    assert joint.action_space(ME) == Discrete(9)
    joint.reset(seed=2)
    factored.reset(seed=2)
    rng = np.random.default_rng(0)
    for _ in range(200):
        number = int(rng.integers(9))
        one, other = joint.step({ME: number}), factored.step({ME: np.unravel_index(number, (3, 3))})
        np.testing.assert_equal(one, other)
    assert len(joint.trials()) > 10
    for wrong in (9, -1, 1.5, [1, 1]):
        with pytest.raises(ActionError):
            joint.step({ME: wrong})


# ---- the bottleneck ----


def passed(actions, **options):
    """What passes of a list of actions of two streams."""
    inside = previous_action_v0(parallel_env("dual_random_dots"), encoding="index")
    env = serial_access_v0(inside, **options)
    env.reset(seed=0)
    return [env.step({ME: action})[0][ME][-2:].astype(int).tolist() for action in actions]


def test_while_one_response_is_processed_that_of_the_other_stream_waits():
    actions = [[0, 0], [1, 0], [0, 2], [0, 0], [0, 0], [0, 0]]
    assert passed(actions, refractory=300) == [[0, 0], [1, 0], [0, 0], [0, 0], [0, 2], [0, 0]]
    assert passed(actions, refractory=100) == [[0, 0], [1, 0], [0, 2], [0, 0], [0, 0], [0, 0]]
    assert passed(actions, refractory=300, waiting="drop") == [[0, 0], [1, 0], *[[0, 0]] * 4]


def test_of_two_responses_at_once_one_is_drawn_and_the_other_follows():
    order = []
    for lane in range(40):
        inside = previous_action_v0(parallel_env("dual_random_dots", lane=lane), encoding="index")
        env = serial_access_v0(inside, refractory=200)
        env.reset(seed=0)
        done = [env.step({ME: action})[0][ME][-2:].tolist() for action in ([1, 2], [0, 0], [0, 0])]
        assert done in ([[1, 0], [0, 0], [0, 2]], [[0, 2], [0, 0], [1, 0]])
        order.append(done[0][0] == 1)
    assert 8 < sum(order) < 32


def test_what_waits_is_forgotten_when_its_trial_ends():
    lanes = 200
    inside = previous_action_v0(batch("dual_random_dots", lanes, session={"trials": 4}), encoding="index")
    engine = serial_access_v0(inside, refractory=500)
    engine.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(150):
        *_, infos = engine.step({ME: rng.integers(3, size=(lanes, 2))})
        for factor, key in enumerate(("first.trial_end", "second.trial_end")):
            ended = infos[ME][key].astype(bool)
            assert (engine.parts[ME].memory["waits"][factor, ended] == 0).all()
    assert len(engine.trials()) > lanes


def test_a_message_is_no_response_and_always_passes():
    scenario = Scenario.load("dual_random_dots").replace(**{f"subjects.{ME}.message": {"levels": 3}})
    env = serial_access_v0(previous_action_v0(parallel_env(scenario), encoding="index"))
    env.reset(seed=0)
    assert [env.step({ME: action})[0][ME][-3:].tolist() for action in ([1, 0, 2], [0, 2, 1])] == [[1, 0, 2], [0, 0, 1]]


# ---- decisions ----

TWO_HANDS = Scenario.load("prp").replace(
    **{
        f"subjects.{ME}.streams.{name}.{key}": value
        for name in ("first", "second")
        for key, value in (("params.sigma", 0), ("timing.stimulus", 2500), ("timing.response", 0))
    }
)


def second_times(wrap, central, lanes=40, steps=1500):
    """Response times of the second stream (s) by asynchrony (ms), of who decides in parallel on all that it sees.

    A decision on a stream takes so many ms of evidence; only what is seen counts.
    """
    env = wrap(batch(TWO_HANDS, lanes) if lanes else parallel_env(TWO_HANDS))
    needs = np.array(central) / env.dt
    names = env.channel_names(ME)
    rows = [[i for i, name in enumerate(names) if name.startswith(head)] for head in ("first.", "second.")]
    seen, counts = env.reset(seed=0)[0][ME], 0
    for _ in range(steps):
        evidence = np.stack([seen[..., own].any(axis=-1) for own in rows], axis=-1)
        counts = counts + evidence
        observations, *_, infos = env.step({ME: (evidence & (counts == needs)).astype(int)})
        seen, info = observations[ME], infos[ME]
        ended = np.stack([np.asarray(info[f"{name}.trial_end"]) for name in ("first", "second")], axis=-1)
        counts = counts * (ended == 0)
    trials = env.trials()
    second = trials["stream"] == "second"
    times, soa = trials["response_time_s"][second], trials["soa_ms"][second]
    assert np.isfinite(times).all()
    return {int(a): np.unique(times[soa == a].round(6)).tolist() for a in np.unique(soa)}


@pytest.mark.parametrize(("lanes", "steps"), [(40, 1500), (None, 12_000)])
def test_a_slower_second_decision_costs_its_whole_time_at_every_asynchrony_behind_a_central_bottleneck(lanes, steps):
    def behind(central, perception):
        return second_times(lambda env: serial_decision_v0(env, perception), central, lanes, steps)

    usual = behind((300, 200), 100)
    slower = behind((300, 300), 100)
    later = behind((300, 200), {"first": 100, "second": 200})
    assert sorted(usual) == [0, 50, 100, 150, 300, 500, 800, 1200]
    for soa, times in usual.items():  # max(P2, P1 + C1 - SOA) + C2
        assert times == pytest.approx([(max(100, 400 - soa) + 200) / 1000])
        assert slower[soa] == pytest.approx([times[0] + 0.1])
        assert later[soa] == pytest.approx([(max(200, 400 - soa) + 200) / 1000])  # absorbed up to 200 ms


def test_behind_a_peripheral_bottleneck_a_slower_second_decision_is_absorbed():
    usual, slower = (second_times(lambda env: serial_access_v0(env, 300), (150, c)) for c in (150, 250))
    for soa in (50, 100, 150):
        assert slower[soa] == usual[soa]
    assert slower[1200][0] - usual[1200][0] == pytest.approx(0.1)


def test_evidence_that_waits_is_kept_and_shown_from_its_beginning():
    bare, env = batch("dual_random_dots", 3), serial_decision_v0(batch("dual_random_dots", 3), memory=1000)
    shown, seen = [bare.reset(seed=0)[0][ME]], [env.reset(seed=0)[0][ME]]
    for step in range(7):
        actions = {ME: np.tile([int(step == 4), 0], (3, 1))}
        shown.append(bare.step({ME: np.zeros((3, 2), int)})[0][ME])
        seen.append(env.step(actions)[0][ME])
    names = env.channel_names(ME)
    second = [i for i, name in enumerate(names) if name.startswith("second.motion")]
    begins = next(i for i, one in enumerate(seen) if not one[:, second].any())
    ends = 5  # the response to the first stream
    assert all(not one[:, second].any() for one in seen[begins:ends])
    for step in range(ends, 8):
        assert np.array_equal(seen[step][:, second], shown[step - (ends - begins)][:, second])


# ---- attention ----


def test_only_one_stream_is_seen_in_a_step_and_cues_always_pass():
    lanes, shares = 500, {"first": 3, "second": 1}
    engine, bare = share_attention_v0(batch("dual_random_dots", lanes), shares), batch("dual_random_dots", lanes)
    seen, own, looks = engine.reset(seed=0)[0][ME], bare.reset(seed=0)[0][ME], []
    for _ in range(40):
        first, second = (seen[:, rows] != 0 for rows in ([1, 2], [4, 5]))
        assert (first.all(axis=1) ^ second.all(axis=1)).all()
        assert np.array_equal(np.where(seen == 0, own, seen), own)
        assert np.array_equal(seen[:, [0, 3]], own[:, [0, 3]])
        looks.append(first.all(axis=1))
        actions = {ME: np.zeros((lanes, 2), int)}
        seen, own = engine.step(actions)[0][ME], bare.step(actions)[0][ME]
    looks = np.array(looks)
    assert looks.mean() == pytest.approx(0.75, abs=5 * math.sqrt(0.75 * 0.25 / looks.size))
    last = share_attention_v0(batch("dual_random_dots", 3), unattended="last")
    shown = [last.reset(seed=0)[0][ME]]
    shown += [last.step({ME: np.zeros((3, 2), int)})[0][ME] for _ in range(5)]
    for before, after in pairwise(shown):
        same = before[:, [1, 4]] == after[:, [1, 4]]
        assert (same.sum(axis=1) == 1).all()


@pytest.mark.parametrize("shares", [{"first": 1, "second": 3}, {"first": 1, "second": 1}, {"first": 3, "second": 7}])
def test_samples_are_allotted_without_replacement(shares):
    lanes, steps = 400, 60
    engine = share_attention_v0(batch("dual_random_dots", lanes), shares)
    seen, looks = engine.reset(seed=1)[0][ME], []
    for _ in range(steps):
        looks.append((seen[:, [1, 2]] != 0).all(axis=1))
        seen = engine.step({ME: np.zeros((lanes, 2), int)})[0][ME]
    share = shares["first"] / sum(shares.values())
    looked = np.concatenate([np.zeros((1, lanes), int), np.cumsum(looks, axis=0)])
    for length in (1, 8, 20):
        counts = looked[length:] - looked[:-length]
        assert set(np.unique(counts)) <= {math.floor(length * share + 1e-9), math.ceil(length * share - 1e-9)}
    first = np.mean(looks[0])
    assert first == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / lanes))


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("steps", [8, 20])  # 8: as shipped
def test_a_share_of_the_samples_costs_its_root_in_d_prime(share, steps):
    lanes, coherence = 4000, 25.6
    params = {"coherences": [coherence]}
    scenario = Scenario.load("dual_random_dots").replace(
        **{f"subjects.{ME}.streams.{name}.params": params for name in ("first", "second")},
        **{f"subjects.{ME}.streams.{name}.timing.stimulus": steps * 100 for name in ("first", "second")},
    )
    engine = batch(scenario, lanes)
    stream = engine.streams[0]
    period = [p for p, _ in enumerate(next(s for _, s in scenario.stream_items()).make().timing)][1]
    if share < 1:
        engine = share_attention_v0(engine, {"first": share, "second": 1 - share})
    seen, infos = engine.reset(seed=5)
    total = np.zeros(lanes)
    for _ in range(steps + 3):
        during = infos[ME]["first.period"] == period
        total += during * (seen[ME][:, 1].astype(float) - seen[ME][:, 2])
        truth = stream.tables.answer[stream.slot]
        seen, *_, infos = engine.step({ME: np.zeros((lanes, 2), int)})
    accuracy = ((total > 0) == (truth == 1)).mean()
    sigma = stream.tables.task.sigma / math.sqrt(100)
    one = coherence / 100 / (sigma * math.sqrt(2))  # d' of a sample, which is a difference of two channels

    def phi(z):
        return 0.5 * math.erfc(-z / math.sqrt(2))

    expected = phi(one * math.sqrt(steps * share))
    assert accuracy == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / lanes))


# ---- what is paid and told ----


def test_rewards_are_scaled_and_kept_within_limits():
    def wrap(env):
        return previous_reward_v0(scale_reward_v0(env, factor=-2.0, low=-1.5))

    _, story = played("random_dots", wrap, **DOTS)
    for _, (seen, rewards, *_), (_, paid, *_) in story:
        assert rewards[ME] == max(-2.0 * paid[ME], -1.5)
        assert type(rewards[ME]) is float
        assert seen[ME][-1] == np.float32(rewards[ME])
    _, story = played("random_dots", wrap, steps=300)
    assert any(paid[ME] for *_, (_, paid, *_) in story)


def test_pulses_mark_periods_in_the_infos():
    def wrap(env):
        return sync_pulse_v0(env, ["stimulus", "decision"])

    (first, bare), story = played("random_dots", wrap, **DOTS)
    timing = list(Scenario.load("random_dots").subjects[ME].streams["random_dots"].make().timing)
    told = [(first[1], bare[1]), *((step[4], plain[4]) for _, step, plain in story)]
    for info, plain in told:
        period = plain[ME]["period"]
        expected = {f"pulse.{name}": int(period == timing.index(name)) for name in ("stimulus", "decision")}
        assert info[ME] == {**plain[ME], **expected}
    assert {info[ME]["pulse.stimulus"] for info, _ in told} == {0, 1}
    vec = sync_pulse_v0(vector_env("dual_random_dots", 3), "first.stimulus")
    _, infos = vec.reset(seed=0)
    assert infos["pulse.first.stimulus"].shape == (3,)
    assert infos["_pulse.first.stimulus"].all()
    engine = sync_pulse_v0(batch("random_dots", 3), ["stimulus"])
    assert list(engine.reset(seed=0)[1][ME])[-1] == "pulse.stimulus"
    assert engine.infos()[ME]["pulse.stimulus"].shape == (3,)


# ---- together ----

COMMUTE = [
    (previous_reward_v0, previous_action_v0),
    (previous_outcome_v0, clock_v0),
    (sync_pulse_v0, noise_v0),
    (scale_reward_v0, frame_stack_v0),
    (delay_observation_v0, frame_stack_v0),
]


@pytest.mark.parametrize("pair", COMMUTE, ids=lambda pair: " and ".join(f.__name__ for f in pair))
def test_wrappers_that_do_not_touch_the_same_thing_commute(pair):
    options = {
        sync_pulse_v0: {"periods": "stimulus"},
        scale_reward_v0: {"factor": 3.0},
        delay_observation_v0: {"steps": 2},
    }

    def stack(*functions):
        env = parallel_env("random_dots", **DOTS)
        for function in functions:
            env = function(env, **options.get(function, {}))
        env.reset(seed=1)
        return env

    one, other = stack(*pair), stack(*reversed(pair))
    order = [other.channel_names(ME).index(name) for name in one.channel_names(ME)]
    rng = np.random.default_rng(0)
    while one.agents:
        actions = {ME: drawn(one.action_space(ME), rng, calm=True)}
        a, b = one.step(actions), other.step(actions)
        assert np.array_equal(a[0][ME], b[0][ME][order])
        np.testing.assert_equal(a[1:], b[1:])


def test_repr_shows_the_stack():
    env = clock_v0(noise_v0(scale_reward_v0(gym_env("random_dots"))))
    assert repr(env) == "Clock<Noise<ScaleReward<GymEnvironment(random_dots)>>>"


REFUSED = [
    (noise_v0, "random_dots", {"sigma": -1}, "sigma is -1"),
    (noise_v0, "random_dots", {"sigma": 1e300}, "sigma is 1e"),
    (noise_v0, "random_dots", {"channels": ["motoin_left"]}, "Did you mean 'motion_left'"),
    (frame_stack_v0, "random_dots", {"frames": 0}, "frames is 0"),
    (delay_observation_v0, "random_dots", {"steps": 0}, "steps is 0"),
    (pad_observation_v0, "random_dots", {}, "is the only agent; say how wide"),
    (pad_observation_v0, "random_dots", {"width": 2}, "more than width=2"),
    (pad_action_v0, "random_dots", {}, "say how many"),
    (pad_action_v0, "random_dots", {"actions": 2}, "more than actions=2"),
    (agent_indicator_v0, "random_dots", {}, "nobody to tell apart"),
    (partner_view_v0, "random_dots", {}, "it has no partner"),
    (partner_view_v0, PAIR, {"shows": ["actoin"]}, "Did you mean 'action'"),
    (partner_view_v0, PAIR, {"partners": {"ann_0": ["bob"]}}, "Did you mean 'bob_0'"),
    (joint_action_v0, "random_dots", {}, "only those of several streams"),
    (serial_access_v0, "random_dots", {}, "only those of several streams"),
    (serial_access_v0, "dual_random_dots", {"refractory": 150}, "multiple of dt = 100"),
    (serial_access_v0, "dual_random_dots", {"waiting": "queu"}, "Did you mean 'queue'"),
    (serial_decision_v0, "random_dots", {}, "no streams with channels and responses of their own"),
    (serial_decision_v0, "dual_random_dots", {"perception": 150}, "multiple of dt = 100"),
    (serial_decision_v0, "dual_random_dots", {"perception": {"frist": 100}}, "Did you mean 'first'"),
    (serial_decision_v0, "dual_random_dots", {"evidence": "stimulis"}, "Did you mean 'first.stimulus'"),
    (serial_decision_v0, "dual_random_dots", {"perception": 300, "memory": 300}, "above the perceptual latency"),
    (share_attention_v0, "random_dots", {}, "no streams with channels of their own"),
    (share_attention_v0, "dual_random_dots", {"shares": {"frist": 1}}, "Did you mean 'first'"),
    (share_attention_v0, "dual_random_dots", {"shares": {"first": 0}}, "one must be above 0"),
    (share_attention_v0, "dual_random_dots", {"unattended": "noise"}, "unattended is 'noise'"),
    (sticky_action_v0, "random_dots", {"probability": 1.5}, "from 0 to 1"),
    (scale_reward_v0, "random_dots", {"low": 1}, "0 must be within"),
    (sync_pulse_v0, "random_dots", {"periods": ["stimulis"]}, "Did you mean 'stimulus'"),
]


@pytest.mark.parametrize(("function", "what", "options", "message"), REFUSED)
def test_what_makes_no_sense_is_refused_with_the_reason(function, what, options, message):
    for factory in (parallel_env, lambda what: batch(what, 2)):
        with pytest.raises(ArgumentError, match=message):
            function(factory(what), **options)


def test_what_an_environment_does_not_tell_cannot_be_shown():
    for function in (clock_v0, previous_outcome_v0):
        with pytest.raises(ArgumentError, match="neuroparallel's own environments have it"):
            function(gymnasium.make("CartPole-v1")).reset(seed=0)
    with pytest.raises(ArgumentError, match="has no scenario"):
        sync_pulse_v0(gymnasium.make("CartPole-v1"), "stimulus")


def test_randomness_in_others_environments_follows_their_seeds():
    def first(env, **options):
        return env.reset(**options)[0]

    def noise(resets, seed=3):
        env, bare = noise_v0(gymnasium.make("CartPole-v1")), gymnasium.make("CartPole-v1")
        for number in range(resets):
            pair = first(env, seed=seed if number == 0 else None), first(bare, seed=seed if number == 0 else None)
        return tuple(pair[0] - pair[1])

    assert noise(1) == noise(1)
    assert len({noise(1), noise(2), noise(1, seed=4)}) == 3
    vec = noise_v0(SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 3))
    bare = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 3)
    added = first(vec, seed=[3, 4, 5]) - first(bare, seed=[3, 4, 5])
    assert tuple(added[0]) == noise(1)


# ---- room for what is added ----


@pytest.mark.parametrize("make", [parallel_env, gym_env])
def test_only_sessions_that_a_wrapper_begins_have_room_behind_their_observations(make):
    def seen(result):
        return result[0][ME] if isinstance(result[0], dict) else result[0]

    action = {ME: 2} if make is parallel_env else 2
    env, plain = make("random_dots"), make("random_dots")
    wrapped = previous_reward_v0(env)
    first = seen(wrapped.reset(seed=1))
    assert first.tolist() == [*seen(plain.reset(seed=1)), 0.0]
    after = seen(wrapped.step(action))
    assert after.tolist() == [*seen(plain.step(action)), np.float32(-0.1)]
    assert first.base is after.base, "neither was copied: both are rows of the engine's own"
    saved = env.get_state()
    assert seen(env.reset(seed=1)).tolist() == first[:3].tolist()
    assert seen(env.step(action)).tolist() == after[:3].tolist()
    assert seen(wrapped.step(action)).shape == (4,), "a session without room is copied"
    env.set_state(saved)
    assert seen(wrapped.step(action))[:3].tolist() == seen(plain.step(action)).tolist()


def test_room_is_empty_in_every_step_of_a_long_session():
    (first, bare), story = played("random_dots", previous_outcome_v0, steps=600)
    assert first[0][ME].tolist() == [*bare[0][ME], *[0.0] * 6]
    for _, (seen, *_), (plain, *_, infos) in story:
        ended = [float(infos[ME]["outcome"] == end) for end in range(1, 7)]
        assert seen[ME].tolist() == [*plain[ME].tolist(), *ended]
