"""Resources that were built, as rows."""

from __future__ import annotations

from typing import Any, Final

import orjson

from service.fhir.build import Content
from service.fhir.index import index_keys
from service.fhir.task import is_awaited
from service.model import OdsCode
from service.store import Reached, Step, Write

Resource = dict[str, Any]
_CANCELLED: Final = (Reached("cancelled"),)


def as_write(
    resource: Resource, owner: OdsCode, *, prior: int = 0, keeps_audience: bool = False
) -> Write:
    """Return a built resource as a row."""
    return Write(
        type=resource["resourceType"],
        id=resource["id"],
        version=prior + 1,
        body=orjson.dumps(resource),
        owner=owner,
        prior=prior,
        keys=index_keys(resource),
        keeps_audience=keeps_audience,
        step=Step() if prior and _is_over(resource) else None,
        reached=_CANCELLED if prior and _is_cancelled(resource) else (),
    )


def _is_over(resource: Resource) -> bool:
    """Whether this is a Task that no answer is waited for any more."""
    return resource["resourceType"] == "Task" and not is_awaited(resource["status"], "action")


def _is_cancelled(resource: Resource) -> bool:
    return bool(resource["resourceType"] == "Task" and resource["status"] == "cancelled")


def as_binary(content: Content, owner: OdsCode) -> Write:
    """Return a document's bytes as a row."""
    return Write(
        type="Binary",
        id=content.id,
        version=1,
        body=content.data,
        owner=owner,
        media_type=content.content_type,
    )
