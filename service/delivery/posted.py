"""What one transfer comes to: rows, as part of a commit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from service.errors import Issue
from service.store import Check, Concerned, Delivery, Reference, Write


@dataclass(frozen=True, kw_only=True, slots=True)
class Posting:
    """One transfer as rows: part of a `Commit`."""

    writes: tuple[Write, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    checks: tuple[Check, ...] = ()
    shared: tuple[Reference, ...] = ()
    issues: tuple[Issue, ...] = ()
    concerned: tuple[Concerned, ...] = ()

    @property
    def openly(self) -> tuple[Delivery, ...]:
        """The deliveries that their sender may know of."""
        return tuple(delivery for delivery in self.deliveries if not delivery.discreet)

    @classmethod
    def joined(cls, postings: Iterable[Posting]) -> Posting:
        """Return several as one."""
        every = tuple(postings)
        return cls(
            writes=tuple(write for one in every for write in one.writes),
            deliveries=tuple(delivery for one in every for delivery in one.deliveries),
            checks=tuple(dict.fromkeys(check for one in every for check in one.checks)),
            shared=tuple(dict.fromkeys(ref for one in every for ref in one.shared)),
            issues=tuple(issue for one in every for issue in one.issues),
            concerned=tuple(concerned for one in every for concerned in one.concerned),
        )
