"""Small messages of one synthetic patient, and everything that the relay makes of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any

from mapping_samples import FOLDER, shipped

from service.conversion import Converter
from service.delivery.routing import Routing
from service.model import OdsCode

PID = (
    "PID|1||9990001057^^^NHS^NH~K1^^^RWF^MR||TEST^ANN^^^MRS^^L||19510309|F|||"
    "1 St^^TOWN^KENT^TN2 9ZZ^GBR^H"
)
PRACTICE = "PD1|||SURGERY^^G99901"
PALLIATIVE = "306237005^Referral to palliative care service^SCT"
RECEIVER = "PRD|RT|Hospice|||||8HX01^ODS"  # of another place than where the patient lives
TXA = (
    "TXA|1|DS^Discharge summary|TX|20250314||202503141500|||C9999901^EXAMPLE^ALAN|||DOC1|||||AU||AV"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The resources of one message by type, and every doubt."""

    resources: dict[str, list[dict[str, Any]]]

    def one(self, kind: str) -> dict[str, Any]:
        (found,) = self.resources[kind]
        return found

    @property
    def notices(self) -> dict[str, dict[str, Any]]:
        """The Communications by their recipient's code."""
        return {
            each["recipient"][0]["identifier"]["value"]: each
            for each in self.resources.get("Communication", [])
        }

    @property
    def lines(self) -> set[str]:
        """What the notices say first."""
        return {each["payload"][0]["contentString"] for each in self.notices.values()}

    @property
    def acting(self) -> set[str]:
        """Who is asked to act."""
        return {ods for ods, each in self.notices.items() if each["meta"]["tag"][0]["code"] == "FA"}

    @property
    def warnings(self) -> str:
        """The words of everything doubtful."""
        outcomes = self.resources.get("OperationOutcome", [])
        return "\n".join(
            issue.get("diagnostics") or issue["details"]["text"]
            for outcome in outcomes
            for issue in outcome["issue"]
            if issue["severity"] == "warning"
        )


@cache
def _converter() -> Converter:
    numbers = count(1)
    return Converter.without_store(
        mappings=shipped(),
        routing=Routing.load(FOLDER),
        clock=lambda: datetime(2025, 3, 14, 17, tzinfo=UTC),
        new_id=lambda: f"01958d5e-7c40-7000-8000-{next(numbers):012d}",
    )


def outcome(body: str | bytes, sender: str = "RWF") -> Outcome:
    """Everything that one message of this sender becomes."""
    raw = body.encode() if isinstance(body, str) else body
    (bundle,) = _converter().convert(raw, sender=OdsCode(sender))
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in bundle["entry"]:
        resource = entry["resource"]
        found.setdefault(resource["resourceType"], []).append(resource)
    return Outcome(resources=found)


def referral(
    *segments: str, rf1: str = f"P^Pending|R^Routine|{PALLIATIVE}|||REF1^RWF", event: str = "I12"
) -> str:
    """A referral; `segments` come after its RF1."""
    header = rf"MSH|^~\&|PAS|RWF|R|R|20250314163012||REF^{event}^REF_I12|S1|P|2.4"
    return "\r".join([header, f"RF1|{rf1}", *segments, PID, PRACTICE])


def document(*segments: str, event: str = "T02", sender: str = "RWF") -> str:
    """A document; `segments` are its TXA and OBX."""
    return "\r".join(
        [
            rf"MSH|^~\&|PAS|{sender}|R|R|20250314163012||MDM^{event}^MDM_T02|S1|P|2.4",
            f"EVN|{event}|20250314163000",
            PID,
            PRACTICE,
            "PV1|1|I|RWF^W1|||||||||||||||||V1",
            *segments,
        ]
    )
