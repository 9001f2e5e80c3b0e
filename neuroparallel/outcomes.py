"""How a trial can end."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Outcome"]


class Outcome(IntEnum):
    """How a trial ended, as the small integer that infos and tables carry.

    ``RUNNING`` stands while the trial lasts. ``CANCELLED`` was ended from outside, for example when the event
    that should have started it never came. ``UNSCORED`` ended without right or wrong: a sure bet, a game.
    """

    RUNNING = 0
    CORRECT = 1
    ERROR = 2
    ABORT = 3
    MISS = 4
    CANCELLED = 5
    UNSCORED = 6

    @property
    def label(self) -> str:
        """The word that trial tables and plots show, for example ``"correct"``."""
        return self.name.lower()
