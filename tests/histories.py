"""Random histories of one patient as HL7 v2 messages, and what everybody knows at their end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.relay_client import Team

Json = dict[str, Any]
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
HOLDER = "G99900"  # the practice that has the patient from an earlier stay
PRACTICES = ("G99901", "G99902")
HOSPICES = ("8HX01", "8HX02")
TEAMS = (HOLDER, *PRACTICES, *HOSPICES)
IN_HOSPITAL = "in hospital"
KNOWN = {
    "admission": IN_HOSPITAL,
    "transfer": IN_HOSPITAL,
    "discharge-cancelled": IN_HOSPITAL,
    "discharge": "discharged",
    "death": "dead",
    "admission-cancelled": "",
    "referral": "asked",
    "referral-update": "asked",
    "referral-cancelled": "withdrawn",
}
# What may follow what; each step but the last of a line leads to the state of its name.
_NEXT = {
    "": ("admit", "discharge", "details", "refer"),
    "in": ("move", "discharge", "discharge", "die", "details", "refer", "uncertain"),
    "out": ("cancel", "correct", "details", "marked dead", "refer", "merge"),
    "dead": ("cancel", "details", "correct death"),
    "never": ("details",),
}
_LEADS = {
    "admit": "in",
    "cancel": "in",
    "discharge": "out",
    "correct": "out",
    "die": "dead",
    "correct death": "dead",
    "marked dead": "dead",
    "uncertain": "never",
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One message: what happened, and what it says beside that."""

    what: str
    hour: int  # after the first, when it was sent
    choice: int  # which of several values it brings


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """Draw what a sender might send of one stay and one referral, in the order of sending."""
    state, referred, merged, steps = "", False, False, []
    for hour in range(1, draw(st.integers(2, 6)) + 1):
        allowed = [s for s in _NEXT[state] if not (s == "merge" and merged)]
        what = draw(st.sampled_from(allowed))
        if what == "refer" and referred:
            what = draw(st.sampled_from(["refer again", "withdraw"]))
        referred, merged = referred or what == "refer", merged or what == "merge"
        state = _LEADS.get(what, state)
        steps.append(Step(what=what, hour=hour, choice=draw(st.integers(0, 1))))
    return steps


def nhs_number(n: int) -> str:
    """Return the n-th NHS number of the range for tests, with its check digit."""
    while True:
        nine = f"999{n % 1_000_000:06d}"
        check = 11 - sum(int(d) * (10 - i) for i, d in enumerate(nine)) % 11
        if check != 10:
            return nine + str(check % 11)
        n += 400_000


@dataclass(kw_only=True)
class Person:
    """One patient and their numbers, and the messages about them."""

    number: int
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = self.number
        self.ids = {"nhs": nhs_number(n), "pas": f"P{n}", "other": f"Q{n}", "stay": f"V{n}"}

    def before(self) -> bytes:
        """Return a discharge of an earlier stay: since then a practice has the patient."""
        step = Step(what="before", hour=0, choice=0)
        return self._adt("A03", step, f"E{self.number}", HOLDER, end="20250101110000")

    def message(self, step: Step) -> bytes:
        """Return one step as its sender writes it."""
        if step.what in ("refer", "refer again", "withdraw"):
            return self._referral(step)
        events = {"admit": "A01", "move": "A02", "uncertain": "A11", "cancel": "A13"}
        events |= {"details": "A31", "marked dead": "A31", "merge": "A40"}
        event = events.get(step.what, "A03")
        practice = PRACTICES[step.choice] if event == "A03" else HOLDER
        end = f"202503{10 + step.hour:02d}1100{step.choice}0" if event == "A03" else ""
        method = "4" if step.what in ("die", "correct death") else "1" if event == "A03" else ""
        stay = "" if event in ("A31", "A40") else self.ids["stay"]
        return self._adt(event, step, stay, practice, end=end, method=method)

    def _adt(self, event: str, step: Step, stay: str, practice: str, **told: str) -> bytes:
        end, method, choice = told.get("end", ""), told.get("method", ""), step.choice
        pid = self._pid(step, dead="Y" if step.what == "marked dead" else "")
        lines = [*self._head(f"ADT^{event}", step.hour), pid, f"PD1|||TEST PRACTICE^^{practice}"]
        if stay:
            ward = f"RXX^WARD{choice}^BED1^RXX01"
            went = "19" if method == "1" else ""
            lines.append(
                f"PV1|1|I|{ward}|21|||||||||||||||{stay}^^^VISITID|||||||||||||||||{method}|{went}"
                f"|||||||20250301080000|{end}"
            )
        if event == "A40":
            lines.append(f"MRG|{self.ids['other']}^^^RXX^MR")
        return _joined(lines)

    def _head(self, kind: str, hour: int) -> list[str]:
        sent = f"20250320{hour:02d}0000" if hour else "20250110090000"
        control = f"{self.number}-{hour}"
        msh = f"MSH|^~\\&|PAS|RXX|RELAY|RELAY|{sent}||{kind}|{control}|P|2.4|||||GBR|UNICODE"
        return [msh, f"EVN||{sent}"]

    def _pid(self, step: Step, *, dead: str = "") -> str:
        """Return PID; an address is sent with some messages, a telephone with others."""
        hour, what = step.hour, step.what
        address = f"{hour} TEST STREET^^TUNBRIDGE WELLS^KENT^TN2 9ZZ^GBR^H" if step.choice else ""
        phone = f"0207946{hour:04d}^PRN^PH" if what in ("details", "refer", "before") else ""
        number = self.ids["other"] if what == "correct" and step.choice else self.ids["pas"]
        marked = f"|||||||||||||||||{dead}" if dead else ""
        return (
            f"PID|1||{self.ids['nhs']}^^^NHS^NH~{number}^^^RXX^MR||XXTESTORDER^ADA||19440203|F"
            f"|||{address}||{phone}{marked}"
        )

    def _referral(self, step: Step) -> bytes:
        event = {"refer": "I12", "refer again": "I13"}.get(step.what, "I14")
        urgency = ("R^Routine", "A^ASAP")[step.choice]
        return _joined(
            [
                self._head(f"REF^{event}", step.hour)[0],
                f"RF1|A|{urgency}|306237005^Referral to palliative care service^SCT||"
                f"|R{self.number}^RXX|20250301",
                f"PRD|RT|||RXX^^^{HOSPICES[step.choice]}|||{HOSPICES[step.choice]}^ODS",
                self._pid(step),
            ]
        )


