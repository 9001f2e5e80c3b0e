"""Play a scenario in both engines side by side, and say where they differ: bits, not tolerances."""

import numpy as np
from gymnasium import spaces

from neuroparallel.engine.batch import BatchEngine
from neuroparallel.engine.scalar import PreviewEngine

POLICIES = ("hold", "random", "oracle", "adversary", "mixed")


def engine(scenario, lanes, session=None, **options):
    from neuroparallel.scenario.compile import build_layout

    return BatchEngine(build_layout(scenario, session), lanes, **options)


def lane_engine(scenario, lane=0, session=None, engine_class=PreviewEngine, **options):
    from neuroparallel.scenario.compile import build_layout

    return engine_class(build_layout(scenario, session), lane=lane, **options)


def draw_actions(batch, policy, rng):
    """Actions for every lane and agent: the policies a fault is most likely to show under."""
    actions = {}
    for agent, truth in batch.truth().items():
        space = batch.action_space(agent)
        if isinstance(space, spaces.Dict):
            subject = batch.subjects[batch.possible_agents.index(agent)]
            names = [*subject.shorts, *(["message"] if "message" in space.spaces else [])]
            parts = zip(names, truth.reshape(len(truth), -1).T, strict=True)
            actions[agent] = {name: _draw(space[name], right, policy, rng) for name, right in parts}
        else:
            actions[agent] = _draw(space, truth, policy, rng)
    return actions


def _draw(space, truth, policy, rng):
    if isinstance(space, spaces.Box):
        return _draw_movements(space, truth, policy, rng)
    high = getattr(space, "nvec", None)
    shape = truth.shape
    anything = rng.integers(0, high if high is not None else space.n, shape)
    right = np.where(truth >= 0, truth, 1)
    return {
        "hold": np.zeros(shape, np.int64),
        "random": anything,
        "oracle": right,
        "adversary": np.ones(shape, np.int64),
        "mixed": np.where(rng.random(shape) < 0.06, anything, right),
    }[policy]


def _draw_movements(space, truth, policy, rng):
    """Movements for every lane: at rest, anywhere, or straight to one end, by what is right."""
    shape = (len(truth), *space.shape)
    anything = rng.uniform(space.low, space.high, shape).astype(np.float32)
    right = np.select([truth[:, None] == 1, truth[:, None] == 2], [space.low, space.high], 0.0).astype(np.float32)
    return {
        "hold": np.zeros(shape, np.float32),
        "random": anything,
        "oracle": right,
        "adversary": np.broadcast_to(space.low, shape),
        "mixed": np.where(rng.random((len(truth), 1)) < 0.3, anything, right),
    }[policy]


def copied(action):
    """A copy of an agent's actions in all lanes."""
    return {name: part.copy() for name, part in action.items()} if isinstance(action, dict) else action.copy()


def every_other(action, other):
    """Put another agent's actions into every second lane."""
    if isinstance(action, dict):
        for name, part in action.items():
            part[::2] = other[name][::2]
    else:
        action[::2] = other[::2]


def of_lane(action, lane):
    """What a single environment is told, given what a batch is told."""
    if isinstance(action, dict):
        return {name: of_lane(part, lane) for name, part in action.items()}
    return action[lane] if action.dtype.kind == "f" else action[lane].tolist()


def bits(array):
    return np.ascontiguousarray(array).view(np.uint32)


class SideBySide:
    """A batch and the scalar engines of some of its lanes, stepped with the same actions."""

    def __init__(self, scenario, lanes, policy, session=None, seed=3, checked=None):
        self.batch = engine(scenario, lanes, session)
        self.policy, self.rng = policy, np.random.default_rng(0)
        self.singles = {lane: lane_engine(scenario, lane, session) for lane in checked or {0, lanes // 2, lanes - 1}}
        observations, infos = self.batch.reset(seed)
        self.shown = {lane: single.reset(seed) for lane, single in self.singles.items()}
        self.compare(observations, infos)

    def step(self):
        actions = draw_actions(self.batch, self.policy, self.rng)
        observations, rewards, _, truncations, infos = self.batch.step(actions)
        for lane, single in self.singles.items():
            if single.over:
                self.shown[lane] = single.reset()
                continue
            mine = {agent: of_lane(action, lane) for agent, action in actions.items()}
            seen, paid, ended, known = single.step(mine)
            self.shown[lane] = (seen, known)
            for agent in actions:
                assert paid[agent] == rewards[agent][lane], (lane, agent, "reward")
                assert ended == truncations[agent][lane], (lane, agent, "truncated")
        self.compare(observations, infos)

    def compare(self, observations, infos):
        for lane, (seen, known) in self.shown.items():
            for agent in observations:
                assert (bits(seen[agent]) == bits(observations[agent][lane])).all(), (lane, agent)
                for key, value in known[agent].items():
                    assert value == infos[agent][key][lane], (lane, agent, key)

    def compare_tables(self):
        whole = self.batch.trials()
        for lane, single in self.singles.items():
            for ours, theirs in ((single.trials(), whole), (single.trials().responses, whole.responses)):
                mine = theirs["lane"] == lane
                for name in theirs.columns:
                    np.testing.assert_array_equal(ours[name], theirs[name][mine], err_msg=f"lane {lane}, {name}")
