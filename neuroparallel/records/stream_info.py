"""What is known of a stream whose trials are recorded."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LAST", "StreamInfo"]

LAST = -1  # in `StreamInfo.settles`


@dataclass(frozen=True)
class StreamInfo:
    """What the table says about a stream in each of its rows, and what it takes to tell when a trial was answered.

    Attributes:
        subject: Who acts.
        stream: Name of the stream within the subject.
        task: What is asked.
        conditions: Names of the condition columns, those of the group included, in order.
        periods: Names of the periods by the code used in the responses; empty keeps the codes.
        group: The group whose trials it shares with other streams of its subject; empty if there is none.
        settles: By period, for how many steps a response has to be held to settle the trial's outcome: 1 if the first
            does, 0 if none can, ``LAST`` if only what is chosen in the last step does.
        clocked: By period, 1 if response times count from its onset, 0 if not.
    """

    subject: str
    stream: str
    task: str
    conditions: tuple[str, ...] = ()
    periods: tuple[str, ...] = ()
    group: str = ""
    settles: tuple[int, ...] = ()
    clocked: tuple[int, ...] = ()
