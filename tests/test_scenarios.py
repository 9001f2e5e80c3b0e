"""What must hold for every shipped scenario; a new one is tested by existing. And the dual tasks, by their numbers."""

import copy
from pathlib import Path

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel.agents.goals import EXTRAS
from neuroparallel.cli import main
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.errors import NeuroparallelError, ScenarioError, UnknownNameError
from neuroparallel.outcomes import Outcome
from neuroparallel.scenario import Scenario, list_scenarios
from neuroparallel.scenario.compile import build_layout
from neuroparallel.tasks import list_tasks, make_task, task_class
from tests.tasks import playing
from tests.test_groups import renamed

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = list_scenarios()
DUAL = ["dpa_gng", "dpa_gng_paper"]
WITHHOLD, LICK = 0, 1


def engine(name, lanes=256):
    return BatchEngine(build_layout(Scenario.load(name)), lanes)


def played(what, subject, trials=12, lanes=256):
    batch = engine(what, lanes) if isinstance(what, str) else what
    return playing.run(batch, subject, trials)


def test_scenarios_are_listed_by_tag():
    dual = list_scenarios(tag="dual_task")
    assert set(DUAL) <= set(dual) < set(SCENARIOS)
    assert all("dual_task" in Scenario.load(name).tags for name in dual)
    with pytest.raises(UnknownNameError, match="Did you mean 'dual_task'"):
        list_scenarios(tag="dual_tsk")


def stages(name):
    """The scenario itself and every stage of its curriculum."""
    scenario = Scenario.load(name)
    steps = (scenario.train or {}).get("curriculum", [])
    return [scenario, *(scenario.replace(**step) for step in steps)]


# ---- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_says_what_it_is_and_what_to_expect(name):
    text = (ROOT / "scenarios" / f"{name}.yaml").read_text(encoding="utf-8")
    header = [line for line in text.split("\nname:")[0].splitlines() if line.startswith("#")]
    assert "Signature to expect" in " ".join(header)
    scenario = Scenario.load(name)
    assert scenario.name == name
    assert scenario.description.endswith((".", "?"))
    assert scenario.tags
    assert scenario.references


@pytest.mark.parametrize("name", SCENARIOS)
def test_is_the_same_after_writing_and_reading(name, tmp_path):
    scenario = Scenario.load(name)
    assert Scenario.load(scenario.dump()) == scenario
    file = tmp_path / "again.yaml"
    file.write_text(scenario.to_yaml(), encoding="utf-8")
    assert Scenario.load(file) == scenario
    assert scenario.resolve() == scenario


def bare(scenario):
    """What happens in a scenario, whatever it, its subjects and its groups are called, and however it is learnt."""
    dump = copy.deepcopy(scenario.dump())
    for key in ("name", "description", "tags", "references", "seed", "session", "policies", "train", "tune"):
        dump.pop(key, None)
    dump = renamed(dump, {subject: f"s{number}" for number, subject in enumerate(scenario.subjects)})
    return str(dump | {"groups": list(dump["groups"].values())})


def test_no_two_scenarios_are_the_same_experiment():
    found = {}
    for name in SCENARIOS:
        found.setdefault(bare(Scenario.load(name)), []).append(name)
    assert [names for names in found.values() if len(names) > 1] == []


def test_other_names_do_not_make_another_experiment():
    pennies = Scenario.load("matching_pennies")
    other = renamed(pennies.dump(), {"matcher": "zoe", "mismatcher": "adam"}) | {"name": "other"}
    other["groups"] = {"pair": other["groups"]["game"]}
    assert bare(Scenario.load(other)) == bare(pennies)
    assert bare(pennies.replace(**{"groups.game.game.miss": -1})) != bare(pennies)


@pytest.mark.parametrize("task", list_tasks())
def test_every_task_has_a_scenario_of_its_name_or_is_part_of_one(task):
    if task in SCENARIOS:
        streams = [stream for _, stream in Scenario.load(task).stream_items()]
        if len(streams) == 1:
            assert streams[0].task == task
        return
    used = {stream.task for name in SCENARIOS for _, stream in Scenario.load(name).stream_items()}
    assert task in used


