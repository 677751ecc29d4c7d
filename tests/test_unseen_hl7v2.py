"""What HL7 v2 feeds say in ways that the examples do not have."""

from __future__ import annotations

import pytest
from mapping_samples import converted, doubts, fact, read, shipped

from service.errors import UnmappableMessage, UnmappedMessage
from service.model import OdsCode, TransferOfCare

NUMBER = "9994045210"


def a03(event: str = "A03", *more: str, **fields: str) -> TransferOfCare:
    """A discharge of a sender without a mapping; fields by name, such as PID_3 or PD1_3."""
    told = {"PID_3": f"{NUMBER}^^^NHS^NH", "PID_5": "XXTEST^ANN", "PV1_19": "V1"} | fields
    lines = [f"MSH|^~\\&|PAS|RX5|X|X|20250310||ADT^{event}|1|P|2.4", f"EVN|{event}|20250310"]
    for name in ("PID", "PD1", "PV1"):
        values = {int(key[4:]): value for key, value in told.items() if key.startswith(name)}
        last = max(values, default=0)
        lines.append("|".join([name, *(values.get(at, "") for at in range(1, last + 1))]))
    return converted("RX5", "\r".join([*lines, *more]).encode())[1]


def texts(transfer: TransferOfCare) -> str:
    return "\n".join(issue.text for issue in transfer.issues)


@pytest.mark.parametrize(
    "label",
    [
        "NHS^NI",
        "^NHS Number",
        "HOSP^NHS NUMBER",
        "HOSP^NHS_NO",
        "NHS_NUMBER^XX",
        "NHS NO^PI",
        "^HN",
    ],
)
def test_the_nhs_number_is_known_by_its_label_as_authority_or_as_type(label: str) -> None:
    transfer = a03(PID_3=f"123^^^RX5^MR~{NUMBER}^^^{label}")

    assert transfer.patient.nhs_number == NUMBER
    assert fact(transfer, "patient.identifiers[].value") == ("123",)


def test_a_number_of_the_senders_own_is_not_the_code_of_a_practice() -> None:
    transfer = a03(PD1_3="SAMPLE SURGERY^^12345")

    assert transfer.patient.gp_practice is not None
    assert transfer.patient.gp_practice.ods is None
    assert transfer.patient.gp_practice.name == "SAMPLE SURGERY"
    assert "patient.gp_practice.ods" in doubts(transfer)


def test_the_code_of_a_practice_behind_a_number_of_the_senders_own_is_read() -> None:
    transfer = a03(PD1_3="SAMPLE SURGERY^^12345^^^^^^^F84012")

    assert fact(transfer, "patient.gp_practice.ods") == "F84012"


def test_ten_digits_as_a_social_security_number_are_kept_and_told() -> None:
    transfer = a03(PID_3="123^^^RX5^MR", PID_19=NUMBER)

    assert transfer.patient.nhs_number is None
    assert fact(transfer, "patient.identifiers[].value") == ("123", NUMBER)
    assert "ten digits stand in the field for a social security number" in texts(transfer)


def test_a_name_that_may_stand_whole_in_the_family_name_is_told() -> None:
    assert "the whole name may stand in it" in texts(a03(PID_5="XXTEST, Ann (Mrs)"))
    assert "the whole name may stand in it" not in texts(a03(PID_5="XXTEST, JR^ANN"))


@pytest.mark.parametrize(("told", "flagged"), [("Y", True), ("N", False), ("", False)])
def test_a_twin_is_told_as_one(told: str, *, flagged: bool) -> None:
    assert ("born together" in texts(a03(PID_24=told))) is flagged


def test_blanks_and_line_ends_around_a_name_are_no_part_of_it() -> None:
    transfer = a03(PID_5=" XXTEST ^ANN\n MAY^ ^JR^Mrs ^MBE", PV1_19=" V1 ^^^RX5^VN")

    assert (transfer.patient.family, transfer.patient.given) == ("XXTEST", ("ANN MAY",))
    assert (transfer.patient.prefix, transfer.patient.suffix) == ("Mrs", "JR MBE")
    assert fact(transfer, "encounter.identifiers[].value") == ("V1",)


