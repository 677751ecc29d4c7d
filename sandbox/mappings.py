"""A copy of the shipped mappings in which a hospice is forwarded to a FHIR server.

`python -m sandbox.mappings URL FOLDER` writes it; it needs nothing but Python.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

SHIPPED: Final = Path(__file__).parents[1] / "mappings"
HOSPICE: Final = "8HX03"
_CHANNELS: Final = "channels: [feed"


def write_mappings(folder: Path, url: str) -> Path:
    """Write the copy into a folder, and return it. Raises ValueError if it cannot be made."""
    shutil.copytree(SHIPPED, folder, dirs_exist_ok=True)
    directory = folder / "directory.yaml"
    before, entry, after = directory.read_text("utf-8").partition(f"  - ods: {HOSPICE}\n")
    if not entry or _CHANNELS not in after:
        raise ValueError(f"{directory}: no entry of {HOSPICE} with its channels")
    forwarded = after.replace(_CHANNELS, "channels: [fhir-server, feed", 1)
    directory.write_text(f"{before}{entry}    fhir_server: {url}\n{forwarded}", "utf-8")
    return folder


if __name__ == "__main__":
    write_mappings(Path(sys.argv[2]), sys.argv[1])
