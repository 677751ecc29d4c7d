"""NHS England's mesh-client, with what it lacks: tracking by local id, and why one is refused."""

from __future__ import annotations

from io import BytesIO
from typing import Final
from urllib.parse import quote

from mesh_client import MeshClient
from requests import Response

from service.mailbox.failures import MeshFailure, MeshRefusal

PIECE: Final = 75 * 1024 * 1024  # bytes of one request; MESH takes 100 MB over the internet
_REFUSED: Final = {400, 404, 406, 413, 415, 417, 422}
_TAKEN: Final = {200, 202}


class Client(MeshClient):
    """Authentication, TLS and addresses are mesh-client's; its own retries are off."""

    def track_local(self, local_id: str) -> Response:
        """https://digital.nhs.uk/developer/api-catalogue/message-exchange-for-social-care-and-health-api"""
        url = f"{self.mailbox_url}/outbox/tracking/{quote(local_id, safe='')}"
        response: Response = self._session.get(url, timeout=self._timeout, allow_redirects=False)
        return response

    def upload(self, to: str, body: bytes, **headers: str) -> str:
        """Send a message in as many pieces as it needs, compressed; return MESH's id of it."""
        pieces = [body[at : at + PIECE] for at in range(0, max(len(body), 1), PIECE)]
        message_id = ""
        for number, piece in enumerate(pieces, start=1):
            response = self.send_chunk(
                to,
                BytesIO(piece),
                number,
                len(pieces),
                compress=True,
                message_id=message_id or None,
                **headers,
            )
            message_id = message_id or _message_id(response)
        return message_id


def _message_id(response: Response) -> str:
    if response.status_code in _REFUSED:
        raise MeshRefusal(f"MESH refused it: {_reason(response)}")
    response.raise_for_status()
    if response.status_code not in _TAKEN:
        raise MeshFailure(f"MESH answered {response.status_code} to a message")
    return str(response.json()["message_id"])


def _reason(response: Response) -> str:
    """Return the words of a refusal, such as 12 Unregistered to address."""
    try:
        detail = response.json().get("detail")
    except ValueError:
        detail = None
    first = detail[0] if isinstance(detail, list) and detail else {}
    said = f"{first.get('code') or ''} {first.get('msg') or ''}".strip()
    return said or str(response.status_code)
