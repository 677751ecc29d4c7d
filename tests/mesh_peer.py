"""NHS England's MESH sandbox as a process of its own: `python -m tests.mesh_peer PORT FOLDER`.

Its mailboxes are the tests'. A file `trap.json` in the folder makes it end another process, or
break a connection, at a request of the test's choice: before it is carried out, or afterwards.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

# our own mailbox, three trusts', two teams', and one that nobody has registered with the relay
MAILBOXES = {
    "RELAY01": "RLY01",
    "RJZ0001": "RJZ",
    "RVV0001": "RVV",
    "RWF0001": "RWF",
    "HSP0003": "8HX03",
    "HSP0001": "8HX01",
    "STRANGE": "X9Z",
}
PASSWORD = "synthetic-password"
SHARED_KEY = "synthetic-shared-key"


class Trapped:
    """The sandbox, with the trap in front of it."""

    def __init__(self, app: Any, trap: Path) -> None:
        self.app, self.trap = app, trap

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        trap = self.sprung(scope) if scope["type"] == "http" else {}
        if trap.get("when") == "before":
            return self.spring(trap)
        if not trap:
            return await self.app(scope, receive, send)

        async def held(_: Any) -> None:
            """Nothing is answered."""

        await self.app(scope, receive, held)
        return self.spring(trap)

    def sprung(self, scope: Any) -> dict[str, Any]:
        if not self.trap.exists():
            return {}
        trap: dict[str, Any] = json.loads(self.trap.read_text())
        matches = trap["method"] == scope["method"] and re.search(trap["path"], scope["path"])
        if not matches:
            return {}
        self.trap.unlink()
        return trap

    def spring(self, trap: dict[str, Any]) -> None:
        if trap.get("pid"):
            os.kill(trap["pid"], signal.SIGKILL)
        raise ConnectionResetError("the trap")  # uvicorn drops the connection


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    os.environ |= {
        "STORE_MODE": "file",
        "MAILBOXES_DATA_DIR": str(folder),
        "AUTH_MODE": "full",
        "SHARED_KEY": SHARED_KEY,
    }
    import uvicorn
    from mesh_sandbox.models.mailbox import Mailbox
    from mesh_sandbox.store.canned_store import CannedStore

    closed = folder / "unknown.txt"  # mailboxes that are not there
    unknown = closed.read_text().split() if closed.exists() else []
    CannedStore._load_mailboxes = lambda _: {
        id_: Mailbox(mailbox_id=id_, mailbox_name=id_, ods_code=ods, password=PASSWORD)
        for id_, ods in MAILBOXES.items()
        if id_ not in unknown
    }
    from mesh_sandbox.api import app

    trapped = Trapped(app, folder / "trap.json")
    certificate = {"ssl_certfile": sys.argv[3], "ssl_keyfile": sys.argv[4]} if sys.argv[3:] else {}
    uvicorn.run(trapped, host="127.0.0.1", port=port, log_level="critical", **certificate)


if __name__ == "__main__":
    main()
