"""HL7 v2 by MLLP: framing, the conversation on one connection, the listener, and a sender."""

from __future__ import annotations

from service.mllp.address import Address, parse_addresses
from service.mllp.arrivals import Patience
from service.mllp.certificates import Certificates
from service.mllp.intake import Intake
from service.mllp.listener import Listener

__all__ = ["Address", "Certificates", "Intake", "Listener", "Patience", "parse_addresses"]
