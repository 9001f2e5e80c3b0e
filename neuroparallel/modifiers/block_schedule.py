"""Blocks of trials with other parameters, durations, rewards or odds of conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from neuroparallel.errors import ArgumentError, one_of
from neuroparallel.modifiers._blocks import Blocks, read_length
from neuroparallel.modifiers._variants import Varied
from neuroparallel.task import Draw, Memory, Task

__all__ = ["BlockSchedule"]

ORDERS = ("cycle", "random", "once")


@dataclass(frozen=True, kw_only=True)
class BlockSchedule(Varied):
    """Let the task's own numbers change from block to block.

    The condition ``schedule_block`` has the block, from 1. What has the same odds in two blocks comes out the same in
    both.

    Args:
        blocks: What is different in each block: fields of the task by name (``timing`` and ``rewards`` name what is to
            change), ``weights`` with the relative odds of the levels of a factor (``{coherence: [1, 0, 0, 0, 3]}``),
            ``set`` with conditions that keep one value (``{side: 1}``), and ``trials``, the length of this block.
        block: Length of the blocks that do not name one: a number of trials, ``{hazard: 0.0125}``,
            ``{uniform: [20, 100]}``, ``{truncated_exponential: {mean: 60, low: 20, high: 100}}``, a list, or nothing.
        order: ``cycle``: one after the other, from a block that is drawn; ``random``: any other one; ``once``: from
            the first to the last one, which stays.
        restart: Whether a block begins like a session for what the task remembers, such as the chances of a bandit.
    """

    listed, condition, besides = "blocks", "schedule_block", "trials"

    blocks: Any
    block: Any = 100
    order: str = "cycle"
    restart: bool = False

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        if not isinstance(self.blocks, tuple) or not self.blocks:
            raise ArgumentError(f"blocks is {self.blocks!r}; it is a list of mappings, one per block.")
        for place, entry in enumerate(self.blocks):
            if not isinstance(entry, Mapping):
                raise ArgumentError(f"blocks.{place} is {entry!r}; it is a mapping of what is different in this block.")
            for name in ("weights", "set"):
                if not isinstance(entry.get(name, {}), Mapping):
                    raise ArgumentError(f"blocks.{place}.{name} is {entry[name]!r}; it is a mapping by condition.")
            read_length(entry.get("trials", self.block), f"blocks.{place}.trials")
        read_length(self.block, "block")
        one_of(self.order, ORDERS, "order")
        if not isinstance(self.restart, bool):
            raise ArgumentError(f"restart is {self.restart!r}; it is true or false.")

    def longest_block(self) -> int:
        return max(law.usual for law in self._blocks.lengths)

    def memory(self, task: Task) -> dict[str, Memory]:
        return super().memory(task) | self._blocks.memory()

    @cached_property
    def _blocks(self) -> Blocks:
        lengths = tuple(read_length(entry.get("trials", self.block), "trials") for entry in self.blocks)
        return Blocks(self.name(), lengths, self.order)

    def sequence(self, task: Task, draw: Draw) -> None:
        """See which block it is, and draw the conditions as in that block."""
        block, new = self._blocks.advance(draw)
        self.variants(task).draw(draw, block + 1, new if self.restart else None)
