"""Random numbers of signal wrappers: a function of seed, lane, session, wrapper, agent and step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroparallel.engine.batch import BatchEngine
from neuroparallel.seeding import Bits, branch_keys, integer_bits, mix, name_bits, noise_increments, normals

__all__ = ["Draws", "Origin"]

BLOCK = 256  # steps that a single environment draws at once


class Origin:
    """Seed, lane and session of each lane, on which the random numbers of wrappers depend.

    Our environments provide them; for others, seeds and sessions are counted here from the arguments of `reset`.

    Args:
        env: The environment inside all wrappers.
        lanes: Number of lanes; None for a single environment.
    """

    def __init__(self, env: Any, lanes: int | None) -> None:
        core = getattr(env, "unwrapped", env)
        core = getattr(core, "engine", core)
        self._core = core if isinstance(core, BatchEngine) or hasattr(core, "origin") else None
        count = 1 if lanes is None else lanes
        self._seeds = np.full(count, integer_bits(0), np.uint64)
        self._lanes = np.arange(count, dtype=np.uint64)
        self._sessions = np.zeros(count, np.uint64)
        self._fresh = np.ones(count, bool)

    def words(self) -> tuple[Bits, Bits, Bits]:
        """Return folded seeds, lanes and sessions, uint64 (lanes,)."""
        core = self._core
        if isinstance(core, BatchEngine):
            return core.seeds, core.lane_ids, core.sessions.astype(np.uint64)
        if core is not None:
            seed, lane, session = (np.array([word], np.uint64) for word in core.origin)
            return seed, lane, session
        return self._seeds, self._lanes, self._sessions

    def reset(self, seed: int | Sequence[int] | None, mask: NDArray[np.bool_] | None = None) -> None:
        """Count a session that begins: the first one of a seed, or the next one."""
        where = np.ones(len(self._seeds), bool) if mask is None else mask
        self._sessions[where & ~self._fresh] += np.uint64(1)
        self._fresh[where] = False
        if seed is None:
            return
        each = [seed] * len(where) if isinstance(seed, (int, np.integer)) else list(seed)
        lanes = np.arange(len(where)) if isinstance(seed, (int, np.integer)) else np.zeros(len(where))
        self._seeds[where] = np.array([integer_bits(one or 0) for one in each], np.uint64)[where]
        self._lanes[where] = lanes.astype(np.uint64)[where]
        self._sessions[where] = 0

    def state(self) -> dict[str, Any]:
        """Return a copy of the counts."""
        return {name: getattr(self, f"_{name}").copy() for name in ("seeds", "lanes", "sessions", "fresh")}

    def set_state(self, saved: dict[str, Any]) -> None:
        """Restore the counts."""
        for name, array in saved.items():
            getattr(self, f"_{name}")[:] = array


class Draws:
    """Rows of random numbers in every step, which do not depend on other lanes.

    Args:
        branch: Name of the random branch: wrapper, number of the wrapper in its stack, and agent.
        rows: Number of random numbers per step.
        lanes: Number of lanes; None for a single environment, which draws some steps ahead.
        origin: Seed, lane and session.
        scale: Standard deviation of the normals.
    """

    def __init__(
        self,
        branch: str,
        rows: int,
        lanes: int | None,
        origin: Origin,
        scale: float = 1.0,
    ) -> None:
        self._scale = np.float32(scale)
        self._branch, self._origin, self._single = branch, origin, lanes is None
        self._rows, self._pairs = rows, (rows + 1) // 2
        count = 1 if lanes is None else lanes
        self._start, self._stride, self._step = (np.zeros(count, np.uint64) for _ in range(3))
        self._offsets = np.array([name_bits(f"row.{row}") for row in range(rows)], np.uint64)
        self._block: list[Any] = []  # of a single environment: some steps, how far they reach, and where it stands
        self._until = self._count = 0

    def begin(self, mask: NDArray[np.bool_] | None = None) -> None:
        """Start anew for the session that begins; in all lanes, or where the mask is True."""
        keys = branch_keys(*self._origin.words(), f"wrapper.{self._branch}")
        where = True if mask is None else mask
        np.copyto(self._start, mix(keys + np.uint64(1)), where=where)
        np.copyto(self._stride, noise_increments(keys), where=where)
        np.copyto(self._step, 0, where=where)
        self._until = self._count = 0

    def state(self) -> dict[str, Any]:
        """Return a copy of the position in the random numbers."""
        arrays = {name: getattr(self, name).copy() for name in ("_start", "_stride", "_step")}
        return {**arrays, "_count": self._count}

    def set_state(self, saved: Mapping[str, Any], where: Any = True) -> None:
        """Restore the position; everywhere, or where the mask is True."""
        for name in ("_start", "_stride", "_step"):
            np.copyto(getattr(self, name), saved[name], where=where)
        self._count, self._until = saved["_count"], 0

    def words(self) -> Any:
        """Return this step's random words, uint64 (rows,) or (rows, lanes)."""
        return self._next(self._make_words)

    def normals(self) -> Any:
        """Return this step's normals, float32 (rows,) or (rows, lanes)."""
        return self._next(self._make_normals)

    def _next(self, make: Callable[[Bits], Any]) -> Any:
        if not self._single:
            made = make(self._start + self._step * self._stride)
            self._step += np.uint64(1)
            return made
        at = self._count
        if at >= self._until:
            first = at - at % BLOCK
            steps = np.arange(first, first + BLOCK, dtype=np.uint64)
            self._block, self._until = list(make(self._start + steps * self._stride).T), first + BLOCK
        self._count = at + 1
        return self._block[at % BLOCK]

    def _make_words(self, phase: Bits) -> Bits:
        return mix(phase + self._offsets[:, None])

    def _make_normals(self, phase: Bits) -> NDArray[np.float32]:
        words = (phase + self._offsets[: self._pairs, None]).ravel()
        made = np.empty((2, len(words)), np.float32)
        normals(words, made[0], made[1])
        made *= self._scale
        return made.reshape(2 * self._pairs, -1)[: self._rows]
