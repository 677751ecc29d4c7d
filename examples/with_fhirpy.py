"""A trust that sends and a team that receives, with fhirpy."""

import json
import sys
from pathlib import Path
from typing import Any

from access_token import access_token
from fhirpy import SyncFHIRClient

ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
LONG_AGO = "2020-01-01T00:00:00Z"


def connected(base: str, token: str) -> SyncFHIRClient:
    return SyncFHIRClient(f"{base}/fhir", authorization=f"Bearer {token}")


def send(trust: SyncFHIRClient, bundle: dict[str, Any]) -> list[str]:
    """Send a transaction; return where its resources are."""
    answer = trust.execute("", method="post", data=bundle)
    return [entry["response"]["location"] for entry in answer["entry"]]


def receive(team: SyncFHIRClient, ods: str, place: Path) -> list[Any]:
    """Return what is new or was changed, and remember in a file until when.

    fetch_all follows next until there is none: so the search says how to sort, which makes it one
    that ends.
    """
    since = place.read_text() if place.exists() else LONG_AGO
    search = team.resources("Communication").search(
        **{"recipient:identifier": f"{ODS}|{ods}", "_lastUpdated": f"gt{since}"}
    )
    found = search.sort("_lastUpdated").limit(20).fetch_all()
    for communication in found:
        if "received" not in communication:
            communication.execute("$acknowledge", method="post")
        place.write_text(communication["meta"]["lastUpdated"])
    return found


def accept(communication: Any, practitioner: str) -> Any:
    """Answer for the team, once somebody has read it."""
    said = [
        {"name": "status", "valueCode": "accepted"},
        {"name": "practitioner", "valueString": practitioner},
    ]
    parameters = {"resourceType": "Parameters", "parameter": said}
    return communication.execute("$acknowledge", method="post", data=parameters)


def main(base: str, trust_key: str, team_key: str, bundle: str, place: str) -> None:
    trust = connected(base, access_token(base, "kings", trust_key, "system/*.cruds"))
    team = connected(base, access_token(base, "hospice", team_key, "system/*.rs system/Task.u"))
    print("sent", *send(trust, json.loads(Path(bundle).read_text())))
    for communication in receive(team, "8HX03", Path(place)):
        task = accept(communication, "Sister A. Example")
        print("accepted", communication["id"], task["businessStatus"]["coding"][0]["code"])


if __name__ == "__main__":
    main(*sys.argv[1:])
