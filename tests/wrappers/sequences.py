"""Helpers for the tests of sequence wrappers: scenarios with short trials, and sequences out of trial tables."""

import numpy as np

from neuroparallel.scenario import Scenario
from tests.tasks import playing

SHORT = {"fixation": 0, "stimulus": 100, "delay": 0, "decision": 100}


def modified(task, *entries, dt=None, **stream):
    """A scenario of one task with some modifiers in its wrappers list."""
    subjects = {"subject_0": {"streams": {task: {"task": task, **stream}}}}
    return Scenario.load({"name": "x", "dt": dt, "subjects": subjects, "wrappers": list(entries)})


def dots(*entries, **stream):
    """Random dots with trials of two steps."""
    return modified("random_dots", *entries, **{"timing": SHORT, **stream})


def played(scenario, lanes=256, trials=100, subject=playing.oracle, seed=0):
    """Columns of the trial table as (lanes, trials)."""
    table = playing.run(playing.engine(scenario, lanes), subject, trials, seed)
    order = np.lexsort((table["trial"], table["lane"]))
    return {name: np.asarray(values)[order].reshape(lanes, trials) for name, values in table.columns.items()}


def mostly_wrong(share, seed=0):
    """Answers wrongly in some share of the trials, in response windows."""
    rng = np.random.default_rng(seed)

    def act(batch, _observations, _infos):
        result = {}
        for agent, truth in batch.truth().items():
            wrong = np.where(truth == 1, 2, 1)
            right = np.maximum(truth, 0)
            result[agent] = np.where((right > 0) & (rng.random(truth.shape) < share), wrong, right)
        return result

    return act


def runs(blocks):
    """Lengths of the stretches of equal values along axis 1, without the last one of every row, which is cut."""
    lengths = []
    for row in blocks:
        edges = np.flatnonzero(np.diff(row)) + 1
        lengths += np.diff([0, *edges]).tolist()
    return np.array(lengths)
