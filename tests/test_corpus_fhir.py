"""Public FHIR samples that are no transfers of care: each is refused, and for its true reason."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mapping_samples import CORPUS, shipped

from service import formats
from service.errors import Issue, ServiceError
from service.fhir.outcome import HTTP_ERROR_CODES, operation_outcome
from service.formats.fhir_r4 import parse
from service.model import KINDS, OdsCode

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not CORPUS.is_dir(), reason="the folder of public samples (../shared/corpus) is not here"
    ),
]

ELSEWHERE = "says what can be read elsewhere"  # notifications hold a link, not a record
SINGLE = "has no mapping"  # a resource by itself: stored by POST to its type, sent to nobody
FAULT = Issue(severity="error", code="invalid", text="something is wrong")
FAMILIES = {
    "bars-errors": "**/*.json",
    "nems-mns": "*",
    "stu3-r4-pairs": "*.json",
}
FILES = [
    str(path.relative_to(CORPUS))
    for family, pattern in FAMILIES.items()
    for path in sorted((CORPUS / family).glob(pattern))
    if path.is_file()
]


def outcome_of(name: str) -> str:
    """A kind of transfer, or the words of the refusal that tell its reason."""
    body = (CORPUS / name).read_bytes()
    sender = OdsCode("RXX")
    try:
        (source,) = formats.detect("application/octet-stream", body).read(body)
        return shipped().for_source(sender, source).apply(source, sender).kind
    except ServiceError as refusal:
        return "; ".join(
            issue.text for issue in refusal.issues if issue.severity in ("error", "fatal")
        )


@pytest.mark.parametrize("name", FILES)
def test_a_sample_converts_or_is_refused_for_its_true_reason(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = outcome_of(name)

    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {outcome[:150]}")
    assert outcome in KINDS or len(outcome) > len("no reason")
    if name.endswith("signal.json"):
        assert ELSEWHERE in outcome
    if name.startswith("bars-errors"):
        assert outcome.startswith("a message of type OperationOutcome")
        assert SINGLE in outcome


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("bars-errors")])
def test_the_codes_that_we_refuse_with_are_those_of_the_standard(name: str) -> None:
    """A receiver answers with codes that begin with REC_; SEND_ and others are the proxy's."""
    issue = parse((CORPUS / name).read_bytes()).resource["issue"][0]
    coding = issue["details"]["coding"][0]
    status = int(Path(name).name[:3])

    assert coding["system"] == HTTP_ERROR_CODES
    if coding["code"].startswith("REC_"):
        ours = operation_outcome([FAULT], status)["issue"][0]
        assert ours["details"]["coding"] == [coding]
