"""From a frame to its acknowledgements: what the wire knows of, and the relay does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from service.errors import Issue, ServiceError, TooLarge
from service.formats import hl7v2
from service.mllp.frames import Astray, Frame, Piece, TooLong
from service.model import OdsCode
from service.store import Answer

_HL7V2: Final = "application/hl7-v2"
_REFUSED: Final = 400  # answers from this status on are refusals
TakeIn = Callable[[OdsCode, str, bytes], tuple[Answer, ...]]
KeepPart = Callable[[OdsCode, bytes, ServiceError], Answer]


class BadFrame(ServiceError):
    """The bytes are not framed as MLLP frames a message: VT, the message, FS, CR."""

    issue_type = "structure"
    ack_code = "AR"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What goes back for one frame."""

    frames: tuple[bytes, ...]  # ACKs, not framed yet; none where the sender wants none
    refused: int = 0  # messages that were not taken in


@dataclass(frozen=True, kw_only=True, slots=True)
class Intake:
    """Takes messages in, or keeps what is none. Blocks; may be called from any thread."""

    take_in: TakeIn  # raises Unavailable
    keep_part: KeepPart  # the same; keeps bytes as a dead letter that is never replayed

    def reply(self, sender: OdsCode, piece: Piece) -> Reply:
        """Return what is answered, everything being durable then. Raises Unavailable.

        Nothing is answered where the sender wants no acknowledgement in any mode, and to a message
        that is one itself.
        """
        if isinstance(piece, Frame) and not piece.unended:
            answers = self.take_in(sender, _HL7V2, piece.content)
            return _reply(piece.content, answers)
        content, refusal = _refusal(piece)
        return _reply(content, (self.keep_part(sender, content, refusal),))


def _reply(content: bytes, answers: Sequence[Answer]) -> Reply:
    refused = sum(answer.status >= _REFUSED for answer in answers)
    if len(answers) == 1 and not _is_wanted(content, refused=bool(refused)):
        return Reply(frames=(), refused=refused)
    return Reply(frames=tuple(answer.body for answer in answers), refused=refused)


def _is_wanted(content: bytes, *, refused: bool) -> bool:
    """Whether any acknowledgement is due; one answer tells both that it is safe and what it is.

    A second frame for the same message would be taken for the answer to the next one.
    """
    due = hl7v2.acknowledgements_due(content, "AE" if refused else "AA")
    return bool(due.reply or due.later)


def _refusal(piece: Piece) -> tuple[bytes, ServiceError]:
    if isinstance(piece, TooLong):
        return piece.head, _told(TooLarge, "the frame is longer than is accepted", "too-long")
    if isinstance(piece, Frame):
        return piece.content, _told(BadFrame, "the next frame began before this one had its end")
    assert isinstance(piece, Astray)  # noqa: S101 - nothing is said of what is blank
    return piece.content, _told(BadFrame, "a message stands between VT (0B) and FS CR (1C 0D)")


def _told(kind: type[ServiceError], text: str, code: str = "structure") -> ServiceError:
    return kind(text, [Issue(severity="fatal", code=code, text=text)])
