"""The command line as a shell runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

RELAY = (sys.executable, "-m", "service")
PREFIX = "DISCHARGE_RELAY_"


def environment(**settings: object) -> dict[str, str]:
    """The environment of this process, with these settings of the relay and no others."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    return clean | {PREFIX + name.upper(): str(value) for name, value in settings.items()}


def relay(
    *arguments: object, stdin: bytes = b"", cwd: Path | None = None, **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; stdout and stderr are no terminals."""
    ended = subprocess.run(
        [*RELAY, *map(str, arguments)],
        input=stdin,
        cwd=cwd,
        env=environment(**settings),
        capture_output=True,
        check=False,
        timeout=100,
    )
    return subprocess.CompletedProcess(
        ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode()
    )
