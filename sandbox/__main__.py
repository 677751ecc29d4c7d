"""`make sandbox`: a HAPI FHIR server, a relay that forwards to it, and samples; until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import requests

from sandbox import maven
from sandbox.hapi import Hapi, free_port, serving
from sandbox.mappings import HOSPICE, write_mappings
from sandbox.show import show
from service.cli.demo_server import DemoServer
from service.demo import DemoFailed
from service.store import migrate


def main() -> None:
    """Start everything, show it, and leave it running unless `--once`."""
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the samples")
    chosen = parser.parse_args()
    print("Starting HAPI; the first time Maven fetches it (about 200 MB) …", flush=True)
    with serving(maven.find()) as hapi, TemporaryDirectory() as folder:
        profiles = hapi.search("StructureDefinition?_elements=url&_count=100")
        print(f"HAPI FHIR (R4) with {len(profiles)} of our profiles: {hapi.base}", flush=True)
        run(hapi, Path(folder), until_told=not chosen.once)


def run(hapi: Hapi, folder: Path, *, until_told: bool) -> None:
    """Run a relay that forwards to HAPI, send it samples, and show what HAPI has."""
    database = f"sqlite:///{folder / 'sandbox.db'}"
    migrate(database)
    relay = DemoServer(
        database=database,
        port=free_port(),
        mappings=write_mappings(folder / "mappings", hapi.base),
        log=folder / "relay.log",
    )
    with relay:
        print(f"A relay that forwards to it what {HOSPICE} is told: {relay.base}\n", flush=True)
        show(relay.base, database, hapi.base)
        if until_told:
            print(f"Both run until Ctrl-C. The relay's database and log: {folder}", flush=True)
            while True:
                time.sleep(3600)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print()
    except (maven.Missing, maven.NotBuilt, DemoFailed, TimeoutError, ChildProcessError) as fault:
        sys.exit(str(fault))
    except (click.ClickException, requests.RequestException) as fault:
        sys.exit(f"{fault}")
