"""`serve --mllp` and `send` as an operator and an analyst use them: real processes."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path

import psutil
import pytest

from service.bundled import bundled_folder
from tests.cli_runner import relay
from tests.hl7v2_letters import NHS_NUMBER, a03
from tests.mllp_wire import all_heard, heard
from tests.serving import serving

EXAMPLE = bundled_folder("mappings") / "examples" / "rjz-a03-home.hl7"


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'relay.db'}"


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def test_it_listens_sends_shows_the_answer_and_ends_with_what_the_answer_says(database, tmp_path):
    refused = tmp_path / "refused.hl7"
    refused.write_bytes(a03(control_id="K0002", event="P03"))
    unreadable = tmp_path / "unreadable.hl7"
    unreadable.write_bytes(b"hello")

    with serving("--database", database, "--mllp", "127.0.0.1:0=rjz") as served:
        port = served.mllp_port()
        taken = relay("send", "--mllp", port, EXAMPLE)
        both = relay("send", "--mllp", f"127.0.0.1:{port}", EXAMPLE, refused)
        wrong = relay("send", "--mllp", port, unreadable)
        code = served.stop()
    nobody = relay("send", "--mllp", port, EXAMPLE)

    assert "MSA|AA|" in taken.stdout
    assert taken.stdout.count("\n") == 2
    assert (taken.returncode, both.returncode, wrong.returncode) == (0, 4, 3)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "refused" in nobody.stderr.lower()
    assert f"Listening for MLLP on 127.0.0.1:{port}=RJZ" in "".join(served.out)
    assert code == 0


def test_ports_come_from_the_environment_too_each_with_its_sender(database):
    with serving(database=database, mllp="0=RJZ 0=RN7") as served:
        served.mllp_port()
        served.stop()

    listening = [line for line in served.out if "MLLP" in line]
    assert [line.rstrip().rpartition("=")[2] for line in listening] == ["RJZ", "RN7"]


def test_the_log_tells_what_happened_and_nothing_of_a_patient(database):
    with serving("--database", database, "--mllp", "0=RJZ") as served:
        with connect(served.mllp_port()) as wire:
            refused = a03(control_id="K0002", event="P03")
            for message in (a03(), refused):
                wire.sendall(b"\x0b" + message + b"\x1c\r\0\0")
            heard(wire, 2)
            wire.sendall(b"\x0bMSH|")
        time.sleep(0.3)
        served.stop()

    lines = [json.loads(line) for line in served.errors]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("mllp blank bytes between frames", "info"),
        ("message refused", "info"),
        ("mllp message refused", "warning"),
        ("mllp connection closed", "info"),
    ]
    assert lines[-1]["fault"] == "the sender ended it within a frame"
    assert lines[-1]["count"] == 2
    assert {line["organisation"] for line in lines} == {"RJZ"}
    for value in (NHS_NUMBER, "XXTESTPATIENT", "K0002"):
        assert value not in "".join(served.errors)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_takes_in_a_message_that_is_on_its_way(database, number):
    with serving("--database", database, "--mllp", "0=RJZ") as served:
        port = served.mllp_port()
        with connect(port) as wire:
            message = b"\x0b" + a03() + b"\x1c\r"
            wire.sendall(message[:300])
            time.sleep(0.3)
            served.process.send_signal(number)
            time.sleep(0.5)
            with pytest.raises(OSError, match="refused"):
                connect(port)
            wire.sendall(message[300:])
            told = all_heard(wire)
        code = served.ended()

    assert told == [("AA", "K0001")]
    assert code == 0
    assert not any("Traceback" in line for line in served.errors)


def test_ctrl_c_stops_the_listener_with_the_rest(database):
    with serving("--database", database, "--mllp", "0=RJZ") as served:
        served.mllp_port()
        family = served.workers()
        code = served.interrupt()
        _, alive = psutil.wait_procs(family, timeout=10)

    assert code == 0
    assert len(family) >= 2
    assert alive == []


def test_the_listener_does_not_outlive_a_parent_that_was_killed(database):
    with serving("--database", database, "--mllp", "0=RJZ") as served:
        served.mllp_port()
        family = served.workers()
        served.process.kill()
        _, alive = psutil.wait_procs(family, timeout=15)

    assert len(family) >= 2
    assert alive == []


WRONG = {
    "no sender": (["2575"], "say who sends there, 2575=ODS"),
    "no port": (["RJZ"], "'RJZ' is not [HOST:]PORT=ODS"),
    "a port that is none": (["99999=RJZ"], "is not [HOST:]PORT=ODS"),
    "a code that is none": (["2575=R"], "an ODS code is 2 to 12 letters and digits"),
    "a port twice": (["2575=RJZ", "2575=RJ1"], "one port is given twice"),
    "another machine's address": (["192.0.2.1:2575=RJZ"], "cannot listen on 192.0.2.1:2575"),
}


@pytest.mark.parametrize(("ports", "said"), WRONG.values(), ids=WRONG)
def test_a_port_that_cannot_serve_is_refused_at_the_start(database, ports, said):
    given = [argument for port in ports for argument in ("--mllp", port)]

    started = relay("serve", "--port", 0, "--database", database, *given)

    assert started.returncode == 1
    assert said in started.stderr
    assert "Traceback" not in started.stderr


def test_a_port_in_use_is_refused_at_the_start(database):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        started = relay("serve", "--port", 0, "--database", database, "--mllp", f"{port}=RJZ")

    assert started.returncode == 1
    assert f"port {port} of 127.0.0.1 is in use; choose another with --mllp" in started.stderr
