"""Choice reaction: which of a few stimuli was it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from numpy import where

from neuroparallel.errors import ArgumentError, one_of
from neuroparallel.records.evidence import Evidence
from neuroparallel.task import Actions, Channels, Criterion, Factorial, Rewards, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

__all__ = ["ChoiceReaction"]

OPENS = ("onset", "offset")


@dataclass(frozen=True, kw_only=True)
class ChoiceReaction(Task):
    """Say as soon as you can which of two or more stimuli it is: a low or a high tone, a small or a large number.

    Each alternative has a channel; that of the stimulus shown has the mean (1 + c) / 2, all others (1 - c) / 2, at
    coherence c. The response window opens with the stimulus, so that response times count from its onset, and stays
    open after it for the time of the period ``response``. With ``opens="offset"`` the subject waits: a response
    counts, and its time runs, from the end of the stimulus.

    Args:
        choices: Names of the alternatives, two or more; channels and actions are called after them.
        coherences: Strengths of the evidence, percent; one is drawn per trial. One that is written twice comes
            twice as often.
        sigma: Noise of the evidence for one ms; a step of dt ms has s.d. sigma / sqrt(dt).
        opens: From when on responses count: ``"onset"`` or ``"offset"`` of the stimulus.

    Source:
        Donders 1868, in translation Acta Psychol 30:412 (1969); times as in dual tasks: Pashler 1994, Psychol Bull
        116:220. Preset ``until_response``: the stimulus stays on until it is answered.
    """

    choices: tuple[str, ...] = ("left", "right")
    coherences: tuple[float, ...] = (50.0,)
    sigma: float = 1.0
    opens: Literal["onset", "offset"] = "onset"
    timing: Timing = Timing(fixation=500, stimulus=150, response=2350, iti=1000)
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(fixation=1, stimulus=("left", "right"), noise={"stimulus": "sigma"})
    actions: ClassVar = Actions("hold", "left", "right")
    criterion: ClassVar = Criterion(
        source="four fifths of the way from chance to one who waits until sure", ceiling="patient"
    )
    value_names: ClassVar = {"target": ()}
    tags: ClassVar = ("perceptual", "reaction_time")
    dt: ClassVar[float] = 10.0
    signature: ClassVar = "chronometric"
    evidence_columns: ClassVar = Evidence(side="target")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "until_response": {"timing": {"stimulus": 2500, "response": 0}},
    }

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        if len(self.choices) < 2 or len(set(self.choices)) < len(self.choices) or "hold" in self.choices:
            raise ArgumentError(f"choices are {self.choices!r}; give two or more different names, none of them 'hold'.")
        one_of(self.opens, OPENS, "opens")
        if self.opens == "offset" and self.timing["response"] == 0:
            raise ArgumentError("timing.response is 0 ms, and opens is 'offset': there is no time for a response.")

    def channel_groups(self) -> Channels:
        return Channels(fixation=1, stimulus=self.choices, noise={"stimulus": "sigma"})

    def action_names(self) -> Actions:
        return Actions("hold", *self.choices)

    def conditions(self) -> Factorial:
        return Factorial(target=tuple(range(1, len(self.choices) + 1)), coherence=self.coherences)

    def define(self, trial: Trial) -> None:
        toward = 0.5 + trial.coherence / 200
        shown = [where(trial.target == choice + 1, toward, 1 - toward) for choice in range(len(self.choices))]
        trial.show("fixation", during="fixation" if self.opens == "onset" else ("fixation", "stimulus"))
        trial.show("stimulus", per_channel=shown, during="stimulus")
        if self.opens == "onset":
            trial.clock("stimulus")
            trial.answer(trial.target, during="stimulus", then="iti")
        if self.timing["response"] != 0:
            if self.opens == "onset":
                trial.on("timeout", during="stimulus", then="response")  # nothing is decided yet
            trial.answer(trial.target, during="response", then="iti")
