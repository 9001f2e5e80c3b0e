"""What a user's hook hands back wrongly is refused in both engines with the same words: hook, stream, trial, value."""

import re
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from neuroparallel import Actions, Channels, Factorial, Memory, Task, Timing
from neuroparallel.errors import TaskError
from tests.engine.comparing import engine, lane_engine
from tests.engine.toys import alone

FAULTS = {
    "reward nan": ("pay", "reward is nan"),
    "reward inf": ("pay", "reward is inf"),
    "reward huge": ("pay", "reward is 1e[+]300"),
    "reward shape": ("pay", "reward is float64 of shape"),
    "outcome 99": ("pay", "outcome is 99"),
    "pay condition": ("pay", "there is no condition 'sied'.*Did you mean 'side'"),
    "pay memory": ("pay", "there is no memory 'cuont'.*Did you mean 'count'"),
    "pay exit": ("pay", "sys.exit"),
    "observation nan": ("observe", "channel 'x' is nan"),
    "observation huge": ("observe", "channel 'x' is inf"),
    "observation large": ("observe", "channel 'x' is 1e[+]10"),
    "observation shape": ("observe", "channel 'x' is float64 of shape"),
    "observation name": ("observe", "there is no channel 'y'"),
    "observe exit": ("observe", "sys.exit"),
    "condition": ("sequence", "there is no condition 'sied'.*Did you mean 'side'"),
    "level": ("sequence", "side = 7"),
    "condition shape": ("sequence", "condition 'side' is int64 of shape"),
    "memory shape": ("sequence", "memory 'count' is float64 of shape"),
    "sequence exit": ("sequence", "sys.exit"),
}


@dataclass(frozen=True, kw_only=True)
class Faulty(Task):
    """Hooks that go wrong from the third trial on."""

    fault: str = ""
    timing: Timing = Timing(answer=200)
    channels: ClassVar = Channels(x=("left", "right"))
    actions: ClassVar = Actions("hold", "left", "right")

    def conditions(self):
        return Factorial(side=(1, 2))

    def memory(self):
        return {"count": Memory(0.0)}

    def define(self, trial):
        trial.answer(trial.side, during="answer", then="stay", pay=True)

    def _bad(self, hook, count):
        return self.fault if FAULTS.get(self.fault, ("",))[0] == hook and (count >= 3).any() else ""

    def sequence(self, draw):
        draw.memory["count"] = draw.memory["count"] + 1
        bad = self._bad("sequence", draw.memory["count"])
        if bad == "condition":
            draw.conditions["sied"] = draw.conditions["side"]
        elif bad == "level":
            draw.conditions["side"] = np.full(len(draw), 7)
        elif bad == "condition shape":
            draw.conditions["side"] = np.ones((len(draw), 2), int)
        elif bad == "memory shape":
            draw.memory["count"] = np.zeros(len(draw) + 5)
        elif bad:
            sys.exit(2)

    def observe(self, view):
        bad = self._bad("observe", view.memory["count"])
        if bad == "observation nan":
            view.mean["x"][:] = np.nan
        elif bad == "observation huge":
            view.mean["x"] = np.full((len(view), 2), np.inf)
        elif bad == "observation large":
            view.mean["x"][:, 1] = 1e10
        elif bad == "observation shape":
            view.mean["x"] = np.zeros((len(view) + 1, 3))
        elif bad == "observation name":
            view.mean["y"] = view.mean["x"]
        elif bad:
            sys.exit()

    def pay(self, response):
        bad = self._bad("pay", response.memory["count"])
        values = {"reward nan": np.nan, "reward inf": np.inf, "reward huge": 1e300}
        if bad in values:
            response.reward[:] = values[bad]
        elif bad == "reward shape":
            response.reward = np.zeros(len(response.reward) + 5)
        elif bad == "outcome 99":
            response.outcome[:] = 99
        elif bad == "pay condition":
            response.conditions["sied"] = response.reward
        elif bad == "pay memory":
            response.memory["cuont"] = response.reward
        elif bad:
            sys.exit("enough")


def said(env, action):
    env.reset(0)
    try:
        for _ in range(30):
            env.step({"subject_0": action})
    except TaskError as error:
        return str(error)
    return "nothing"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_in_both_engines_alike(fault):
    batch = said(engine(alone(Faulty(fault=fault)), 1), np.ones(1, int))
    single = said(lane_engine(alone(Faulty(fault=fault))), 1)
    assert batch == single


@pytest.mark.parametrize("fault", FAULTS)
def test_the_message_names_task_hook_stream_trial_and_value(fault):
    hook, found = FAULTS[fault]
    text = said(engine(alone(Faulty(fault=fault)), 4), np.ones(4, int))
    assert re.search(rf"^faulty\.{hook}, stream \S+, trial 2: .*{found}", text, re.DOTALL), text


def test_hooks_that_do_no_harm_are_left_alone():
    batch, single = engine(alone(Faulty()), 1), lane_engine(alone(Faulty()))
    batch.reset(0)
    single.reset(0)
    for _ in range(30):
        batch.step({"subject_0": np.ones(1, int)})
        single.step({"subject_0": 1})
    assert len(batch.trials())
    assert batch.trials().equals(single.trials())
