"""Prometheus metrics: counts and codes, never a patient, on a port of their own."""

from __future__ import annotations

import time
import urllib.request
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from service.cli.ports import free_port
from tests.cli_runner import relay as run
from tests.hl7v2_letters import NHS_NUMBER
from tests.serving import serving
from tests.simulated_days import HOSPICE, TRUST, Loop

pytest_plugins = ["tests.loop_fixtures"]


def scraped(port: int) -> str:
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.1)
    raise AssertionError("no metrics")


def test_what_an_operator_watches_is_counted_and_nothing_of_a_patient(loop: Loop) -> None:
    loop.discharge()
    loop.pass_time(hours=25, step=timedelta(hours=1))
    loop.team(TRUST).post("/hl7v2", b"MSH|^~\\&|nothing", "application/hl7-v2")
    loop.relay.store.channels.park(HOSPICE, "mesh", "nobody collects it")
    port = free_port("127.0.0.1")
    url = loop.relay.settings.database
    with serving("--database", url, "--metrics", port, chases="no") as served:
        served.get(f"/fhir/Patient/{NHS_NUMBER}?identifier={NHS_NUMBER}")
        served.get("/health")
        served.get(f"/nothing/{NHS_NUMBER}")
        text = scraped(port)
        code = served.stop()

    values = {
        (sample.name.removeprefix("discharge_relay_"), *sample.labels.values()): sample.value
        for family in families(text)
        for sample in family.samples
    }
    assert values[("up",)] == 1
    assert values[("events_total", HOSPICE)] == 2
    assert values[("events_total", TRUST)] == 1
    assert values[("channel_parked", "mesh", HOSPICE)] == 1
    assert values[("channel_behind", "mesh", HOSPICE)] == 2
    assert (values[("answers_awaited",)], values[("answers_late",)]) == (2, 2)
    assert values[("dead_letters",)] == 1
    counted = {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for family in families(text)
        for sample in family.samples
        if sample.name == "discharge_relay_http_request_seconds_count"
    }
    assert counted[("GET", "/health", "200")] >= 1
    assert counted[("GET", "", "404")] == 1
    assert [n for (_, route, status), n in counted.items() if status == "401"] == [1]
    assert NHS_NUMBER not in text
    assert "TESTPATIENT" not in text
    assert code == 0


@pytest.mark.parametrize("text", ["ten", "0", "127.0.0.1:", "70000"])
def test_a_port_that_is_none_is_refused(text: str, sqlite_url: str) -> None:
    refused = run("serve", "--metrics", text, "--database", sqlite_url)

    assert refused.returncode == 1
    assert refused.stderr == f"Error: --metrics {text}: write PORT, or HOST:PORT\n"
