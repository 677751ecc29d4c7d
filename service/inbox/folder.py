"""One sender's folder: incoming, processing, done, failed; every move is one rename.

A file in `processing` belongs to whoever holds the lock on it. The system lets go of a lock when
its holder dies, so that what a crash left there is taken again by the next who looks.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, Literal

from service.model import OdsCode

Verdict = Literal["done", "failed"]
_UNFINISHED: Final = (".tmp", ".part", ".partial", ".filepart", ".crdownload", "~")
_LONGEST_NAME: Final = 180  # bytes kept of a sender's file name; ours are put around it
Seen = tuple[Path, os.stat_result]


class SenderFolder:
    """Files of one organisation. Every method may raise OSError: the disk is full, or away."""

    def __init__(self, path: Path, sender: OdsCode) -> None:
        self.path, self.sender = path, sender

    def prepare(self) -> None:
        """Make the folders that are not there."""
        for name in ("incoming", "processing", "done", "failed"):
            (self.path / name).mkdir(exist_ok=True)

    def incoming(self) -> list[Seen]:
        """Return the files that were dropped and have a finished name, oldest first."""
        return [seen for seen in _files(self.path / "incoming") if _is_finished(seen[0].name)]

    def claimed(self) -> list[Path]:
        """Return what is being taken in, or was when somebody crashed, in the order of claims."""
        return sorted(path for path, _ in _files(self.path / "processing"))

    def claim(self, dropped: Path, now: datetime) -> None:
        """Move a file out of its sender's reach; does nothing if another process was faster.

        It gets a name that no file has, so that a sender may use the same name every day.
        """
        name = os.fsdecode(os.fsencode(dropped.name)[-_LONGEST_NAME:])
        stamp = f"{now:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(3)}"
        with suppress(FileNotFoundError):
            dropped.rename(self.path / "processing" / f"{stamp}-{name}")

    def finish(self, claimed: Path, verdict: Verdict, answer: bytes, extension: str) -> None:
        """Put a file away with its answer beside it; the answer is durable first.

        A crash before the rename leaves the file where it is taken in, and answered, again.
        """
        target = self.path / verdict / claimed.name
        write_durably(target.with_name(f"{target.name}.answer{extension}"), answer)
        claimed.rename(target)


def reference(claimed: Path) -> str:
    """Return what a log may say of a file: when it was claimed. Names may be patients'."""
    return claimed.name.split("Z-", 1)[0]


def _files(folder: Path) -> Iterator[Seen]:
    """Yield regular files, no links, oldest first."""
    found: list[Seen] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another process took it
                state = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(state.st_mode):
                    found.append((Path(entry.path), state))
    return iter(sorted(found, key=lambda seen: (seen[1].st_mtime_ns, seen[0].name)))


def _is_finished(name: str) -> bool:
    return not name.startswith((".", "~")) and not name.lower().endswith(_UNFINISHED)


@contextmanager
def held(path: Path) -> Iterator[BinaryIO | None]:
    """Lend a file, locked, until the block ends; None if it is another's, or is gone."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.fdopen(os.open(path, flags), "rb")
    except FileNotFoundError:
        yield None
        return
    with file:
        yield file if _locked(file) and _is_there(path, file) else None


def _locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_there(path: Path, file: BinaryIO) -> bool:
    """Whether the path still names this file: its last holder may have put it away."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def is_being_written(path: Path) -> bool:
    """Whether somebody has the file open to write to it, as far as the system tells.

    Linux gives a lease for reading only while nobody may write; other systems, other people's
    files and some network disks tell nothing.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)  # and the lease with it
    return False


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and have it on the disk on return."""
    unfinished = path.with_name(f".{path.name}")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
