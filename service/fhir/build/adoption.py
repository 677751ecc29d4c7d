"""A Communication that the sender posted itself becomes the one that its recipient gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from service.fhir.build.context import Json, Resource
from service.fhir.index import ods_code

# What the relay says of a Communication, whatever its sender wrote there.
SERVER_OWNED: Final = (
    *("resourceType", "id", "status", "recipient", "sender", "subject", "sent", "received"),
    "basedOn",
)
# Lists in which the sender's items stand beside ours.
SHARED_LISTS: Final = ("identifier", "category", "note", "about", "partOf")


def completed(built: Resource, posted: Mapping[str, Resource]) -> Resource:
    """Return what a recipient gets: the Communication posted for it alone, or one of its own.

    Its own is part of what the sender posted for it and others together. `posted` are the
    sender's resources by id.
    """
    if built["id"] in posted:
        return adopted(built, posted[built["id"]])
    to = ods_code(built["recipient"][0])
    wider = [
        {"reference": f"Communication/{id_}"}
        for id_, resource in posted.items()
        if resource["resourceType"] == "Communication"
        and to in map(ods_code, resource.get("recipient", ()))
    ]
    return {**built, "partOf": _joined(built.get("partOf", []), wider)} if wider else built


def adopted(built: Resource, posted: Resource) -> Resource:
    """Return a posted Communication completed by what was built for its recipient.

    What the sender wrote stays, except what is the relay's to say; labels, topics and the lists
    that both may fill have the items of both. Nothing posted: what was built.
    """
    if not posted:
        return built
    both: Json = {
        name: _joined(built[name], posted[name])
        for name in SHARED_LISTS
        if name in posted and name in built
    }
    if "topic" in posted:
        both["topic"] = _topic(built["topic"], posted["topic"])
    ours: Json = {name: built[name] for name in SERVER_OWNED if name in built}
    theirs = {name: posted[name] for name in posted if name not in SERVER_OWNED}
    whole: Resource = {**built, **theirs, **both, **ours}
    whole["meta"] = _meta(built["meta"], posted.get("meta", {}))
    return _without_orphans({name: whole[name] for name in dict.fromkeys((*built, *theirs))})


def _without_orphans(whole: Resource) -> Resource:
    """Leave out contained resources that nothing refers to any more: what did is ours to say."""
    held = whole.get("contained")
    if not held:
        return whole
    others = {name: value for name, value in whole.items() if name != "contained"}
    told = orjson.dumps(others, default=str).decode()
    kept = [each for each in held if f'"reference":"#{each.get("id")}"' in told]
    return {**others, "contained": kept} if kept else others


def _joined(ours: list[Any], theirs: list[Any]) -> list[Any]:
    return [*theirs, *(item for item in ours if item not in theirs)]


def _topic(ours: Json, theirs: Json) -> Json:
    """The kind of event is ours to say; what it is called, and other codes, are the sender's."""
    kind, *others = ours["coding"]
    kept = [each for each in theirs.get("coding", ()) if each.get("system") != kind["system"]]
    return {**theirs, "coding": [kind, *(kept or others)]}


def _meta(ours: Json, theirs: Json) -> Json:
    """Ours, with the sender's labels; whether it is for action is ours to say."""
    tags = ours.get("tag", [])
    systems = {tag["system"] for tag in tags}
    others = [tag for tag in theirs.get("tag", ()) if tag.get("system") not in systems]
    security = _joined(ours.get("security", []), theirs.get("security", []))
    joined: Json = {
        **ours,
        "profile": _joined(theirs.get("profile", []), ours["profile"]),
        "tag": [*tags, *others],
    }
    return {**joined, "security": security} if security else joined
