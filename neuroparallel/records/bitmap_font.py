"""A bitmap font of 3 x 5 dots, to write into an image without a plotting library."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from neuroparallel.records.table import BoolArray

# Five rows of three dots per character; a letter's upper and lower case look the same.
_DOTS = {
    "0": "75557", "1": "26227", "2": "71747", "3": "71717",
    "4": "55711", "5": "74717", "6": "74757", "7": "71122", "8": "75757", "9": "75717",
    "a": "25755", "b": "65656", "c": "34443", "d": "65556", "e": "74647", "f": "74644",
    "g": "34553", "h": "55755", "i": "72227", "j": "11152", "k": "55655", "l": "44447",
    "m": "57755", "n": "65555", "o": "25552", "p": "65644", "q": "25563", "r": "65655",
    "s": "34216", "t": "72222", "u": "55557", "v": "55552", "w": "55775", "x": "55255",
    "y": "55222", "z": "71247", ".": "00002", ":": "02020", "-": "00700", "_": "00007",
    "+": "02720", "/": "11244", "%": "51245", "=": "07070", ",": "00024", "(": "12221",
    ")": "42224", "?": "71202", "!": "22202", "'": "22000", "#": "57575", "*": "05250",
    "<": "12421", ">": "42124", "[": "64446", "]": "31113",
}  # fmt: skip

HEIGHT = 5
ADVANCE = 4


@lru_cache(maxsize=4096)  # a film writes the same labels in every picture
def text_mask(text: str, scale: int = 2) -> BoolArray:
    """Return a mask of the dots of a line of text.

    Args:
        text: Characters without a glyph are left blank.
        scale: Pixels per dot.

    Returns:
        bool, (5 * scale, 4 * scale * characters); not to be changed.
    """
    mask = np.zeros((HEIGHT, ADVANCE * len(text)), dtype=np.bool_)
    for place, character in enumerate(text.lower()):
        for row, dots in enumerate(_DOTS.get(character, "00000")):
            for column in range(3):
                mask[row, place * ADVANCE + column] = bool(int(dots) & (4 >> column))
    large = np.repeat(np.repeat(mask, scale, axis=0), scale, axis=1)
    large.flags.writeable = False
    return large
