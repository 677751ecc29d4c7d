"""A trust that sends and a team that receives, with SMART's fhirclient."""

import json
import sys
from pathlib import Path

from access_token import access_token
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.communication import Communication
from fhirclient.models.parameters import Parameters, ParametersParameter
from fhirclient.models.task import Task
from fhirclient.server import FHIRServer

ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
LONG_AGO = "2020-01-01T00:00:00Z"


def connected(base: str, token: str) -> FHIRServer:
    """fhirclient knows SMART's launches, not its backend services: the token is brought along."""
    server = FHIRClient(settings={"app_id": "example", "api_base": f"{base}/fhir"}).server
    server.session.headers["Authorization"] = f"Bearer {token}"
    return server


def send(trust: FHIRServer, bundle: Bundle) -> list[str]:
    """Send a transaction; return where its resources are.

    Not by bundle.create(), which would post to /Bundle.
    """
    answer = Bundle(trust.post_json("", bundle.as_json()).json())
    return [entry.response.location for entry in answer.entry]


def receive(team: FHIRServer, ods: str, place: Path) -> list[Communication]:
    """Return what is new or was changed, and remember in a file until when.

    The iterator follows next until there is none: so the search says how to sort, which makes it
    one that ends.
    """
    since = place.read_text() if place.exists() else LONG_AGO
    asked = {"recipient:identifier": f"{ODS}|{ods}", "_lastUpdated": f"gt{since}"}
    search = Communication.where(asked | {"_sort": "_lastUpdated", "_count": "20"})
    found = list(search.perform_resources_iter(team))
    for communication in found:
        if communication.received is None:
            team.post_json(f"Communication/{communication.id}/$acknowledge", Parameters().as_json())
        place.write_text(communication.meta.lastUpdated.isostring)
    return found


def accept(team: FHIRServer, communication: Communication, practitioner: str) -> Task:
    """Answer for the team, once somebody has read it."""
    said = [ParametersParameter({"name": "status", "valueCode": "accepted"})]
    said.append(ParametersParameter({"name": "practitioner", "valueString": practitioner}))
    parameters = Parameters()
    parameters.parameter = said
    url = f"Communication/{communication.id}/$acknowledge"
    return Task(team.post_json(url, parameters.as_json()).json())


def main(base: str, trust_key: str, team_key: str, bundle: str, place: str) -> None:
    trust = connected(base, access_token(base, "kings", trust_key, "system/*.cruds"))
    team = connected(base, access_token(base, "hospice", team_key, "system/*.rs system/Task.u"))
    print("sent", *send(trust, Bundle(json.loads(Path(bundle).read_text()))))
    for communication in receive(team, "8HX03", Path(place)):
        task = accept(team, communication, "Sister A. Example")
        print("accepted", communication.id, task.businessStatus.coding[0].code)


if __name__ == "__main__":
    main(*sys.argv[1:])
