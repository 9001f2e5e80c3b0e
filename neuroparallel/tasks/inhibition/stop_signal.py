"""The stop-signal task, with its staircase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy import where

from neuroparallel.errors import ArgumentError, probability, whole_number
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Actions, Channels, Criterion, Draw, Factorial, Levels, Memory, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.task.urn import Urn, exact_counts
from neuroparallel.timing import Timing

LEFT, RIGHT, WITHHOLD = 1, 2, 0


@dataclass(frozen=True, kw_only=True)
class StopSignal(Task):
    """Respond to an arrow as fast as you can, unless a stop signal follows it: then hold back.

    The delay of the stop signal follows a staircase: longer, and so harder, after a successful
    stop, shorter after a failed one, until half of the stops succeed. From that delay and the
    response times one infers how long stopping takes
    (`neuroparallel.analysis.stop_signal_reaction_time`).

    Periods: ``go`` shows the arrow alone, in stop trials only for the delay; ``stop`` shows the
    stop signal for the rest of the response time and does not exist in go trials. Response times
    count from the arrow. Holding back throughout a stop trial is correct and pays
    ``rewards["withheld"]``. In go trials, ``stop_delay_ms`` is where the staircase stands.

    Args:
        stop_probability: Share of stop trials.
        block: Length of a block, trials, in which stop trials and sides come exactly as often as they should; 0: each
            trial is drawn on its own.
        first_delay: Delay of the stop signal at the start of a session, ms.
        delay_step: Step of the staircase, ms; 0 keeps the delay.
        shortest_delay: Where the staircase stops going down, ms.
        response_time: Time allowed for a response, from the arrow, ms; the longest delay is one
            step less.

    Source:
        Logan & Cowan 1984, Psychol Rev 91:295; design and numbers: Verbruggen et al. 2019, eLife
        8:e46323, and the software STOP-IT that goes with it.
    """

    stop_probability: float = 0.25
    block: int = 0
    first_delay: float = 200.0
    delay_step: float = 50.0
    shortest_delay: float = 50.0
    response_time: float = 1250.0
    timing: Timing = Timing(fixation=250, go=0, stop=0, iti=500)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(fixation=1, arrow=("left", "right"), stop=1)
    actions: ClassVar = Actions("withhold", "left", "right")
    criterion: ClassVar = Criterion(
        source="above the .75 of who never stops; all go trials and 0.4 of the stops", correct=0.85, ceiling="oracle"
    )
    value_names: ClassVar = {"side": ()}
    tags: ClassVar = ("inhibition", "two_alternative", "reaction_time")
    dt: ClassVar[float] = 50.0
    lazy: ClassVar[bool] = True  # the staircase may reach any delay
    signature: ClassVar = "stop_signal"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"block": 64},  # 16 stop trials, 8 for each side
        "rdoc": {"stop_probability": 1 / 3, "response_time": 1500.0, "timing": {"fixation": 500}},
    }

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        probability(self.stop_probability, "stop_probability")
        if whole_number(self.block, "block"):
            exact_counts(self._shares, self.block)
        if not 0 < self.shortest_delay <= self.first_delay < self.response_time or self.delay_step < 0:
            raise ArgumentError(
                f"shortest_delay ({self.shortest_delay:g}), first_delay ({self.first_delay:g}) and "
                f"response_time ({self.response_time:g}) are times in ms in this order, and "
                f"delay_step ({self.delay_step:g}) is 0 or more."
            )

    def conditions(self) -> Factorial:
        share = self.stop_probability
        return Factorial(
            stop=Levels((True, False), (share, 1 - share)),
            side=(LEFT, RIGHT),
            stop_delay_ms=(self.first_delay,),  # where the staircase starts
        )

    @property
    def _shares(self) -> dict[str, tuple[float, float]]:
        return {"stop": (self.stop_probability, 1 - self.stop_probability), "side": (0.5, 0.5)}

    @cached_property
    def _urn(self) -> Urn:
        return Urn("trials", exact_counts(self._shares, self.block))

    def memory(self) -> dict[str, Memory]:
        left = self._urn.memory() if self.block else {}
        return {"delay": Memory(self.first_delay), **left}

    def sequence(self, draw: Draw) -> None:
        """Draw what is balanced, and move the staircase by the outcome of the last trial, if that was a stop trial."""
        if self.block:
            kind = self._urn.draw(draw)
            draw.conditions["stop"], draw.conditions["side"] = kind < 2, where(kind % 2 == 0, LEFT, RIGHT)
        was_stop = draw.previous["stop"] & ~draw.first
        stopped, failed = draw.outcome == Outcome.CORRECT, draw.outcome == Outcome.ERROR
        change = where(was_stop & stopped, self.delay_step, where(was_stop & failed, -self.delay_step, 0.0))
        delay = np.maximum(draw.memory["delay"] + change, self.shortest_delay)
        draw.memory["delay"] = where(delay < self.response_time, delay, draw.memory["delay"])
        draw.conditions["stop_delay_ms"] = self._shown(draw.memory["delay"], draw.dt)

    def _shown(self, delay: Any, dt: float) -> Any:
        """The delay in whole steps of dt, at least one before and one after the stop signal; ms."""
        return np.clip(np.floor(delay / dt + 0.5), 1, self.response_time / dt - 1) * dt

    def define(self, trial: Trial) -> None:
        delay = self._shown(trial.stop_delay_ms, trial.dt)
        trial.lasts("go", where(trial.stop, delay, self.response_time))
        trial.lasts("stop", where(trial.stop, self.response_time - delay, 0.0))
        trial.show("fixation", during="fixation")
        trial.show("arrow", per_channel=(trial.side == LEFT, trial.side == RIGHT), during=("go", "stop"))
        trial.show("stop", during="stop")
        trial.clock("go")
        trial.answer(where(trial.stop, WITHHOLD, trial.side), during="go", then="iti")
        trial.on("timeout", during="go", then="stop", where=trial.stop)  # nothing is decided yet
        trial.answer(WITHHOLD, during="stop", then="iti")
