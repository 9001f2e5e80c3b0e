"""The painted picture and the trace it is painted from."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from neuroparallel.errors import ArgumentError
from neuroparallel.records import Trace, render_trace
from neuroparallel.records.bitmap_font import text_mask


def trace(steps: int = 12, **changes: Any) -> Trace:
    outcomes = np.zeros(steps, int)
    outcomes[-1:] = 1
    given: dict[str, Any] = {
        "time_ms": np.arange(steps) * 100.0,
        "observations": np.random.default_rng(0).normal(size=(steps, 3)),
        "channel_names": ("fixation", "left", "right"),
        "actions": np.arange(steps) % 3,
        "action_names": ("fixate", "left", "right"),
        "ground_truth": np.full(steps, -1),
        "rewards": np.where(outcomes == 1, 1.0, 0.0),
        "periods": np.arange(steps) // 6,
        "period_names": ("stimulus", "decision"),
        "outcomes": outcomes,
        "title": "Random dots",
    }
    return Trace(**(given | changes))


def test_arrays_of_a_lone_stream_get_a_second_axis():
    t = trace()
    assert t.actions.shape == t.periods.shape == (12, 1)
    assert t.action_names == (("fixate", "left", "right"),)
    assert (len(t), t.dt) == (12, 100.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rewards": np.zeros(5)}, r"Trace.rewards: shape \(5,\)"),
        ({"channel_names": ("one",)}, r"Trace.observations: shape \(12, 3\)"),
        ({"outcomes": np.zeros((12, 2))}, r"Trace.outcomes: shape \(12, 2\)"),
        ({"period_names": (("a",), ("b",))}, r"Trace.periods"),
        ({"stream_names": ("memory", "gng")}, r"Trace.ground_truth"),
    ],
)
def test_a_trace_whose_parts_disagree_is_refused(change: dict[str, Any], message: str):
    with pytest.raises(ArgumentError, match=message):
        trace(**change)


@pytest.mark.parametrize("steps", [1, 2, 12, 3000])
@pytest.mark.parametrize("size", [(360, 640), (120, 240), (301, 777)])
def test_the_picture_has_the_size_asked_for(steps: int, size: tuple[int, int]):
    image = render_trace(trace(steps), size=size)
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 5


def test_two_streams_and_missing_values_are_painted():
    two = np.zeros((12, 2), int)
    t = trace(
        periods=two - 1, outcomes=two, ground_truth=two, period_names=(("a",), ("b",)),
        stream_names=("memory", "gng"), observations=np.full((12, 3), np.nan), title="",
    )  # fmt: skip
    render_trace(t)


def test_frames_of_a_film_share_one_scale():
    seen = np.ones((12, 3))
    early, late = (render_trace(trace(n, observations=seen[:n]), steps=12) for n in (6, 12))
    # The strips begin at column 152; the present of the early frame is half-way along them.
    np.testing.assert_array_equal(early[60:200, 160:330], late[60:200, 160:330])
    assert (early[200, 600] == (242, 242, 242)).all()
    assert not (late[200, 600] == (242, 242, 242)).all()


def test_an_empty_trace_and_a_tiny_picture_are_refused():
    with pytest.raises(ArgumentError, match="no step"):
        render_trace(trace(0))
    with pytest.raises(ArgumentError, match="smaller than"):
        render_trace(trace(), size=(10, 10))


def test_painting_needs_no_matplotlib():
    code = (
        "import sys, neuroparallel.records, neuroparallel.analysis;"
        "assert not {'matplotlib', 'pandas', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_letters_are_five_dots_high_and_unknown_ones_are_blank():
    assert text_mask("ab", scale=2).shape == (10, 16)
    assert not text_mask("\u4e00").any()
    np.testing.assert_array_equal(text_mask("A"), text_mask("a"))
