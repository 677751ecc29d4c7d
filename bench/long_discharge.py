"""An ADT^A03 of about 5 KB, as a patient administration system sends it after two weeks."""

from __future__ import annotations

from bench.bodies import NUMBERS, PATIENTS

_DIAGNOSES = (
    ("C50.9", "Malignant neoplasm of breast, unspecified"),
    ("C79.5", "Secondary malignant neoplasm of bone and bone marrow"),
    ("C78.7", "Secondary malignant neoplasm of liver and intrahepatic bile duct"),
    ("Z51.5", "Palliative care"),
    ("R52.1", "Chronic intractable pain"),
    ("G89.3", "Neoplasm related pain (acute) (chronic)"),
    ("K59.0", "Constipation"),
    ("I10", "Essential (primary) hypertension"),
    ("E11.9", "Type 2 diabetes mellitus without complications"),
    ("N18.3", "Chronic kidney disease, stage 3"),
)
_ALLERGIES = (
    ("DA", "Penicillin", "SV", "Anaphylaxis"),
    ("DA", "Diclofenac", "MO", "Rash of both arms"),
    ("FA", "Peanut", "MI", "Itching of the mouth"),
)
_MEASURED = (
    ("8867-4", "Heart rate", "88", "/min", "60-100"),
    ("8480-6", "Systolic blood pressure", "118", "mm[Hg]", "90-140"),
    ("8462-4", "Diastolic blood pressure", "72", "mm[Hg]", "60-90"),
    ("9279-1", "Respiratory rate", "16", "/min", "12-20"),
    ("2708-6", "Oxygen saturation in arterial blood", "95", "%", "94-100"),
    ("8310-5", "Body temperature", "36.9", "Cel", "36.0-37.5"),
    ("29463-7", "Body weight", "61.4", "kg", ""),
    ("718-7", "Haemoglobin in blood", "98", "g/L", "115-165"),
    ("2160-0", "Creatinine in serum or plasma", "128", "umol/L", "45-84"),
    ("2951-2", "Sodium in serum or plasma", "134", "mmol/L", "133-146"),
    ("2823-3", "Potassium in serum or plasma", "4.4", "mmol/L", "3.5-5.3"),
    ("1751-7", "Albumin in serum or plasma", "27", "g/L", "35-50"),
)
_NOTES = (
    "Admitted from clinic with pain in the lower back and both legs that tablets did not relieve.",
    "Epidural injection on day 3 with relief for two days; intrathecal catheter placed on day 5.",
    "Pump runs at 0.4 mg morphine a day; alarm dates and refill plan are in the attached letter.",
    "Bowels open every second day with senna; nausea settled with haloperidol 0.5 mg at night.",
    "Lives with her husband in a house with stairs; hospital bed and commode were delivered.",
    "She knows that treatment of the cancer has ended and wishes to be at home, not in hospital.",
    "Anticipatory medicines and the community chart went home with her; key safe number is known.",
    "Please visit within one working day; the pain team calls on Thursday before the refill.",
    "Driving is not advised. Next of kin agreed to be called first, at any time of the day.",
    "Follow-up by the pain clinic with the hospice consultant in a joint clinic in two weeks.",
    "Blood tests are not to be repeated unless she wants treatment of what they would show.",
)


def long_discharge(i: int) -> bytes:
    """Return message `i`: patients rotate, each message and stay has a number of its own."""
    number, of = NUMBERS[i % PATIENTS], i % PATIENTS
    segments = [
        f"MSH|^~\\&|EPIC|RJZ|RELAY|RELAY|20261120171500||ADT^A03^ADT_A03|L{i:09d}|P|2.6"
        "|||AL|NE|GBR|UNICODE UTF-8|EN",
        "EVN|A03|20261120171500|||C7777771^TESTCLERK^ANN^^^MS|20261120161000|RJZ",
        *_patient(number, of),
        *_stay(i),
        *(
            f"AL1|{n}|{kind}^^HL70127|^{name}|{severity}|{reaction}|20190304"
            for n, (kind, name, severity, reaction) in enumerate(_ALLERGIES, 1)
        ),
        *(
            f"DG1|{n}||{code}^{name}^I10||202611{12 + n % 8:02d}|{'A' if n == 1 else 'F'}"
            f"|||||||||{n}|C9999991^TESTCONSULTANT^LEE^^^DR^^^GMC"
            for n, (code, name) in enumerate(_DIAGNOSES, 1)
        ),
        "PR1|1||A52.1^Therapeutic lumbar epidural injection^OPCS4||20261114101500|T|45"
        "|C9999992^TESTANAESTHETIST^KIM^^^DR^^^GMC",
        "PR1|2||A54.4^Attention to intrathecal drug delivery device^OPCS4||20261116093000|T|30"
        "|C9999992^TESTANAESTHETIST^KIM^^^DR^^^GMC",
        *(
            f"OBX|{n}|NM|{code}^{name}^LN||{value}|{unit}^{unit}^UCUM|{usual}|N|||F|||20261120070000"
            for n, (code, name, value, unit, usual) in enumerate(_MEASURED, 1)
        ),
        *(
            f"OBX|{len(_MEASURED) + n}|TX|NOTE^Discharge note^L|{n}|{text}||||||F|||20261120150000"
            for n, text in enumerate(_NOTES, 1)
        ),
    ]
    return "\r".join(segments).encode() + b"\r"


def _patient(number: str, of: int) -> tuple[str, ...]:
    name = f"XXTESTPATIENT-{of}^BENCH^MAY^^MRS^^L"
    home = "1 TEST STREET^TEST ESTATE^BROMLEY^KENT^BR1 9ZZ^GBR^H"
    return (
        f"PID|1||{number}^^^NHS^NH~M{of:06d}^^^RJZ^MR||{name}||19440203|F||A|{home}"
        "||02079460001^PRN^PH~07700900001^PRN^CP|02079460002^WPN^PH|EN|M|1A|||||A||||||||N",
        "PD1|||TEST PRACTICE^^G00001|G9999991^TESTDOCTOR^PAT^^^DR^^^GMC",
        f"NK1|1|XXTESTRELATIVE-{of}^ALEX^^^MR|SPO^Spouse^HL70063|{home}|02079460003^PRN^PH||N",
        "NK1|2|XXTESTCHILD^SAM^^^MS|CHD^Child^HL70063|2 TEST ROAD^^BROMLEY^KENT^BR1 9ZY^GBR^H"
        "|07700900002^PRN^CP||C",
    )


def _stay(i: int) -> tuple[str, ...]:
    consultant = "C9999991^TESTCONSULTANT^LEE^^^DR^^^GMC"
    return (
        f"PV1|1|I|RJZ^DAVIDSON^BED 3^RJZ01|21|||{consultant}|G9999991^TESTDOCTOR^PAT^^^DR^^^GMC"
        f"|C9999992^TESTANAESTHETIST^KIM^^^DR^^^GMC|MED||||19|||{consultant}|IN"
        f"|V{i:08d}^^^VISITID|||||||||||||||||19|||RJZ||||||20261112090000|20261120161000",
        "PV2||1^Single room|^Pain that other treatment does not relieve|||||20261112|20261120|8",
    )
