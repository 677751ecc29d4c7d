"""Compressed bodies on every address that takes messages: read, bounded, or refused."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from functools import cache
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.decompression import CHUNK, MOST_MEMBERS, decompressed
from service.bundled import bundled_folder
from service.errors import TooLarge, UnreadableMessage
from tests.relay_client import FHIR, HL7V2, Team

pytest_plugins = ["tests.relay_fixtures"]

PACKED = [("gzip", gzip.compress), ("X-GZip", gzip.compress), ("deflate", zlib.compress)]
EXAMPLES = bundled_folder("mappings") / "examples"
LIMIT = 20 * 1024 * 1024  # bytes, the default of the setting
DISCHARGE, MESSAGE = "rjz-a03-home.hl7", "rwf-message-referral.json"
ADDRESSES = [
    ("/hl7v2", HL7V2, DISCHARGE),
    ("/intake/rjz-adt", HL7V2, DISCHARGE),
    ("/fhir", FHIR, MESSAGE),
    ("/fhir/$process-message", FHIR, MESSAGE),
    ("/intake/base/fhir-r4-message", FHIR, MESSAGE),
]


def example(name: str) -> bytes:
    return Path(EXAMPLES / name).read_bytes()


def test_a_compressed_message_is_stored_as_it_was_before(trust: Team):
    for encoding, pack in PACKED:
        for path, media_type, name in ADDRESSES:
            body = example(name)

            answer = trust.post(path, pack(body), media_type, Content_Encoding=encoding)
            again = trust.post(path, body, media_type)

            assert answer.status_code in (200, 201)
            assert again.data == answer.data  # the same bytes, under the same id: the first answer


def test_a_bomb_is_refused_at_once_and_in_little_memory(trust: Team):
    body = _bomb()
    for path, media_type, _ in ADDRESSES:
        tracemalloc.start()
        began = monotonic()

        answer = trust.post(path, body, media_type, Content_Encoding="gzip")

        took, (_, most) = monotonic() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answer.status_code == 413
        assert answer.get_json()["issue"][0]["code"] == "too-long"
        assert took < 1
        assert most < 4 * LIMIT


@cache
def _bomb() -> bytes:
    """A GB of blanks in a MB of gzip."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * 2**20) for _ in range(1024)) + packer.flush()


def test_an_encoding_that_is_not_known_is_refused(trust: Team):
    for encoding in ("br", "zstd", "gzip, gzip", "compress"):
        for path, media_type, name in ADDRESSES:
            answer = trust.post(path, example(name), media_type, Content_Encoding=encoding)

            assert answer.status_code == 415
            assert "gzip" in answer.get_json()["issue"][0]["diagnostics"]


def test_a_broken_stream_is_refused(trust: Team):
    for path, media_type, name in ADDRESSES:
        packed = gzip.compress(example(name))
        for body in (packed[:-9], packed + b"x", b"no"):
            answer = trust.post(path, body, media_type, Content_Encoding="gzip")

            assert answer.status_code == 400
            assert answer.get_json()["resourceType"] == "OperationOutcome"


def test_members_one_behind_another_are_one_body():
    parts = [b"MSH|", b"x" * (3 * CHUNK), b"", b"PID|"]

    assert decompressed(b"".join(map(gzip.compress, parts)), "gzip", LIMIT) == b"".join(parts)


def test_more_members_than_anybody_sends_are_refused_in_no_time():
    body = gzip.compress(b"") * (MOST_MEMBERS + 1) + b"x" * LIMIT
    began = monotonic()

    with pytest.raises(TooLarge):
        decompressed(body, "gzip", LIMIT)

    assert monotonic() - began < 1


@given(st.binary(max_size=2_000), st.integers(0, 2_000))
def test_a_body_comes_out_whole_or_is_too_large(body, limit):
    packed = gzip.compress(body)
    if len(body) > limit:
        with pytest.raises(TooLarge):
            decompressed(packed, "gzip", limit)
    else:
        assert decompressed(packed, "gzip", limit) == body


@given(st.binary(min_size=1, max_size=200), st.sampled_from(["gzip", "deflate"]))
def test_bytes_that_were_not_compressed_are_refused(body, encoding):
    with pytest.raises(UnreadableMessage):
        decompressed(body, encoding, LIMIT)
