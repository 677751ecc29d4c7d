"""The relay that the demo talks to: `discharge-relay serve` as a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final

import click

from service.cli.ports import accepts

_STARTED_WITHIN: Final = 60  # seconds
_STOPPED_WITHIN: Final = 40  # seconds; longer than the server itself takes at most


class DemoServer:
    """Runs from `with` to its end; its logs go to a file."""

    def __init__(self, *, database: str, port: int, mappings: Path, log: Path) -> None:
        self.database = database
        self.base = f"http://127.0.0.1:{port}"
        self._port = port
        self._log = log
        options = {"port": port, "database": database, "mappings": mappings}
        self._command = [
            *(sys.executable, "-m", "service", "serve", "--host", "127.0.0.1"),
            *(f"--{name}={value}" for name, value in options.items()),
        ]

    def __enter__(self) -> DemoServer:
        """Start it and wait until it answers. Raises ClickException with its last words."""
        with self._log.open("wb") as log:
            # a session of its own, so that Ctrl-C reaches the demo alone, which then stops it
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._command, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + _STARTED_WITHIN
        while not accepts("127.0.0.1", self._port):
            if self._process.poll() is not None or time.monotonic() > until:
                self._stop()
                raise click.ClickException(f"the relay did not start:\n{self._last_words()}")
            time.sleep(0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def wait(self) -> None:
        """Wait until the server ends by itself, which it should not. Raises ClickException."""
        self._process.wait()
        raise click.ClickException(f"the relay ended by itself:\n{self._last_words()}")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])
