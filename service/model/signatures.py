"""What the first bytes of a file say that it is: formats that documents are sent in."""

from __future__ import annotations

from typing import Final

# The beginning, the media type, and others that begin so as well.
_ZIP: Final = "application/zip"
_BEGINNINGS: Final = (
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"PK\x03\x04", _ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
)
SIGNED: Final = frozenset(kind for _, kind in _BEGINNINGS)


def media_type(content: bytes) -> str | None:
    """Return the media type that the content begins like; None where that is not known."""
    beginning = content[:16].lstrip(b"\xef\xbb\xbf \t\r\n")
    return next((kind for sign, kind in _BEGINNINGS if beginning.startswith(sign)), None)
