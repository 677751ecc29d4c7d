"""What is odd about mapping files in the light of the directory and the routing rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from service.delivery.routing import Routing
    from service.mapping import Advice, ExampleReport, Report
    from service.mapping.advice import Level
    from service.mapping.spec import Origin

# Whom these reach is in the store: those who were told before.
_FOLLOWING = frozenset(
    {
        *("patient-update", "patient-merge", "discharge-cancelled", "referral-cancelled"),
        *("admission", "admission-cancelled", "transfer"),
    }
)


def routed_advice(report: Report, routing: Routing) -> Iterator[Advice]:
    """Yield senders that the directory does not know, and examples of which nobody is told.

    Also routing rules that no example of their file tries.
    """
    for rule in routing.untried:
        said = f"no example tries the rule {rule}"
        yield _advice(_ROUTING, "untried-rule", said, "write one under examples")
    for one in report.mappings:
        for sender, named in one.senders:
            if routing.directory.by_code(sender) is None:
                said = f"{sender} is not in directory.yaml"
                todo = "enter it there: recipients are shown its name"
                yield _advice(named, "unknown-sender", said, todo)
        for example in one.examples:
            yield from _unheard(example, routing)


def _unheard(example: ExampleReport, routing: Routing) -> Iterator[Advice]:
    for record in example.records:
        if record.kind not in _FOLLOWING and not routing.recipients(record).recipients:
            said = f"{example.name} is a {record.kind} of which nobody is told"
            todo = "read a recipient or the GP practice from it, or write a routing rule"
            level: Level = "hint" if example.named.file.startswith("base/") else "warning"
            yield _advice(example.named, "nobody-told", said, todo, level)


class _File(NamedTuple):
    file: str
    line: int = 1
    column: int = 1


_ROUTING: Final = _File("routing.yaml")


def _advice(
    at: Origin | _File, kind: str, text: str, todo: str, level: Level = "warning"
) -> Advice:
    from service.mapping import Advice

    return Advice(
        file=at.file,
        line=at.line,
        column=at.column,
        kind=kind,
        text=text,
        todo=todo,
        level=level,
    )
