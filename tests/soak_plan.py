"""What three trusts send over some simulated days, and what each team is to have at the end."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tests.histories import nhs_number

TRUSTS: Final = ("RJZ", "RWF", "RVV")
POLLS, POLLS_TOO, HOOK, MESH, SILENT = "8HX02", "8PX01", "8HX03", "8HX01", "8HX04"
TEAMS: Final = (POLLS, POLLS_TOO, HOOK, MESH, SILENT)
LATE: Final = timedelta(days=1)  # until the silent team's stand-in is asked
LONDON: Final = ZoneInfo("Europe/London")
# Who is told of a patient who lives there; each of them is asked to act.
DISTRICTS: Final = {
    "ME16": (POLLS,),
    "TN1": (POLLS_TOO,),
    "TN2": (HOOK,),
    "CT1": (MESH,),
    "ME5": (SILENT,),
    "CT9": (POLLS, POLLS_TOO, HOOK, MESH),
}
DIRECTORY: Final = f"""
organisations:
  - {{ods: RJZ, name: King's, kind: trust}}
  - {{ods: RWF, name: Maidstone and Tunbridge Wells, kind: trust}}
  - {{ods: RVV, name: East Kent Hospitals, kind: trust}}
  - {{ods: {POLLS}, name: North Hospice, kind: hospice, placeholder: true}}
  - {{ods: {POLLS_TOO}, name: Pain Service, kind: pain-service, placeholder: true}}
  - {{ods: {HOOK}, name: West Hospice, kind: hospice, placeholder: true}}
  - ods: {MESH}
    name: East Hospice
    kind: hospice
    placeholder: true
    channels: [mesh, feed]
    mesh: {{mailbox: HSP0001, workflow: DISCHARGE_RELAY}}
  - ods: {SILENT}
    name: Silent Hospice
    kind: hospice
    placeholder: true
    within: {{routine: 1 day}}
    fallback: [{POLLS}]
"""
RULES: Final = 'version: "1"\nrules:\n' + "".join(
    f"  - id: in-{district.lower()}\n"
    "    kinds: [discharge, discharge-cancelled]\n"
    f"    when: {{district: [{district}]}}\n"
    f"    to: [{', '.join(f'{{ods: {team}, role: action}}' for team in teams)}]\n"
    for district, teams in DISTRICTS.items()
)


@dataclass(frozen=True, kw_only=True)
class Sending:
    """One message of a trust, sent until it is answered."""

    at: datetime
    trust: str
    control_id: str
    nhs_number: str
    kind: str  # discharge | discharge-cancelled
    district: str
    body: bytes
    repeats: bool = False  # what was sent before, byte by byte


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All of it, in the order of sending."""

    sendings: Sequence[Sending]
    begin: datetime
    end: datetime
    discharges: int = field(default=0)

    def of(self, trust: str) -> list[Sending]:
        return [one for one in self.sendings if one.trust == trust]

    def notices(self, team: str, trust: str) -> list[str]:
        """Return which of a trust's messages a team is told of, in the order of sending.

        A stand-in who was asked already hears of what is changed later.
        """
        mine = [one for one in self.of(trust) if not one.repeats]
        return [
            one.control_id
            for one in mine
            if team in DISTRICTS[one.district] or (team == POLLS and self._is_late_change(one))
        ]

    def wakes(self, team: str) -> set[tuple[str, str]]:
        """Return what else a team is told because the silent one does not answer."""
        late = self.escalated()
        asked = {one for one in late if one.kind == "discharge" or not self._is_late_change(one)}
        if team == SILENT:
            taken = {(one.control_id, "taken") for one in asked}
            return taken | {(one.control_id, "reminder") for one in late}
        if team == POLLS:
            return {(one.control_id, "instead-fallback") for one in asked}
        return {(one.control_id, f"late-{SILENT}") for one in late if one.trust == team}

    def escalated(self) -> list[Sending]:
        """Return what nobody answers for a day, and what was not withdrawn by then."""
        return [
            one
            for one in self.sendings
            if one.district == "ME5" and not one.repeats and not self._withdrawn(one, LATE)
        ]

    def _is_late_change(self, change: Sending) -> bool:
        return change.district == "ME5" and any(
            one.nhs_number == change.nhs_number and one.at + LATE < change.at
            for one in self.sendings
            if one.control_id != change.control_id
        )

    def _withdrawn(self, original: Sending, within: timedelta) -> bool:
        return any(
            one.nhs_number == original.nhs_number
            and original.at < one.at < original.at + within
            and (one.kind, original.kind) == ("discharge-cancelled", "discharge")
            for one in self.sendings
        )


def plan(discharges: int, begin: datetime, days: float, seed: int = 1) -> Plan:
    """Make discharges, 5 % repeats, 3 % corrections, 1 % retractions; at least one of each."""
    choose = random.Random(seed)
    repeats, corrected, taken_back = (max(1, round(discharges * p)) for p in (0.05, 0.03, 0.01))
    districts = [list(DISTRICTS)[i % len(DISTRICTS)] for i in range(discharges)]
    choose.shuffle(districts)
    first = [
        _discharge(i, begin + timedelta(days=days * choose.random()), district)
        for i, district in enumerate(districts)
    ]
    later = [
        *(_repeated(one, choose) for one in choose.sample(first, repeats)),
        *_changes(first, corrected, taken_back, choose),
    ]
    every = sorted([*first, *later], key=lambda one: one.at)
    return Plan(sendings=every, begin=begin, end=every[-1].at, discharges=discharges)


def _changes(
    first: list[Sending], corrected: int, taken_back: int, choose: random.Random
) -> Iterator[Sending]:
    """Yield changes of different patients, the silent team's among them: soon, or when its
    stand-in was asked long ago."""
    silent = [one for one in first if one.district == "ME5"]
    others = [one for one in first if one.district != "ME5"]
    choose.shuffle(silent)
    choose.shuffle(others)
    mixed = [one for pair in zip(silent, others, strict=False) for one in pair]
    for i, one in enumerate(mixed[: corrected + taken_back]):
        hours = choose.uniform(1, 6) if i % 4 < 2 else choose.uniform(34, 40)
        yield _changed(one, one.at + timedelta(hours=hours), withdrawn=i >= corrected)


def _discharge(i: int, at: datetime, district: str) -> Sending:
    trust, number = TRUSTS[i % len(TRUSTS)], nhs_number(i)
    return _sending(trust, i, at, number=number, district=district, event="A03", left=at)


def _repeated(one: Sending, choose: random.Random) -> Sending:
    later = one.at + timedelta(hours=choose.uniform(0.1, 10))
    return Sending(**{**vars(one), "at": later, "repeats": True})


def _changed(one: Sending, at: datetime, *, withdrawn: bool) -> Sending:
    i = int(one.control_id[1:])
    left = one.at - timedelta(minutes=30)
    event = "A13" if withdrawn else "A03"
    return _sending(
        one.trust, i, at, number=one.nhs_number, district=one.district, event=event, left=left
    )


def _sending(
    trust: str, i: int, at: datetime, *, number: str, district: str, event: str, left: datetime
) -> Sending:
    control_id = f"{'D' if at == left else 'C'}{i:05}"
    return Sending(
        at=at,
        trust=trust,
        control_id=control_id,
        nhs_number=number,
        kind="discharge-cancelled" if event == "A13" else "discharge",
        district=district,
        body=_letter(trust, control_id, at, i, number, district, event, left),
    )


def _letter(  # noqa: PLR0917 - the fields of a message
    trust: str,
    control_id: str,
    at: datetime,
    i: int,
    number: str,
    district: str,
    event: str,
    left: datetime,
) -> bytes:
    sent, ended = (moment.astimezone(LONDON).strftime("%Y%m%d%H%M%S") for moment in (at, left))
    end = "" if event == "A13" else ended
    lines = [
        f"MSH|^~\\&|PAS|{trust}|RELAY|RELAY|{sent}||ADT^{event}^ADT_A03|{control_id}|P|2.4"
        "|||||GBR|UNICODE UTF-8|EN",
        f"EVN|{event}|{sent}||||{ended}",
        f"PID|1||{number}^^^NHS^NH~{trust}{i:06}^^^{trust}^MR||XXTESTSOAK^N{i:05}^^^^^L||19440203|F"
        f"|||1 TEST STREET^^TESTTOWN^KENT^{district} 9ZZ^GBR^H",
        f"PV1|1|I|{trust}^WARD^BED 3^{trust}01|21|||||||||||||||V{trust}{i:06}^^^VISITID"
        f"|||||||||||||||||{'19' if event == 'A03' else ''}||||||||20261112090000|{end}",
    ]
    return "".join(line + "\r" for line in lines).encode()
