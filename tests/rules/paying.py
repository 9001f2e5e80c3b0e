"""What a rule pays for given choices, without any engine."""

import numpy as np

from neuroparallel.rules import GroupDraw, Resolution
from neuroparallel.scenario import Scenario
from neuroparallel.scenario.compile import build_layout


def rule_of(name, **changes):
    """The rule of a scenario's only group, and how many choices its members have."""
    layout = build_layout(Scenario.load(name).replace(**changes))
    (group,) = layout.groups
    return group.rule, tuple(len(layout.streams[index].task.action_names()) - 1 for index in group.streams)


def resolved(rule, choices, options=None, *, conditions=None, keys=None):
    """Resolve trials in which these choices were made, (players, n), 0 for none; everything `resolve` has filled in."""
    choice = np.array(choices, np.int64)
    n = choice.shape[1]
    memory = {name: np.broadcast_to(spec.initial, n).astype(spec.dtype) for name, spec in rule.memory().items()}
    end = Resolution(
        conditions={name: np.zeros(n) for name in rule.notes}
        | {k: np.full(n, v) for k, v in (conditions or {}).items()},
        memory=memory,
        trial=np.zeros(n, np.int64),
        _keys=np.arange(n, dtype=np.uint64) if keys is None else keys,
        choice=choice,
        outcome=np.where(choice > 0, 6, 4).astype(np.uint8),
        time=np.where(choice > 0, 100.0, np.nan),
        message=np.zeros(choice.shape),
        given=tuple({} for _ in choice),
        options=options or tuple(choice.max(axis=1)),
        pay=np.zeros(choice.shape),
        again=np.ones(n, bool),
    )
    rule.resolve(end)
    return end


def every(*options):
    """All combinations of choices, (players, n)."""
    return np.indices(options).reshape(len(options), -1) + 1


def drawn(rule, trials, lanes=200, seed=0):
    """The conditions of successive trials of some lanes, (trials, lanes) by name."""
    memory = {name: np.broadcast_to(spec.initial, lanes).astype(spec.dtype) for name, spec in rule.memory().items()}
    rng, story = np.random.default_rng(seed), []
    for trial in range(trials):
        keys = rng.integers(0, 2**63, lanes, dtype=np.uint64)
        conditions = {name: rng.choice(factor.values, lanes) for name, factor in rule.conditions().factors.items()}
        draw = GroupDraw(conditions, memory, np.full(lanes, trial), keys, np.full(lanes, trial == 0), ())
        rule.draw(draw)
        memory, _ = draw.memory, story.append(draw.conditions)
    return {name: np.stack([conditions[name] for conditions in story]) for name in story[0]}
