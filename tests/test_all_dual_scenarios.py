"""What must hold for every shipped scenario in which a subject does several things, and the n-back ones by numbers."""

from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from neuroparallel.engine.noise import noise_sd
from neuroparallel.scenario import Scenario, list_scenarios
from tests.engine.comparing import bits, draw_actions, engine
from tests.tasks import playing
from tests.tasks.test_n_back import Rememberer, compares

AGENT = "subject_0"
ALL = {name: Scenario.load(name) for name in list_scenarios()}
DUAL = [name for name, scenario in ALL.items() if any(len(s.streams) > 1 for s in scenario.subjects.values())]


def hold(batch):
    return draw_actions(batch, "hold", np.random.default_rng(0))


def oracle(batch):
    return draw_actions(batch, "oracle", np.random.default_rng(0))


def own_columns(batch, stream, alone=False):
    """The columns of a stream in its subject's observation, by the names it has for them."""
    names = batch.channel_names(batch.layout.subjects[stream.spec.subject].name)
    prefix = "" if alone else f"{stream.spec.short}."
    wanted = stream.tables.channels.names
    return {name: names.index(prefix + name) for name in wanted if prefix + name in names}


def streams_of_several(batch):
    """Index, stream and agent of those streams whose subject has others as well."""
    for index, stream in enumerate(batch.streams):
        subject = batch.layout.subjects[stream.spec.subject]
        if len(subject.streams) > 1 and subject.observation != "shared":
            yield index, stream, subject.name


def noise_by_state(scenario, steps, lanes, act):
    """For each stream that rests now and then: noise in units of its declared s.d. (n, channels), and who was live."""
    batch, found = engine(scenario, lanes), {}
    seen = batch.reset(2)[0]
    for _ in range(steps):
        for index, stream, agent in streams_of_several(batch):
            sd = noise_sd(stream.tables)
            noisy = {name: at for name, at in own_columns(batch, stream).items() if sd[at_of(stream, name)] > 0}
            rows = [at_of(stream, name) for name in noisy]
            rest = (seen[agent][:, list(noisy.values())] - stream.shown(batch.now)[rows].T) / sd[rows]
            found.setdefault(index, []).append((rest.astype(float), ~stream.idle))
        seen = batch.step(act(batch))[0]
    both = {index: [np.concatenate(part) for part in zip(*parts, strict=True)] for index, parts in found.items()}
    return {index: pair for index, pair in both.items() if 0.02 < pair[1].mean() < 0.98 and pair[0].shape[1]}


def at_of(stream, name):
    return list(stream.tables.channels.names).index(name)


def told_apart(noise, live):
    """Share of held-out steps in which a linear classifier of values, sizes and squares is right."""
    rng = np.random.default_rng(0)
    classes = [np.flatnonzero(live == state) for state in (True, False)]
    n = min(map(len, classes))
    rows = np.concatenate([rng.permutation(one)[:n] for one in classes])
    inputs = np.column_stack([noise, abs(noise), noise**2, np.ones(len(noise))])[rows]
    target, train = np.repeat([1.0, -1.0], n), rng.random(2 * n) < 0.5
    weights = np.linalg.lstsq(inputs[train], target[train], rcond=None)[0]
    return float((np.sign(inputs[~train] @ weights) == target[~train]).mean()), int((~train).sum())


