"""Does a scenario keep the engines' promises?"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch import BatchEngine
from neuroparallel.engine.layout import Layout
from neuroparallel.engine.scalar import PreviewEngine
from neuroparallel.environments import parallel_env
from neuroparallel.scenario import Scenario, What
from neuroparallel.testkit.acting import another, unpacked
from neuroparallel.testkit.comparing import differences, lanes_of, same_recordings, same_tables
from neuroparallel.testkit.env_checks import check_env
from neuroparallel.testkit.failures import ConformanceError
from neuroparallel.testkit.recording import POLICIES, Recording, Stray, play_batch, play_scalar

__all__ = ["check_scenario", "trajectory_digest"]


ENGINES = ("the batch engine", "the scalar engine")
HOOKS = (
    "Hooks (define, sequence, pay, observe, move) may only use elementwise operations on the arrays they are given, "
    "and keep what they remember in `memory`."
)


def check_scenario(
    what: What,
    *,
    lanes: Sequence[int] = (1, 7, 300),
    steps: int = 500,
    seed: int = 1,
    process: bool = True,
) -> None:
    """Check that a scenario plays as every scenario must.

    The batch engine equals the scalar engine bit for bit, whatever is done and however many lanes there are; the
    same seed gives the same session, here and in another process; lanes do not touch each other; a saved state
    resumes exactly; nothing that was returned is used again; infos are numbers with constant keys; sessions end for
    all at once; and the PettingZoo environment is sound (`check_env`). Takes a few seconds.

    Args:
        what: A shipped scenario's name, a task's name, a path to a ``.yaml`` file, a dictionary, a `Scenario` or a
            `Task`.
        lanes: Sizes of batches to compare.
        steps: How long to play, 20 or more.
        seed: Which session.
        process: Whether to play in another process as well, which takes a second.

    Raises:
        ConformanceError: A promise is broken; the message says where, and what to mend.
        ScenarioError: It is no valid scenario.
    """
    scenario = Scenario.load(what)
    layout = scenario.layout
    checks = _Checks(scenario.name, layout, tuple(sorted(lanes)), max(20, steps), seed)
    for policy in POLICIES:
        checks.engines_agree(layout, policy)
    for trials, length in ((3, 0), (0, 50)):
        checks.engines_agree(replace(layout, session_trials=trials, session_steps=length), "stray")
    checks.same_seed_same_session()
    checks.lanes_do_not_touch()
    checks.a_saved_state_resumes()
    checks.restarted_lanes_begin_anew()
    checks.nothing_is_used_again()
    if process:
        _elsewhere(scenario, seed)
    check_env(parallel_env(scenario, seed=seed, session={"steps": 100}), steps=min(steps, 300), seed=seed)


class _Checks:
    """The checks of one scenario."""

    def __init__(self, name: str, layout: Layout, sizes: tuple[int, ...], steps: int, seed: int) -> None:
        self.name, self.layout, self.sizes, self.steps, self.seed = name, layout, sizes, steps, seed
        few = BatchEngine(layout, 7)
        self.script = play_batch(few, steps, seed=seed, agent=Stray())

    def engines_agree(self, layout: Layout, policy: str) -> None:
        """Three lanes of the largest batch against the scalar engine, and smaller batches against it."""
        *smaller, largest = self.sizes
        shared = range(max(smaller, default=1))
        picked = sorted({0, (largest - 1) // 2, largest - 1, *shared})
        engine = BatchEngine(layout, largest)
        played = play_batch(engine, self.steps, seed=self.seed, agent=POLICIES[policy](), keep=picked)
        session = layout.session_trials or layout.session_steps
        what = f"{self.name}, {policy} policy{', short sessions' if session else ''}"
        for lane in sorted({0, (largest - 1) // 2, largest - 1}):
            one = lanes_of(played, [picked.index(lane)], [lane])
            actions = {agent: values[:, 0] for agent, values in one.actions.items()}
            alone = play_scalar(layout, lane, actions, self.seed)
            self._equal(one, alone, f"{what}, lane {lane} of {largest}", ENGINES)
        for size in smaller:
            part = lanes_of(played, range(size), range(size))
            fewer = play_batch(BatchEngine(layout, size), self.steps, seed=self.seed, actions=part.actions)
            self._equal(part, fewer, f"{what}", (f"a batch of {largest}", f"a batch of {size}"))

    def same_seed_same_session(self) -> None:
        """By number, in a used engine, and lane by lane from a list of seeds."""
        engine = BatchEngine(self.layout, 7)
        fix = "Something is drawn that does not come from the seed."
        for turn in ("a new engine", "the same engine again"):
            again = play_batch(engine, self.steps, seed=self.seed, actions=self.script.actions)
            what = f"{self.name}, seed {self.seed} twice"
            same_recordings(self.script, again, what, ("the first session", turn), fix)
            engine.log.clear()
        seeds = [self.seed, self.seed + 1, self.seed]
        listed = play_batch(BatchEngine(self.layout, 3), 50, seed=seeds, agent=POLICIES["hold"]())
        first, third = lanes_of(listed, [0], [0]), lanes_of(listed, [2], [2])
        names = ("the first lane", "the third one")
        same_recordings(first, third, f"{self.name}, reset(seed={seeds})", names, "Each lane has its own seed.")

    def lanes_do_not_touch(self) -> None:
        """What one lane does must not change what another one sees."""
        actions = {agent: values.copy() for agent, values in self.script.actions.items()}
        for subject in BatchEngine(self.layout, 1).subjects:
            values = actions[subject.spec.name]
            values[:, 3] = another(subject.action_space, values[:, 3])
        others = [0, 1, 2, 4, 5, 6]
        meddled = play_batch(BatchEngine(self.layout, 7), self.steps, seed=self.seed, actions=actions)
        what = f"{self.name}, other actions in lane 3"
        self._equal(lanes_of(self.script, others, others), lanes_of(meddled, others, others), what, ("before", "after"))

    def a_saved_state_resumes(self) -> None:
        """In a new engine, through pickle, of either kind."""
        half, names = self.steps // 2, ("the session that went on", "the session that was resumed")
        fix = "Everything that changes has to be in `memory` or in the conditions."
        before = {agent: values[:half] for agent, values in self.script.actions.items()}
        after = {agent: values[half:] for agent, values in self.script.actions.items()}
        engine = BatchEngine(self.layout, 7)
        play_batch(engine, half, seed=self.seed, actions=before)
        saved = pickle.loads(pickle.dumps(engine.state()))
        play_batch(engine, 5, actions=after, start=(engine.restart(np.zeros(7, bool)), engine.infos()))
        for resumed in (BatchEngine(self.layout, 7), engine):
            resumed.set_state(saved)
            start = (resumed.restart(np.zeros(7, bool)), resumed.infos())
            rest = play_batch(resumed, self.steps - half, actions=after, start=start)
            self._tail(rest, half, names, fix)
        scalar = PreviewEngine(self.layout, lane=2)
        play_scalar(self.layout, 2, {a: v[:, 2] for a, v in before.items()}, self.seed, scalar)
        state = pickle.loads(pickle.dumps(scalar.state()))
        one = lanes_of(self.script, [2], [2])
        then = (
            {a: v[half, 0] for a, v in one.observations.items()},
            {a: {k: v[half, 0] for k, v in infos.items()} for a, infos in one.infos.items()},
        )
        actions = {a: v[:, 2] for a, v in after.items()}
        play_scalar(self.layout, 2, {a: v[:5] for a, v in actions.items()}, 0, scalar, then)
        for resumed_scalar in (PreviewEngine(self.layout, lane=2), scalar):
            resumed_scalar.set_state(state)
            rest = play_scalar(self.layout, 2, actions, 0, resumed_scalar, then)
            self._tail(rest, half, names, fix, one)

    def _tail(
        self, rest: Recording, half: int, names: tuple[str, str], fix: str, whole: Recording | None = None
    ) -> None:
        whole = self.script if whole is None else whole
        after = Recording(
            {a: v[half + 1 :] for a, v in whole.observations.items()},
            {a: {k: v[half + 1 :] for k, v in infos.items()} for a, infos in whole.infos.items()},
            {a: v[half:] for a, v in whole.rewards.items()},
            whole.ended[half:],
            {a: v[half:] for a, v in whole.actions.items()},
            whole.trials,
        )
        rest.observations = {a: v[1:] for a, v in rest.observations.items()}
        rest.infos = {a: {k: v[1:] for k, v in infos.items()} for a, infos in rest.infos.items()}
        what = f"{self.name}, state() after {half} steps"
        same_recordings(after, rest, what, names, fix)
        same_tables(after.trials, rest.trials, what, names, fix)

    def restarted_lanes_begin_anew(self) -> None:
        """`restart` does at once what `reset` does, in the lanes it names and in no other."""
        half = self.steps // 4
        engine = BatchEngine(self.layout, 7)
        before = {agent: values[:half] for agent, values in self.script.actions.items()}
        after = {agent: values[half : 2 * half] for agent, values in self.script.actions.items()}
        play_batch(engine, half, seed=self.seed, actions=before)
        seen = engine.restart(np.arange(7) == 4)
        played = play_batch(engine, half, actions=after, start=(seen, engine.infos()))
        scalar = PreviewEngine(self.layout, lane=4)
        play_scalar(self.layout, 4, {a: v[:, 4] for a, v in before.items()}, self.seed, scalar)
        actions = {a: v[:, 4] for a, v in after.items()}
        alone = play_scalar(self.layout, 4, actions, 0, scalar, scalar.reset())
        what = f"{self.name}, restart of lane 4 after {half} steps"
        same_recordings(lanes_of(played, [4], [4]), alone, what, ENGINES, HOOKS)
        for agent, values in seen.items():
            others = np.arange(7) != 4
            if differences(values[others], self.script.observations[agent][half][others]).any():
                raise ConformanceError(f"{what}: {agent}: it changed what another lane sees. {HOOKS}")

    def nothing_is_used_again(self) -> None:
        """Arrays and infos that were returned stay as they were."""
        engine = BatchEngine(self.layout, 7)
        observations, infos = engine.reset(self.seed)
        returned: list[tuple[str, Any, NDArray[Any]]] = []
        promised: list[tuple[str, Any, str, NDArray[Any]]] = []
        for step in range(20):
            for agent in engine.possible_agents:
                returned.append((f"the observation of {agent}", observations[agent], observations[agent].copy()))
                for key in infos[agent]:
                    promised.append((agent, infos[agent], key, np.array(infos[agent][key])))
            script = self.script.actions.items()
            actions = {agent: unpacked(engine.action_space(agent), values[step]) for agent, values in script}
            observations, rewards, terminations, truncations, infos = engine.step(actions)
            flags = {"rewards": rewards, "terminations": terminations, "truncations": truncations}
            for name, arrays in flags.items():
                returned += [(f"{name} of {agent}", array, array.copy()) for agent, array in arrays.items()]
        for name, array, copy in returned:
            if differences(array, copy).any():
                raise ConformanceError(f"{self.name}: {name} changed in a later step; return a fresh array each time.")
        for agent, info, key, copy in promised:
            if differences(np.asarray(info[key]), copy).any():
                raise ConformanceError(f"{self.name}: infos[{key!r}] of {agent}, read later, is of a later step.")

    def _equal(self, a: Recording, b: Recording, what: str, names: tuple[str, str]) -> None:
        same_recordings(a, b, what, names, HOOKS)
        same_tables(a.trials, b.trials, what, names, HOOKS)


def trajectory_digest(what: What, *, lanes: int = 7, steps: int = 200, seed: int = 1) -> str:
    """Boil a session down to a few letters, to compare processes, machines and versions.

    Args:
        what: As of `check_scenario`.
        lanes: Size of the batch.
        steps: How long to play.
        seed: Which session.

    Returns:
        64 hexadecimal digits, a hash of every observation, info and reward.
    """
    played = play_batch(BatchEngine(Scenario.load(what).layout, lanes), steps, seed=seed, agent=Stray())
    digest = hashlib.sha256()
    for agent, seen in played.observations.items():
        digest.update(np.ascontiguousarray(seen).tobytes())
        digest.update(np.ascontiguousarray(played.rewards[agent]).tobytes())
        for key, values in played.infos[agent].items():
            digest.update(key.encode() + values.astype(np.int64).tobytes())
    return digest.hexdigest()


_CHILD = """
import json, sys
from neuroparallel.testkit import trajectory_digest
given = json.load(sys.stdin)
print(trajectory_digest(given["scenario"], seed=given["seed"]))
"""


def _elsewhere(scenario: Scenario, seed: int) -> None:
    """Play in another process, in which Python's own hashes differ."""
    here = trajectory_digest(scenario, seed=seed)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "PYTHONHASHSEED": "4711"}
    given = json.dumps({"scenario": scenario.dump(), "seed": seed})
    child = subprocess.run(
        [sys.executable, "-c", _CHILD], input=given, env=environ, capture_output=True, text=True, check=False
    )
    if child.returncode:
        last = child.stderr.strip().splitlines()[-1:] or ["no message"]
        raise ConformanceError(
            f"{scenario.name}: another process cannot play it: {last[0]} A task has to be in a module that can be "
            "imported."
        )
    if child.stdout.strip() != here:
        raise ConformanceError(
            f"{scenario.name}: another process gets another session from the same seed. Look for an order of a set, "
            "for hash(), for time or for a generator of random numbers of its own."
        )
