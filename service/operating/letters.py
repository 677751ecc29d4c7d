"""Refused messages: looked through, taken in again, closed for good, or let wait again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from service.errors import BadRequest, Conflict, NotFound, ServiceError
from service.model import OdsCode
from service.operating.actor import FAILED, Actor
from service.store import DeadLetter, Receipt, Store

KIND: Final = "Message"
STATES: Final = ("refused", "skipped")
_PAGE: Final = 200  # fetched at a time
_WHY: Final = {  # state of a message → why it is not replayed
    "committed": "nothing to replay; what was delivered is corrected by its sender, who sends it "
    "again with a new message id",
    "skipped": "nothing to replay; it was closed for good",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What became of a message that was replayed."""

    id: str
    told: tuple[str, ...] = ()  # ODS codes of who has it now
    refusal: ServiceError | None = None  # why it is refused again


class Letters:
    """The refused messages of a store."""

    def __init__(self, store: Store, take_in: Callable[[DeadLetter], Receipt]) -> None:
        self._store, self._take_in = store, take_in
        self._letters = store.dead_letters

    def page(
        self, state: str, sender: str = "", after: str = "", count: int = 50
    ) -> list[DeadLetter]:
        """Return those with id > after, oldest first, without their bytes."""
        return self._letters.list(state=state, sender=sender, after=after, count=count)

    def each(self, state: str, sender: str = "") -> Iterator[DeadLetter]:
        """Yield all of them, oldest first, without their bytes."""
        after = ""
        while page := self.page(state, sender, after, _PAGE):
            yield from page
            after = page[-1].id

    def one(self, id_: str) -> DeadLetter:
        """Return a message with its bytes, whatever became of it. Raises NotFound."""
        found = self._letters.get(id_)
        if found is None:
            raise NotFound("There is no such message.")
        return found

    def waiting(self, id_: str) -> DeadLetter:
        """Return a message that can be replayed. Raises NotFound, Conflict."""
        letter = self.one(id_)
        if letter.state != "refused":
            raise Conflict(f"{letter.id} is {letter.state}: {_WHY[letter.state]}")
        return letter

    def replay(self, id_: str, by: Actor, owner: str = "") -> Taken:
        """Take a message in, or say why it is refused again; it stays then.

        owner: whose it is, for one that came from nobody who was known. Raises NotFound,
        Conflict, BadRequest.
        """
        letter = self.waiting(id_)
        owned = replace(letter, sender=_owner(letter, owner))
        try:
            receipt = self._take_in(owned)
        except ServiceError as refusal:
            self._store.audit([by.did("replay", KIND, id_, letter.sender, FAILED)])
            return Taken(id=id_, refusal=refusal)
        self._store.audit([by.did("replay", KIND, id_, letter.sender)])
        return Taken(id=id_, told=tuple(sorted(receipt.numbers)))

    def replay_next(
        self, sender: str, after: str, count: int, by: Actor
    ) -> tuple[list[Taken], str]:
        """Take in what waits, oldest first; also behind which id the rest waits, "" for none."""
        found = self.page("refused", sender, after, count)
        taken = [one for letter in found if (one := self._replay_if_it_waits(letter.id, by))]
        return taken, found[-1].id if len(found) == count else ""

    def _replay_if_it_waits(self, id_: str, by: Actor) -> Taken | None:
        try:
            return self.replay(id_, by)
        except BadRequest as fault:  # whose it is must be said
            return Taken(id=id_, refusal=fault)
        except Conflict:  # another was faster
            return None

    def skip(self, id_: str, reason: str, by: Actor) -> None:
        """Close a message for good; its bytes stay. Raises NotFound, Conflict, BadRequest."""
        letter = self.one(id_)
        if letter.state != "refused":
            raise Conflict(f"{id_} is {letter.state}: there is nothing to skip")
        self._letters.skip(id_, by.name, _said(reason))
        self._store.audit([by.did("skip", KIND, id_, letter.sender)])

    def release(self, id_: str, reason: str, by: Actor) -> None:
        """Let a skipped message wait again. Raises NotFound, Conflict, BadRequest."""
        letter = self.one(id_)
        if letter.state != "skipped":
            raise Conflict(f"{id_} is {letter.state}: there is nothing to release")
        self._letters.release(id_, by.name, _said(reason))
        self._store.audit([by.did("release", KIND, id_, letter.sender)])


def _owner(letter: DeadLetter, owner: str) -> OdsCode:
    if owner and letter.sender not in ("", owner):
        raise Conflict(f"{letter.id} came from {letter.sender}, who was known")
    if not (owner or letter.sender):
        raise BadRequest(f"{letter.id} came from nobody who was known: say whose it is")
    try:
        return OdsCode.parse(owner or letter.sender)
    except ValueError as fault:
        raise BadRequest(str(fault)) from fault


def _said(reason: str) -> str:
    if not reason.strip():
        raise BadRequest("Say why; it is kept with the message, for whoever asks.")
    return reason.strip()
