"""What each public sample is, and what some of them say: read by hand, not by the service."""

from __future__ import annotations

from typing import Any

REFREQ = "Referral Service Request"
ITK = {
    "A01_example.txt": "admission",
    "A03_example.txt": "discharge",
    "A04_example.txt": "patient-update",
    "A05_Example.txt": "patient-update",
    "A08_example.txt": "patient-update",
    "A28_Example.txt": "patient-update",
    "A31_example.txt": "patient-update",
    "A40_Example.txt": "patient-merge",
}
UNMAPPED = "UnmappedMessage"  # single resources are no transfers of care
BOOKING = "NotServed: Bookings are not made here"
BARS = {
    "Booking (HTTP Response) .json": BOOKING,
    "Booking (POST).json": BOOKING,
    "GET-success.json": "UnreadableMessage: a bundle sent here has one of the types",
    "POST-body.json": BOOKING,
    "POST-success.json": BOOKING,
    f"REFREQ01 - {REFREQ} New Full - 111 to ED.xml": "referral",
    f"REFREQ02 - {REFREQ} New Full - 999 to CAS.xml": "referral",
    f"REFREQ03 - {REFREQ} New Full - Primary Care to Community Pharmacy - Minor Illness.xml": (
        "referral"
    ),
    f"REFREQ04 - {REFREQ} - CAD Out of Area.xml": "referral",
    f"REFREQ05 - {REFREQ} - CAD Mutal Aid Request.xml": "referral",
    f"REFREQ06 - {REFREQ} New Full - GP to BP - ABPM.xml": "referral",
    f"REFREQ07 - {REFREQ} New Full - GP to OC.xml": "referral",
    f"REFRESP01 - {REFREQ} Response New Full - ED to 111 Safeguarding DNA Feedback.xml": "document",
    f"REFRESP02- {REFREQ} Reponse Short - CAD Mutual Aid Rejection.xml": "document",
    f"REFRESP03 - {REFREQ} Response - CAD Out of Area Response.xml": "document",
    "ValidationRequest (HTTP Response) .json": "referral",
    "ValidationRequest (POST) .json": "referral",
    "ValidationResponse (POST) .json": "document",
    "id--GET-success.json": UNMAPPED,
    "service_request--POST-success.json": UNMAPPED,
}
ESCAPED = "UnreadableMessage: MSH-2 was escaped"
INTERNATIONAL = {
    "ADT-A01-01.hl7": "admission",
    "ADT-A03-01.hl7": "death",
    "ADT-A03-02.hl7": "death",
    "ADT-A13-01.hl7": "discharge-cancelled",
    "ADT-A13-02.hl7": "discharge-cancelled",
    "ADT-A40-01.hl7": "patient-merge",
    "ADT-A40-02.hl7": "UnmappableMessage: the message is about several patients",
    **{f"MDM-{event}-0{n}.hl7": "document" for event in ("T01", "T02", "T05") for n in (1, 2)},
    **{f"MDM-{event}-0{n}.hl7": "document" for event in ("T06", "T09") for n in (1, 2)},
    "ORU-R01-01.hl7": "document",
    "ORU-R01-RMGEAD.hl7": "document",
    "ORU-multiline-short-mixed.hl7": "document",
    "ORU-multiline-short.hl7": "document",
    "REF-I12-01.hl7": "referral",
    "REF-I12-02.hl7": "referral",
    "REF-I14-01.hl7": "referral-cancelled",
    "REF-I14-02.hl7": "referral-cancelled",
    "sample_unix.hl7": ESCAPED,
    "sample_win.hl7": ESCAPED,
}
NOTIFICATIONS = {
    "admit-notification-intermediate-translate-bundle.json": "admission",
    "admit-notification-intermediate-transmit-bundle.json": "admission",
    "admit-notification-message-bundle-01.json": "admission",
    "admit-notification-message-bundle-02.json": "admission",
}

