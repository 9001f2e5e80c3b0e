"""Weights in a file that holds numbers only: the safetensors format, without its package.

The layout is 8 bytes of header length, a JSON header, and raw numbers. Reading it cannot run code, and cannot take
more memory than the file is long.

Source:
    https://huggingface.co/docs/safetensors, section "Format".
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuroparallel.errors import ArgumentError

__all__ = ["read_tensors", "write_tensors"]

Array: TypeAlias = NDArray[Any]
_TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}
_CODES = {np.dtype(kind): code for code, kind in _TYPES.items()}
_LONGEST_HEADER = 2**20
_LARGEST_FILE = 2**31
_MOST_AXES = 8


def write_tensors(file: Path, tensors: Mapping[str, Array]) -> None:
    """Write arrays.

    Args:
        file: Where to.
        tensors: Name to array, float64, float32, int64, int32, uint8 or bool.
    """
    header: dict[str, Any] = {}
    parts, end = [], 0
    for name, tensor in tensors.items():
        data = np.ascontiguousarray(tensor).tobytes()
        code = _CODES[np.asarray(tensor).dtype.newbyteorder("<")]
        header[name] = {"dtype": code, "shape": list(np.shape(tensor)), "data_offsets": [end, end + len(data)]}
        end += len(data)
        parts.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(b"".join([struct.pack("<Q", len(text)), text, *parts]))


def read_tensors(file: Path) -> dict[str, Array]:
    """Read arrays, and check every size before memory is taken for it.

    Args:
        file: A file of `write_tensors`, or of the safetensors package.

    Returns:
        Name to array, read-only.

    Raises:
        ArgumentError: The file is missing, damaged, too large or holds another kind of data.
    """
    try:
        if not file.is_file():
            raise ValueError("there is no such file")
        if os.path.getsize(file) > _LARGEST_FILE:
            raise ValueError(f"it is larger than {_LARGEST_FILE >> 30} GB")
        data = file.read_bytes()
        return _tensors(data)
    except (OSError, ValueError, RecursionError) as error:
        raise ArgumentError(f"{file} cannot be read ({error}); it is damaged, or holds no weights.") from None


def _tensors(data: bytes) -> dict[str, Array]:
    if len(data) < 8:
        raise ValueError("it is too short")
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(_LONGEST_HEADER, len(data) - 8):
        raise ValueError(f"its header is said to be {length} bytes long")
    header = json.loads(data[8 : 8 + length].decode("utf-8"))
    if not isinstance(header, dict):
        raise ValueError("its header is no mapping")
    header.pop("__metadata__", None)
    return {name: _tensor(name, entry, data, 8 + length) for name, entry in header.items()}


def _tensor(name: str, entry: Any, data: bytes, start: int) -> Array:
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= set(entry):
        raise ValueError(f"{name!r} is not described")
    kind, shape, offsets = _TYPES.get(str(entry["dtype"])), entry["shape"], entry["data_offsets"]
    if kind is None:
        raise ValueError(f"{name!r} is of kind {str(entry['dtype'])[:20]!r}; {', '.join(_TYPES)} are known")
    if not _counts(shape) or len(shape) > _MOST_AXES or not _counts(offsets) or len(offsets) != 2:
        raise ValueError(f"{name!r} has no valid shape and place")
    begin, end = offsets
    size = np.dtype(kind).itemsize
    for length in shape:
        size *= length
    if end - begin != size or start + end > len(data):
        raise ValueError(f"{name!r} does not fit into the file")
    return np.frombuffer(data, kind, count=size // np.dtype(kind).itemsize, offset=start + begin).reshape(shape)


def _counts(value: Any) -> bool:
    """Whether it is a list of whole numbers that a file can have."""
    return isinstance(value, list) and all(type(part) is int and 0 <= part <= _LARGEST_FILE for part in value)
