"""A desk that operates a relay over HTTP, and messages that were refused."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from service.app import Relay
from service.errors import Issue
from service.model import Instant
from service.store import RawMessage
from tests.hl7v2_letters import NHS_NUMBER
from tests.relay_client import HL7V2, Team
from tests.simulated_days import TRUST

DESK = "8OP01"  # a placeholder: whoever operates the relay
EVERYTHING = "operator/*.rus"
UNREADABLE = b"MSH|^~\\&|EPIC|RJZ|RELAY|RELAY|20261120171500||SIU^S12|K9|P|2.4\rPID|1||" + (
    NHS_NUMBER.encode() + b"^^^NHS^NH||XXTESTPATIENT^ROSALIND\r"
)


def refuse(relay: Relay, body: bytes = UNREADABLE, sender: str = TRUST) -> str:
    """Have a message refused; return the id it is kept under."""
    assert Team.of(relay, sender).post("/hl7v2", body).get_data().count(b"MSA|AA") == 0
    return relay.store.dead_letters.list(sender=sender)[-1].id


def kept(relay: Relay, body: bytes, sender: str = TRUST) -> str:
    """Keep a message as it was kept while its mapping was at fault; return its id."""
    raw = RawMessage(
        id=relay.new_id(),
        sender=sender,
        control_id="",
        digest=hashlib.sha256(body).digest(),
        media_type=HL7V2,
        body=body,
        received_at=Instant.of(relay.clock()),
    )
    return relay.store.refuse(raw, [Issue(severity="error", code="value", text="as it was then")])


def do(team: Team, path: str, **said: str) -> Any:
    return team.post(f"/operator/{path}", json.dumps(said).encode(), "application/json")
