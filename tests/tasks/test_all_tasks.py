"""What must hold for every task; a new task is tested by existing.

A task class may set ``certain = False`` if doing what is right does not always pay, as where rewards are drawn.
"""

import dataclasses
import inspect
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from neuroparallel.engine.noise import noise_sd
from neuroparallel.engine.tables import Tables
from neuroparallel.errors import NeuroparallelError
from neuroparallel.outcomes import Outcome
from neuroparallel.tasks import list_tasks, make_task, task_class, tasks_by_folder
from neuroparallel.timing import Law
from tests.tasks import playing
from tests.tasks.reference import define, rates

TASKS = list_tasks()
TABULAR = [  # the state matrix alone says what happens
    name for name in TASKS if task_class(name).pay is None and task_class(name).sequence is None
]
DRAWN = [name for name in TASKS if task_class(name).sequence is None]
LANES, TRIALS = 256, 16
N = LANES * TRIALS

pytestmark = pytest.mark.filterwarnings("error")


def expected_near(table, expected):
    """Compare the shares of outcomes and the mean reward of a table with what was worked out."""
    found = playing.shares(table)
    for code in Outcome:
        if code:
            share = found.get(code.label, 0.0)
            assert playing.near(share, expected[code], len(table)), (code.label, share, expected[code])
    spread = table["reward"].std() / len(table) ** 0.5
    assert abs(found["reward"] - expected[7]) <= 4 * (spread + 1 / len(table)), (found, expected)


def earned_by(name, subject):
    return playing.shares(playing.run(playing.engine(name, LANES), subject, TRIALS))


def windows_of(name):
    sample = Tables(make_task(name), task_class(name).dt).sample
    return [list(make_task(name).timing)[p] for p in np.flatnonzero(sample.window)]


@pytest.mark.parametrize("name", TASKS)
def test_names_its_source_and_has_its_own_test_file(name):
    assert "Source:" in inspect.getdoc(task_class(name))
    assert (Path(__file__).parent / f"test_{name}.py").exists()


@pytest.mark.parametrize("name", TASKS)
def test_file_is_named_like_the_task(name):
    assert Path(inspect.getfile(task_class(name))).stem == name


@pytest.mark.parametrize("name", TASKS)
def test_pays_finite_numbers(name):
    task = make_task(name)
    assert np.isfinite(list(task.rewards.values())).all()
    assert np.isfinite(define(task, task.dt)[0].reward).all()


@pytest.mark.parametrize("name", TASKS)
def test_presets_can_be_played(name):
    for preset in task_class(name).presets:
        task = make_task(name, preset)
        assert Tables(task, min(task.dt, 10.0)).design.size


@pytest.mark.parametrize("name", TASKS)
def test_doing_what_is_right_earns_the_maximum(name):
    trial, _ = define(make_task(name), task_class(name).dt)
    if (trial.truth[:, trial.window] < 0).all():
        pytest.skip("what is right depends on another subject")
    right = earned_by(name, playing.oracle)
    if getattr(task_class(name), "certain", True):
        assert right["reward"] > 0
        for outcome in ("error", "abort", "miss", "cancelled"):
            assert outcome not in right, right
    for other in (playing.uniform(), playing.hold):
        assert right["reward"] > earned_by(name, other)["reward"]


@pytest.mark.parametrize("name", TASKS)
def test_ground_truth_is_about_the_choice_beside_it_unless_the_task_says_otherwise(name):
    table = playing.run(playing.engine(name, LANES), playing.oracle, TRIALS)
    right = (table["outcome"] == "correct") & (table["choice"] > 0) & (table["ground_truth"] > 0)
    same = table["choice"][right] == table["ground_truth"][right]
    assert same.all() != ("``ground_truth`` is" in inspect.getdoc(task_class(name)))


@pytest.mark.parametrize("name", TABULAR)
def test_holding_earns_its_analytic_rate(name):
    batch = playing.engine(name, LANES)
    expected_near(playing.run(batch, playing.hold, TRIALS), rates(make_task(name), batch.dt, {}))


@pytest.mark.parametrize("name", TABULAR)
def test_acting_at_random_earns_its_analytic_rate(name):
    batch, task = playing.engine(name, LANES), make_task(name)
    actions = len(task.action_names())
    if batch.streams[0].tables.any_held:
        pytest.skip("choices must be held, which the reference does not follow")
    policy = dict.fromkeys(task.timing, np.full(actions, 1 / actions))
    expected_near(playing.run(batch, playing.uniform(1), TRIALS), rates(task, batch.dt, policy))


@pytest.mark.parametrize("early", ["penalty", "free", "abort"])
@pytest.mark.parametrize("name", TABULAR)
def test_early_responses_cost_what_their_rule_says(name, early):
    task = make_task(name, early=early)
    batch = playing.engine(task, LANES)
    if batch.streams[0].tables.any_held:
        pytest.skip("choices must be held, which the reference does not follow")
    actions = len(task.action_names())
    policy = dict.fromkeys(task.timing, np.full(actions, 1 / actions))
    expected_near(playing.run(batch, playing.uniform(2), 8), rates(task, batch.dt, policy))


@pytest.mark.parametrize("name", TABULAR)
def test_a_blind_subject_that_knows_the_time_is_at_chance(name):
    task = make_task(name)
    actions = len(task.action_names())
    for action in range(actions):
        batch = playing.engine(name, LANES)
        policy = dict.fromkeys(windows_of(name), np.eye(actions)[action])
        table = playing.run(batch, playing.in_windows(batch, action), TRIALS)
        expected_near(table, rates(task, batch.dt, policy))


