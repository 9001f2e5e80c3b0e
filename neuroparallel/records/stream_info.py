"""Description of a stream whose trials are recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuroparallel.records.partner_columns import PartnerColumn

__all__ = ["StreamInfo"]


@dataclass(frozen=True)
class StreamInfo:
    """Entries of the trial table that are the same in all rows of a stream.

    Attributes:
        subject: Who acts.
        stream: Name of the stream within the subject.
        task: What is asked.
        conditions: Names of the condition columns, those of the group included, in order.
        periods: Names of the periods by the code used in the responses; empty keeps the codes.
        names: What the numbers in a column stand for, by column.
        group: The group whose trials it shares with other streams of its subject; empty if there is none.
        columns: What the rows of its group show of other members.
    """

    subject: str
    stream: str
    task: str
    conditions: tuple[str, ...] = ()
    periods: tuple[str, ...] = ()
    group: str = ""
    names: Mapping[str, Mapping[int, str]] = field(default_factory=dict, hash=False)
    columns: tuple[PartnerColumn, ...] = ()
