"""The mappings and the routing of a folder, loaded once a process."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.delivery.routing import Routing
    from service.mapping import Mappings


@cache
def rules(folder: Path) -> tuple[Mappings, Routing]:
    """Return the mappings and the routing of a folder. Raises their faults.

    `serve` loads them before it forks: faults are told once, and the workers share the memory
    and need no time for them. Where processes are spawned, each worker loads its own.
    """
    from service.delivery.routing import Routing
    from service.formats import FORMATS
    from service.formats.letters.reading_apart import end_program
    from service.mapping import Mappings

    loaded = Mappings.load(folder, formats=FORMATS), Routing.load(folder)
    end_program()  # it was needed for the examples; whoever is forked cannot use this one
    return loaded
