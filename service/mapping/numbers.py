"""The NHS number: of all that were sent as one, the only one that is; the others are kept."""

from __future__ import annotations

from typing import Any

from service.formats.source import ExplicitNull, Node
from service.mapping.run import STOP, Finish, Run, Step, Values, Where

_SEVERAL = "several different NHS numbers: none was taken, and all are kept as text"
_ONE_OF_SEVERAL = "of what was sent as the NHS number one is valid: it was taken, the rest is text"
_DELETED = "the sender says that there is no value"


def only_number(every: tuple[Values, ...], finish: Finish, target: str, where: Where) -> Step:
    """Return the only number among the values of every path.

    Not of the first path that has any: a number must not hide another one that stands elsewhere.
    """

    def take(node: Node, run: Run) -> Any:
        found = dict.fromkeys(text for values in every for text in values(node))
        sent = [text for text in found if type(text) is not ExplicitNull]
        if not sent:
            if found:
                run.add("information", "deleted", _DELETED, target, where(node))
            return STOP if found else None
        valid = {value: text for text in sent if (value := finish(text, node, run)) is not STOP}
        if len(valid) > 1:
            run.kept.extend(valid.values())
            run.add("warning", "multiple-matches", _SEVERAL, target, where(node))
        elif valid and len(set(map(_plain, sent))) > 1:
            run.add("warning", "multiple-matches", _ONE_OF_SEVERAL, target, where(node))
        if len(valid) != 1:
            return STOP
        run.found += 1
        return next(iter(valid))

    return take


def _plain(text: str) -> str:
    return text.replace(" ", "").replace("-", "")
