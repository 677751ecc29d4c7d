"""Where the listener listens, and for whom: `[HOST:]PORT[=ODS]`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from service.model import OdsCode

_ADDRESS: Final = re.compile(
    r"(?:(?P<host>[^\s=\[\]:]+|\[[^\s\]]+\]):)?(?P<port>\d{1,5})(?:=(?P<ods>\S*))?"
)
_HIGHEST: Final = 65_535


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """One port."""

    host: str
    port: int  # 0: a free one
    sender: OdsCode | None = None  # whose messages come here; None: its certificate says it

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" + (f"={self.sender}" if self.sender else "")


def parse_addresses(text: str, default_host: str) -> tuple[Address, ...]:
    """Return the addresses of a text, separated by blanks or commas. Raises ValueError."""
    addresses = tuple(_parsed(one, default_host) for one in re.split(r"[\s,]+", text) if one)
    taken = [(a.host, a.port) for a in addresses if a.port]
    if len(set(taken)) < len(taken):
        raise ValueError("one port is given twice; each sender has a port of its own")
    return addresses


def _parsed(text: str, default_host: str) -> Address:
    match = _ADDRESS.fullmatch(text)
    if not match or int(match["port"]) > _HIGHEST:
        raise ValueError(f"{text!r} is not [HOST:]PORT=ODS, such as 2575=RJZ or 0.0.0.0:2575=RJZ")
    host = (match["host"] or default_host).strip("[]")
    if match["ods"] is None:
        return Address(host=host, port=int(match["port"]))
    try:
        sender = OdsCode.parse(match["ods"])
    except ValueError as fault:
        raise ValueError(f"{text!r}: {fault}") from None
    return Address(host=host, port=int(match["port"]), sender=sender)
