"""Makes docs/corpus-results.md: what becomes of every file of a folder of messages.

Nothing of a file itself is written down: kinds, counts, codes, ODS codes, names of fields, and
how precise a date is, but no values. For a trust's own folder as well:

    python tools/corpus_results.py FOLDER > results.md
"""

from __future__ import annotations

import re
import sys
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from service.bundled import bundled_folder
from service.conversion import Attempt, Converter
from service.delivery.routing import Routing
from service.errors import Issue, ServiceError
from service.formats import FORMATS
from service.mapping import Mappings
from service.model import Moment, PartialDate, TransferOfCare

HEAD = """\
# What becomes of the public samples

Made by `make corpus` from {count} files of public samples that the project does not carry:
{taken} messages become a transfer of care, {refused} files or messages are refused. No value of a
file stands here: kinds, counts, codes, ODS codes, names of fields, and how precise a date is. `make
corpus CORPUS=folder` prints the same of any other folder.

- **patient**: whether there is a name; *verified* is an NHS number with status 01, *valid* one
  whose check digit is right, *not valid* one that is kept as a local identifier, flagged and never
  matched.
- **dates**: which there are, how precise, and with which offset.
- **recipients**: who would be told, whom the message names, its GP practice or a rule; `*` to act.
- **flagged**: the fields that carry a doubt, with the number of issues where there are several.

Most of these senders have no mapping of their own: the base mappings serve them, which each record
says. That notice, and that the sender is only claimed, is left out.
"""
COLUMNS = (
    *("file", "format, mapping", "kind", "sender", "patient", "dates", "recipients"),
    *("reason, priority", "sections, documents", "flagged"),
)
_SENDER = re.compile(r", and \w+ has none of its own")
_NUMBER = re.compile(r"\d{10}")  # in the name of a file it may be a patient's
LEFT_OUT = frozenset({"message", "message.sender", "message.claimed_sender"})


def main() -> None:
    """Print the results of the folder that is named."""
    folder = Path(sys.argv[1]).resolve()
    converter = _converter()
    rows = [row for path in _files(folder) for row in _rows(path, folder, converter)]
    taken = sum(bool(row[2]) for row in rows)
    files = len({row[0] for row in rows})
    sys.stdout.write(HEAD.format(count=files, taken=taken, refused=len(rows) - taken))
    for name, listed in groupby(rows, key=lambda row: row[0].partition("/")[0]):
        _print(name, [(row[0].partition("/")[2], *row[1:]) for row in listed])


def _print(name: str, rows: Sequence[tuple[str, ...]]) -> None:
    """Print a folder: what was taken as a table, what was refused by its reasons."""
    sys.stdout.write(f"\n## {name}\n")
    taken = [row for row in rows if row[2]]
    refused: dict[str, list[str]] = {}
    for row in rows:
        if not row[2]:
            refused.setdefault(row[-1], []).append(row[0])
    for line in _table(taken) if taken else ():
        sys.stdout.write(f"{line}\n")
    if refused:
        sys.stdout.write("\n")
    for reason, files in refused.items():
        sys.stdout.write(f"- Refused, because {reason.rstrip('.')}: {', '.join(files)}\n")


def _converter() -> Converter:
    folder = bundled_folder("mappings")
    return Converter.without_store(
        mappings=Mappings.load(folder, formats=FORMATS),
        routing=Routing.load(folder),
        clock=lambda: datetime(2026, 11, 24, tzinfo=UTC),
        new_id=lambda: str(uuid.uuid4()),
    )


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.parent != folder and not path.name.startswith("."):
            yield path


def _rows(path: Path, folder: Path, converter: Converter) -> Iterator[tuple[str, ...]]:
    """Yield a row for each message of a file; equal ones of a batch once."""
    name = _NUMBER.sub("(number)", path.relative_to(folder).as_posix())
    try:
        attempts = converter.attempts(path.read_bytes(), tracing=False)
    except ServiceError as refusal:
        yield (name, "", "", "", "", "", "", "", "", _why(refusal.issues))
        return
    yield from dict.fromkeys((name, *_of(attempt)) for attempt in attempts)


