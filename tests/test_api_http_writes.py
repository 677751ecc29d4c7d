"""Writing over HTTP: versions, preferences, conditions, and what is refused."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from tests.api_samples import FHIR, NHS, ROSALIND, Api, issues, patient

pytest_plugins = ["tests.store_fixtures", "tests.api_fixtures"]


def test_create_ignores_ids_and_says_where_and_which_version(api: Api) -> None:
    mine = patient(id="mine", meta={"versionId": "7", "lastUpdated": "2020-01-01T00:00:00Z"})

    answer = api.trust.post("Patient", mine)

    made = answer.json
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(f"/fhir/Patient/{made['id']}/_history/1")
    assert answer.headers["ETag"] == 'W/"1"'
    assert answer.headers["Last-Modified"].endswith("GMT")
    assert made["id"] != "mine"
    assert made["meta"]["versionId"] == "1"
    assert made["meta"]["lastUpdated"] > "2025"
    assert list(made)[:3] == ["resourceType", "id", "meta"]


def test_decimals_keep_their_digits(api: Api) -> None:
    body = b"""{"resourceType":"Observation","status":"final","code":{"text":"Morphine"},
        "valueQuantity":{"value":1.10,"unit":"mg"}}"""

    answer = api.trust.send("POST", "/fhir/Observation", body)

    assert b'"value":1.10' in answer.data
    patched = api.trust.patch(
        f"Observation/{answer.json['id']}",
        [{"op": "replace", "path": "/status", "value": "amended"}],
    )
    assert b'"value":1.10' in patched.data


@pytest.mark.parametrize(
    ("returning", "kind"),
    [("minimal", None), ("representation", "Patient"), ("OperationOutcome", "OperationOutcome")],
)
@pytest.mark.parametrize("interaction", ["create", "update", "patch"])
def test_prefer_return_decides_the_body(
    api: Api, interaction: str, returning: str, kind: str | None
) -> None:
    prefer = f"return={returning}"
    if interaction == "create":
        answer = api.trust.post("Patient", patient(), Prefer=prefer)
    else:
        made = api.trust.create(patient())
        changed = {**made, "gender": "unknown"}
        operations = [{"op": "replace", "path": "/gender", "value": "unknown"}]
        answer = (
            api.trust.put(f"Patient/{made['id']}", changed, Prefer=prefer)
            if interaction == "update"
            else api.trust.patch(f"Patient/{made['id']}", operations, Prefer=prefer)
        )

    assert answer.status_code in (200, 201)
    assert answer.headers["Preference-Applied"] == prefer
    assert (json.loads(answer.data)["resourceType"] if answer.data else None) == kind
    assert answer.headers["ETag"]


def test_update_makes_a_new_version_and_the_same_again_makes_none(api: Api) -> None:
    made = api.trust.create(patient())
    changed = {**made, "gender": "unknown"}

    first = api.trust.put(f"Patient/{made['id']}", changed)
    again = api.trust.put(f"Patient/{made['id']}", changed)

    assert (first.status_code, first.headers["ETag"]) == (200, 'W/"2"')
    assert (again.status_code, again.headers["ETag"]) == (200, 'W/"2"')
    assert again.json["meta"] == first.json["meta"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_if_match_must_name_the_current_version(api: Api, method: str) -> None:
    made = api.trust.create(patient())
    url = f"Patient/{made['id']}"
    changes: list[tuple[str, int]] = [('W/"2"', 412), ('W/"1"', 200), ('W/"1"', 412)]

    for number, (tag, status) in enumerate(changes):
        if method == "PUT":
            body = {**made, "birthDate": f"195{number}-01-01"}
            answer = api.trust.put(url, body, If_Match=tag)
        else:
            operation = {"op": "replace", "path": "/birthDate", "value": f"195{number}-01-01"}
            answer = api.trust.patch(url, [operation], If_Match=tag)
        assert answer.status_code == status


@pytest.mark.parametrize("existing", [0, 1, 2])
def test_if_none_exist_creates_once(api: Api, existing: int) -> None:
    made = [api.trust.create(patient()) for _ in range(existing)]

    answer = api.trust.post("Patient", patient(), If_None_Exist=f"identifier={NHS}|{ROSALIND}")

    assert answer.status_code == (201, 200, 412)[existing]
    if existing == 1:
        assert made[0]["id"] in answer.headers["Location"]
        assert answer.headers["ETag"] == 'W/"1"'
    assert len(api.trust.search("Patient")) == max(1, existing)


@pytest.mark.parametrize("existing", [0, 1, 2])
def test_conditional_update(api: Api, existing: int) -> None:
    for _ in range(existing):
        api.trust.create(patient())

    answer = api.trust.put(f"Patient?identifier={NHS}|{ROSALIND}", patient(gender="unknown"))

    assert answer.status_code == (201, 200, 412)[existing]
    if existing == 1:
        assert answer.headers["ETag"] == 'W/"2"'


def test_conditional_patch(api: Api) -> None:
    operations = [{"op": "replace", "path": "/gender", "value": "unknown"}]
    url = f"Patient?identifier={NHS}|{ROSALIND}"
    nothing = api.trust.patch(url, operations)
    api.trust.create(patient())

    answer = api.trust.patch(url, operations)

    assert nothing.status_code == 404
    assert (answer.status_code, answer.json["gender"]) == (200, "unknown")


@pytest.mark.parametrize(
    "condition", ["gender=female", "identifier=9990001006", "banana=1", "_count=1", ""]
)
def test_a_condition_that_could_mean_anybody_is_refused(api: Api, condition: str) -> None:
    made = api.trust.create(patient())

    answer = api.trust.put(f"Patient?{condition}", patient())

    assert answer.status_code == 400
    assert api.trust.get(f"Patient/{made['id']}").headers["ETag"] == 'W/"1"'


def test_every_fault_is_told_with_its_place_and_no_value_is(api: Api) -> None:
    bad = patient(gender="attack-helicopter", birthDate="31/12/1950", shoeSize=44)
    bad["name"] = [{"family": 3}]

    answer = api.trust.post("Patient", bad)

    assert answer.status_code == 400
    assert sorted(issues(answer)) == [
        ("code-invalid", "Patient.gender"),
        ("structure", "Patient.name[0].family"),
        ("structure", "Patient.shoeSize"),
        ("value", "Patient.birthDate"),
    ]
    assert not re.search("helicopter|31/12|44", answer.text)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b'{"a":1,"a":2}', b"{}", b'{"resourceType":3}', b"\xff"]
)
@pytest.mark.parametrize("url", ["Patient", ""])
def test_what_is_not_json_is_refused(api: Api, body: bytes, url: str) -> None:
    answer = api.trust.send("POST", f"/fhir/{url}" if url else "/fhir", body)

    assert answer.status_code == 400
    assert issues(answer)


def test_too_large_a_body_is_refused_compressed_or_not(api: Api) -> None:
    large = patient(text={"status": "generated", "div": " " * 21_000_000})
    packed = gzip.compress(json.dumps(large).encode())

    plain = api.trust.post("Patient", large)
    squeezed = api.trust.send("POST", "/fhir/Patient", packed, Content_Encoding="gzip")

    assert plain.status_code == squeezed.status_code == 413
    assert issues(plain)[0][0] == issues(squeezed)[0][0] == "too-long"


def test_gzip_is_read_and_other_encodings_are_not(api: Api) -> None:
    packed = gzip.compress(json.dumps(patient()).encode())

    def sent(body: bytes, encoding: str) -> int:
        answer = api.trust.send("POST", "/fhir/Patient", body, Content_Encoding=encoding)
        return answer.status_code

    assert sent(packed, "gzip") == 201
    assert sent(packed[:-4], "gzip") == 400
    assert sent(b"no", "gzip") == 400
    assert sent(packed, "br") == 415


def test_patches_that_are_none_are_refused(api: Api) -> None:
    made = api.trust.create(patient())
    url = f"Patient/{made['id']}"
    replace = {"op": "replace", "path": "/gender", "value": "unknown"}

    assert api.trust.patch(url, [replace], content=FHIR).status_code == 415
    fhirpath = {"resourceType": "Parameters"}
    assert api.trust.patch(url, fhirpath).status_code == 400
    assert api.trust.patch(url, [{"op": "explode", "path": "/"}, replace, 3]).status_code == 400
    assert api.trust.patch(url, [{**replace, "path": "/none/here"}]).status_code == 400
    assert api.trust.patch(url, [{**replace, "op": "test"}]).status_code == 409
    assert api.trust.patch(url, [{**replace, "value": "banana"}]).status_code == 422
    assert api.trust.patch(url, [{"op": "remove", "path": "/resourceType"}]).status_code == 400
    assert api.trust.get(url).headers["ETag"] == 'W/"1"'


def test_a_summary_never_replaces_the_whole(api: Api) -> None:
    made = api.trust.create(patient())
    part = api.trust.get(f"Patient/{made['id']}?_elements=gender").json

    answer = api.trust.put(f"Patient/{made['id']}", part)

    assert part["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert "birthDate" not in part
    assert answer.status_code == 422