@pytest.mark.parametrize("name", SCENARIOS)
def test_doing_what_is_right_is_always_correct(name):
    tasks = {stream.task for _, stream in Scenario.load(name).stream_items()}
    if not all(getattr(task_class(task), "certain", True) for task in tasks):
        pytest.skip("what is right does not always pay in this task")
    batch = engine(name)
    played(batch, playing.oracle)
    for stream, counts in batch.pop_tally().items():
        wrong = [Outcome.ERROR, Outcome.ABORT, Outcome.MISS, Outcome.CANCELLED]
        if (batch.streams[batch.stream_names.index(stream)].tables.answer < 0).all():
            wrong = [Outcome.ABORT]  # what is right depends on the others
        assert counts.sum() > 0
        assert not counts[wrong].any(), (stream, counts)


@pytest.mark.parametrize("name", SCENARIOS)
def test_criteria_and_curricula_name_what_exists(name):
    scenario = Scenario.load(name)
    train = scenario.train or {}
    streams = {full.split(".")[1] for full, _ in scenario.stream_items()}
    streams |= {full for full, _ in scenario.stream_items()}
    criterion = dict(train.get("criterion", {}))
    assert "source" in criterion or not criterion
    for other in ("reward", "distance", *EXTRAS):  # tests/agents/test_goals.py reads these
        criterion.pop(other, None)
    assert set(criterion) <= streams
    assert all(0 < least < 1 for least in criterion.values())
    assert len({str(stage.dump()) for stage in stages(name)}) == 1 + len(train.get("curriculum", []))


# ---- the dual task of Zhang et al. ----------------------------------------------------------------


@pytest.mark.parametrize("name", DUAL)
def test_every_trial_has_one_length_whatever_the_subject_does(name):
    for subject in (playing.hold, playing.oracle, playing.uniform(1)):
        table = played(name, subject, 3, 64)
        memory = table.where(stream="memory")
        steps = {"dpa_gng": 2.6, "dpa_gng_paper": 16.4}[name]
        np.testing.assert_allclose(memory["duration_s"], steps)
        assert set(np.round(np.diff(np.sort(np.unique(memory["onset_s"]))), 6)) == {steps}


def test_each_odour_comes_at_its_step():
    batch = engine("dpa_gng", 256)
    seen = []
    table = playing.run(batch, playing.hold, 1, 0, lambda o, _: seen.append(o["subject_0"].copy()))
    shown = np.stack(seen, axis=1) > 0.5
    names = batch.channel_names("subject_0")
    assert names[0] == "fixation"
    memory = table.where(stream="memory")
    lane = memory["lane"].astype(int)
    for kind in ("sample", "test"):
        first, last = {"sample": (2, 5), "test": (17, 20)}[kind]
        for item in (1, 2):
            on = shown[lane[memory[kind] == item]][:, :, names.index(f"memory.{kind}_{item}")]
            assert on[:, first:last].mean() > 0.999
            assert on[:, :first].mean() < 0.001
            assert on[:, last:].mean() < 0.001
    gonogo = table.where(stream="gonogo")
    for go, column in ((1, "gonogo.stimulus_go"), (0, "gonogo.stimulus_nogo")):
        on = shown[gonogo["lane"][gonogo["go"] == go].astype(int)][:, :, names.index(column)]
        assert on[:, 8:10].mean() > 0.999
        assert np.delete(on, [8, 9], axis=1).mean() < 0.001
    assert shown[:, :21, 0].all()
    assert not shown[:, 21:26, 0].any()


@pytest.mark.parametrize("name", DUAL)
def test_go_nogo_is_over_before_the_test_odour_in_every_stage(name):
    for scenario in stages(name):
        streams = scenario.subjects["subject_0"].streams
        inside = streams["gonogo"].onset.ms + sum(streams["gonogo"].make().timing.values())
        assert inside < streams["memory"].make().timing["delay"]
        batch = BatchEngine(build_layout(scenario), 32)
        table = playing.run(batch, playing.oracle, 2)
        assert set(table["outcome"]) == {"correct"}


