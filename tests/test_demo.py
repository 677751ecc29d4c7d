"""The demo: the main job over real HTTP, and lines to try that work as they are printed."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from service.demo import SENDINGS
from service.settings import bundled_folder
from tests.checkout import ROOT
from tests.cli_runner import RELAY, environment

COMMUNICATION = re.compile(r"│ resource +│ (Communication/[0-9a-f-]{36})")
SERVICE_REQUEST = re.compile(r"│ resource +│ (ServiceRequest/[0-9a-f-]{36})")
FOLDER = re.compile(r"DISCHARGE_RELAY_DATABASE=sqlite:///(\S+)/demo\.db")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def demo(*options: object, folder: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run the demo as from a terminal: in a process group of its own.

    `folder` is where temporary files go.
    """
    process = subprocess.Popen(
        [*RELAY, "demo", *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment() | ({"TMPDIR": str(folder)} if folder else {}),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            for one in [*psutil.Process(process.pid).children(recursive=True), process]:
                one.kill()
        process.communicate()


def until_served(process: subprocess.Popen[str]) -> str:
    """What the demo prints before it goes on serving."""
    assert process.stdout is not None
    shown = ""
    for line in process.stdout:
        shown += line
        if line.startswith("Ctrl-C"):
            return shown
    assert process.stderr is not None
    raise AssertionError(shown + process.stderr.read())


@pytest.fixture(scope="module", autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """A shell lets what it runs in the background ignore Ctrl-C, and its children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The demo without --serve, run once, and that it leaves no file."""
    folder = tmp_path_factory.mktemp("demo")
    with demo("--port", free_port(), folder=folder) as process:
        out, err = process.communicate(timeout=100)
    assert list(folder.iterdir()) == []
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_the_demo_ends_well(story):
    assert (story.returncode, story.stderr) == (0, "")
    assert "Traceback" not in story.stdout


def test_the_demo_shows_what_each_trust_sent_as_the_hospice_got_it(story):
    assert len(COMMUNICATION.findall(story.stdout)) == len(SENDINGS) == 3
    assert len(SERVICE_REQUEST.findall(story.stdout)) >= 2
    for words in (
        "POST /hl7v2 answers 200, MSA|AA|",
        "POST /fhir answers 200, Bundle (transaction-response)",
        "NHS number 9990001006",
        "from       │ Guy's and St Thomas' NHS Foundation Trust (RJ1)",
        "asks for   │",
        "to         │ Hospice at Home (8HX03)",
    ):
        assert words in story.stdout


def test_the_demo_polls_by_next_until_nothing_is_new(story):
    polls = re.findall(r"GET /fhir/Communication\?(\S+) gives (\d)", story.stdout)

    assert [int(count) for _, count in polls] == [2, 1, 0]
    assert all(query.startswith("_cursor=") for query, _ in polls[1:])


def test_the_senders_see_what_was_acknowledged(story):
    seen = story.stdout.partition("sees what became of it")[2]

    hospice_rows = [line for line in seen.splitlines() if "Hospice at Home (8HX03)" in line]
    assert len(hospice_rows) == 3
    assert sorted(row.split("│")[5].strip() for row in hospice_rows) == [
        *("accepted", "accepted", "received")
    ]
    assert not any("not yet" in row for row in hospice_rows)
    assert "requested" in seen


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A demo that goes on serving, and what it has printed."""
    with demo("--serve", "--port", free_port()) as process:
        yield process, until_served(process)


def lines_to_try(shown: str) -> tuple[str, list[str]]:
    """The line that comes first, and the curl lines."""
    lines = shown.partition("To try next")[2].splitlines()
    [first] = [line for line in lines if line.startswith("export ")]
    return first, [line for line in lines if line.startswith("curl ")]


def in_shell(*lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
        check=False,
        timeout=60,
    )


def test_the_curl_lines_work_as_printed_and_again_later(served):
    _, shown = served
    first, curls = lines_to_try(shown)

    answers = [in_shell(first, line) for line in (*curls, *curls)]

    assert len(curls) >= 4
    assert all(answer.returncode == 0 for answer in answers)
    kinds = [re.search(r'"resourceType":"(\w+)"|(MSA\|AA)', answer.stdout) for answer in answers]
    assert [kind and (kind[1] or kind[2]) for kind in kinds[: len(curls)]] == [
        *("Bundle", "Bundle", "MSA|AA", "CapabilityStatement")
    ]
    assert [a.stdout[:15] for a in answers[len(curls) :]]


def test_what_the_demo_showed_came_over_the_http_that_others_use(served):
    _, shown = served
    first, [curl, *_] = lines_to_try(shown)
    base = re.search(r"http://127\.0\.0\.1:\d+", shown)[0]
    command = re.search(r"\$\((.*?)\)", curl)[1]
    token = in_shell(first, command).stdout.strip()

    shown_ids = COMMUNICATION.findall(shown) + SERVICE_REQUEST.findall(shown)
    answers = [
        requests.get(f"{base}/fhir/{i}", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        for i in shown_ids
    ]

    assert [answer.status_code for answer in answers] == [200] * len(shown_ids)
    assert requests.get(f"{base}/fhir/{shown_ids[0]}", timeout=30).status_code == 401


def test_ctrl_c_ends_server_and_demo_cleanly():
    port = free_port()
    with demo("--serve", "--port", port) as process:
        folder = Path(FOLDER.search(until_served(process))[1])
        server = psutil.Process(process.pid).children(recursive=True)
        was_there = folder.is_dir()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert was_there
    assert (process.returncode, err) == (0, "")
    assert out.strip() == "Stopped."
    assert not folder.exists()
    assert [one for one in server if one.is_running()] == []
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_ctrl_c_in_the_middle_of_the_story_leaves_nothing_running():
    with demo("--port", free_port()) as process:
        assert process.stdout is not None
        process.stdout.readline()
        server = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        time.sleep(0.1)

    assert process.returncode != 0
    assert server
    assert [one for one in server if one.is_running()] == []


def test_a_port_in_use_is_left_alone_and_another_one_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with demo("--serve", "--port", port) as process:
            shown = until_served(process)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)

    chosen = re.search(rf"Port {port} is in use, so the relay takes (\d+)\.", shown)[1]
    assert f"http://127.0.0.1:{chosen}/fhir" in shown
    assert process.returncode == 0


def test_every_message_of_the_demo_comes_with_the_relay():
    assert all((bundled_folder("mappings") / one.example).is_file() for one in SENDINGS)
