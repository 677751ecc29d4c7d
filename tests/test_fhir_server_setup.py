"""How an operator says where a team's FHIR server is, and with which token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.delivery.channels.fhir_server import tokens
from service.delivery.directory import Directory, RoutingFaults

HOSPICE = "8HX03"


def test_a_token_is_that_of_the_organisation_whose_code_ends_its_name() -> None:
    environment = {"DISCHARGE_RELAY_FHIR_SERVER_TOKEN_8HX03": "s3cret", "PATH": "/bin"}

    assert tokens(environment) == {"8HX03": "s3cret"}


@pytest.mark.parametrize(
    ("url", "is_right"),
    [
        ("https://fhir.hospice.example/r4", True),
        ("http://127.0.0.1:8090/fhir", True),
        ("http://fhir.hospice.example/r4", False),  # patients' data in the clear
        ("https://user:s3cret@fhir.hospice.example", False),
        ("https://fhir.hospice.example/r4?key=s3cret", False),
        ("", False),
    ],
)
def test_a_team_reached_by_its_server_says_where_it_is(
    url: str, is_right: bool, tmp_path: Path
) -> None:
    entry = {"ods": HOSPICE, "name": "A", "kind": "hospice", "channels": ["fhir-server"]}
    if url:
        entry["fhir_server"] = url
    (tmp_path / "directory.yaml").write_text(json.dumps({"organisations": [entry]}))
    schema = Path(__file__).parents[1] / "mappings" / "directory.schema.json"
    (tmp_path / schema.name).write_bytes(schema.read_bytes())

    if is_right:
        [read] = Directory.load(tmp_path)
        assert read.fhir_server == url
    else:
        with pytest.raises(
            RoutingFaults, match=r"directory\.yaml:1:\d+: .*(does not match|say its fhir_server)"
        ):
            Directory.load(tmp_path)
