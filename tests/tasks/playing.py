"""Playing tasks and scenarios with simple subjects on the batch engine."""

from dataclasses import dataclass

import numpy as np
from gymnasium import spaces

from neuroparallel.agents import OracleAgent
from neuroparallel.agents.baselines import at_rest
from neuroparallel.engine.batch import BatchEngine
from neuroparallel.errors import NeuroparallelError
from neuroparallel.scenario import Scenario
from neuroparallel.scenario.compile import build_layout
from neuroparallel.task import Task
from neuroparallel.tasks import make_task, task_class

AGENT = "subject_0"


def scenario_of(what):
    """A scenario; a task's name means the bare task, not the shipped scenario of that name."""
    if isinstance(what, str):
        what = make_task(what)
    return Scenario.load(what)


def engine(what, lanes=512, dt=None):
    """A batch engine over a task, its name, or a scenario."""
    scenario = scenario_of(what) if isinstance(what, (str, Task)) else what
    if dt is not None:
        scenario = scenario.replace(dt=dt)
    return BatchEngine(build_layout(scenario), lanes)


def oracle(batch, observations, infos):
    """Does what is right now; holds where nothing is defined."""
    if any(subject.moving for subject in batch.subjects):
        return OracleAgent().act(observations, infos, batch)
    return {agent: np.maximum(truth, 0) for agent, truth in batch.truth().items()}


def hold(batch, _observations, _infos):
    """Never responds, and does not move."""
    return {agent: at_rest(batch.action_space(agent), batch.lanes) for agent in batch.possible_agents}


def uniform(seed=0):
    """Picks any action with equal probability in every step."""
    rng = np.random.default_rng(seed)

    def act(batch, _observations, _infos):
        return {agent: drawn(batch.action_space(agent), rng, batch.lanes) for agent in batch.possible_agents}

    return act


def drawn(space, rng, lanes, share=1.0):
    """Any action of a space in every lane, or, but for a share of them, the one that holds."""
    if isinstance(space, spaces.Dict):
        return {name: drawn(part, rng, lanes, share) for name, part in space.items()}
    if isinstance(space, spaces.Box):
        values = rng.uniform(space.low, space.high, (lanes, *space.shape)).astype(np.float32)
    else:
        limits = space.nvec if hasattr(space, "nvec") else space.n
        values = rng.integers(limits, size=(lanes, *space.shape))
    return values if share == 1 else values * (rng.random(values.shape) < share).astype(values.dtype)


def in_lane(action, lane):
    """What a single environment is told, given what a batch is told."""
    return {name: part[lane] for name, part in action.items()} if isinstance(action, dict) else action[lane]


def in_windows(batch, action):
    """Takes one action in response windows, and holds elsewhere; for one stream."""
    windows = [p for p, open_ in enumerate(batch.streams[0].tables.sample.window) if open_]

    def act(_batch, _observations, infos):
        return {AGENT: np.where(np.isin(infos[AGENT]["period"], windows), action, 0)}

    return act


def run(batch, subject, trials, seed=0, watch=None):
    """Play until every lane has finished so many trials of its first stream.

    Args:
        batch: The engine.
        subject: Function of (batch, observations, infos) that gives actions.
        trials: How many trials per lane.
        seed: For `reset`.
        watch: Function of (observations, infos) that is called with everything that is seen.

    Returns:
        The table of exactly those trials; so long trials are not missed.
    """
    observations, infos = batch.reset(seed)
    done = np.zeros(batch.lanes, int)
    while done.min() < trials:
        if watch is not None:
            watch(observations, infos)
        observations, _, _, _, infos = batch.step(subject(batch, observations, infos))
        info = infos[batch.possible_agents[0]]
        first = f"{batch.layout.streams[0].short}.trial_end"
        done += info[first if first in info else "trial_end"]
    table = batch.trials()
    return table.select(table["trial"] < trials)


