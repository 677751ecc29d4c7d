"""Key sets that clients publish: fetched over https, kept for as long as their server allows."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import requests

_TIMEOUT = 5  # seconds
_LARGEST = 64 * 1024  # bytes
_LONGEST_KEPT = 3600  # seconds
_MAX_AGE = re.compile(r"max-age=(\d+)")
_OK = 200


class KeysUnavailable(Exception):
    """A client's published keys could not be fetched."""


class PublishedKeys:
    """Fetches JWKS addresses; an operator registered each, so no client chooses where we call."""

    def __init__(self, session: requests.Session, clock: Callable[[], float] = time.time) -> None:
        self._session = session
        self._clock = clock
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def __call__(self, url: str) -> Mapping[str, Any]:
        """Return the key set at `url`. Raises KeysUnavailable; never follows a redirect."""
        until, keys = self._kept.get(url, (0.0, {}))
        if until > self._clock():
            return keys
        keys, max_age = self._fetch(url)
        self._kept[url] = (self._clock() + min(max_age, _LONGEST_KEPT), keys)
        return keys

    def _fetch(self, url: str) -> tuple[dict[str, Any], int]:
        try:
            response = self._session.get(url, timeout=_TIMEOUT, allow_redirects=False, stream=True)
            body = response.raw.read(_LARGEST + 1, decode_content=True)
            keys = orjson.loads(body)
        except (requests.RequestException, OSError, ValueError) as fault:
            raise KeysUnavailable("the registered key set address does not answer") from fault
        if response.status_code != _OK or len(body) > _LARGEST or not isinstance(keys, dict):
            raise KeysUnavailable("the registered key set address gives no key set")
        match = _MAX_AGE.search(response.headers.get("Cache-Control", ""))
        return keys, int(match[1]) if match else 0