@pytest.mark.parametrize(
    ("method", "destination", "flagged"),
    [("1", "98", True), ("8", "", True), ("08", "19", True), ("98", "", True), ("1", "19", False)],
)
def test_a_discharge_that_says_that_the_stay_goes_on_is_told(
    method: str, destination: str, *, flagged: bool
) -> None:
    transfer = a03(PV1_36=method, PV1_37=destination)

    assert ("the stay is not finished" in texts(transfer)) is flagged
    assert transfer.kind == "discharge"


NOT_READ = {
    "A14": "planned",
    "A15": "planned",
    "A16": "nothing has happened yet",
    "A24": "links records",
    "A25": "takes back what was planned",
    "A26": "takes back what was planned",
    "A27": "takes back what was planned",
    "A37": "takes them apart",
}


@pytest.mark.parametrize("event", NOT_READ)
def test_what_is_planned_or_linked_is_refused_for_what_it_is(event: str) -> None:
    with pytest.raises(UnmappedMessage) as refused:
        a03(event)

    assert NOT_READ[event] in refused.value.issues[0].text


def test_hl7_v2_in_xml_is_refused_for_that() -> None:
    source = read(b"<ADT_A03 xmlns='urn:hl7-org:v2xml'><MSH><MSH.1>|</MSH.1></MSH></ADT_A03>")
    with pytest.raises(UnmappedMessage) as refused:
        shipped().for_source(OdsCode("RX5"), source)

    assert "HL7 v2 in XML is not read" in refused.value.issues[0].text


@pytest.mark.parametrize("code", ["DIED_PM", "PATIENT_DIED", "DISCH_DECEASED_NO_PM", "dead"])
def test_a_death_in_a_code_with_underscores_is_a_death(code: str) -> None:
    assert a03(PV1_36=code).kind == "death"


@pytest.mark.parametrize("code", ["NOT_DIED", "DIEDRE_WARD", "HOSPICE_IP"])
def test_a_word_that_holds_another_is_no_death(code: str) -> None:
    assert a03(PV1_36=code).kind == "discharge"


def test_a_recorded_death_beside_a_discharge_is_told() -> None:
    transfer = a03("A03", "PDA|I46.9^Cardiac arrest^I10||Y|20250310", PV1_36="9")

    assert "patient.deceased" in doubts(transfer)
    assert "ask before anybody visits" in texts(transfer)
    assert "ask before" not in texts(a03("A03", "PDA||||", PV1_36="9"))


def test_a_message_about_two_stays_is_refused() -> None:
    with pytest.raises(UnmappableMessage, match=r"."):
        a03("A03", f"PV1|2|I{'|' * 17}V2")
    assert a03("A03", f"PV1|2|I{'|' * 17}V1").kind == "discharge"


def test_the_stays_of_earlier_results_in_an_order_are_no_stays_of_the_order() -> None:
    lines = (
        "MSH|^~\\&|PAS|RX5|X|X|20250310||OMG^O19|1|P|2.5",
        f"PID|1||{NUMBER}^^^NHS^NH||XXTEST^ANN",
        f"PV1|1|I{'|' * 17}V1",
        "ORC|NW|P1",
        "OBR|1|P1||PALL^Referral to palliative care",
        f"PV1|1|O{'|' * 17}V2",
        "OBX|1|TX|L||earlier",
    )
    _, transfer = converted("RX5", "\r".join(lines).encode())

    assert fact(transfer, "encounter.identifiers[].value") == ("V1",)


def test_fields_that_are_filled_up_with_blanks_are_read() -> None:
    transfer = a03(PV1_36="1 ", PV1_37="88 ", PV1_45="20250310140000 ", PV1_3=" W1 ^ ^B2 ")

    assert fact(transfer, "encounter.discharge_destination.code") == "88"
    assert fact(transfer, "encounter.discharge_method.code") == "1"
    assert str(fact(transfer, "encounter.discharged_at")) == "2025-03-10T14:00:00+00:00"
    assert (fact(transfer, "encounter.ward"), fact(transfer, "encounter.bed")) == ("W1", "B2")