def shares(table, stream=None):
    """Fraction of trials by outcome label, and the mean reward under ``"reward"``."""
    if stream is not None:
        table = table.where(stream=stream)
    labels, counts = np.unique(table["outcome"], return_counts=True)
    result = dict(zip(labels.tolist(), (counts / len(table)).tolist(), strict=True))
    return result | {"reward": float(table["reward"].mean())}


def se(p, n):
    """Standard error of a rate, never 0 (a rate of 0 or 1 may be off by one trial in n)."""
    return max(max(p * (1 - p), 0.0) / n, 1 / n**2) ** 0.5


def near(found, expected, n, times=4.0):
    """Whether a measured rate is within so many standard errors of the expected one."""
    return abs(found - expected) <= times * se(expected, n) + 1e-9


def time_steps(name):
    """Two time steps (ms) that fit the task's periods, the larger one the one it comes with, or 20 and 100."""
    own = task_class(name).dt
    for fine, coarse in ((20.0, 100.0), (own / 5, own), (own / 2, own)):
        try:
            return [engine(name, 1, dt).dt for dt in (fine, coarse)]
        except NeuroparallelError:
            continue
    raise AssertionError(f"{name}: no two time steps fit its periods")


@dataclass
class Periods:
    """Notes how long every period of every trial lasted, in steps, as seen from outside."""

    lanes: int

    def __post_init__(self):
        self.seen = []

    def __call__(self, _observations, infos):
        info = infos[AGENT]
        self.seen.append((info["period"], np.asarray(info["trial_end"])))

    def lengths(self, trials):
        """For each period number, the durations of all its visits in finished trials."""
        period = np.array([p for p, _ in self.seen])
        trial = np.cumsum([end for _, end in self.seen], axis=0)
        result = {}
        for lane in range(self.lanes):
            kept = trial[:, lane] < trials
            ids = period[kept, lane] + 1000 * trial[kept, lane]
            starts = np.flatnonzero(np.diff(ids, prepend=-1))
            for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True):
                result.setdefault(int(ids[start] % 1000), []).append(stop - start)
        return {p: np.array(steps) for p, steps in result.items()}


def integrator(batch, period, choose):
    """Adds up what it sees during a period, and answers in response windows.

    Args:
        batch: The engine; one stream.
        period: Name of the period, or several.
        choose: Function of (sums, observations), float64 (lanes, channels) each, that gives actions.
    """
    task = batch.layout.streams[0].task
    names = [period] if isinstance(period, str) else list(period)
    wanted = [list(task.timing).index(name) for name in names]
    windows = np.flatnonzero(batch.streams[0].tables.sample.window)
    sums = np.zeros((batch.lanes, len(batch.channel_names(AGENT))))

    def act(_batch, observations, infos):
        now, info = observations[AGENT].astype(float), infos[AGENT]
        sums[np.asarray(info["trial_end"], bool)] = 0
        sums[np.isin(info["period"], wanted)] += now[np.isin(info["period"], wanted)]
        return {AGENT: np.where(np.isin(info["period"], windows), choose(sums, now), 0)}

    return act


def correct(table):
    """Fraction correct, and the number of trials."""
    return float((table["outcome"] == "correct").mean()), len(table)


def everything(batch, seed=0):
    """One trial per lane of fixed duration, held through: all that was seen, and the truth.

    Returns:
        float64, (lanes, steps * channels), and the trial table ordered by lane.
    """
    seen = []
    table = run(batch, hold, 1, seed, lambda o, _: seen.append(o[AGENT].astype(float)))
    return np.concatenate(seen, axis=1), table.select(np.argsort(table["lane"]))


def decoded(features, right):
    """Share of held-out trials in which the best linear readout of all features finds one of two answers."""
    half = len(features) // 2
    inputs = np.column_stack([features, np.ones(len(features))])
    target = np.where(right == right.max(), 1.0, -1.0)
    weights = np.linalg.lstsq(inputs[:half], target[:half], rcond=None)[0]
    return float((np.sign(inputs[half:] @ weights) == target[half:]).mean()), len(features) - half
