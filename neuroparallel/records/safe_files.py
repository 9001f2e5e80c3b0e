"""Safe reading of untrusted files, and atomic writing of files and directories.

What is written goes into a temporary file in the same directory, is flushed to the disk and then renamed: the name
leads to the old content or to the new one, never to a part.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

__all__ = ["complete_directory", "open_regular", "read_text", "replace_directory", "replace_file", "write_text"]

NEW, OLD = ".new", ".old"  # endings of a directory that is being written, and of one that is being replaced


def open_regular(file: str | Path, **options: Any) -> IO[Any]:
    """Open a file for reading; a pipe or a device, which may have no end or make one wait, is refused.

    Args:
        file: The file.
        **options: As for `open`; text is UTF-8.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """

    def opener(path: str, flags: int) -> int:
        handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(errno.EINVAL, "it is no regular file", str(file))
        return handle

    if "b" not in options.get("mode", "r"):
        options = {"encoding": "utf-8", **options}
    try:
        opened: IO[Any] = open(file, opener=opener, **options)  # noqa: SIM115 - the caller closes it
        return opened
    except ValueError as error:  # a path with NUL in it
        raise OSError(errno.EINVAL, str(error), str(file)) from None


def read_text(file: str | Path, most: int, encoding: str = "utf-8") -> str:
    """Read a text file of limited size.

    Args:
        file: The file.
        most: Largest size, bytes.
        encoding: Of the text.

    Raises:
        OSError: It cannot be read, is no regular file, or is larger.
        UnicodeDecodeError: It is another encoding.
    """
    with open_regular(file, mode="rb") as opened:
        data: bytes = opened.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most:,} bytes", str(file))
    return data.decode(encoding)


@contextmanager
def replace_file(file: str | Path, mode: str = "w", **options: Any) -> Iterator[IO[Any]]:
    """Open a temporary file that replaces the file when the block ends without an error.

    Args:
        file: The file to write.
        mode: ``"w"`` or ``"wb"``.
        **options: As for `open`; text is UTF-8.

    Yields:
        The open temporary file.
    """
    target = Path(file)
    if target.is_symlink():  # replace what the link leads to, and keep the link
        target = target.resolve()
    if "b" not in mode:
        options = {"encoding": "utf-8", **options}
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(handle, mode, **options) as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        os.chmod(temporary, _permissions(target))  # mkstemp makes files that only the owner can read
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync(target.parent)


def write_text(file: str | Path, text: str) -> None:
    """Write a text file in UTF-8; one with this content already is not touched."""
    with suppress(OSError, UnicodeDecodeError):
        if Path(file).read_bytes().decode("utf-8") == text:
            return
    with replace_file(file, newline="") as opened:
        opened.write(text)


@contextmanager
def replace_directory(place: Path) -> Iterator[Path]:
    """Write a directory beside an old one and put it in its place when it is complete.

    Args:
        place: The directory.

    Yields:
        Where to write.
    """
    fresh, old = place.with_name(place.name + NEW), place.with_name(place.name + OLD)
    left = complete_directory(place)
    if left != place and left.is_dir():  # a crash came between the two renames below
        left.rename(place)
    for part in (fresh, old):
        shutil.rmtree(part, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    for folder, _, names in os.walk(fresh):
        for name in names:
            _sync(Path(folder, name))
        _sync(Path(folder))
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    _sync(place.parent)
    shutil.rmtree(old, ignore_errors=True)


def complete_directory(place: Path) -> Path:
    """Return where the latest complete version of a directory is.

    `replace_directory` moves the old version away only when the new one is complete. So if a crash left no
    directory but an old version, a new version beside it is complete.

    Args:
        place: The directory, as `replace_directory` writes it.

    Returns:
        The directory itself, or its new or old version if a crash came while it was being replaced.
    """
    fresh, old = place.with_name(place.name + NEW), place.with_name(place.name + OLD)
    if place.exists() or not old.is_dir():
        return place
    return fresh if fresh.is_dir() else old


def _permissions(target: Path) -> int:
    """Permissions of the file that is replaced, or those of a new file."""
    with suppress(OSError):
        return target.stat().st_mode & 0o777
    current = os.umask(0)
    os.umask(current)
    return 0o666 & ~current


def _sync(path: Path) -> None:
    """Write a file or directory to the disk; some systems and network drives do not allow it for directories."""
    directory = path.is_dir()
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        if directory:
            return
        raise
    try:
        os.fsync(handle)
    except OSError:
        if not directory:
            raise
    finally:
        os.close(handle)
