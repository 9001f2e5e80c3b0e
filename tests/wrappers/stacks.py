"""Stacks of signal wrappers for tests: what fits what, and playing it in every kind of environment."""

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
ONCE = {"joint_action", "pad_observation", "pad_action", "serial_access", "share_attention", "frame_stack"}


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
    """Random actions, int or integers (lanes,) or (lanes, factors); mostly holding if calm."""
    if hasattr(space, "nvec"):
        shape = len(space.nvec) if lanes is None else (lanes, len(space.nvec))
        value = rng.integers(space.nvec, size=shape)
    else:
        value = rng.integers(space.n, size=lanes)
    value = value * (rng.random(size=lanes) < 0.1 if lanes is None or value.ndim == 1 else 1) if calm else value
    return int(value) if lanes is None and not hasattr(space, "nvec") else value
