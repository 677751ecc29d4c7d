"""Words that look palliative where no code says so: a warning, and nobody is told by them."""

from __future__ import annotations

from pathlib import Path

import pytest
from routing_fixtures import DIRECTORY, MAPPINGS, RULES, folder, living_at, stay, transfer

from service.delivery.directory import RoutingFaults
from service.delivery.routing import Routing
from service.model import (
    Coded,
    Diagnosis,
    Document,
    Encounter,
    OdsCode,
    Patient,
    Procedure,
    Recipient,
    Request,
    TransferOfCare,
)

LOCAL = "urn:x-local:PAS"
WARNED = "words or a local code look like palliative"
IN_WORDS = {
    "a diagnosis in words": {"diagnoses": (Diagnosis(text="For Palliative management"),)},
    "a display": {"diagnoses": (Diagnosis(code="X1", display="End  of life care"),)},
    "a local code": {"diagnoses": (Diagnosis(code="PALL", system=LOCAL),)},
    "a procedure": {"procedures": (Procedure(text="Hospice assessment"),)},
    "the reason": {"encounter": Encounter(reason=Coded(text="terminally ill"))},
    "the destination": {"encounter": Encounter(discharge_destination=Coded(text="St X Hospice"))},
    "a document's title": {"documents": (Document(title="Palliative care plan"),)},
}


@pytest.fixture(scope="module")
def shipped_routing() -> Routing:
    return Routing.load(MAPPINGS)


def warnings(routing: Routing, asked: TransferOfCare) -> list[str]:
    routed = routing.recipients(asked)
    return [one.target for one in routed.issues if one.text.startswith(WARNED)]


@pytest.mark.parametrize("said", IN_WORDS.values(), ids=IN_WORDS)
def test_what_says_palliative_in_words_or_a_local_code_is_warned_of_and_sent_to_nobody(
    shipped_routing: Routing, said: dict[str, object]
) -> None:
    asked = transfer(patient=living_at("CT1 9ZZ"), **said)

    routed = shipped_routing.recipients(asked)

    assert len(warnings(shipped_routing, asked)) == 1
    assert not [one for one in routed.recipients if "palliative" in one.because]


NOT_WARNED = {
    "a code says it": {"diagnoses": (Diagnosis(code="Z51.5", text="palliative care"),)},
    "the specialty says it": {
        "diagnoses": (Diagnosis(text="palliative"),),
        "encounter": stay(specialty="315"),
    },
    "other words": {"diagnoses": (Diagnosis(text="Pallor; hospital admission"),)},
    "nothing is said": {},
}


@pytest.mark.parametrize("said", NOT_WARNED.values(), ids=NOT_WARNED)
def test_nothing_is_warned_of_where_a_code_says_it_or_no_word_does(
    shipped_routing: Routing, said: dict[str, object]
) -> None:
    asked = transfer(patient=living_at("CT1 9ZZ"), **said)

    assert warnings(shipped_routing, asked) == []


def test_a_referral_in_words_is_warned_of_only_where_nobody_is_asked(
    shipped_routing: Routing,
) -> None:
    request = Request(service=Coded(text="Palliative care team please"))
    from_nowhere = transfer("referral", patient=living_at("CT1 9ZZ"), requests=(request,))
    asked = transfer(
        "referral",
        requests=(request,),
        recipients=(Recipient(ods=OdsCode("8HX01"), role="action"),),
    )

    assert warnings(shipped_routing, from_nowhere) == ["requests[0]"]
    assert warnings(shipped_routing, asked) == []


def test_a_restricted_record_is_not_looked_through(shipped_routing: Routing) -> None:
    asked = transfer(patient=Patient(restricted=True), diagnoses=(Diagnosis(text="palliative"),))

    assert warnings(shipped_routing, asked) == []


def test_words_of_no_marker_are_a_fault_with_its_line(tmp_path: Path) -> None:
    wrong = RULES + "watched:\n  - {marker: nothing, words: [word]}\n"

    with pytest.raises(RoutingFaults) as raised:
        Routing.load(folder(tmp_path, DIRECTORY, wrong))

    assert "no marker is called nothing" in str(raised.value)