FACTS: dict[str, dict[str, Any]] = {
    "hl7v2-uk-itk/A03_example.txt": {
        "message.id": "13403893338056",
        "message.application": "PAS",
        "message.claimed_sender": "RCB",
        "message.sent_at": "2010-10-21T17:06:00+01:00",
        "message.occurred_at": "2010-10-21T17:06:00+01:00",
        "patient.family": "SMITH",
        "patient.given": ("FREDRICA", "J"),
        "patient.prefix": "MRS",
        "patient.birth_date": "1965-12-13",
        "patient.gender": "female",
        "patient.addresses[].lines": (("29 WEST AVENUE", "BURYTHORPE"),),
        "patient.addresses[].postcode": ("YO32 5TT",),
        "patient.gp_practice.ods": "Y06601",
        "patient.gp.family": "Townley",
        "encounter.identifiers[].value": ("YOR123456",),
        "encounter.klass": "IMP",
        "encounter.admitted_at": "2010-10-20T17:16:00+01:00",
        "encounter.discharged_at": "2010-10-21T17:06:00+01:00",
        "encounter.ward": "OBS1",
        "encounter.bed": "BAY2-6",
        "encounter.site.ods": "RCB55",
        "encounter.specialty.code": "300",
        "encounter.admission_method.code": "13",
        "encounter.consultant.family": "Darwin",
        "encounter.consultant.id_system": "https://fhir.hl7.org.uk/Id/gmc-number",
    },
    "hl7v2-uk-itk/A01_example.txt": {
        "patient.contacts[].family": ("SMITH",),
        "patient.contacts[0].given": ("ALBERT", "J"),
        "diagnoses[].code": ("N39.3",),
        "diagnoses[].system": ("http://hl7.org/fhir/sid/icd-10",),
        "diagnoses[].kind": ("A",),
        "procedures[].code": ("ZZS4",),
        "procedures[].system": ("https://fhir.nhs.uk/Id/opcs-4",),
        "allergies[].code": ("Z88.5",),
        "allergies[].category": ("medication",),
        "encounter.admission_source.code": "19",
    },
    "hl7v2-uk-itk/A05_Example.txt": {
        "sections[].narrative": ("Pregnant",),  # PV1-15 B6
        "encounter.expected_discharge_at": "2010-10-01T00:00:00+01:00",
    },
    "hl7v2-uk-itk/A28_Example.txt": {"patient.birth_date": None},  # month 13
    "hl7v2-uk-itk/A31_example.txt": {"allergies[].code": ("Z88.5", "T63.0")},
    "hl7v2-uk-itk/A40_Example.txt": {
        "patient.merged_identifiers[].value": ("22789", "44455"),
        "patient.merged_identifiers[].authority": ("LOCALID", "VISITID"),
    },
    "hl7v2-international/ADT-A03-01.hl7": {
        "message.sent_at": "1989-08-18T11:26:00+02:15",
        "patient.family": "EVERYMAN",
        "patient.given": ("ADAM", "A"),
        "patient.suffix": "III MD",
        "patient.deceased": True,
        "patient.restricted": True,  # ARV
        "patient.addresses[0].lines": ("1000 Hospital Lane", "Ste. 123"),
        "encounter.discharge_method.text": "Sample",
        "procedures[].code": ("76164006",),
        "procedures[].system": ("http://snomed.info/sct",),
    },
    "hl7v2-international/ADT-A40-01.hl7": {
        "patient.identifiers[].value": ("12345", "5027440"),
        "patient.merged_identifiers[].value": ("56789",),
        "patient.birth_date": "2018-02-05",
    },
    "hl7v2-international/MDM-T02-02.hl7": {
        "documents[].id": ("1.2.840.317.5947431.51.20080131160038",),
        "documents[].content_type": ("text/plain",),
        "documents[].created_at": ("2008-01-31T16:00:00+02:15",),
        "documents[].doc_status": ("final",),
        "documents[0].author.name": "IvanDoctorovich",
        "documents[0].authenticator.family": "Doctorovich",
        "documents[0].type.code": "DI",
        "documents[0].replaces": None,
    },
    "hl7v2-international/MDM-T06-02.hl7": {
        "documents[].appends": ("1.2.840.317.5947431.51.20080131155715",),
        "documents[].replaces": (None,),
    },
    "hl7v2-international/MDM-T09-01.hl7": {
        "documents[].replaces": ("1.2.840.317.5947431.51.20080131155715",),
        "message.replaces": "1.2.840.317.5947431.51.20080131155715",
    },
    "hl7v2-international/REF-I12-01.hl7": {
        "requests[0].identifiers[].value": (
            *("226839", "11001"),
            *("HL71001111111111", "HL72001111111111"),
        ),
        "requests[].status": ("active",),
        "requests[].priority": ("routine",),
        "requests[0].category.code": "O",
        "requests[0].service.display": "Medical",
        "requests[0].reasons[].text": ("Provider Ordered",),
        "requests[0].requester.family": "POWELL",
        "requests[0].requesting_organisation.name": "GHH MEDICAL CENTER",
        "requests[0].performers[].name": ("RHH MEDICAL CENTER",),
        "requests[0].authored_at": "2022-01-25",
        "requests[0].starts_at": "2022-01-25",
        "requests[0].ends_at": "2022-02-10",
        "diagnoses[].code": ("K63.3",),
        "allergies[].severity": ("MI",),
    },
    "hl7v2-international/REF-I14-02.hl7": {
        "requests[].status": ("revoked",),
        "requests[0].identifiers[0].value": "226839",
    },
    f"bars-r4-message/REFREQ01 - {REFREQ} New Full - 111 to ED.xml": {
        "message.id": "c89a8895-56fe-41de-b20b-fab6efa99c99",
        "message.claimed_sender": "RND",
        "message.sent_at": "2021-10-11T12:15:10+00:00",
        "patient.family": "Jones",
        "patient.given": ("Julie",),
        "patient.birth_date": "1959-05-04",
        "patient.gender": "female",
        "patient.nhs_number": None,  # 3478526985 has a wrong check digit
        "patient.gp_practice.ods": "G82080",
        "patient.addresses[].postcode": ("LS10 4YU",),
        "requests[].status": ("active",),
        "requests[].intent": ("plan",),
        "requests[0].service.text": "Emergency Department - Adult",
        "requests[0].requester.family": "BLAKE",
        "requests[0].performers[].ods": ("RYE",),
        "requests[0].authored_at": "2021-10-11T15:23:30+00:00",
        "requests[0].starts_at": "2021-10-13T16:20:27+07:00",
        "recipients[].ods": ("RYE",),
        "recipients[].role": ("action",),
        "medications[].display": ("Aspirin 50mg/5ml oral solution",),
        "medications[].dosage": ("2 capsules 4 times a day.",),
        "allergies[].display": ("Amoxicillin",),
        "allergies[].reaction": ("Urticarial rash",),
        "encounter.klass": "EMER",
        "encounter.identifiers[].value": ("sender1234",),
    },
    f"bars-r4-message/REFREQ04 - {REFREQ} - CAD Out of Area.xml": {
        "diagnoses[].text": ("Choking",),
        "procedures[].display": ("Cardiopulmonary resuscitation (procedure)",),
        "requests[0].performers[].ods": ("RYE",),
        "sections[0].narrative": "Reports of a knife on scene",
    },
    "bars-r4-message/ValidationRequest (POST) .json": {
        "requests[0].performers[].ods": ("RYE",),
        "requests[0].starts_at": "2021-11-26T15:00:00+00:00",
        "requests[0].ends_at": "2021-11-26T15:20:00+00:00",
        "patient.gp_practice.name": "Patient's Surgery",
    },
    f"bars-r4-message/REFRESP01 - {REFREQ} Response New Full - ED to 111 Safeguarding DNA "
    "Feedback.xml": {
        "message.claimed_sender": "RYE",
        "patient.family": "Jones",
        "recipients[].ods": ("RND",),
        "requests[].status": (),
        "sections[0].narrative": "The receiver answers the message "
        "79120f41-a431-4f08-bcc5-1e67006fcae0 with ok",
        "sections[3].narrative": "noshow; 2021-10-12T12:30:00+00:00; Reason for calling",
    },
    f"bars-r4-message/REFRESP02- {REFREQ} Reponse Short - CAD Mutual Aid Rejection.xml": {
        "patient.birth_date": "1959-05-04",
        "sections[1].narrative": "active; Transfer of Care; CAD to CAD Mutual Aid Request; "
        "Please can you spare a Paramedic closer than 20 mins?",
        "sections[3].narrative": "cancelled; emergency; 2023-12-26T15:30:00+00:00; Requested "
        "resource not available within timescale; We have a paramedic but not available for 30 "
        "mins",
    },
    "notifications/admit-notification-message-bundle-01.json": {
        "message.id": "31ab7fe2-e0ad-11ea-bf7c-864d2e68a322",
        "message.sent_at": "2020-08-17T17:15:12Z",
        "message.application": "Acme Central Patient Registry",
        "message.operator.family": "Jakubowski832",
        "patient.family": "Halvorson124",
        "patient.birth_date": "2000-10-15",
        "patient.nhs_number": None,
        "patient.addresses[].postcode": ("01844",),
        "encounter.identifiers[].value": ("Elden718Halvorson12420181021T2122150700",),
        "encounter.status": "in-progress",
        "encounter.klass": "EMER",
        "encounter.admitted_at": "2018-10-21T21:22:15-07:00",
        "encounter.discharged_at": None,  # it goes on, whatever its period says
        "encounter.ward": "HOLY FAMILY HOSPITAL",
        "recipients[].name": ("Intermediary-Simulator",),
    },
}
