"""What MESH can answer beside what it was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from requests import HTTPError, RequestException
from urllib3.exceptions import HTTPError as BrokenConnection

GONE: Final = {404, 410}
NUMBER: Final = re.compile(r"\d{1,9}")


class MeshFailure(Exception):
    """MESH did not do it; it may later. The text names no content of a message."""

    def __init__(self, text: str, *, wait: float = 0) -> None:
        super().__init__(text)
        self.wait = wait  # seconds that MESH asked for


class MeshRefusal(MeshFailure):
    """MESH will not take this message, however often it is sent."""


class MessageGone(MeshFailure):
    """The message is no longer in the mailbox."""


class Damaged(ValueError):
    """A compressed message cannot be decompressed; `raw` is what came."""

    def __init__(self, raw: bytes) -> None:
        super().__init__("the compressed content is damaged")
        self.raw = raw


@contextmanager
def told(step: str) -> Iterator[None]:
    """Turn what HTTP can raise into a MeshFailure that names the step and nothing else."""
    try:
        yield
    except HTTPError as error:
        status = error.response.status_code
        if status in GONE and step == "fetching":
            raise MessageGone(f"{step}: {status}") from error
        text = "MESH does not accept the mailbox, its password or key" if status == 403 else ""  # noqa: PLR2004
        wait = error.response.headers.get("Retry-After", "")
        seconds = float(wait) if NUMBER.fullmatch(wait) else 0
        raise MeshFailure(f"{step}: {text or status}", wait=seconds) from error
    except (RequestException, BrokenConnection, OSError) as error:
        raise MeshFailure(f"{step}: no connection ({type(error).__name__})") from error
    except (KeyError, ValueError) as error:
        if isinstance(error, Damaged):
            raise
        raise MeshFailure(f"{step}: the answer is not what MESH answers") from error
