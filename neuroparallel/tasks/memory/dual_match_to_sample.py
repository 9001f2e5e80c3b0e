"""Delayed match to two samples, probed one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy import where
from numpy.typing import NDArray

from neuroparallel.errors import probability, whole_number
from neuroparallel.outcomes import Outcome
from neuroparallel.task import Actions, Channels, Criterion, Factorial, Levels, Response, Rewards, Rows, Task
from neuroparallel.task.trial import Trial
from neuroparallel.timing import Timing

MATCH, NONMATCH = 1, 2
TESTS = (1, 2)


@dataclass(frozen=True, kw_only=True)
class DualMatchToSample(Task):
    """Remember two samples; twice, a cue says which of them the next test has to be compared with.

    The sample that is not cued first must be kept, for it may be asked for later. This is one task, not
    two streams: both tests are about the same two samples, so that what is right in one of them cannot
    be drawn without the other. Each test is a response window of its own: the first response in it
    ends it and is paid at once, and the trial goes on whatever it was. The trial as a whole is settled
    by the second test. It is correct if both answers were, an error if any was wrong, and a miss if one
    was only missing.

    In the records ``choice`` and the response time are of the second test, ``ground_truth`` is of the
    first; ``choice_1`` and ``choice_2`` have the answers to both (0: none), and ``change_1`` and
    ``change_2`` how many items each test is away from the sample that it is about, 0 where they match.
    The table of responses has the time of each.

    Args:
        items: How many different stimuli either sample may be, 2 to 16; a channel each.
        match_probability: Share of matching tests; the others are any other item, equally often.
        repeat_probability: Share of trials in which the second cue is the same as the first.
        sigma: Noise of the stimulus channels for one ms; a step of dt ms has s.d. sigma / sqrt(dt).

    Source:
        Rose, LaRocque, Riggall et al. 2016, Science 354:1136. Timing as in NeuroGym, where the second
        test is always about the other sample (preset ``neurogym``).
    """

    items: int = 2
    match_probability: float = 0.5
    repeat_probability: float = 0.5
    sigma: float = 1.0
    timing: Timing = Timing(
        fixation=500, samples=500, delay_1=500, cue_1=500, test_1=500, delay_2=500, cue_2=500, test_2=500
    )
    rewards: Rewards = Rewards(correct=1.0, error=0.0, abort=-0.1, miss=0.0)

    channels: ClassVar = Channels(fixation=1, first=2, second=2, cue=2, noise={"first": "sigma", "second": "sigma"})
    actions: ClassVar = Actions("fixate", "match", "nonmatch")
    criterion: ClassVar = Criterion(
        source="above the 3/4 of who drops the sample that was not cued (Rose et al. 2016)", correct=0.85
    )
    tags: ClassVar = ("perceptual", "working_memory", "two_alternative")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"neurogym": {"early": "penalty", "repeat_probability": 0.0}}
    notes: ClassVar[tuple[str, ...]] = ("choice_1", "choice_2")

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense."""
        super().__post_init__()
        whole_number(self.items, "items", 2, 16)
        for name in ("match_probability", "repeat_probability"):
            probability(getattr(self, name), name)

    def channel_groups(self) -> Channels:
        noise = {"first": "sigma", "second": "sigma"}
        return Channels(fixation=1, first=self.items, second=self.items, cue=2, noise=noise)

    def conditions(self) -> Factorial:
        again, other = self.repeat_probability, 1 - self.repeat_probability
        changed = (1 - self.match_probability) / (self.items - 1)
        changes = Levels(range(self.items), (self.match_probability, *[changed] * (self.items - 1)))
        return Factorial(
            sample_1=range(1, self.items + 1),
            sample_2=range(1, self.items + 1),
            cues=Rows(cue_1=(1, 1, 2, 2), cue_2=(1, 2, 1, 2), weights=(again, other, other, again)),
            change_1=changes,
            change_2=changes,
        )

    def define(self, trial: Trial) -> None:
        trial.show("fixation", during=[period for period in self.timing if not period.startswith("test")])
        trial.show("first", self._encode(trial.sample_1), during="samples")
        trial.show("second", self._encode(trial.sample_2), during="samples")
        for test in TESTS:
            cue, change = getattr(trial, f"cue_{test}"), getattr(trial, f"change_{test}")
            trial.show("cue", per_channel=(cue == 1, cue == 2), during=f"cue_{test}")
            for number, group in enumerate(("first", "second"), start=1):
                probe = (getattr(trial, f"sample_{number}") - 1 + change) % self.items + 1
                trial.show(group, self._encode(where(cue == number, probe, 0)), during=f"test_{test}")
            trial.answer(where(change == 0, MATCH, NONMATCH), during=f"test_{test}", pay=True)
        self._leave_open(trial)

    def _leave_open(self, trial: Trial) -> None:
        """Pay the first test without settling the trial, so that the second one is asked in any case."""
        right, paid = where(trial.change_1 == 0, MATCH, NONMATCH), self.rewards
        trial.on("any", during="test_1", reward=paid["error"], then="delay_2", pay=True)
        trial.on(right, during="test_1", reward=paid["correct"], then="delay_2", pay=True)
        trial.on("timeout", during="test_1", reward=paid["miss"], then="delay_2")

    def _encode(self, item: NDArray[np.int64]) -> NDArray[np.bool_]:
        """What the channels of a sample show of an item, nothing of item 0; int64 (n,) to bool (n, items)."""
        return np.equal.outer(item, np.arange(1, self.items + 1))

    def pay(self, response: Response) -> None:
        """Note the answers, and settle the trial by both of them; what each pays stands in the table."""
        known, last = response.conditions, response.period == list(self.timing).index("test_2")
        known["choice_1"] = where(last, known["choice_1"], response.action)
        known["choice_2"] = where(last, response.action, known["choice_2"])
        first, right = known["choice_1"], where(known["change_1"] == 0, MATCH, NONMATCH)
        worst = where(first == 0, Outcome.MISS, Outcome.ERROR)
        spoilt = last & (first != right)
        second = response.outcome
        both = where((second == Outcome.ERROR) | (worst == Outcome.ERROR), Outcome.ERROR, Outcome.MISS)
        response.outcome[:] = where(spoilt, both, second)
