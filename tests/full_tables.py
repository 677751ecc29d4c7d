"""Rows in every large table, in numbers that matter."""

from __future__ import annotations

from typing import Any

from service.store.keys import search_key
from tests.store_samples import NOON

ROWS = 12_000
ORGANISATIONS = 40
BROAD = ("status", "requested")


def fill(tables: Any) -> None:
    """Put rows into every large table, as many messages of many organisations leave them."""
    ods = [f"X{i % ORGANISATIONS}" for i in range(ROWS)]
    ids = [f"0195{i:08d}" for i in range(ROWS)]
    types = ["Patient", "Task", "ServiceRequest", "Encounter"]

    def insert(tx: Any) -> None:
        tx.insert("recipient", [(o, ROWS, NOON + ROWS, 0) for o in sorted(set(ods))])
        tx.insert("message", [_message(i, o) for i, o in zip(ids, ods, strict=True)])
        tx.insert("delivery", [_delivery(n, i, ods[n]) for n, i in enumerate(ids)])
        tx.insert("resource", [_resource(n, i, types[n % 4], ods[n]) for n, i in enumerate(ids)])
        tx.insert("resource_history", [(types[0], i, 1, NOON, "PUT", False, "", b"") for i in ids])
        one, all_of_them = "identifier", BROAD
        tx.insert("search_index", [(*search_key(types[0], one, f"s|{i}"), i) for i in ids])
        tx.insert("search_index", [(*search_key(types[0], *all_of_them), i) for i in ids])
        tx.insert("deadline", [_deadline(n, i, ods[n]) for n, i in enumerate(ids)])
        tx.insert("reached", [(i, "discussed", NOON + n) for n, i in enumerate(ids)])
        tx.insert("visible", [(ods[n], n, i, types[n % 4]) for n, i in enumerate(ids)])

    tables.write(insert)


def _message(id_: str, ods: str) -> tuple[Any, ...]:
    return (id_, ods, id_, b"", "", b"", NOON, "committed", 1, "", "", "[]", 200, "", "[]", b"")


def _delivery(n: int, id_: str, ods: str) -> tuple[Any, ...]:
    at = NOON + n
    return (ods, n, at, at, "discharge", id_, 1, "POST", ods, id_, id_, "", "[]", b"{}")


def _deadline(n: int, id_: str, ods: str) -> tuple[Any, ...]:
    return (id_, id_, id_, ods, n, ods, "action", NOON + n, "late", NOON + n + 1, "", id_)


def _resource(n: int, id_: str, type_: str, ods: str) -> tuple[Any, ...]:
    return (type_, id_, 1, NOON + n, "POST", ods, False, id_, "", "[]", b"{}")
