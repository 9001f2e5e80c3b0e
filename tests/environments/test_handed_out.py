"""Nothing that is handed out is part of an environment: who writes into it changes nothing that comes after."""

import copy
from collections.abc import Mapping

import numpy as np
import pytest
from gymnasium import spaces

import neuroparallel as npar
from neuroparallel.records import Table

SCENARIOS = (
    "random_dots",
    "dual_random_dots",
    "prisoners_dilemma",
    "trial_history_2afc",
    "dpa_gng",
    "tracking_with_probe",
)
SESSION = {"trials": 4}


def spoil(value):
    """Overwrite all that can be overwritten, down to the last array."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        if value.flags.writeable:
            value[...] = 7
    elif isinstance(value, np.ndarray):
        spoil(value.tolist())
    elif isinstance(value, Table):
        spoil(value.columns)
    elif isinstance(value, Mapping):
        spoil([value[key] for key in value])
    elif isinstance(value, (list, tuple)):
        for item in value:
            spoil(item)
    if isinstance(value, (dict, list)) and not isinstance(value, Table):  # which refuses
        value.clear()


def plain(value):
    """A copy that can be compared."""
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value] if value.dtype == object else (str(value.dtype), value.tolist())
    if isinstance(value, Table):
        return plain(value.columns)
    if isinstance(value, Mapping):
        return {key: plain(value[key]) for key in value}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def compare(one, other, spoils=True):
    assert repr(plain(one)) == repr(plain(other))
    if spoils:
        spoil(one)


def sampled(space, rng):
    if isinstance(space, spaces.Dict):
        return {name: sampled(part, rng) for name, part in space.items()}
    space.seed(int(rng.integers(2**31)))
    return space.sample()


def both(env, twin, call):
    """Make the same call on both, compare what comes back, and spoil what one of them got."""
    compare(call(env), call(twin))


@pytest.mark.parametrize("name", SCENARIOS)
def test_parallel(name):
    env, twin = (npar.parallel_env(name, session=SESSION, render_mode="rgb_array") for _ in range(2))
    _parallel(env, twin, 70)


@pytest.mark.parametrize("name", ["prisoners_dilemma", "matching_pennies"])
def test_parallel_with_an_agent_on_a_seat(name):
    scenario = npar.Scenario.load(name)
    seat = list(scenario.subjects)[1]
    scenario = scenario.replace(**{f"subjects.{seat}.played_by": "random"})
    env, twin = (npar.parallel_env(scenario, session=SESSION) for _ in range(2))
    _parallel(env, twin, 100)
    env, twin = (npar.batch(scenario, lanes=3, session=SESSION) for _ in range(2))
    _batch(env, twin, 100)


def _parallel(env, twin, steps):
    rng = np.random.default_rng(0)
    both(env, twin, lambda e: e.reset(seed=1))
    for step in range(steps):
        if not env.agents:
            both(env, twin, lambda e: e.reset())
        actions = {agent: sampled(env.action_space(agent), rng) for agent in env.agents}
        given = copy.deepcopy(actions)
        compare(env.step(given), twin.step(actions))
        spoil(given)
        both(env, twin, lambda e: e.truth())
        if step % 20 == 0:
            both(env, twin, lambda e: e.trials())
            both(env, twin, lambda e: e.trials().responses)
            if env.unwrapped.render_mode:
                both(env, twin, lambda e: e.render())
            both(env, twin, lambda e: e.get_state())
            saved = env.get_state()
            env.set_state(saved)
            spoil(saved)


@pytest.mark.parametrize("name", SCENARIOS)
def test_batch(name):
    env, twin = (npar.batch(name, lanes=3, session=SESSION) for _ in range(2))
    _batch(env, twin, 70)


def _batch(env, twin, steps):
    rng = np.random.default_rng(0)
    both(env, twin, lambda e: e.reset(1))
    for step in range(steps):
        actions = {}
        for agent in env.possible_agents:
            drawn = [sampled(env.action_space(agent), rng) for _ in range(3)]
            whole = isinstance(drawn[0], dict)
            actions[agent] = {k: np.stack([d[k] for d in drawn]) for k in drawn[0]} if whole else np.stack(drawn)
        given = copy.deepcopy(actions)
        compare(env.step(given), twin.step(actions))
        spoil(given)
        for call in (lambda e: e.truth(), lambda e: e.infos()):
            both(env, twin, call)
        if step % 20 == 0:
            for call in (lambda e: e.trials(), lambda e: e.unwrapped.pop_tally(), lambda e: e.unwrapped.pop_reward()):
                both(env, twin, call)
            mask = rng.random(3) < 0.5
            both(env, twin, lambda e, mask=mask: e.restart(mask))
            both(env, twin, lambda e: e.state())
            saved = env.state()
            env.set_state(saved)
            spoil(saved)


@pytest.mark.parametrize("name", ["random_dots", "dual_random_dots", "trial_history_2afc", "tracking_with_probe"])
def test_gym(name):
    env, twin = (npar.gym_env(name, session=SESSION) for _ in range(2))
    rng = np.random.default_rng(0)
    both(env, twin, lambda e: e.reset(seed=1))
    for _ in range(70):
        action = sampled(env.action_space, rng)
        given = copy.deepcopy(action)
        answers = env.step(given), twin.step(action)
        over = answers[1][3]
        compare(*answers)
        spoil(given)
        both(env, twin, lambda e: e.unwrapped.trials())
        if over:
            both(env, twin, lambda e: e.reset())


@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP", "DISABLED"])
@pytest.mark.parametrize("name", ["random_dots", "dual_random_dots", "trial_history_2afc"])
def test_vector(name, mode):
    from gymnasium.vector import AutoresetMode

    made = [npar.vector_env(name, num_envs=3, session=SESSION, autoreset_mode=AutoresetMode[mode]) for _ in range(2)]
    env, twin = made
    rng = np.random.default_rng(0)
    both(env, twin, lambda e: e.reset(seed=1))
    for step in range(70):
        actions = np.stack([sampled(env.single_action_space, rng) for _ in range(3)])
        given = actions.copy()
        answers = env.step(given), twin.step(actions)
        over = np.array(answers[1][3])
        compare(*answers)
        spoil(given)
        if mode == "DISABLED" and over.any():
            both(env, twin, lambda e, over=over: e.reset(options={"reset_mask": over.copy()}))
        if step % 20 == 0:
            both(env, twin, lambda e: e.unwrapped.trials())
            both(env, twin, lambda e: e.unwrapped.get_state())


@pytest.mark.parametrize("name", ["random_dots", "prisoners_dilemma", "dual_random_dots"])
def test_aec(name):
    env, twin = (npar.aec_env(name, session=SESSION) for _ in range(2))
    rng = np.random.default_rng(0)
    for e in (env, twin):
        e.reset(seed=1)
    for _ in range(70):
        if not env.agents:
            for e in (env, twin):
                e.reset()
        agent = env.agent_selection
        both(env, twin, lambda e, agent=agent: e.observe(agent))
        last = env.last(), twin.last()
        over = last[1][2] or last[1][3]
        compare(*last)
        action = None if over else sampled(env.action_space(agent), rng)
        for e in (env, twin):
            e.step(copy.deepcopy(action))
