"""What the CapabilityStatement claims, for tests to be made of."""

from __future__ import annotations

from service.fhir.capability import Served, capability_statement
from service.fhir.guard import finished
from service.fhir.index import index_keys
from service.fhir.search_parameters import Resource
from service.store import LAST_UPDATED, Write
from tests.api_samples import Api

INTERACTIONS = (
    *("read", "vread", "history-instance", "search-type", "create", "update", "patch"),
    *("transaction", "batch", "$process-message", "$acknowledge"),
)
_SUBSCRIPTION = ("create", "read", "update", "delete", "search-type")
_CASELOAD = ("read", "put", "patch", "member_add", "member_remove", "load", "reviews", "decide")
_MEASURE = ("read", "search-type", "$evaluate-measure")
CLAIMED = capability_statement(
    Served(
        base="http://relay.example/fhir",
        version="1",
        interactions=[
            *INTERACTIONS,
            *(f"subscription-{code}" for code in _SUBSCRIPTION),
            *("$status", "$events"),
            *(f"caseload-{name}" for name in _CASELOAD),
            *(f"measure-{name}" for name in _MEASURE),
        ],
        profiles=[],
    )
)
RESOURCES: dict[str, Resource] = {one["type"]: one for one in CLAIMED["rest"][0]["resource"]}
APART = ("Group", "Measure", "Subscription")  # with routes of their own


def keep(api: Api, resource: Resource, **meta: object) -> str:
    """Put a resource into the store as the trust's; return its id."""
    id_ = api.relay.new_id()
    whole = finished({**resource, "meta": meta}, id_, 1, LAST_UPDATED.decode())
    body = api.app.json.dumps(whole, sort_keys=False).encode()
    write = Write(
        type=whole["resourceType"],
        id=id_,
        version=1,
        body=body,
        owner="RJZ",
        keys=index_keys(whole),
    )
    api.relay.store.update([write])
    return id_
