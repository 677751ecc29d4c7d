"""English bank holidays, as GOV.UK publishes them."""

from __future__ import annotations

from datetime import date
from functools import cache

_DIVISION = "england-and-wales"


@cache
def bank_holidays() -> frozenset[date]:
    """Return every one that the package's copy of the official list knows; nothing is fetched."""
    from govuk_bank_holidays.bank_holidays import BankHolidays  # noqa: PLC0415 - where one is asked

    published = BankHolidays.load_backup_data()[_DIVISION]["events"]
    return frozenset(date.fromisoformat(event["date"]) for event in published)


def known_until() -> int:
    """Return the last year that the list covers; later, no day is known to be a holiday.

    Then a deadline comes a day too early, not too late.
    """
    return max(bank_holidays()).year