@pytest.mark.parametrize("name", DUAL)
def test_noise_alone_does_not_tell_whether_a_stream_is_live_or_idle(name):
    shortest = min(60, 6000 // max(int(engine(ALL[name], 1).layout.dt), 1))
    for noise, live in noise_by_state(ALL[name], 4 * shortest, 100, hold).values():
        for state in (live, ~live):
            rows = noise[state]
            assert (abs(rows.mean(axis=0)) < 4.5 / len(rows) ** 0.5).all()
            assert (abs(rows.std(axis=0) - 1) < 4.5 / (2 * len(rows)) ** 0.5).all()
        share, n = told_apart(noise, live)
        assert abs(share - 0.5) < 4.5 * 0.5 / n**0.5


def test_a_classifier_does_tell_zeros_from_noise():
    noise, live = np.random.default_rng(0).normal(size=(4000, 2)), np.arange(4000) % 2 == 0
    assert told_apart(np.where(live[:, None], noise, 0.0), live)[0] > 0.8
    assert abs(told_apart(noise, live)[0] - 0.5) < 0.05


def coupled(scenario):
    """Whether something in the scenario lets one stream change what another one is shown or asked."""
    groups = [group for group in scenario.groups.values() if len(group.streams) > 1]
    tied = any(g.game or g.rule or g.yoked or g.deadline or g.then or g.abort == "trial" for g in groups)
    return tied or any(subject.response_lock for subject in scenario.subjects.values())


def live_steps(batch, index, agent, columns, act, trials):
    """What each lane saw of a stream while it was live: a list, by lane, of float32 (steps, columns)."""
    seen, shown, live = batch.reset(7)[0], [], []
    while batch.streams[index].trial.min() < trials:
        shown.append(seen[agent][:, columns].copy())
        live.append(~batch.streams[index].idle)
        seen = batch.step(act(batch))[0]
    shown, live = np.array(shown), np.array(live)
    return [shown[live[:, lane], lane] for lane in range(batch.lanes)]


APART = [name for name in DUAL if not coupled(ALL[name])]
FACTORED = [name for name in APART if all(s.action == "factored" for s in ALL[name].subjects.values())]


@pytest.mark.parametrize(("name", "act"), [*((name, hold) for name in APART), *((name, oracle) for name in FACTORED)])
def test_a_stream_alone_is_itself_in_the_scenario_bit_for_bit(name, act):
    scenario, lanes, trials = ALL[name], 5, 2
    for index, stream, agent in streams_of_several(engine(scenario, lanes)):
        whole, alone = engine(scenario, lanes), engine(scenario.only(stream.spec.name), lanes)
        there, here = own_columns(whole, stream), own_columns(alone, alone.streams[0], alone=True)
        names = [column for column in here if column in there]  # a fused fixation cue is the subject's
        assert len(names) >= len(here) - 1
        ours = live_steps(whole, index, agent, [there[column] for column in names], act, trials)
        lone = live_steps(alone, 0, agent, [here[column] for column in names], act, trials)
        for one, other in zip(ours, lone, strict=True):
            n = min(len(one), len(other))
            assert n > trials
            assert (bits(one[:n]) == bits(other[:n])).all()
        table, same = whole.trials().where(stream=stream.spec.short), alone.trials()
        for lane in range(lanes):
            rows, others = table.where(lane=lane), same.where(lane=lane)
            n = min(len(rows), len(others))
            assert n >= trials
            for column in ("trial", *stream.tables.recorded, "outcome", "choice", "ground_truth", "reward"):
                np.testing.assert_array_equal(rows[column][:n], others[column][:n], err_msg=column)


def test_each_dual_scenario_has_its_row_in_the_guide():
    guide = (Path(__file__).resolve().parent.parent / "docs" / "dual_tasks.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip(" `") for line in guide.splitlines() if line.startswith("| `")]
    assert [name for name in ALL if "dual_task" in ALL[name].tags and name not in rows] == []


# ---- n-back in company -----------------------------------------------------------------------------


def side_by_side(table, first, second):
    """Rows of the same trials of two streams, lead-in left out."""
    sides = [table.where(stream=name) for name in (first, second)]
    sides = [side.select(np.lexsort((side["trial"], side["lane"]))) for side in sides]
    np.testing.assert_array_equal(sides[0]["trial"], sides[1]["trial"])
    kept = sides[0]["lead_in"] == 0
    return [side.select(kept) for side in sides]


def without_noise(name):
    streams = {key: {"params": {**stream.params, "sigma": 0.0}} for key, stream in ALL[name].stream_items()}
    changes = {f"subjects.{key.replace('.', '.streams.')}.params": value["params"] for key, value in streams.items()}
    return engine(ALL[name].replace(**changes), 300)


def test_never_to_respond_is_right_in_seven_tenths_of_each_stream_and_in_half_of_both():
    batch = engine(ALL["dual_n_back"], 300)
    assert batch.action_space(AGENT).nvec.tolist() == [2, 2]
    position, letter = side_by_side(playing.run(batch, playing.hold, 20), "position", "letter")
    n = len(position)
    for stream in (position, letter):
        assert playing.near(stream["correct"].mean(), 0.7, n)
    assert playing.near((position["correct"] * letter["correct"]).mean(), 0.49, n)
    for one in ("target", "lure", "item"):
        for other in ("target", "lure", "item"):
            assert abs(np.corrcoef(position[one], letter[other])[0, 1]) < 4.5 / n**0.5


@pytest.mark.parametrize(
    ("depths", "perfect"), [((2, 2), (True, True)), ((2, 1), (True, False)), ((3, 2), (True, True))]
)
def test_two_memories_of_two_items_are_needed_for_both_streams(depths, perfect):
    batch, names = without_noise("dual_n_back"), ("position", "letter")
    subjects = [
        Rememberer(batch, depth, compares(min(depth, 2), 0), name) for depth, name in zip(depths, names, strict=True)
    ]

    def both(*moment):
        return {AGENT: np.stack([subject(*moment)[AGENT] for subject in subjects], axis=1)}

    for stream, all_right in zip(side_by_side(playing.run(batch, both, 20), *names), perfect, strict=True):
        luck = 0.3 / 8 + 0.7 * 7 / 8  # it responds to one item in eight, whether target or not
        assert playing.near(stream["correct"].mean(), 1.0 if all_right else luck, len(stream))


@pytest.mark.parametrize("subject", [playing.hold, playing.oracle, playing.uniform(2)])
def test_the_probe_comes_between_the_items_and_does_not_hold_them_up(subject):
    batch, live = engine(ALL["n_back_with_probe"], 50), []
    table = playing.run(batch, subject, 6, watch=lambda *_: live.append((~batch.streams[1].idle).any()))
    item, probe = side_by_side(table, "memory", "probe")
    np.testing.assert_allclose(item["duration_s"], 3.0)
    np.testing.assert_allclose(item["onset_s"], 3.0 * item["trial"])
    np.testing.assert_allclose(probe["onset_s"] - item["onset_s"], 1.0)
    shown = np.array(live[:180]).reshape(6, 30)  # 3 s in steps of 100 ms
    assert not shown[:, :10].any()
    assert not shown[:, 25:].any()
    assert shown[:, 10].all()


def test_a_subject_without_bottleneck_does_probe_and_memory_as_well_as_each_alone():
    batch = engine(ALL["n_back_with_probe"], 500)
    names = list(batch.channel_names(AGENT))
    dots = [names.index(f"probe.motion_{side}") for side in ("left", "right")]
    memory, sums = Rememberer(batch, 2, compares(2, 0), "memory"), np.zeros((500, 2))

    def both(_batch, observations, infos):
        period, action = infos[AGENT]["probe.period"], np.zeros((500, 2), int)
        sums[period == 0] = 0
        sums[period == 1] += observations[AGENT][period == 1][:, dots]
        action[:, 0] = memory(_batch, observations, infos)[AGENT]
        action[:, 1] = np.where(period == 3, np.where(sums[:, 0] > sums[:, 1], 1, 2), 0)
        return {AGENT: action}

    item, probe = side_by_side(playing.run(batch, both, 10), "memory", "probe")
    n = len(item)
    expected = [NormalDist().cdf(coherence / 100 * (900 / 2) ** 0.5) for coherence in (0, 6.4, 12.8, 25.6, 51.2)]
    assert playing.near(probe["correct"].mean(), np.mean(expected), n)
    assert item["correct"].mean() > 0.999
    assert playing.near((item["correct"] * probe["correct"]).mean(), item["correct"].mean() * np.mean(expected), n)