def _joined(lines: list[str]) -> bytes:
    return "".join(line + "\r" for line in lines).encode()


@dataclass
class Reader:
    """A team that goes on where it stopped reading."""

    team: Team
    place: str = ""

    def known(self, person: Person) -> Json:
        """Return what the team knows of the patient, the stay and the referral, as it reads it."""
        return _known(person, self.team, [n for n in self._news() if _is_of(n, person)])

    def _news(self) -> list[Json]:
        first = f"/fhir/Communication?recipient:identifier={ODS}|{self.team.ods}&_count=100"
        found: list[Json] = []
        while True:
            bundle = self.team.get(self.place or first).get_json()
            self.place = next(k["url"] for k in bundle["link"] if k["relation"] == "next")
            if not bundle.get("entry"):
                return found
            found += [entry["resource"] for entry in bundle["entry"]]


def _known(person: Person, team: Team, mine: list[Json]) -> Json:
    patient = _patient(team, mine)
    told: Json = {"patient": patient}
    dead = patient.get("deceased")
    for notice in mine:
        kind = notice["topic"]["coding"][0]["code"]
        about = (
            [notice["encounter"]]
            if kind in KNOWN and "encounter" in notice
            else notice.get("basedOn", [])
        )
        for reference in about:
            thing, facts = _thing(team, reference["reference"])
            know = KNOWN.get(kind, "")
            if dead and know == "discharged":
                know = "dead"
            told[thing] = {"knows": know, **facts}
    # Of an admission that was cancelled, and one that was never heard of, everybody knows as much.
    told = {name: facts for name, facts in told.items() if facts.get("knows") != ""}
    if dead:
        told["heard of the death"] = any(map(_tells_of_a_death, mine))
    return told


def _tells_of_a_death(notice: Json) -> bool:
    line = notice["payload"][0]["contentString"]
    return notice["topic"]["coding"][0]["code"] == "death" or "may have died" in line


def _is_of(notice: Json, person: Person) -> bool:
    return bool(notice["subject"].get("identifier", {}).get("value") == person.ids["nhs"])


def _patient(team: Team, notices: list[Json]) -> Json:
    if not notices:
        return {}
    patient = _read(team, notices[-1]["subject"]["reference"])
    while links := [k for k in patient.get("link", ()) if k["type"] == "replaced-by"]:
        patient = _read(team, links[0]["other"]["reference"])
    return {
        "address": patient.get("address"),
        "telecom": patient.get("telecom"),
        "deceased": patient.get("deceasedBoolean"),
        "name": patient.get("name"),
    }


def _thing(team: Team, reference: str) -> tuple[str, Json]:
    thing = _read(team, reference)
    number = thing["identifier"][0]["value"][:1]
    period = thing.get("period", {})
    facts = {"status": thing["status"], "end": period.get("end"), "start": period.get("start")}
    if thing["resourceType"] == "Encounter":
        ward = [one["location"].get("display") for one in thing.get("location", ())]
        stay = thing.get("hospitalization", {}).get("dischargeDisposition")
        return f"stay {number}", facts | {"ward": ward, "went": stay}
    return "referral", facts | {"priority": thing.get("priority"), "code": thing.get("code")}


def _read(team: Team, reference: str) -> Json:
    response = team.get(f"/fhir/{reference}")
    assert response.status_code == 200, reference
    return dict(response.get_json())