def test_none_go_and_nogo_come_in_a_third_of_the_trials_each():
    batch = engine("dpa_gng", 1000)
    table = played(batch, playing.hold, 8)
    trials = (table["stream"] == "memory").sum()
    gonogo = table.where(stream="gonogo")
    # `run` keeps the first trials of each stream; go/no-go has its own count, so ask the tally.
    tally = batch.pop_tally()
    n = tally["subject_0.memory"].sum()
    assert playing.near(tally["subject_0.gonogo"].sum() / n, 2 / 3, n)
    assert playing.near((gonogo["go"] == 1).mean(), 1 / 2, len(gonogo))
    assert trials == 8000


@pytest.mark.parametrize("name", DUAL)
def test_the_oracle_earns_one_and_the_fraction_of_go_nogo_trials(name):
    batch = engine(name)
    played(batch, playing.oracle)
    tally, reward = batch.pop_tally(), batch.pop_reward()
    assert reward == {stream: float(counts[Outcome.CORRECT]) for stream, counts in tally.items()}


@pytest.mark.parametrize("name", DUAL)
@pytest.mark.parametrize("action", [WITHHOLD, LICK])
def test_one_and_the_same_response_is_half_right_in_both_tasks(name, action):
    def always(batch, _observations, _infos):
        return {"subject_0": np.full(batch.lanes, action)}

    table = played(name, always)
    for stream in ("memory", "gonogo"):
        share, n = playing.correct(table.where(stream=stream))
        assert playing.near(share, 0.5, n)


@pytest.mark.parametrize("name", DUAL)
def test_without_memory_go_nogo_is_perfect_and_the_association_at_chance(name):
    """Licks to go and to the second test odour, by what was smelt since the last response window."""
    smelt = {}

    def reacting(batch, observations, infos):
        now = observations["subject_0"]
        names = list(batch.channel_names("subject_0"))
        for key, column in (("go", "gonogo.stimulus_go"), ("test", "memory.test_2")):
            on = now[:, names.index(column)] > 0.5
            smelt[key] = np.where(infos["subject_0"]["memory.trial_end"], False, smelt.get(key, False))
            smelt[key] |= on
        cue = now[:, 0] < 0.5  # the memory task asks
        return {"subject_0": np.where(cue, smelt["test"], smelt["go"] & window(batch)).astype(int)}

    def window(batch):
        return batch.streams[batch.stream_names.index("subject_0.gonogo")].window_open()

    table = played(name, reacting)
    share, n = playing.correct(table.where(stream="memory"))
    assert playing.near(share, 0.5, n)
    assert playing.correct(table.where(stream="gonogo"))[0] == 1


def test_an_early_lick_costs_a_tenth_once_whatever_is_going_on():
    for step, cost in ((0, -0.1), (3, -0.1), (8, -0.1), (10, -0.1), (18, -0.1), (25, -0.1)):
        batch = engine("dpa_gng", 64)
        batch.reset(0)
        for now in range(26):
            truth = batch.truth()["subject_0"]
            action = np.ones_like(truth) if now == step else truth
            _, rewards, *_ = batch.step({"subject_0": action})
            if now == step:
                np.testing.assert_allclose(rewards["subject_0"], cost)


def test_the_window_of_an_absent_distractor_is_no_window():
    batch = engine("dpa_gng", 256)
    batch.reset(0)
    for _ in range(11):
        batch.step({"subject_0": np.zeros(256, int)})
    present = batch.streams[1].window_open()
    _, rewards, *_ = batch.step({"subject_0": np.ones(256, int)})
    assert 0 < present.mean() < 1
    np.testing.assert_allclose(rewards["subject_0"][~present], -0.1)
    assert set(rewards["subject_0"][present]) == {-1.0, 1.0}