def _of(attempt: Attempt) -> tuple[str, ...]:
    mapping = attempt.mapping.id if attempt.mapping else ""
    read = f"{attempt.source.format}<br>{mapping}" if mapping else attempt.source.format
    transfer = attempt.transfer
    if transfer is None or attempt.refusal:
        issues = attempt.refusal.issues if attempt.refusal else ()
        return (read, "", _sender(attempt), "", "", "", "", "", _why(issues))
    return (
        read,
        transfer.kind,
        _sender(attempt),
        _patient(transfer),
        _dates(transfer),
        ", ".join(f"{each.ods}{'*' * (each.role == 'action')}" for each in attempt.recipients),
        _asked(transfer),
        f"{len(transfer.sections)}, {len(transfer.documents)}",
        _flagged(attempt.issues),
    )


def _sender(attempt: Attempt) -> str:
    claimed = attempt.source.claimed_sender
    return attempt.sender if attempt.sender != "UNKNOWN" else ("not an ODS code" if claimed else "")


def _patient(transfer: TransferOfCare) -> str:
    who = transfer.patient
    named = "name" if who.family or who.name else "no name"
    if who.nhs_number:
        number = "NHS number verified" if who.nhs_number_status == "01" else "NHS number valid"
    else:
        doubted = any(issue.target == "patient.nhs_number" for issue in transfer.issues)
        number = "NHS number not valid" if doubted else "no NHS number"
    born = f"born to the {_precision(who.birth_date)}" if who.birth_date else "no birth date"
    return f"{named}, {number}, {born}"


def _dates(transfer: TransferOfCare) -> str:
    stay = transfer.encounter
    dates = {
        "sent": transfer.message.sent_at,
        "happened": transfer.message.occurred_at,
        "admitted": stay and stay.admitted_at,
        "discharged": stay and stay.discharged_at,
        "died": transfer.patient.died_at,
        "asked": next((request.authored_at for request in transfer.requests), None),
    }
    return ", ".join(f"{name} ({_precision(when)})" for name, when in dates.items() if when)


def _precision(when: Moment | PartialDate | None) -> str:
    """Return how precise a date or time is, and its offset where it has one."""
    text = str(when)
    day, _, clock = text.partition("T")
    if not clock:
        return ("year", "month", "day")[day.count("-")]
    offset = "Z" if clock.endswith("Z") else clock[-6:] if clock[-6:-5] in ("+", "-") else "no zone"
    return f"{'second' if clock.count(':') > 2 else 'minute'} {offset}"


def _asked(transfer: TransferOfCare) -> str:
    stay = transfer.encounter
    reasons = sum(len(request.reasons) for request in transfer.requests)
    reasons += bool(stay and stay.reason) + len(transfer.diagnoses)
    priorities = sorted({request.priority or "none" for request in transfer.requests})
    told = [f"{reasons} reasons" if reasons else "no reason"]
    return ", ".join([*told, *(f"priority {p}" for p in priorities)])


def _flagged(issues: Sequence[Issue]) -> str:
    counted = Counter(
        issue.target or issue.source.partition("[")[0] or issue.code
        for issue in issues
        if issue.target not in LEFT_OUT
    )
    listed = (f"{name} ({count})" if count > 1 else name for name, count in counted.items())
    return ", ".join(f"`{one}`" for one in listed)


def _why(issues: Sequence[Issue]) -> str:
    errors = [issue for issue in issues if issue.severity in ("error", "fatal")]
    texts = dict.fromkeys(issue.text for issue in errors if " takes: " not in issue.text)
    said = "; ".join(list(texts)[:2])
    return _SENDER.sub("", said).replace("|", "/")


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


if __name__ == "__main__":
    main()
