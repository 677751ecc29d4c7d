"""What every process of `serve` does at its start: its relay, and knowing whom to end with."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final

from service import log
from service.cli.rules import rules

if TYPE_CHECKING:
    from pathlib import Path

    from service.app import Relay
    from service.settings import Settings

# With Python's own 5 ms a commit, which gives way at every statement, queues behind computing.
_SWITCH: Final = 0.001  # seconds
_IN_COMMON: Final = ("service.app", "service.cli.delivering", "service.cli.chase", "granian.wsgi")


def leave_the_terminal() -> None:
    """Let Ctrl-C reach the parent alone, which tells the others and waits for them.

    A worker that ended by itself at the same moment would count as one that died.
    """
    os.setpgid(0, 0)


def opened_relay(settings: Settings) -> Relay:
    """Return the relay of this process. Raises Unavailable, BadSetting, faults of mappings."""
    from service.app import assemble
    from service.store import open_store

    sys.setswitchinterval(_SWITCH)
    log.configure(settings.log_level)
    return assemble(settings, open_store(settings.database), *rules(settings.mappings))


def load_for_forks(mappings: Path) -> None:
    """Load all that the forked processes have in common, so that they share its memory.

    Raises faults of mappings. Where processes are spawned, each loads its own.
    """
    for module in _IN_COMMON:
        import_module(module)
    rules(mappings)
    keep_what_is_loaded()


def keep_what_is_loaded() -> None:
    """Spare what was loaded: no collection of garbage walks it again (160 ms each)."""
    gc.freeze()