def test_noise_never_tells_whether_go_nogo_is_on():
    batch = engine("dpa_gng", 2000)
    table_of = []
    observations, infos = batch.reset(5)
    for _ in range(12):
        table_of.append((infos["subject_0"]["gonogo.period"], observations["subject_0"][:, 5:].copy()))
        observations, _, _, _, infos = batch.step({"subject_0": np.zeros(2000, int)})
    period = np.concatenate([p for p, _ in table_of])
    seen = np.concatenate([o for _, o in table_of]).astype(float)
    for rows in (seen[period == -1], seen[(period >= 0) & (seen.max(axis=1) < 0.5)]):
        assert abs(rows.std() - 0.1) < 4.5 * 0.1 / (2 * rows.size) ** 0.5
        assert abs(rows.mean()) < 4.5 * 0.1 / rows.size**0.5


@pytest.mark.parametrize("name", DUAL)
def test_the_memory_task_alone_is_the_same_bit_for_bit(name):
    scenario = Scenario.load(name)
    whole = BatchEngine(build_layout(scenario), 16)
    alone = BatchEngine(build_layout(scenario.only("memory")), 16)
    (seen, _), (lone, _) = whole.reset(9), alone.reset(9)
    for _ in range(200):
        np.testing.assert_array_equal(seen["subject_0"][:, :5], lone["subject_0"])
        truth = alone.truth()["subject_0"]
        lone, *_ = alone.step({"subject_0": truth})
        seen, *_ = whole.step({"subject_0": np.maximum(truth, whole.truth()["subject_0"])})


# ---- two random-dot displays ----------------------------------------------------------------------


def test_two_displays_are_independent_and_answered_apart():
    batch = engine("dual_random_dots", 2000)
    assert batch.action_space("subject_0").nvec.tolist() == [3, 3]
    observations, _ = batch.reset(1)
    sums = np.zeros((2000, 6))
    for step in range(11):
        if 2 <= step < 10:
            sums += observations["subject_0"]
        action = np.zeros((2000, 2), int)
        if step == 10:
            action = np.stack([sums[:, 1] < sums[:, 2], sums[:, 4] < sums[:, 5]], axis=1) + 1
        observations, *_ = batch.step({"subject_0": action})
    table = batch.trials()
    order = np.argsort(table.where(stream="first")["lane"])
    first, second = ((table.where(stream=stream)["outcome"] == "correct")[order] for stream in ("first", "second"))
    sides = [table.where(stream=stream)["side"][order] for stream in ("first", "second")]
    assert abs(np.corrcoef(*sides)[0, 1]) < 4 / 2000**0.5
    both = (first & second).mean()
    assert abs(both - first.mean() * second.mean()) < 4 * playing.se(both, 2000)


# ---- presets ----------------------------------------------------------------------------------------


def test_a_preset_changes_a_scenario_that_is_written_out_and_other_changes_win_over_it():
    one = Scenario.load("random_dots")
    key = next(name for name, _ in one.stream_items()).replace(".", ".streams.")
    fast = one.replace(preset="neurogym")
    task = make_task("random_dots", "neurogym")
    made = next(stream for _, stream in fast.stream_items()).make()
    assert made.timing == task.timing
    assert made.early == task.early
    changed = one.replace(**{f"subjects.{key}.timing.stimulus": 700, f"subjects.{key}.preset": "neurogym"})
    assert next(stream for _, stream in changed.stream_items()).make().timing["stimulus"] == 700
    with pytest.raises(ScenarioError, match="Did you mean 'neurogym'"):
        one.replace(preset="neurogim")


def test_a_task_behind_a_scenario_of_its_name_is_reached_everywhere():
    """`matching_pennies` is a scenario of two subjects, and a task of one."""
    what = "task:matching_pennies"
    assert len(Scenario.load("matching_pennies").subjects) == 2
    assert list(Scenario.load(what).subjects) == ["subject_0"]
    assert npar.parallel_env(what).possible_agents == npar.batch(what, lanes=2).possible_agents == ["subject_0"]
    assert npar.gym_env(what).unwrapped.scenario == npar.vector_env(what, num_envs=2).unwrapped.scenario
    assert main(["show", what]) == 0
    with pytest.raises(NeuroparallelError, match="Did you mean 'matching_pennies'"):
        Scenario.load("task:matching_penny")
