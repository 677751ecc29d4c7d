"""Looks through the senders' folders again and again, and takes in what is complete."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

import orjson
import structlog

from service.errors import Failed, ServiceError, Unavailable
from service.fhir.outcome import outcome_of
from service.inbox.contents import contents, extension_of
from service.inbox.folder import SenderFolder, held, reference
from service.inbox.settling import Settling
from service.log import without_values
from service.model import OdsCode
from service.store import Answer

_log = structlog.get_logger()
_LOOK: Final = 1.0  # seconds between two looks
_LONGEST_PAUSE: Final = 60.0  # seconds between two tries while the disk or the database is away
_REFUSED: Final = 400  # answers from this status on are refusals
_FHIR_JSON: Final = "application/fhir+json"
TakeIn = Callable[[OdsCode, str, bytes], tuple[Answer, ...]]


class Inbox:
    """A folder with a folder for each sender, named by its ODS code."""

    def __init__(
        self,
        root: Path,
        take_in: TakeIn,
        *,
        limit: int,  # bytes of a file, unpacked
        settle: float,  # seconds that a file must not have changed for
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root, self._take_in, self._limit = root, take_in, limit
        self._settle, self._now, self._clock = settle, now, clock
        self._settling: dict[Path, Settling] = {}

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop; the file in hand is finished first."""
        pause = _LOOK
        while not stop.wait(pause):
            went_well = self.look(stop)
            pause = _LOOK if went_well else min(2 * pause, _LONGEST_PAUSE)

    def look(self, stop: threading.Event) -> bool:
        """Take in everything that is complete; False if some of it must be tried again later."""
        try:
            folders = list(self._folders())
        except OSError as fault:
            _log.error("inbox waits", fault=fault.strerror)
            return False
        behind = [folder for folder in folders if not self._went_well(folder, stop)]
        return not behind

    def _folders(self) -> Iterator[SenderFolder]:
        for path in sorted(self._root.iterdir()):
            sender = _sender(path)
            if sender:
                yield SenderFolder(path, sender)

    def _went_well(self, folder: SenderFolder, stop: threading.Event) -> bool:
        try:
            self._serve(folder, stop)
        except (Unavailable, OSError) as fault:
            told = fault.text if isinstance(fault, Unavailable) else fault.strerror
            _log.error("inbox waits", organisation=folder.sender, fault=told)
            return False
        return True

    def _serve(self, folder: SenderFolder, stop: threading.Event) -> None:
        folder.prepare()
        settling = self._settling.setdefault(folder.path, Settling(self._settle, self._clock))
        self._take_claimed(folder, stop)
        for dropped in settling.complete(folder.incoming()):
            if stop.is_set():
                return
            folder.claim(dropped, self._now())
            self._take_claimed(folder, stop)

    def _take_claimed(self, folder: SenderFolder, stop: threading.Event) -> None:
        for claimed in folder.claimed():
            if stop.is_set():
                return
            with held(claimed) as file:
                if file is not None:
                    self._take(folder, claimed, file)

    def _take(self, folder: SenderFolder, claimed: Path, file: BinaryIO) -> None:
        """Take one file in, answer it and put it away. Raises Unavailable, OSError: not yet."""
        answers = self._answers(folder.sender, claimed, file)
        refused = sum(answer.status >= _REFUSED for answer in answers)
        if refused:
            told = {"organisation": folder.sender, "message_id": reference(claimed)}
            _log.warning("inbox file refused", count=refused, **told)
        body = b"".join(answer.body for answer in answers)
        extension = extension_of(answers[0].media_type)
        folder.finish(claimed, "failed" if refused else "done", body, extension)

    def _answers(self, sender: OdsCode, claimed: Path, file: BinaryIO) -> tuple[Answer, ...]:
        try:
            read = contents(claimed.name, file, self._limit)
            return self._take_in(sender, read.media_type, read.body)
        except (Unavailable, OSError):
            raise
        except ServiceError as refusal:
            return (_outcome(refusal),)
        except Exception as fault:  # the file stays, in failed; those behind it need not wait
            _log.error("inbox failed", organisation=sender, exception=without_values(fault))
            return (_outcome(Failed("The service failed on this file; drop it in again.")),)


def _sender(path: Path) -> OdsCode | None:
    """Return whose folder this is; None: it is none, or not named as ODS codes are written."""
    try:
        sender = OdsCode.parse(path.name)
    except ValueError:
        return None
    return sender if sender == path.name and path.is_dir() else None


def _outcome(refusal: ServiceError) -> Answer:
    body = orjson.dumps(outcome_of(refusal))
    return Answer(status=refusal.http_status, media_type=_FHIR_JSON, body=body)
