"""Files and directories are whole at any time, also if the process is killed at the worst moment."""

import os
import signal
import sys
import warnings
from pathlib import Path

import pytest

from neuroparallel.records.safe_files import complete_directory, replace_directory, replace_file, write_text

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

MOST_EVENTS = 200


def killed_at(event, act):
    """Run `act` in a process that is killed at its n-th operation on a file; False if it came to its end before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of threads, which the child does not use
        child = os.fork()
    if child == 0:
        count = 0

        def watch(name, _):
            nonlocal count
            if name in ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "shutil.rmtree"):
                count += 1
                if count == event:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def write_version(place, version):
    for name in ("weights", "state"):
        (place / "deep").mkdir(exist_ok=True)
        (place / "deep" / name).write_text(version * 1000)
    (place / "last").write_text(version)


def version_of(place):
    """The version in a directory, if it is a whole one."""
    version = (place / "last").read_text()
    assert [(place / "deep" / name).read_text() for name in ("weights", "state")] == [version * 1000] * 2
    return version


def test_a_file_is_old_or_new_whenever_the_process_is_killed(tmp_path):
    file, found = tmp_path / "a.txt", []
    for event in range(1, MOST_EVENTS):
        file.write_text("old" * 1000)
        killed = killed_at(event, lambda: write_text(file, "new" * 1000))
        found.append(file.read_text())
        if not killed:
            break
    assert not killed
    assert len(found) > 3
    assert set(found) == {"old" * 1000, "new" * 1000}
    assert found[-1] == "new" * 1000


def test_a_directory_is_old_or_new_whenever_the_process_is_killed(tmp_path):
    place, now, found = tmp_path / "checkpoint", "a", []

    def replace():
        with replace_directory(place) as fresh:
            write_version(fresh, chr(ord(now) + 1))

    replace()
    now = version_of(place)
    for event in range(1, MOST_EVENTS):
        killed = killed_at(event, replace)
        here = complete_directory(place)
        assert version_of(here) in (now, chr(ord(now) + 1))
        found.append(here.name)
        now = version_of(here)
        if not killed:
            break
    assert not killed
    assert len(found) > 10
    assert set(found) == {"checkpoint", "checkpoint.new"}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_a_text_that_is_there_already_is_not_written_again(tmp_path):
    file = tmp_path / "scenario.yaml"
    write_text(file, "a: 1\n")
    before = file.stat()
    write_text(file, "a: 1\n")
    after = file.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    write_text(file, "a: 2\n")
    assert file.read_text() == "a: 2\n"


def test_an_error_while_it_is_written_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("old")

    def fail():
        with replace_file(file) as opened:
            opened.write("ne")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_links_and_permissions_stay(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640
    write_text(tmp_path / "fresh", "x")
    (tmp_path / "usual").touch()
    assert (tmp_path / "fresh").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_an_old_version_without_a_new_one_is_found(tmp_path):
    place = tmp_path / "checkpoint"
    old = Path(f"{place}.old")
    old.mkdir()
    write_version(old, "a")
    assert complete_directory(place) == old
    with replace_directory(place) as fresh:
        assert version_of(place) == "a"  # kept until the new one is complete
        write_version(fresh, "b")
    assert version_of(place) == "b"
    assert not old.exists()
