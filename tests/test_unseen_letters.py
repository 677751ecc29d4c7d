"""What letters and files say in ways that the examples do not have."""

from __future__ import annotations

import pytest

from service import formats
from service.errors import UnknownFormat


def test_rich_text_is_not_taken_for_json() -> None:
    with pytest.raises(UnknownFormat):
        formats.detect("", rb"{\rtf1\ansi Dear Doctor}")
