"""A trust that sends and a team that receives, with requests alone."""

import json
import sys
from pathlib import Path
from typing import Any

import requests
from access_token import access_token

FHIR = "application/fhir+json"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
Resource = dict[str, Any]


def connected(token: str) -> requests.Session:
    session = requests.Session()
    session.headers.update({"Authorization": f"Bearer {token}", "Accept": FHIR})
    return session


def send(base: str, trust: requests.Session, bundle: Resource) -> list[str]:
    """Send a transaction; return where its resources are. Send it again if there is no answer."""
    body, content = json.dumps(bundle).encode(), {"Content-Type": FHIR}
    answer = trust.post(f"{base}/fhir", data=body, headers=content, timeout=30)
    answer.raise_for_status()
    return [entry["response"]["location"] for entry in answer.json()["entry"]]


def receive(base: str, team: requests.Session, ods: str, place: Path) -> list[Resource]:
    """Return what is new, page by page, and remember in a file where to go on.

    There is always a next link: an empty page is the end for now. `Prefer: wait=25` would wait
    there until something comes.
    """
    first = f"{base}/fhir/Communication?recipient:identifier={ODS}|{ods}&_count=20"
    url, found = place.read_text() if place.exists() else first, []
    while True:
        page = team.get(url, timeout=60)
        page.raise_for_status()
        entries = page.json().get("entry", [])
        if not entries:
            return found
        for entry in entries:
            found.append(entry["resource"])
            acknowledge(base, team, entry["resource"]["id"])
        url = next(link["url"] for link in page.json()["link"] if link["relation"] == "next")
        place.write_text(url)  # after what it brought is safe, not before


def acknowledge(base: str, team: requests.Session, id_: str) -> None:
    """Say that it has arrived; the same however often it is said."""
    team.post(f"{base}/fhir/Communication/{id_}/$acknowledge", timeout=30).raise_for_status()


def accept(base: str, team: requests.Session, id_: str, practitioner: str) -> Resource:
    """Answer for the team, once somebody has read it."""
    said = [
        {"name": "status", "valueCode": "accepted"},
        {"name": "practitioner", "valueString": practitioner},
    ]
    body = json.dumps({"resourceType": "Parameters", "parameter": said}).encode()
    url, content = f"{base}/fhir/Communication/{id_}/$acknowledge", {"Content-Type": FHIR}
    answer = team.post(url, data=body, headers=content, timeout=30)
    answer.raise_for_status()
    return dict(answer.json())


def main(base: str, trust_key: str, team_key: str, bundle: str, place: str) -> None:
    trust = connected(access_token(base, "kings", trust_key, "system/*.cruds"))
    team = connected(access_token(base, "hospice", team_key, "system/*.rs system/Task.u"))
    print("sent", *send(base, trust, json.loads(Path(bundle).read_text())))
    for communication in receive(base, team, "8HX03", Path(place)):
        task = accept(base, team, communication["id"], "Sister A. Example")
        print("accepted", communication["id"], task["businessStatus"]["coding"][0]["code"])


if __name__ == "__main__":
    main(*sys.argv[1:])
