"""One discharge, to be changed field by field, for tests of how single fields are read."""

from __future__ import annotations

VALID = "9990020019"
OTHER = "9990020027"
WRONG = "9990020009"

_NAME = "XXTEST^ANN^^^MRS^^L"
_HOME = "1 Sample St^^TOWN^KENT^TN2 9ZZ^GBR^H"


def discharge(
    sender: str = "RWF",
    *,
    event: str = "A03",
    pid2: str = "",
    pid3: str | None = None,
    name: str = _NAME,
    born: str = "19510309",
    address: str = _HOME,
    died: str = "",
    dead: str = "",
    method: str = "",
    destination: str = "",
    left: str = "202503141615",
    practice: str = "SURGERY^^G99901",
    gp: str = "",
    more: str = "",
) -> bytes:
    """An A03 of the sender (Epic's where that is what it uses), with these fields."""
    application = "EPIC" if sender in {"RJZ", "RJ1", "RRV"} else "PAS"
    number = f"{VALID}^^^NHS^NH~K1^^^{sender}^MR" if pid3 is None else pid3
    pid = ["PID", "1", pid2, number, "", name, "", born, "F", "", "", address, *[""] * 17]
    pid += [died, dead]
    pv1 = ["PV1", "1", "I", f"{sender}^WARD1", *[""] * 6, "315", *[""] * 8, "STAY1"]
    pv1 += [*[""] * 16, method, destination, *[""] * 6, "202503030915", left]
    segments = [
        f"MSH|^~\\&|{application}|{sender}|R|R|20250314163012||ADT^{event}|M1|P|2.4",
        f"EVN|{event}|20250314163000",
        "|".join(pid),
        f"PD1|||{practice}|{gp}",
        "|".join(pv1),
        *([more] if more else []),
    ]
    return "\r".join(segments).encode() + b"\r"
