"""What the relay keeps: messages, resources, feeds, clients, audit; on SQLite or PostgreSQL."""

from service.store.caseload_records import (
    Asking,
    Basis,
    Candidate,
    Concerned,
    Entry,
    KeptOccurrence,
    Known,
    ListChange,
    ListState,
    Lookup,
    Occurrence,
    Recall,
    Review,
)
from service.store.caseloads import KEPT_DAYS
from service.store.channels import Dispatch, Place
from service.store.commit import (
    LAST_UPDATED,
    OUTCOMES,
    RELAY,
    Answer,
    AuditEntry,
    Check,
    Commit,
    Deadline,
    Delivery,
    Key,
    RawMessage,
    Reached,
    Receipt,
    Reference,
    Stale,
    Step,
    Write,
)
from service.store.deadlines import LATER, TAKEN, Waiting
from service.store.evaluation import Done, Noticed
from service.store.leases import LeaseLost
from service.store.opening import WrongSchema, open_store, schema_state
from service.store.records import (
    END,
    START,
    DeadLetter,
    Event,
    Head,
    Page,
    Position,
    RegisteredClient,
    Stored,
    Transition,
)
from service.store.retention import Hold, Keep, Passed
from service.store.store import Store
from service.store.subscriptions import Subscription


def migrate(url: str) -> None:
    """Create the tables, or change them to what this version needs (see migrating.py)."""
    from service.store.migrating import migrate as run  # noqa: PLC0415 - loads SQLAlchemy

    run(url)


__all__ = [
    "END",
    "KEPT_DAYS",
    "LAST_UPDATED",
    "LATER",
    "OUTCOMES",
    "RELAY",
    "START",
    "TAKEN",
    "Answer",
    "Asking",
    "AuditEntry",
    "Basis",
    "Candidate",
    "Check",
    "Commit",
    "Concerned",
    "DeadLetter",
    "Deadline",
    "Delivery",
    "Dispatch",
    "Done",
    "Entry",
    "Event",
    "Head",
    "Hold",
    "Keep",
    "KeptOccurrence",
    "Key",
    "Known",
    "LeaseLost",
    "ListChange",
    "ListState",
    "Lookup",
    "Noticed",
    "Occurrence",
    "Page",
    "Passed",
    "Place",
    "Position",
    "RawMessage",
    "Reached",
    "Recall",
    "Receipt",
    "Reference",
    "RegisteredClient",
    "Review",
    "Stale",
    "Step",
    "Store",
    "Stored",
    "Subscription",
    "Transition",
    "Waiting",
    "Write",
    "WrongSchema",
    "migrate",
    "open_store",
    "schema_state",
]
