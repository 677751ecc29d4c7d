"""The shipped mappings and routing, loaded once for all tests of a process."""

from __future__ import annotations

import gc
from functools import cache

from service.bundled import bundled_folder
from service.cli.rules import rules
from service.delivery.routing import Routing
from service.mapping import Mappings


@cache
def shipped() -> tuple[Mappings, Routing]:
    """Return them; nothing changes them."""
    loaded = rules(bundled_folder("mappings"))
    gc.freeze()  # what stays until the end need not be looked through again and again
    return loaded
