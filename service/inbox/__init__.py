"""A watched folder: files that a trust drops are taken in, answered and put away."""

from __future__ import annotations

from service.inbox.watching import Inbox

__all__ = ["Inbox"]
