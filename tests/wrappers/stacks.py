"""Stacks of signal wrappers for tests: what fits what, and playing it in every kind of environment."""

import numpy as np
from gymnasium.spaces import Box, Dict, MultiDiscrete
from hypothesis import strategies as st

from neuroparallel import wrappers
from neuroparallel.scenario import Scenario

DOTS = {"streams": {"dots": {"task": "random_dots", "timing": {"stimulus": 300}}}}
GNG = {"streams": {"gng": {"task": "go_nogo"}}}
PAIR = Scenario.load({"name": "pair", "subjects": {"ann_0": DOTS, "bob_0": GNG}})

ANY = [
    ("previous_reward", {}),
    ("previous_action", {}),
    ("previous_action", {"encoding": "index"}),
    ("previous_outcome", {}),
    ("previous_outcome", {"hold": True}),
    ("noise", {"sigma": 0.3}),
    ("frame_stack", {"frames": 2}),
    ("delay_observation", {"steps": 2}),
    ("clock", {}),
    ("sticky_action", {"probability": 0.4}),
    ("scale_reward", {"factor": 2.0, "low": -0.5}),
    ("pad_observation", {"width": 400}),
    ("pad_action", {"actions": 30}),
]
TWO_STREAMS = [
    ("joint_action", {}),
    ("serial_access", {}),
    ("serial_access", {"refractory": 200, "waiting": "drop"}),
    ("serial_decision", {}),
    ("serial_decision", {"perception": {"second": 200}, "memory": 600, "always": []}),
    ("share_attention", {}),
    ("share_attention", {"unattended": "last", "always": []}),
]
TWO_SUBJECTS = [
    ("pad_observation", {}),
    ("pad_action", {}),
    ("agent_indicator", {}),
    ("partner_view", {}),
    ("partner_view", {"shows": ["observation", "action", "reward"], "partners": {"ann_0": ["bob_0"]}}),
]
# Whatever changes the shape of actions or channels must come before what needs it, so these come once, and first.
ONCE = {
    "joint_action",
    "pad_observation",
    "pad_action",
    "serial_access",
    "serial_decision",
    "share_attention",
    "frame_stack",
}


@st.composite
def stacks(draw, choices, first=()):
    """A list of up to five wrappers."""
    chosen = [draw(st.sampled_from(first))] if first and draw(st.booleans()) else []
    for entry in draw(st.lists(st.sampled_from(choices), min_size=0 if chosen else 1, max_size=4)):
        if entry[0] not in ONCE or entry[0] not in [name for name, _ in chosen]:
            chosen.append(entry)
    return chosen


def wrapped(env, stack):
    for name, options in stack:
        env = getattr(wrappers, f"{name}_v0")(env, **options)
    return env


def drawn(space, rng, lanes=None, calm=False):
    """Random actions, one or (lanes,) of them; mostly holding if calm."""
    lead = () if lanes is None else (lanes,)
    if isinstance(space, Dict):
        return {name: drawn(part, rng, lanes, calm) for name, part in space.items()}
    if isinstance(space, Box):
        return rng.uniform(space.low, space.high, (*lead, *space.shape)).astype(np.float32)
    sizes = space.nvec if isinstance(space, MultiDiscrete) else space.n
    value = rng.integers(sizes, size=(*lead, *np.shape(sizes)))
    if calm:
        value = value * np.reshape(rng.random(lead) < 0.1, (*lead, *[1] * np.ndim(sizes)))
    return value if np.ndim(value) else int(value)


def lane_of(actions, lane):
    """One lane's part of what `drawn` gives for many."""
    return {name: lane_of(part, lane) for name, part in actions.items()} if isinstance(actions, dict) else actions[lane]
