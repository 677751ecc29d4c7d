"""A Communication that the sender posted itself becomes the one that its recipient gets."""

from __future__ import annotations

from typing import Any, Final

from service.fhir.build.context import Json, Resource

# What the relay says of a Communication, whatever its sender wrote there.
SERVER_OWNED: Final = (
    *("resourceType", "id", "status", "recipient", "sender", "subject", "sent", "received"),
    "basedOn",
)
# Lists in which the sender's items stand beside ours.
SHARED_LISTS: Final = ("identifier", "category", "note", "about", "partOf")


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
    completed: Resource = {**built, **posted, **both, **ours}
    completed["meta"] = _meta(built["meta"], posted.get("meta", {}))
    return {name: completed[name] for name in dict.fromkeys((*built, *posted))}


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
