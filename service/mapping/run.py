"""What one application of a mapping collects: issues, and whether anything was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from service.errors import Issue, Severity
from service.formats.source import Node

if TYPE_CHECKING:
    from service.mapping.trace import Trace


class _Stop:
    """Something was sent that gives no value: nothing else may take its place."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "STOP"


STOP: Final = _Stop()


MOST_ITEMS: Final = 2_000  # of all lists of one message; a real one has some hundred


class Run:
    """The state of one application; steps write to it, nobody else sees it."""

    __slots__ = ("at", "doubts", "found", "issues", "items", "kept", "offset", "row", "trace")

    def __init__(self, trace: Trace | None = None) -> None:
        self.issues: list[Issue] = []
        self.doubts: list[tuple[Severity, str]] = []  # of the converter that just ran
        self.items = 0  # places that `each` went through so far
        self.found = 0  # values taken from the message so far
        self.at: list[int] = []  # index of the item in each list we are inside of
        self.offset = 0  # items that the list in hand has from the rules before
        self.kept: list[str] = []  # texts that are no NHS numbers
        self.trace = trace
        self.row: tuple[str, str, int] | None = None  # table, file, line of the row last used

    def add(self, severity: Severity, code: str, text: str, target: str, source: str) -> None:
        """Put an issue on the record; `target` has [] where an index belongs."""
        self.issues.append(
            Issue(severity=severity, code=code, text=text, target=self.named(target), source=source)
        )

    def settle(self, target: str, source: str) -> None:
        """Turn a converter's doubts into issues."""
        for severity, text in self.doubts:
            self.add(severity, "value", text, target, source)
        self.doubts.clear()

    def without_row(self) -> tuple[str, str, int] | None:
        """Forget the row last used, and return it."""
        row, self.row = self.row, None
        return row

    def named(self, target: str) -> str:
        """Return the target with the indexes of the items that are being made."""
        for index in self.at:
            target = target.replace("[]", f"[{index}]", 1)
        return target


Step = Callable[[Node, Run], Any]  # a value, None (not sent) or STOP
Finish = Callable[[str, Node, Run], Any]  # the same from one sent text
Where = Callable[[Node], str]  # the place in the message, for issues and traces
Values = Callable[[Node], Sequence[str]]
