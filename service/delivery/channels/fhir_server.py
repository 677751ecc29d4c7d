"""To a team's own FHIR server: each event is a transaction that puts the resources by our ids.

Sent again it changes nothing, so what happened to a request without an answer need not be known.
The next event goes when the one before is there: an update or a retraction never overtakes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import requests
from requests import PreparedRequest, RequestException, Response

from service.delivery.channels import Fate, Handed, Means, NotSent, Parcel, Refused
from service.delivery.directory import DirectoryEntry
from service.delivery.outbound import retry_after
from service.fhir.digest import Digest
from service.fhir.forwarding import missing, transaction
from service.fhir.notice import Reference
from service.fhir.search_parameters import Resource
from service.formats.fhir_r4.json_reader import as_written
from service.model import OdsCode
from service.store import Dispatch, Event

FHIR: Final = "application/fhir+json"
VARIABLE: Final = "DISCHARGE_RELAY_FHIR_SERVER_TOKEN_"  # the ODS code follows
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_TIMEOUT: Final = (5, 60)  # seconds to connect, and to wait for an answer
_LATER: Final = (408, 409, 425, 429)  # 409: another write was faster
_ABSENT: Final = (404, 410)
_TRIES: Final = 3  # of what is refused for what it is, before an operator must look
_PLACE: Final = re.compile(r"[A-Za-z0-9_.:()\[\]]{1,200}")


class FhirServer:
    """One team's server; used by one thread."""

    name = "fhir-server"
    batch = 1  # an event is one transaction
    follow_every = 300.0

    def __init__(self, recipient: OdsCode, url: str, token: str, means: Means) -> None:
        self._recipient, self._url, self._means = recipient, url.rstrip("/"), means
        self._refusals = 0
        self._session = requests.Session()
        self._session.trust_env = urlsplit(url).hostname not in LOOPBACK  # proxies
        self._session.auth = _Bearer(token)
        self._session.headers.update({"Content-Type": f"{FHIR}; charset=utf-8", "Accept": FHIR})

    def due(self, now: int, sent_at: int) -> int:
        return now

    def keep_up(self, n: int) -> float:
        return self.follow_every

    def send(self, parcel: Parcel) -> Handed:
        [event] = parcel.events
        return self._put(self._resources(event), parcel.key)

    def carry(self, digest: Digest, key: str) -> Handed:
        """Put a digest: its lists, and what they list."""
        return self._put([*digest.lists, *digest.notices], key)

    def known(self, key: str) -> Handed | None:
        """Nothing: what is put twice is there once."""
        return None

    def _put(self, resources: Sequence[Resource], key: str) -> Handed:
        there = [place for place in sorted(missing(resources)) if self._has(place)]
        bundle = transaction(resources, there=there, base=self._means.base)
        answer = self._asked("POST", "", orjson.dumps(bundle, default=as_written))
        self._judge(answer, len(bundle["entry"]))
        return Handed(handle=key, confirmed=True)

    def _resources(self, event: Event) -> list[Resource]:
        """Return what an event brings, with what it has taken back."""
        contents = self._means.contents
        communication, others = contents.of(self._recipient, event)
        withdrawn = contents.withdrawn(self._recipient, communication)
        each = {(r["resourceType"], r["id"]): r for r in (communication, *others, *withdrawn)}
        return list(each.values())

    def already(self, parcel: Parcel) -> Handed | None:
        return None

    def follow(self, dispatch: Dispatch) -> Fate:
        return Fate(state="confirmed")  # it was committed when it was answered

    def close(self) -> None:
        self._session.close()

    def _has(self, place: Reference) -> bool:
        """Whether the server has a resource of ours, such as an earlier Communication.

        Organizations are its own: another may have there the id that one has here.
        """
        if place[0] == "Organization":
            return False
        answer = self._asked("GET", f"/{'/'.join(place)}?_summary=true", None)
        if answer.status_code in _ABSENT:
            return False
        if not answer.ok:
            raise self._refused(answer)
        return True

    def _judge(self, answer: Response, entries: int) -> None:
        """Tell what was committed from what was not. Raises NotSent, Refused."""
        if not answer.ok or answer.is_redirect:
            raise self._refused(answer)
        if not _is_committed(_read(answer), entries):
            raise NotSent("the answer is none to a transaction")
        self._refusals = 0

    def _refused(self, answer: Response) -> NotSent:
        """Return what is tried again for long, or some times more before somebody must look."""
        status = answer.status_code
        wait = retry_after(answer.headers.get("Retry-After", ""))
        text = f"the FHIR server answered {status}{_places(_read(answer))}"
        if status >= 500 or status in _LATER:  # noqa: PLR2004
            return NotSent(text, wait)
        self._refusals += 1
        return Refused(text) if self._refusals >= _TRIES else NotSent(text, wait)

    def _asked(self, method: str, path: str, body: bytes | None) -> Response:
        """Raises NotSent if there is no answer."""
        try:
            return self._session.request(
                method, f"{self._url}{path}", data=body, timeout=_TIMEOUT, allow_redirects=False
            )
        except (RequestException, OSError) as fault:
            raise NotSent(f"no answer from the FHIR server: {type(fault).__name__}") from fault


class _Bearer:
    """Puts our token on a request, whatever a .netrc says."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _read(answer: Response) -> Resource:
    """Return the resource of an answer; {} for what is none."""
    try:
        value = orjson.loads(answer.content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_committed(answer: Resource, entries: int) -> bool:
    """Whether it is the answer to a transaction of so many entries, all of them done."""
    done: Sequence[Any] = answer.get("entry", ())
    return (
        answer.get("resourceType") == "Bundle"
        and answer.get("type") == "transaction-response"
        and len(done) == entries
        and all(str(one.get("response", {}).get("status", "")).startswith("2") for one in done)
    )


def _places(outcome: Resource) -> str:
    """Say what it has against which elements, and nothing of its words: they may quote values."""
    issues = outcome.get("issue", ()) if outcome.get("resourceType") == "OperationOutcome" else ()
    told = [
        " at ".join(str(part) for part in (issue.get("code"), *issue.get("expression", ())[:1]))
        for issue in issues
        if issue.get("severity") in ("error", "fatal")
    ]
    plain = [one for one in told if all(map(_PLACE.fullmatch, one.split()))]
    return f" ({', '.join(plain[:3])})" if plain else ""


def tokens(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the environment has for teams' servers, by ODS code."""
    return {
        name.removeprefix(VARIABLE): token
        for name, token in environment.items()
        if name.startswith(VARIABLE)
    }


def open_channel(entry: DirectoryEntry, means: Means) -> FhirServer:
    """Return the channel to an organisation's FHIR server."""
    if not entry.fhir_server:
        raise ValueError("no FHIR server to send to")
    return FhirServer(
        entry.ods, entry.fhir_server, means.fhir_server_tokens.get(entry.ods, ""), means
    )