@pytest.mark.parametrize("name", DRAWN)
def test_conditions_come_with_their_probabilities(name):
    batch = playing.engine(name, LANES)
    table = playing.run(batch, playing.hold, TRIALS)
    design = make_task(name).conditions()
    for factor, levels in design.factors.items():
        weights = levels.weights / levels.weights.sum()
        columns = levels.columns or {factor: levels.values}
        rows = np.stack([np.asarray(column, float) for column in columns.values()], axis=1)
        drawn = np.stack([np.asarray(table[column], float) for column in columns], axis=1)
        for row in np.unique(rows, axis=0):
            expected = weights[(rows == row).all(axis=1)].sum()
            assert playing.near((drawn == row).all(axis=1).mean(), expected, N), (factor, row)
    for column, law in design.laws.items():
        places = [law.cdf(value) for value in table[column]]
        assert stats.kstest(places, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("name", DRAWN)
def test_conditions_of_neighbours_and_successive_trials_are_independent(name):
    table = playing.run(playing.engine(name, LANES), playing.hold, TRIALS)
    order = np.lexsort((table["trial"], table["lane"]))
    for factor, levels in make_task(name).conditions().factors.items():
        column = next(iter(levels.columns)) if levels.columns else factor
        values = np.asarray(table[column], float)[order].reshape(LANES, TRIALS)
        if values.std() == 0:
            continue
        for first, second in ((values[:, :-1], values[:, 1:]), (values[:-1], values[1:])):
            r = np.corrcoef(first.ravel(), second.ravel())[0, 1]
            assert abs(r) < 4.5 / first.size**0.5


@pytest.mark.parametrize("name", DRAWN)
def test_all_choices_are_right_equally_often(name):
    table = playing.run(playing.engine(name, LANES), playing.hold, TRIALS)
    right = table["ground_truth"][table["ground_truth"] > 0]
    values, counts = np.unique(right, return_counts=True)
    for count in counts:
        assert playing.near(count / len(right), 1 / len(values), len(right))


@pytest.mark.parametrize("name", TASKS)
def test_evidence_per_ms_does_not_depend_on_the_time_step(name):
    task = make_task(name)
    fine, coarse = (Tables(task, dt) for dt in playing.time_steps(name))
    np.testing.assert_array_equal(fine.mean, coarse.mean)
    np.testing.assert_allclose(noise_sd(fine) * fine.dt**0.5, noise_sd(coarse) * coarse.dt**0.5, rtol=1e-6)


@pytest.mark.parametrize("name", TASKS)
def test_noise_is_that_of_the_time_step_in_every_step(name):
    for dt in playing.time_steps(name):
        batch = playing.engine(name, 200, dt)
        declared = noise_sd(batch.streams[0].tables)
        rest = []
        observations, infos = batch.reset(3)
        for _ in range(100):
            rest.append(observations[playing.AGENT] - batch.streams[0].latest.T)
            observations, _, _, _, infos = batch.step(playing.oracle(batch, observations, infos))
        rest = np.concatenate(rest).astype(float)
        noisy = declared > 0
        assert (rest[:, ~noisy] == 0).all()
        n = len(rest)
        assert (abs(rest.mean(axis=0)) <= 4.5 * declared / n**0.5).all()
        assert (abs(rest.std(axis=0) - declared) <= 4.5 * declared / (2 * n) ** 0.5).all()


@pytest.mark.parametrize("name", TASKS)
def test_periods_last_as_declared(name):
    task, lanes, trials = make_task(name), 64, 10
    batch = playing.engine(task, lanes)
    watch = playing.Periods(lanes)
    playing.run(batch, playing.hold, trials, watch=watch)
    lengths = watch.lengths(trials)
    tables = batch.streams[0].tables
    rng = np.random.default_rng(0)
    for p, law in enumerate(task.timing.values()):
        if p not in lengths:
            continue
        fixed = tables.steps[tables.period_of == p]
        if (fixed >= 0).all():
            assert set(lengths[p]) <= set(fixed.tolist()) or tables.lazy
        elif isinstance(law, Law):
            below, above = ((lengths[p] + side) * batch.dt for side in (-0.5, 0.5))
            low, high = law.bounds()
            start = np.array([0.0 if ms <= low else law.cdf(ms) for ms in below])
            stop = np.array([1.0 if ms > high else law.cdf(ms) for ms in above])
            places = start + rng.random(len(start)) * (stop - start)
            assert stats.kstest(places, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("name", TASKS)
def test_periods_of_no_duration_vanish(name):
    tried = 0
    periods = [period for period in make_task(name).timing if period not in windows_of(name)]
    for p, period in enumerate(make_task(name).timing):
        if period not in periods:
            continue
        task = make_task(name, timing={period: 0})
        try:
            batch = playing.engine(task, 16)
        except NeuroparallelError:
            continue  # the task needs it
        if (batch.streams[0].tables.sample.steps[:, p] != 0).any():
            periods.remove(period)  # its duration is a condition
            continue
        watch = playing.Periods(16)
        playing.run(batch, playing.oracle, 3, watch=watch)
        assert p not in watch.lengths(3)
        tried += 1
    assert tried or not periods


@pytest.mark.parametrize("name", TASKS)
def test_a_change_of_any_number_is_kept_and_an_unknown_one_refused(name):
    task = make_task(name)
    for spec in dataclasses.fields(task):
        assert make_task(name, **{spec.name: getattr(task, spec.name)}) == task
    with pytest.raises(NeuroparallelError, match="no_such_number"):
        make_task(name, no_such_number=1)


def test_every_task_lies_in_the_folder_of_its_domain():
    folders = tasks_by_folder()
    assert "" not in folders
    assert sorted(name for names in folders.values() for name in names) == list_tasks()
    assert "random_dots" in folders["perception"]
    assert tasks_by_folder("tracking") == {"motor": ["pursuit"]}
