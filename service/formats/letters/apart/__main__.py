"""The program: on stdin a file, on stdout what is in it; a file that costs too much ends it.

A request is one byte (P for PDF, H for HTML), 8 bytes of length, the file. An answer is 8 bytes of
length and then O and what was found, or R and why the file is refused.
"""

from __future__ import annotations

import logging
import resource
import select
import signal
import sys
from importlib import import_module
from typing import BinaryIO, Final

SECONDS: Final = 1.5  # of processor time a file
MEMORY: Final = 190 * 1024 * 1024  # bytes of data, the program's own 40 MB included
IDLE: Final = 60  # seconds without a file, then it ends
HEADER: Final = 8  # bytes that say a length
READERS: Final = {b"P": "pdf_pages", b"H": "html_tree"}  # loaded when the first file comes


def answer(kind: bytes, body: bytes) -> bytes:
    """Return what is in a file, or why it is refused."""
    try:
        found: bytes = import_module(READERS[kind]).read(body)
    except MemoryError:
        return b"RThe file needs more memory to read than it may."
    except ValueError as refused:
        return b"R" + str(refused).encode()
    except Exception:  # whatever a damaged file makes the library raise
        return b"RThe file cannot be read: it is damaged."
    return b"O" + found


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Read one file after the other, until nobody asks any more."""
    while select.select([source], [], [], IDLE)[0]:
        header = source.read(1 + HEADER)
        if len(header) <= HEADER:
            return
        body = source.read(int.from_bytes(header[1:], "big"))
        import_module(READERS[header[:1]])  # is not the file's to pay
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        told = answer(header[:1], body)
        signal.setitimer(signal.ITIMER_PROF, 0)
        sink.write(len(told).to_bytes(HEADER, "big") + told)
        sink.flush()


def main() -> None:
    """Bound this program, and serve."""
    logging.disable(logging.CRITICAL)  # what a damaged file makes the libraries say
    for kind, most in ((resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, hard))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
