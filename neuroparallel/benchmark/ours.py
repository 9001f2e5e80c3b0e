"""Our side of the measurements."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import where

from neuroparallel.benchmark.clocks import Rates, Side, Work, rate
from neuroparallel.environments import batch, parallel_env
from neuroparallel.environments.dataset import Dataset
from neuroparallel.outcomes import Outcome
from neuroparallel.scenario import Scenario
from neuroparallel.task import Draw, Factorial, Levels, Task
from neuroparallel.task.trial import Trial
from neuroparallel.tasks import make_task
from neuroparallel.tasks.perception.random_dots import LEFT, RandomDots
from neuroparallel.timing import Timing, TruncExp, Uniform

__all__ = [
    "BusyDots",
    "batch_side",
    "dataset_side",
    "dual_side",
    "parallel_side",
    "rllib_side",
    "several_side",
    "start_side",
]

LANES = 4096
STEPS = 200  # between two looks at the clock, in a batch
SINGLE_STEPS = 5_000  # the same in a single environment


@dataclass(frozen=True, kw_only=True)
class BusyDots(RandomDots):
    """Random dots with drawn durations, catch trials, and a side that is repeated after an error.

    Args:
        catch_probability: Share of trials without motion, in which holding is right.
    """

    catch_probability: float = 0.1
    timing: Timing = Timing(
        fixation=TruncExp(300, 200, 800), stimulus=Uniform(500, 2000), delay=TruncExp(300, 100, 900), decision=500
    )

    def conditions(self) -> Factorial:
        """The factors of a trial."""
        odds = (1 - self.catch_probability, self.catch_probability)
        return Factorial(side=(1, 2), coherence=self.coherences, catch=Levels((False, True), odds))

    def sequence(self, draw: Draw) -> None:
        """After an error the same side comes again."""
        again = (draw.outcome == Outcome.ERROR) & ~draw.first
        draw.conditions["side"] = where(again, draw.previous["side"], draw.conditions["side"])

    def define(self, trial: Trial) -> None:
        """As in random dots, but for the catch trials."""
        toward = 0.5 + self.evidence * trial.coherence / 200
        left = where(trial.side == LEFT, toward, 1 - toward)
        shown = ~trial.catch
        trial.show("fixation", during=("fixation", "stimulus", "delay"))
        trial.show("motion", per_channel=(left * shown, (1 - left) * shown), during="stimulus")
        trial.answer(where(trial.catch, 0, trial.side), during="decision")


def dots() -> Task:
    """Random dots as NeuroGym plays them: early responses cost, and the trial goes on."""
    return make_task("random_dots", "neurogym")


def _dual() -> Scenario:
    """Two of them at once, with the same rule."""
    scenario = Scenario.load("dual_random_dots")
    return scenario.replace(**{f"subjects.{name.replace('.', '.streams.')}.early": "penalty"
                               for name, _ in scenario.stream_items()})  # fmt: skip


def _random_actions(space: Any, count: int, lanes: int | None, rng: np.random.Generator) -> list[Any]:
    sizes = getattr(space, "nvec", None)
    limit = int(space.n) if sizes is None else sizes
    width = () if sizes is None else (len(sizes),)
    shape = (count, *(() if lanes is None else (lanes,)), *width)
    drawn = rng.integers(0, limit, shape)
    return drawn.tolist() if lanes is None and sizes is None else list(drawn)


def _batch_work(env: Any) -> Work:
    agent, rng = env.possible_agents[0], np.random.default_rng(0)
    actions = [{agent: a} for a in _random_actions(env.action_space(agent), 16, env.lanes, rng)]
    env.reset(0)

    def work() -> int:
        for step in range(STEPS):
            env.step(actions[step % 16])
        return STEPS * int(env.lanes)

    return work


def batch_side() -> Side:
    """The batch engine: lane-steps per second of processor time."""
    plain: Any = batch(dots(), lanes=LANES, seed=0)
    works = {
        "batch": _batch_work(plain),
        "batch_busy": _batch_work(batch(BusyDots(early="penalty"), lanes=LANES, seed=0)),
    }
    return _side(works)


def _together(subjects: int) -> Scenario:
    """Subjects who do random dots side by side, and wait for each other at the end of every trial."""
    stream = {"task": "random_dots", "preset": "neurogym"}
    names = [f"subject_{number}" for number in range(subjects)]
    return Scenario.load(
        {
            "name": f"together_{subjects}",
            "subjects": {name: {"streams": {"dots": stream}} for name in names},
            "groups": {"trial": {"streams": [f"{name}.dots" for name in names]}},
        }
    )


def _each(env: Any, parts: int, *, guessing: bool = False) -> Work:
    """Steps of all streams or subjects of a batch, played by those who know what is right, or at random."""
    env.reset(0)
    rng = np.random.default_rng(0)
    actions = []
    for _ in range(STEPS // 4):
        drawn = {a: _random_actions(env.action_space(a), 1, env.lanes, rng)[0] for a in env.possible_agents}
        actions.append(drawn if guessing else env.truth())
        env.step(actions[-1])

    def work() -> int:
        if not guessing:  # what is right is right from a reset on; at random lanes fall out of step, and stay so
            env.reset(0)
        for action in actions:
            env.step(action)
        return len(actions) * int(env.lanes) * parts

    return work


DUALS = {  # row: scenario, and whether it is played at random rather than by those who know what is right
    "batch_dual": (_dual, False),
    "batch_dual_guessing": (_dual, True),
    "batch_dual_memory": (lambda: Scenario.load("dpa_gng"), True),
    "batch_dual_prp": (lambda: Scenario.load("prp"), True),
}


def _dual_works() -> dict[str, Work]:
    """Two streams together, by the name of the row, and each of them alone, as ``<row>.<stream>``."""
    works = {}
    for row, (load, guessing) in DUALS.items():
        scenario = load()
        streams = [name.split(".")[-1] for name, _ in scenario.stream_items()]
        parts = {row: scenario} | {f"{row}.{stream}": scenario.only(stream) for stream in streams}
        for name, part in parts.items():
            env = batch(part, lanes=LANES, seed=0)
            works[name] = _each(env, len(streams) if name == row else 1, guessing=guessing)
    return works


def dual_side() -> Side:
    """The batch engine with several streams: stream-steps per second of processor time."""
    return _side(_dual_works())


def several_side() -> Side:
    """The batch engine with several subjects: subject-steps per second of processor time."""
    few = 256  # lanes, so that 16 subjects find room in the cache as 2 do
    works = {f"subjects_{count}": _each(batch(_together(count), lanes=few, seed=0), count) for count in (2, 16)}
    return _side(works)


def _parallel_work(env: Any) -> Work:
    agent, rng = env.possible_agents[0], np.random.default_rng(0)
    actions = [{agent: a} for a in _random_actions(env.action_space(agent), SINGLE_STEPS, None, rng)]
    env.reset(seed=0)

    def work() -> int:
        step = env.step
        for action in actions:
            step(action)
        return SINGLE_STEPS

    return work


def parallel_side() -> Side:
    """Single PettingZoo environments: steps per second of processor time."""
    works = {
        "parallel": _parallel_work(parallel_env(dots(), session=None)),
        "parallel_dual": _parallel_work(parallel_env(_dual(), session=None)),
    }
    return _side(works)


def _side(works: dict[str, Work], *, wall: bool = False) -> Side:
    for work in works.values():
        work()  # warm up
    return Side(lambda seconds: {name: rate(work, seconds / len(works), wall=wall) for name, work in works.items()})


def dataset_side() -> Side:
    """Supervised data: delivered time steps per second of processor time."""
    data = Dataset(dots(), batch=64, steps=100, seed=0)

    def work() -> int:
        for _ in range(6):
            data()
        return 6 * 64 * 100

    return _side({"dataset": work})


def rllib_side(what: str = "dpa_gng", lanes: int = 64) -> Side:
    """Whole iterations of RLlib (playing and learning), with our runner and with its own: agent-steps per second."""
    from neuroparallel.rllib import init_ray, ppo_config

    init_ray()
    settings: dict[str, Any] = {"lanes": lanes, "skip": False, "epochs": 2, "minibatches": 2}  # as in torch_ppo.py
    algorithms = {
        "rllib": ppo_config(what, **settings).build_algo(),
        "rllib_stock": ppo_config(what, stock=True, **settings).build_algo(),
    }
    side = _side({name: _iterations(algorithm) for name, algorithm in algorithms.items()}, wall=True)

    def close() -> None:
        for algorithm in algorithms.values():
            algorithm.stop()

    side.close = close
    return side


def _iterations(algorithm: Any) -> Work:
    def work() -> int:
        report = algorithm.train()["env_runners"]
        steps = report.get("num_module_steps_sampled") or report["num_agent_steps_sampled"]
        return int(sum(steps.values()))

    return work


def start_side() -> Side:
    """Seconds to import the package, in a fresh process; bytes per lane of a batch."""

    def measure(seconds: float) -> Rates:
        code = "import time; t = time.perf_counter(); import neuroparallel; print(time.perf_counter() - t)"
        # The child finds the package where this process found it, installed or not.
        place = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        environ = {**os.environ, "PYTHONPATH": place}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
        return {"import": float(done.stdout), "memory": _bytes_per_lane()}

    return Side(measure)


def _bytes_per_lane() -> float:
    def held(lanes: int) -> int:
        tracemalloc.start()
        env = batch("random_dots", lanes=lanes, seed=0)
        actions = {"subject_0": np.zeros(lanes, np.int64)}
        env.reset(0)
        for _ in range(30):
            last = env.step(actions)
        used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        del last
        return used

    few, many = LANES, 16 * LANES  # buffers of a fixed size, such as that for noise, cancel out
    return (held(many) - held(few)) / (many - few)
