"""A window that shows one image after another."""

from __future__ import annotations

import warnings

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

__all__ = ["Window"]

DPI = 100


class Window:
    """Window for ``render_mode="human"``; it opens with the first picture.

    Where matplotlib has no window to open (no display, or a backend for files), one warning says so and nothing is
    shown, so that the same program runs on a server.

    Args:
        title: Title of the window.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._figure: Figure | None = None
        self._image: AxesImage | None = None
        self._refused = False

    def show(self, picture: NDArray[np.uint8]) -> None:
        """Show a picture, uint8 (height, width, 3), in the place of the last one."""
        if self._refused or (self._figure is not None and not plt.fignum_exists(self._figure.number)):
            return  # nothing to show it in, or the user has closed the window
        if self._figure is None or self._image is None:
            height, width = picture.shape[:2]
            self._figure = plt.figure(self._title, figsize=(width / DPI, height / DPI), dpi=DPI)
            if getattr(type(self._figure.canvas), "required_interactive_framework", None) is None:
                self.close()
                self._refused = True
                warnings.warn(
                    f"render_mode is 'human', but matplotlib's backend {matplotlib.get_backend()!r} has no windows; "
                    "use a display and a backend with windows (MPLBACKEND=TkAgg), or render_mode='rgb_array'.",
                    stacklevel=2,
                )
                return
            axes = self._figure.add_axes((0.0, 0.0, 1.0, 1.0))
            axes.set_axis_off()
            self._image = axes.imshow(picture)
            self._figure.show()
        self._image.set_data(picture)
        self._figure.canvas.draw_idle()
        self._figure.canvas.flush_events()

    def close(self) -> None:
        """Close the window."""
        if self._figure is not None:
            plt.close(self._figure)
        self._figure = self._image = None
