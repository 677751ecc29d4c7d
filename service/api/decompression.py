"""Compressed bodies made plain, never more of them than is accepted."""

from __future__ import annotations

import zlib
from typing import Final

from service.errors import TooLarge, UnreadableMessage, UnsupportedMediaType

# Names of RFC 9110 8.4.1, and what zlib calls their streams: windows of 32 KB and a wrapper.
_STREAMS: Final = {
    "gzip": 16 + zlib.MAX_WBITS,
    "x-gzip": 16 + zlib.MAX_WBITS,
    "deflate": zlib.MAX_WBITS,
}
CHUNK: Final = 64 * 1024  # bytes that are given to zlib at once
MOST_MEMBERS: Final = 1_000  # of one gzip body; each costs time, and an honest sender has one


def decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the bytes that were compressed, at most `limit` of them.

    encoding: the Content-Encoding, "" where there is none. Raises UnsupportedMediaType for one
    that is not known, TooLarge as soon as there is more, UnreadableMessage for a broken stream.
    """
    named = encoding.strip().lower()
    if named in ("", "identity"):
        return body
    if named not in _STREAMS:
        said = "A body is sent plain, or with Content-Encoding gzip or deflate."
        raise UnsupportedMediaType(said)
    try:
        return _plain(body, _STREAMS[named], limit)
    except zlib.error:
        said = f"The body is not {named}, as its Content-Encoding says."
        raise UnreadableMessage(said) from None


def _plain(body: bytes, stream: int, limit: int) -> bytes:
    """Return what every member of the stream holds: gzip files may stand one behind another."""
    made, member, members = bytearray(), zlib.decompressobj(stream), 1
    for start in range(0, len(body), CHUNK):
        piece = body[start : start + CHUNK]
        while piece:
            if member.eof:
                member, members = zlib.decompressobj(stream), members + 1
            made += member.decompress(piece, limit + 1 - len(made))
            piece = member.unused_data
            if len(made) > limit or members > MOST_MEMBERS:
                raise TooLarge
    if not member.eof:
        raise UnreadableMessage("The compressed body ends too early.")
    return bytes(made)
