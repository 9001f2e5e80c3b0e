"""Minibatches of a train batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

__all__ = ["deal", "steps_in"]


def steps_in(columns: Mapping[str, Any], seq_lens: str = "seq_lens") -> int:
    """Return the number of steps, without padding, in a policy's columns."""
    if seq_lens in columns:
        return int(columns[seq_lens].sum())
    return len(next(iter(columns.values())))


def deal(
    batch: Mapping[str, Mapping[str, Any]], *, parts: int, epochs: int, shuffle: bool
) -> Iterator[dict[str, dict[str, Any]]]:
    """Pass over the batch several times, each time dealing every row into exactly one of so many parts.

    RLlib's own iterator cycles through policies with less experience more often than through
    others, and may deal a row twice in one pass; here every policy is passed over equally often.

    Args:
        batch: Policy name to columns; tensors with rows on axis 0, or dicts of such.
        parts: Minibatches per pass; no more are made than the policy with the fewest rows has rows.
        epochs: Passes.
        shuffle: Draw a new order for every pass, with PyTorch's generator.

    Yields:
        Minibatches of the same form.
    """
    rows = {name: _rows(columns) for name, columns in batch.items()}
    parts = max(1, min(parts, *rows.values()))
    for _ in range(epochs):
        if parts == 1:
            yield {name: dict(columns) for name, columns in batch.items()}
            continue
        orders = {
            name: (torch.randperm(n) if shuffle else torch.arange(n)).tensor_split(parts) for name, n in rows.items()
        }
        for part in range(parts):
            yield {
                name: {key: _take(value, orders[name][part]) for key, value in columns.items()}
                for name, columns in batch.items()
            }


def _rows(columns: Mapping[str, Any]) -> int:
    tensor = next(value for value in columns.values() if not isinstance(value, Mapping))
    return int(tensor.shape[0])


def _take(value: Any, index: torch.Tensor) -> Any:
    if isinstance(value, Mapping):
        return {key: part[index] for key, part in value.items()}
    return value[index]
