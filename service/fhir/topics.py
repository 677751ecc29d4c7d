"""The topics of subscriptions, as profiles/ publishes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from service.fhir.systems import CANONICAL


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """What a subscription can be about."""

    name: str  # as the store numbers its events
    kind: str  # resource type of the focus

    @property
    def url(self) -> str:
        """Its canonical."""
        return f"{CANONICAL}/SubscriptionTopic/{self.name}"


COMMUNICATION: Final = Topic(name="communication", kind="Communication")
TOPICS: Final[Mapping[str, Topic]] = MappingProxyType(
    {
        topic.url: topic
        for topic in (
            COMMUNICATION,
            Topic(name="communication-changed", kind="Communication"),
            Topic(name="task", kind="Task"),
        )
    }
)
BY_NAME: Final[Mapping[str, Topic]] = MappingProxyType({one.name: one for one in TOPICS.values()})
