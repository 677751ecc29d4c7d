"""`serve --metrics`: Prometheus metrics on a port of their own, read from the database at a scrape.

So they are the same whichever process serves them, and hold no value of a patient: counts and
ODS codes alone.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Any, Final

import click

from service import log
from service.cli.companions import Companion
from service.cli.counting import collect_counts
from service.cli.ports import require_free
from service.cli.process import leave_the_terminal

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from service.settings import Settings
    from service.store import Store

_LOOK: Final = 0.5  # seconds between two looks whether the parent is there
_LETTERS: Final = 10_000  # dead letters that are counted, at most
_PREFIX: Final = "discharge_relay_"


def metrics_companion(chosen: Settings) -> Companion:
    """Return the process that serves them. Raises ClickException for a port that cannot be."""
    host, port = _address(chosen.metrics)
    require_free(host, port, "--metrics")
    return Companion(name="metrics", run=serve_metrics, arguments=(chosen,))


def serve_metrics(chosen: Settings) -> None:
    """Serve GET /metrics until SIGTERM, or until the parent is gone."""
    from prometheus_client import CollectorRegistry, start_http_server

    from service.store import open_store

    leave_the_terminal()
    log.configure(chosen.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    host, port = _address(chosen.metrics)
    with closing(open_store(chosen.database)) as store:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(StoreCollector(store))
        collect_counts(registry)
        server, thread = start_http_server(port, host, registry)
        click.echo(f"Metrics on http://{host}:{port}/metrics")
        parent = parent_process()
        while not stop.wait(_LOOK):
            if parent is not None and os.getppid() != parent.pid:
                stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


class StoreCollector:
    """Asks the store at each scrape."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; `up` is 0 where the database is not there."""
        from service.errors import Unavailable

        try:
            found = [*self._feeds(), *self._channels(), *self._answers(), *self._letters()]
        except Unavailable:
            yield _gauge("up", "Whether the database answers.", [((), 0)])
            return
        yield _gauge("up", "Whether the database answers.", [((), 1)])
        yield from found

    def _feeds(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily

        events = CounterMetricFamily(
            _PREFIX + "events", "Events in the feed of each organisation.", labels=["recipient"]
        )
        for ods, n in self._store.feeds():
            events.add_metric([ods], n)
        yield events

    def _channels(self) -> Iterator[Metric]:
        from service.operating import Channels

        standing = Channels(self._store).standing()
        every = [((one.place.recipient, one.place.channel), one) for one in standing]
        behind = [(names, one.behind) for names, one in every]
        parked = [(names, int(one.place.state == "parked")) for names, one in every]
        labels = ("recipient", "channel")
        yield _gauge("channel_behind", "Events that a channel has not sent yet.", behind, labels)
        yield _gauge("channel_parked", "Whether a channel waits for an operator.", parked, labels)

    def _answers(self) -> Iterator[Metric]:
        from service.delivery.chase import LEASE

        waiting, late = self._store.deadlines.count(time.time_ns() // 1000)
        held = int(self._store.leases.is_held(LEASE))
        yield _gauge("answers_awaited", "Tasks of who is asked to act.", [((), waiting)])
        yield _gauge("answers_late", "Those of them that are past their deadline.", [((), late)])
        yield _gauge("chase_running", "Whether a process reminds who is late.", [((), held)])

    def _letters(self) -> Iterator[Metric]:
        refused = len(self._store.dead_letters.list(count=_LETTERS))
        yield _gauge("dead_letters", "Refused messages that wait.", [((), refused)])


def _gauge(
    name: str,
    text: str,
    values: Sequence[tuple[tuple[str, ...], float]],
    labels: tuple[str, ...] = (),
) -> Any:
    from prometheus_client.core import GaugeMetricFamily

    made = GaugeMetricFamily(_PREFIX + name, text, labels=list(labels))
    for named, value in values:
        made.add_metric(list(named), value)
    return made


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:  # noqa: PLR2004 - ports
        raise click.ClickException(f"--metrics {text}: write PORT, or HOST:PORT")
    return host or "127.0.0.1", int(port)
