"""What is in a file: its bytes, unpacked and bounded, and the media type that its name says."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

from service.errors import TooLarge, UnreadableMessage

_HL7V2: Final = "application/hl7-v2"
_MEDIA_TYPES: Final = {
    **dict.fromkeys(("hl7", "hl7v2", "er7"), _HL7V2),
    "json": "application/json",
    "xml": "application/xml",
    "html": "text/html",
    "htm": "text/html",
    "csv": "text/csv",
    "txt": "text/plain",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_EXTENSIONS: Final = (("hl7-v2", ".hl7"), ("json", ".json"), ("xml", ".xml"))  # of an answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """A file as it is taken in."""

    media_type: str
    body: bytes


def contents(name: str, file: BinaryIO, limit: int) -> Contents:
    """Read a file of at most `limit` bytes, .gz unpacked.

    Raises TooLarge; UnreadableMessage for a broken .gz; OSError.
    """
    stem = name.lower()
    is_packed = stem.endswith(".gz")
    body = _unpacked(file, limit) if is_packed else file.read(limit + 1)
    if len(body) > limit:
        raise TooLarge(f"The file is larger than the {limit} bytes that are accepted.")
    extension = stem.removesuffix(".gz").rpartition(".")[2]
    return Contents(media_type=_MEDIA_TYPES.get(extension, "application/octet-stream"), body=body)


def _unpacked(file: BinaryIO, limit: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=file) as packed:
            return packed.read(limit + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
        raise UnreadableMessage("The file is not whole gzip, as its name says.") from fault


def extension_of(media_type: str) -> str:
    """Return the extension of an answer's file."""
    return next((extension for part, extension in _EXTENSIONS if part in media_type), ".txt")
