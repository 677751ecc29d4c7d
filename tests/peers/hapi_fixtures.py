"""A HAPI FHIR server for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.hapi import Hapi, serving
from sandbox.maven import Java

pytest_plugins = ["tests.peers.java_fixtures"]


@pytest.fixture(scope="module")
def hapi(java: Java) -> Iterator[Hapi]:
    """HAPI FHIR JPA R4 with our profiles, its resources in memory."""
    with serving(java) as running:
        yield running
