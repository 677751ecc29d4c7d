"""A JDK with Maven, and validators that run as long as the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import maven
from sandbox.validator import Validator, uk_core_definitions, validating


@pytest.fixture(scope="session")
def java() -> maven.Java:
    """This machine's JDK and Maven; the error says what is missing and how to get it."""
    return maven.find()


@pytest.fixture(scope="module")
def validator(java: maven.Java) -> Iterator[Validator]:
    """The HL7 validator with base R4 and our profiles: no others, so ours must do alone."""
    with validating(java) as running:
        yield running


@pytest.fixture(scope="module")
def uk_validator(java: maven.Java) -> Iterator[Validator]:
    """The HL7 validator with UK Core's profiles too, where they lie beside the project."""
    with validating(java, *uk_core_definitions()) as running:
        yield running
