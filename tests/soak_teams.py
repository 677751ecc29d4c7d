"""The trusts and teams of a soak: each uses the relay's public face alone, and takes its failures
as a system has to: again, until it is answered."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from service.mailbox import MeshFailure
from tests.hook_endpoint import Answer, Endpoint
from tests.mesh_beside import Sandbox
from tests.soak_plan import Sending
from tests.subscribed import subscription

Json = dict[str, Any]
ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
OURS: Final = "https://discharge-relay.example/fhir/Id/communication"
FHIR: Final = "application/fhir+json"
PAUSE: Final = 0.05  # seconds until a system tries again


@dataclass
class System:
    """An organisation's HTTP client."""

    ods: str
    base: str
    token: str
    session: requests.Session = field(default_factory=requests.Session)

    def ask(self, method: str, path: str, body: Any = None, kind: str = FHIR) -> Any:
        """Return the body of an answer, None if there was none, or a 5xx; 4xx is a fault, but for
        409: what is accepted was withdrawn meanwhile."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        try:
            answer = self.session.request(
                method, self.base + path, data=body, headers=headers, timeout=30
            )
        except requests.RequestException:
            return None
        if answer.status_code >= 500:
            return None
        assert answer.ok or answer.status_code == 409, (
            method,
            path,
            answer.status_code,
            answer.text[:500],
        )
        return answer.content

    def insist(self, method: str, path: str, body: Any = None, kind: str = FHIR) -> bytes:
        """Ask until there is an answer."""
        while (answer := self.ask(method, path, body, kind)) is None:
            threading.Event().wait(PAUSE)
        return bytes(answer)

    def accept(self, communication: Json) -> None:
        """Take a notice on, if it asks for that."""
        if communication["status"] != "in-progress":
            return
        parameter = [{"name": "status", "valueCode": "accepted"}]
        body = json.dumps({"resourceType": "Parameters", "parameter": parameter})
        self.insist("POST", f"/fhir/Communication/{communication['id']}/$acknowledge", body)


@dataclass
class Told:
    """What a team has seen, first and again: (key, Communication), the key being its number or,
    for who polls, its id."""

    seen: list[tuple[int | str, Json]] = field(default_factory=list)

    def has(self, key: int | str, communication: Json) -> bool:
        return any(known == key and one["id"] == communication["id"] for known, one in self.seen)

    def take(self, key: int | str, communication: Json) -> bool:
        """Keep it; False if it was seen before, under the same key."""
        if self.has(key, communication):
            return False
        self.seen.append((key, communication))
        return True


def marks(told: Told, ods: str) -> Iterator[tuple[str, str]]:
    """Yield of each event which message it tells of, and why: "" or what follows it."""
    for _, communication in told.seen:
        own = next(i["value"] for i in communication["identifier"] if i["system"] == OURS)
        _, _, rest = own.partition(f"-{ods}")
        yield own.partition(f"-{ods}")[0].rpartition("-")[2], rest.removeprefix("-")


class Trust:
    """Sends what is due, in order, each until it is answered."""

    def __init__(self, system: System, sendings: Sequence[Sending]) -> None:
        self.system, self._sendings = system, sendings
        self.answered = 0

    @property
    def next(self) -> Sending | None:
        return self._sendings[self.answered] if self.answered < len(self._sendings) else None

    def turn(self, is_due: Callable[[Sending], bool]) -> None:
        sending = self.next
        if sending is None or not is_due(sending):
            return
        answer = self.system.ask("POST", "/hl7v2", sending.body, "application/hl7-v2")
        if answer is not None:
            assert f"MSA|AA|{sending.control_id}".encode() in answer, answer
            self.answered += 1


class Polling:
    """Reads its feed where it stopped, and takes on what it is asked to."""

    def __init__(self, system: System, *, answers: bool = True) -> None:
        self.system, self.told, self._answers = system, Told(), answers
        self._place = f"/fhir/Communication?recipient:identifier={ODS}|{system.ods}&_count=20"

    def turn(self) -> bool:
        """Read a page; whether there was something."""
        answer = self.system.ask("GET", self._place)
        if answer is None:
            return True
        bundle = json.loads(answer)
        for entry in bundle.get("entry", ()):
            if self.told.take(entry["resource"]["id"], entry["resource"]) and self._answers:
                self.system.accept(entry["resource"])
        url = next(link["url"] for link in bundle["link"] if link["relation"] == "next")
        self._place = url[url.index("/fhir/") :]  # any server has it
        return bool(bundle.get("entry"))


class Hooked:
    """Is sent notifications; its endpoint is up and down."""

    DOWN: Final[tuple[Answer, ...]] = ("reset", 503, "lost", (429, {"Retry-After": "5"}))

    def __init__(self, system: System, hook: Endpoint) -> None:
        self.system, self.told, self._hook, self._read = system, Told(), hook, 0

    def subscribe(self) -> None:
        resource = subscription(self._hook.url, "full-resource", backport={"backport-max-count": 5})
        self.system.insist("POST", "/fhir/Subscription", json.dumps(resource))

    def be(self, *, up: bool, k: int) -> None:
        """Answer, or fail in one of several manners."""
        self._hook.always = 200 if up else self.DOWN[k % len(self.DOWN)]

    def turn(self) -> bool:
        posts = self._hook.posts[self._read :]
        self._read += len(posts)
        for post in posts:
            if post.kind == "event-notification":
                self._take(post.bundle, post.events)
        return bool(posts)

    def _take(self, bundle: Json, events: list[dict[str, str]]) -> None:
        sent = {entry["resource"].get("id"): entry["resource"] for entry in bundle["entry"][1:]}
        for event in events:
            communication = sent[event["focus"].rpartition("/")[2]]
            if self.told.take(int(event["event-number"]), communication):
                self.system.accept(communication)


class Mailbox:
    """Collects from its MESH mailbox, and answers as ITK has it: patient known here."""

    def __init__(self, ods: str, sandbox: Sandbox, mailbox: str) -> None:
        self.ods, self.told, self._sandbox, self._mailbox = ods, Told(), sandbox, mailbox

    def turn(self) -> bool:
        try:
            with self._sandbox.mailbox(self._mailbox) as box:
                waiting = list(box.waiting())
                for id_ in waiting:
                    with box.incoming(id_) as message:
                        self._take(box, json.loads(message.read(10**8)))
                    box.acknowledge(id_)
        except MeshFailure:
            return True
        return bool(waiting)

    def _take(self, box: Any, bundle: Json) -> None:
        header, *others = [entry["resource"] for entry in bundle["entry"]]
        communication = next(r for r in others if r["resourceType"] == "Communication")
        number = int(bundle["identifier"]["value"].rpartition("/")[2])
        if not self.told.has(number, communication) and communication["status"] == "in-progress":
            box.send(
                "RELAY01",
                _known_here(header["id"]),
                workflow="DISCHARGE_RELAY_ACK",
                media_type=FHIR,
                local_id=f"known.{number}",
                subject="",
            )
        self.told.take(number, communication)


def _known_here(message_id: str) -> bytes:
    header = {
        "resourceType": "MessageHeader",
        "response": {"identifier": message_id, "code": "ok"},
    }
    issue = {"severity": "information", "details": {"coding": [{"code": "30001"}]}}
    entries = [
        {"resource": header},
        {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}},
    ]
    return json.dumps({"resourceType": "Bundle", "type": "message", "entry": entries}).encode()
