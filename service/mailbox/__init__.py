"""MESH mailboxes, for the poller and for the channel."""

from service.mailbox.failures import Damaged, MeshFailure, MeshRefusal, MessageGone
from service.mailbox.incoming import Incoming
from service.mailbox.mailbox import MeshAccess, MeshMailbox, Tracking

__all__ = [
    "Damaged",
    "Incoming",
    "MeshAccess",
    "MeshFailure",
    "MeshMailbox",
    "MeshRefusal",
    "MessageGone",
    "Tracking",
]
