"""Where the workers of `serve` count requests, and where the metrics' process reads the counts."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from service.api.observing import Count
    from service.settings import Settings

_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)  # seconds
_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own name for it


def request_counter(chosen: Settings) -> Count | None:
    """Return what counts requests of this process, if metrics are on; called once a process."""
    if not chosen.metrics:
        return None
    from prometheus_client import Histogram

    made = Histogram(
        "discharge_relay_http_request_seconds",
        "Requests by route and status, and how long they took; long polls too.",
        ["method", "route", "status"],
        buckets=_BUCKETS,
        registry=None,
    )

    def count(method: str, route: str, status: int, seconds: float) -> None:
        made.labels(method, route, str(status)).observe(seconds)

    return count


@contextmanager
def counted(chosen: Settings) -> Iterator[None]:
    """Give the processes that are started in the block a folder to count in, if metrics are on."""
    if not chosen.metrics:
        yield
        return
    folder = tempfile.mkdtemp(prefix="discharge-relay-metrics-")
    os.environ[_FOLDER] = folder
    try:
        yield
    finally:
        del os.environ[_FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


def collect_counts(registry: CollectorRegistry) -> None:
    """Have the registry tell what all workers have counted, those that ended too."""
    if folder := os.environ.get(_FOLDER):
        from prometheus_client.multiprocess import MultiProcessCollector

        collector: Any = MultiProcessCollector
        collector(registry, path=folder)
