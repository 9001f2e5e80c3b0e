"""Image of a trace, drawn with NumPy alone; ``env.render()`` returns it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from neuroparallel.errors import ArgumentError
from neuroparallel.outcomes import Outcome
from neuroparallel.records.bitmap_font import ADVANCE, HEIGHT, text_mask
from neuroparallel.records.table import Array, FloatArray
from neuroparallel.records.trace import Trace

Color = tuple[int, int, int]
Image = npt.NDArray[np.uint8]

PAPER: Color = (255, 255, 255)
INK: Color = (40, 40, 40)
QUIET: Color = (120, 120, 120)
EMPTY: Color = (242, 242, 242)
MARKER: Color = (213, 94, 0)
# Okabe & Ito's palette, which readers with any form of colour blindness can tell apart.
# Source: Okabe & Ito 2008, Color Universal Design.
CHOICES: tuple[Color, ...] = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0),
)  # fmt: skip
HOLD: Color = (214, 214, 214)
PERIODS: tuple[Color, ...] = (
    (226, 226, 226), (166, 206, 227), (253, 224, 173), (187, 222, 200), (230, 202, 220),
)  # fmt: skip
OUTCOMES: dict[int, Color] = {
    Outcome.CORRECT: (0, 158, 115),
    Outcome.ERROR: (213, 94, 0),
    Outcome.ABORT: (160, 60, 120),
    Outcome.MISS: (230, 159, 0),
    Outcome.CANCELLED: (150, 150, 150),
    Outcome.UNSCORED: (86, 180, 233),
}
MARGIN = 8
GAP = 4


def render_trace(trace: Trace, *, steps: int | None = None, size: tuple[int, int] = (360, 640)) -> Image:
    """Paint what a subject saw, did and earned, time running to the right.

    From top to bottom: the period of each stream, the channels (white to blue, as far as the
    largest value shown), the actions, the ground truth of each stream, and the reward (green up,
    red down) with a mark in the outcome's colour where a trial ended. Steps that have not
    happened are grey, and an orange line marks the present.

    Args:
        trace: The steps up to now, at least one.
        steps: Width of the time axis in steps, so that frames of a film share one scale; the
            last so many steps are shown. None: as many as there are.
        size: Height and width of the picture in pixels, at least 120 x 240.

    Returns:
        uint8, (height, width, 3), red, green and blue.

    Raises:
        ArgumentError: The trace is empty, or the size is too small.
    """
    height, width = size
    if not len(trace):
        raise ArgumentError("render_trace: the trace has no step to paint.")
    if height < 120 or width < 240:
        raise ArgumentError(f"render_trace: size {size} is smaller than (120, 240).")
    shown = min(len(trace), steps or len(trace))
    page = np.full((height, width, 3), PAPER, dtype=np.uint8)
    strips = _strips(trace, slice(len(trace) - shown, len(trace)))
    label = ADVANCE * 2 * min(max(len(s.name) for s in strips), (width // 3) // (ADVANCE * 2))
    left, right = MARGIN + label + GAP, width - MARGIN
    columns = np.arange(right - left) * (steps or shown) // (right - left)
    top = _paint_head(page, trace, left)
    for strip, (first, last) in zip(strips, _rows(strips, top, height - MARGIN), strict=True):
        cell = _stretched(strip.pixels, columns, last - first)
        page[first:last, left:right] = cell
        _write(page, strip.name, (first + last) // 2 - HEIGHT, MARGIN, INK, left - GAP)
    now = left + min(int(np.searchsorted(columns, shown)), right - left - 1)
    page[top : height - MARGIN, now - 1 : now + 1] = MARKER
    return page


@dataclass(frozen=True)
class _Strip:
    """A row of the picture: its name, its share of the height, and (rows, steps, 3) colours."""

    name: str
    share: float
    pixels: Image


def _strips(trace: Trace, part: slice) -> list[_Strip]:
    strips = []
    for i, stream in enumerate(trace.stream_names):
        codes = trace.periods[part, i]
        strips.append(_Strip(stream or "period", 1.0, _coloured(codes, PERIODS, EMPTY)[None]))
    seen = trace.observations[part].astype(np.float64)
    strips += [_Strip(name, 1.0, _shaded(seen[:, i], seen)[None]) for i, name in enumerate(trace.channel_names)]
    for i in range(trace.actions.shape[1]):
        name = "action" if trace.actions.shape[1] == 1 else f"act {_stream(trace, i)}"
        strips.append(_Strip(name, 1.0, _acts(trace.actions[part, i])[None]))
    for i in range(trace.ground_truth.shape[1]):
        name = "truth" if len(trace.stream_names) == 1 else f"truth {_stream(trace, i)}"
        strips.append(_Strip(name, 1.0, _acts(trace.ground_truth[part, i])[None]))
    strips.append(_Strip("reward", 2.0, _bars(trace.rewards[part], trace.outcomes[part])))
    return strips


def _stream(trace: Trace, i: int) -> str:
    return trace.stream_names[i] if i < len(trace.stream_names) else str(i + 1)


def _coloured(codes: Array, colors: tuple[Color, ...], below: Color) -> Image:
    palette = np.array(colors, dtype=np.uint8)
    return np.where(codes[:, None] < 0, np.array(below, dtype=np.uint8), palette[codes % len(colors)])


def _acts(codes: Array) -> Image:
    chosen = _coloured(codes - 1, CHOICES, HOLD)
    return np.where(codes[:, None] < 0, np.array(EMPTY, dtype=np.uint8), chosen)


def _shaded(channel: FloatArray, everything: FloatArray) -> Image:
    finite = np.abs(everything[np.isfinite(everything)])
    top = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    strength = np.clip(np.nan_to_num(channel) / top, -1, 1)[:, None]
    toward = np.where(strength < 0, np.array(CHOICES[5]), np.array(CHOICES[0]))
    return (255 + np.abs(strength) * (toward - 255.0)).astype(np.uint8)


def _bars(rewards: FloatArray, outcomes: Array, rows: int = 32) -> Image:
    """Reward as bars about a middle line, above a footing that shows how trials ended."""
    image = np.full((rows, len(rewards), 3), EMPTY, dtype=np.uint8)
    foot = rows * 3 // 4
    middle = foot // 2
    top = float(np.abs(rewards).max()) or 1.0
    reach = np.round(rewards / top * middle)
    level = middle - np.arange(foot)[:, None]
    image[:foot][(level > 0) & (level <= reach)] = OUTCOMES[Outcome.CORRECT]
    image[:foot][(level < 0) & (level >= reach)] = OUTCOMES[Outcome.ERROR]
    image[middle] = HOLD
    for code, color in OUTCOMES.items():
        image[foot + 1 :, (outcomes == code).any(axis=1)] = color
    return image


def _rows(strips: list[_Strip], top: int, bottom: int) -> list[tuple[int, int]]:
    edges = np.cumsum([0.0, *(strip.share for strip in strips)])
    places = top + np.round(edges / edges[-1] * (bottom - top)).astype(int)
    return [(a, max(b - 2, a + 1)) for a, b in pairwise(places.tolist())]


def _stretched(pixels: Image, columns: Array, height: int) -> Image:
    rows = np.arange(height) * pixels.shape[0] // height
    known = np.minimum(columns, pixels.shape[1] - 1)
    cell: Image = pixels[rows[:, None], known[None, :]]
    cell[:, columns >= pixels.shape[1]] = EMPTY
    return cell


def _paint_head(page: Image, trace: Trace, left: int) -> int:
    """Write the title and the present time, action, period or outcome. Returns the row below them."""
    now = [f"{trace.time_ms[-1] + trace.dt:g} ms"]
    now += [
        names[action] if 0 <= action < len(names) else str(action)
        for names, action in zip(trace.action_names, trace.actions[-1].tolist(), strict=True)
    ]
    for i, names in enumerate(trace.period_names):
        code = int(trace.periods[-1, i])
        period = names[code] if 0 <= code < len(names) else "idle"
        ended = Outcome(int(trace.outcomes[-1, i]))
        word = period if ended == Outcome.RUNNING else ended.label
        now.append(f"{trace.stream_names[i]} {word}".strip())
    row = MARGIN
    if trace.title:
        _write(page, trace.title, row, left, INK, page.shape[1] - MARGIN)
        row += HEIGHT * 2 + GAP
    _write(page, "   ".join(now), row, left, QUIET, page.shape[1] - MARGIN)
    return row + HEIGHT * 2 + GAP


def _write(page: Image, text: str, row: int, column: int, color: Color, end: int) -> None:
    mask = text_mask(text)[:, : max(end - column, 0)]
    area = page[max(row, 0) : max(row, 0) + mask.shape[0], column : column + mask.shape[1]]
    area[mask[: area.shape[0], : area.shape[1]]] = color