def test_the_name_of_the_place_that_somebody_went_to_is_told_where_it_was_sent() -> None:
    assert fact(a03(PV1_37="NN^XX Hospice"), "encounter.discharged_to.name") == "XX Hospice"
    assert fact(a03(PV1_37="HOME^20250310"), "encounter.discharged_to.name") == "HOME"


def test_the_codes_of_a_procedure_are_of_the_system_that_pr1_2_names() -> None:
    transfer = a03("A03", "PR1|1|OPCS4|M65.3^XX")

    assert fact(transfer, "procedures[0].system") == "https://fhir.nhs.uk/Id/opcs-4"


def test_words_that_some_systems_write_for_codes_are_read() -> None:
    transfer = a03(
        PID_5="OLD^ANN^^^^^PREVIOUS~XXTEST^ANN^^^^^CURRENT", PID_13="0200^HOME", PV1_2="INPATIENT"
    )

    assert transfer.patient.family == "XXTEST"
    assert fact(transfer, "patient.telecoms[].use") == ("home",)
    assert fact(transfer, "encounter.klass") == "IMP"


TEXTS = {
    "JVBERi0xLjc=": "application/pdf",
    "e1xydGYxIGF9": "application/rtf",
    "<html><b>a</b></html>": "text/html",
    "Dear Dr": "text/plain",
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_file_that_was_sent_as_text_is_called_what_it_is(text: str) -> None:
    lines = (
        "MSH|^~\\&|PAS|RX5|X|X|20250310||MDM^T02|1|P|2.4",
        f"PID|1||{NUMBER}^^^NHS^NH||XXTEST^ANN",
        "TXA|1|DS|AP|20250310||||||||D2|D1||||LA||AV",
        f"OBX|1|FT|L||{text}||||||F",
    )
    _, transfer = converted("RX5", "\r".join(lines).encode())

    assert fact(transfer, "documents[0].content_type") == TEXTS[text]
    assert "whether this one replaces it or adds to it" in texts(transfer)


def test_an_nhs_number_in_pid_4_is_the_nhs_number() -> None:
    transfer = a03(PID_3="123^^^RX5^MR", PID_4=f"{NUMBER}^^^NHS^NH~A1^^^RX5^AL")

    assert transfer.patient.nhs_number == NUMBER
    assert fact(transfer, "patient.identifiers[].value") == ("123", "A1")


def referral(provider: str) -> TransferOfCare:
    lines = (
        "MSH|^~\\&|PAS|RX5|X|X|20250310||REF^I12|1|P|2.4",
        "RF1|A|R||||R1",
        provider,
        f"PID|1||{NUMBER}^^^NHS^NH||XXTEST^ANN",
    )
    return converted("RX5", "\r".join(lines).encode())[1]


def test_whoever_is_referred_to_is_read_from_where_it_stands_or_told() -> None:
    place, nobody = referral("PRD|RT|||8HX03^Hospice"), referral("PRD|RT")

    assert fact(place, "requests[0].performers[].ods") == ("8HX03",)
    assert fact(place, "requests[0].performers[].name") == ("Hospice",)
    assert "(PRD-4.1); it was taken as one" in texts(place)
    assert "without a name, a place or a number" in texts(nobody)
    assert "without a name, a place or a number" not in texts(place)


@pytest.mark.parametrize("event", ["T03", "T04", "T07", "T08"])
def test_a_document_whose_status_or_text_changes_is_read(event: str) -> None:
    lines = (
        f"MSH|^~\\&|PAS|RX5|X|X|20250310||MDM^{event}|1|P|2.4",
        f"PID|1||{NUMBER}^^^NHS^NH||XXTEST^ANN",
        "TXA|1|DS|TX|20250310||||||||D2|||||LA||AV",
        "OBX|1|TX|L||Dear Dr||||||F",
    )
    _, transfer = converted("RX5", "\r".join(lines).encode())

    assert transfer.kind == "document"
    assert fact(transfer, "documents[].doc_status") == ("final",)
