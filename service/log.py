"""Structured logs: one JSON object a line on stderr, and no patient's values.

Only the names in `ALLOWED` are written. A field that is not on the list is left out and its
name reported, so that a careless call can lose a detail but never disclose a person.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    {
        *("event", "level", "timestamp", "exception", "fault", "file", "line"),
        *("request_id", "correlation_id", "client", "organisation"),
        *("method", "route", "status", "duration_ms"),
        *("message_id", "message_type", "mapping", "mapping_version", "issues", "recipients"),
        *("host", "port", "workers", "database", "version", "count", "seconds"),
        *("channel", "event_number", "handle", "attempts", "reason"),
        *("mailbox", "workflow", "mesh_id"),
    }
)


def only_allowed(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep what is on the list; name, without its value, what is not."""
    kept = {name: value for name, value in event.items() if name in ALLOWED}
    left_out = sorted(event.keys() - ALLOWED)
    return {**kept, "left_out": left_out} if left_out else kept


def configure(level: str) -> None:
    """Send this process's logs to stderr from `level` up."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_allowed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def without_values(error: BaseException) -> str:
    """Return where it failed, which is code, and drop the message, which may quote a patient."""
    where = "".join(traceback.format_tb(error.__traceback__))
    return f"{type(error).__name__}\n{where}"
