"""Whatever a mapping yields, every resource that is built of it conforms."""

from __future__ import annotations

import orjson
from build_fixtures import ORIGIN, TRANSACTION, made
from build_strategies import RECIPIENTS, TRANSFERS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.fhir.build import LAST_UPDATED, binary
from service.fhir.index import index_keys
from service.fhir.validate import check

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@given(TRANSFERS, RECIPIENTS, st.sampled_from([ORIGIN, TRANSACTION]))
@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
def test_every_resource_conforms_to_r4_and_to_the_profile_it_claims(transfer, recipients, origin):
    built = made(transfer, *recipients, origin=origin)

    every = [
        *built.resources,
        *(one for _, *pair in built.communications for one in pair),
        *map(binary, built.contents),
    ]
    assert [issue for resource in every for issue in check(resource)] == []
    assert len({resource["id"] for resource in every}) == len(every) - _adopted(built)
    assert [to for to, _, _ in built.communications] == list(_cleaned(recipients))


@given(TRANSFERS, RECIPIENTS)
@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
def test_the_store_finds_its_placeholder_before_anything_of_the_sender(transfer, recipients):
    built = made(transfer, *recipients)

    for resource in [*built.resources, *(one for _, *pair in built.communications for one in pair)]:
        assert list(resource)[:3] == ["resourceType", "id", "meta"]
        assert list(resource["meta"])[:2] == ["versionId", "lastUpdated"]
        body = orjson.dumps(resource).decode()
        assert body.index(LAST_UPDATED) == body.index('"lastUpdated":"') + len('"lastUpdated":"')
        assert index_keys(resource) is not None


def _adopted(built):
    """Two recipients may be given the same posted Communication: the second keeps its id too."""
    ids = [communication["id"] for _, communication, _ in built.communications]
    return len(ids) - len(set(ids))


def _cleaned(recipients):
    for each in recipients:
        yield made_recipient(each)


def made_recipient(recipient):
    from service.fhir.build.legible import _cleaned as cleaned

    return cleaned(recipient)
