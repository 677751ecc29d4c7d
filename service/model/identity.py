"""Numbers and codes that name a person or an organisation, checked once at the edge."""

from __future__ import annotations

import re
from functools import lru_cache

from nhs_number.validate import is_valid

_SEPARATORS = str.maketrans("", "", " -\u00a0\u2009")
_TEN_DIGITS = re.compile(r"[0-9]{10}")
_ODS = re.compile(r"[A-Z0-9]{2,12}")


class NhsNumber(str):
    """Ten digits with a right check digit, e.g. NhsNumber.parse("999 012 3454")."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> NhsNumber:
        """Return the ten digits of an NHS number, spaces and hyphens removed.

        Raises ValueError unless there are ten digits, not all the same, and the last is the
        Modulus 11 check digit of the first nine. Source: NHS Data Dictionary, NHS NUMBER.
        """
        digits = text.translate(_SEPARATORS)
        if not _TEN_DIGITS.fullmatch(digits):
            raise ValueError("an NHS number has ten digits")
        if len(set(digits)) == 1:
            raise ValueError("an NHS number is not one digit repeated")
        if not _has_right_check_digit(digits):
            raise ValueError("the check digit of the NHS number is wrong")
        return cls(digits)


@lru_cache(maxsize=1024)
def _has_right_check_digit(digits: str) -> bool:
    """A message names its patient several times; the check costs 10 µs."""
    return bool(is_valid(digits))


class OdsCode(str):
    """An Organisation Data Service code: capitals and digits, e.g. "RJZ", "Y06601", "V81999"."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> OdsCode:
        """Return the code in capitals, without spaces around it.

        Raises ValueError unless it is 2 to 12 letters and digits.
        """
        code = text.strip().upper()
        if not _ODS.fullmatch(code):
            raise ValueError("an ODS code is 2 to 12 letters and digits")
        return cls(code)
