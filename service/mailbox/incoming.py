"""A message in a mailbox: its headers at once, its content when it is wanted.

The pieces of a message are joined before they are decompressed, so that one that was compressed
as a whole and split afterwards is read too.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from requests import Response

from service.errors import TooLarge
from service.mailbox.client import Client
from service.mailbox.failures import NUMBER, Damaged, told

_BLOCK: Final = 256 * 1024  # bytes
_GZIP: Final = b"\x1f\x8b"


class Incoming:
    """A message in the mailbox: its headers are here, its content not yet."""

    def __init__(self, client: Client, message_id: str, first: Response) -> None:
        self._client, self._first = client, first
        self.message_id = message_id
        header = first.headers
        self.sender = header.get("Mex-From", "").strip().upper()  # mailbox
        self.workflow = header.get("Mex-WorkflowID", "").strip()
        self.local_id = header.get("Mex-LocalID", "")
        self.media_type = header.get("Mex-Content-Type") or header.get("Content-Type", "")
        self.is_report = header.get("Mex-MessageType", "").strip().upper() == "REPORT"
        self.linked_id = header.get("Mex-LinkedMsgID", "")
        self.description = header.get("Mex-StatusDescription", "")
        self.code = header.get("Mex-StatusCode", "")

    def read(self, limit: int) -> bytes:
        """Return the content, joined and decompressed.

        Raises TooLarge if it is longer than `limit` bytes, Damaged, MeshFailure.
        """
        with told("fetching"):
            raw = self._joined(limit)
        for _ in range(2):  # compressed on its way, and perhaps by its sender before
            if not raw.startswith(_GZIP):
                break
            raw = inflated(raw, limit)
        return raw

    def _joined(self, limit: int) -> bytes:
        pieces = bytearray()
        for response in self._responses():
            try:
                while block := response.raw.read(_BLOCK):
                    pieces += block
                    if len(pieces) > limit:
                        raise TooLarge
            finally:
                response.close()
        return bytes(pieces)

    def _responses(self) -> Iterator[Response]:
        yield self._first
        _, _, total = self._first.headers.get("Mex-Chunk-Range", "1:1").partition(":")
        pieces = int(total) if NUMBER.fullmatch(total.strip()) else 1
        for number in range(2, pieces + 1):
            yield self._client.retrieve_message_chunk(self.message_id, number)

    def close(self) -> None:
        """Leave what was not read."""
        self._first.close()


def inflated(raw: bytes, limit: int) -> bytes:
    """Return the content of one or several gzip streams. Raises TooLarge, Damaged."""
    try:
        content = gzip.GzipFile(fileobj=BytesIO(raw)).read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Damaged(raw) from error
    if len(content) > limit:
        raise TooLarge
    return content
