"""What a subject without a plan earns, worked out from a task's state matrix: slow, and no engine.

A trial is a walk through the periods. `Chain` follows the probabilities of all walks of a subject that picks its
action from the same distribution in every step, for one condition at a time, backwards in time.
"""

import math

import numpy as np

from neuroparallel.task.trial import COMMIT, END, STAY, Trial
from neuroparallel.timing import Law

REWARD = 7  # behind the seven outcome codes
WIDTH = 8


def grid(task):
    """All conditions of a task with their probabilities; a continuous one stands for 400 equal parts."""
    design = task.conditions()
    shares = np.ones(1)
    for factor in design.factors.values():
        shares = np.outer(shares, factor.weights / factor.weights.sum()).ravel()
    values = design.grid()
    for name, law in design.laws.items():
        parts = law.quantile((np.arange(400) + 0.5) / 400)
        values = {key: np.repeat(column, len(parts)) for key, column in values.items()}
        values[name] = np.tile(parts, len(shares))
        shares = np.repeat(shares, len(parts)) / len(parts)
    return values, shares


def define(task, dt):
    """The task's state matrix for all its conditions, and their probabilities."""
    values, shares = grid(task)
    trial = Trial(task, values, len(shares), dt)
    task.define(trial)
    trial.finish()
    return trial, shares


def law_steps(law, dt):
    """Durations in steps with their probabilities, straight from the law's cumulative distribution."""
    low, high = (math.floor(edge / dt + 0.5) for edge in law.bounds())
    inner = [law.cdf((k + 0.5) * dt) for k in range(low, high)]
    return list(zip(range(low, high + 1), np.diff([0.0, *inner, 1.0]), strict=True))


class Chain:
    """Expected outcomes and reward of one condition under one distribution of actions per period.

    Args:
        task: The task.
        trial: Its state matrix.
        row: Which condition.
        policy: Period name to probabilities of the actions; what is not named holds.
    """

    def __init__(self, task, trial, row, policy):
        self.task, self.trial, self.row = task, trial, row
        names, actions = list(task.timing), len(task.action_names())
        hold = np.eye(actions)[0]
        self.policy = [np.asarray(policy.get(name, hold), float) for name in names]
        self.durations = [
            law_steps(law, trial.dt)
            if isinstance(law, Law) and trial.steps[row, p] < 0
            else [(int(trial.steps[row, p]), 1.0)]
            for p, law in enumerate(task.timing.values())
        ]
        self.fresh = np.zeros((len(names), WIDTH))  # value of entering a period, outcome open
        self.settled = np.zeros((len(names), WIDTH))  # the same once it is settled

    def solve(self):
        """Probability of each outcome code (0..6), and the mean reward, (8,)."""
        for _ in range(500):
            settled = np.array([self._settled(p) for p in range(len(self.durations))])
            fresh = np.array([self._fresh(p) for p in range(len(self.durations))])
            change = max(abs(settled - self.settled).max(), abs(fresh - self.fresh).max())
            self.settled, self.fresh = settled, fresh
            if change < 1e-12:
                break
        result = self.fresh[0].copy()
        result[6] += 1 - result[:7].sum()  # a trial that ends undecided is not scored
        return result

    def _to(self, target, values):
        return np.zeros(WIDTH) if target == END else values[target]

    def _penalty(self, p):
        """What an early response costs per step once the outcome is settled."""
        cost = np.zeros(WIDTH)
        if self.task.early == "penalty" and not self.trial.window[p]:
            cost[REWARD] = self.task.rewards["abort"] * (1 - self.policy[p][0])
        return cost

    def _settled(self, p):
        follow = self._to(self.trial.next[self.row, p, -1], self.settled)
        return sum(share * (steps * self._penalty(p) + follow) for steps, share in self.durations[p])

    def _fresh(self, p):
        return sum(share * self._window(p, steps) for steps, share in self.durations[p])

    def _window(self, p, steps):
        value = self._exit(p)
        for left in range(1, steps + 1):  # steps that are left, this one included
            deciding = not self.trial.final[p] or left == 1
            value = self._step(p, value, left, deciding)
        return value

    def _exit(self, p):
        """Time has run out."""
        return self._lead(p, -1, self.trial.next[self.row, p, -1], None, 0)

    def _step(self, p, later, left, deciding):
        total = np.zeros(WIDTH)
        for action, share in enumerate(self.policy[p]):
            if share:
                target = self.trial.next[self.row, p, action] if deciding else STAY
                total += share * (later if not deciding else self._lead(p, action, target, later, left))
        return total

    def _lead(self, p, column, target, later, left):
        """Value of a cell of the matrix: its outcome and reward, and what follows."""
        outcome = int(self.trial.outcome[self.row, p, column])
        value = np.zeros(WIDTH)
        value[REWARD] = self.trial.reward[self.row, p, column]
        if outcome:
            value[outcome] = 1.0
        if target == STAY:
            return value + later
        if target == COMMIT:
            follow = self._to(self.trial.next[self.row, p, -1], self.settled)
            return value + (left - 1) * self._penalty(p) + follow
        return value + self._to(target, self.settled if outcome else self.fresh)


def rates(task, dt, policy):
    """Expected share of each outcome code and mean reward per trial, over all conditions.

    Args:
        task: The task; without `sequence` and `pay`.
        dt: Time step, ms.
        policy: Period name to probabilities of the actions; what is not named holds.
    """
    trial, shares = define(task, dt)
    return sum(share * Chain(task, trial, row, policy).solve() for row, share in enumerate(shares) if share)
