"""The Dockerfile, held to what `make run` does, since not every machine can build it."""

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from packaging.specifiers import SpecifierSet

from service.settings import Settings
from tests.checkout import PROJECT, ROOT, pip_steps, recipe, run


def dockerfile() -> list[tuple[str, str]]:
    """Each instruction with its arguments; continued lines are joined."""
    lines = [li for li in (ROOT / "Dockerfile").read_text().splitlines() if not li.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line]


def arguments(instruction: str) -> list[str]:
    return [rest for name, rest in dockerfile() if name == instruction]


def health_check(port: int) -> subprocess.CompletedProcess[str]:
    _, _, command = arguments("HEALTHCHECK")[0].partition("CMD ")
    python, *rest = json.loads(command.replace(":8080/", f":{port}/"))
    assert python == "python"
    return run(sys.executable, *rest, http_proxy="http://127.0.0.1:9", no_proxy="")


@pytest.fixture
def answers():
    """A loopback server that answers /health with `status`, and its port."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(self.server.status if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_):
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_container_installs_as_make_run_does():
    locked_step, project_step = pip_steps(recipe("run"), ".venv/bin/python")

    steps = pip_steps(arguments("RUN"), "/opt/relay/bin/python")

    assert steps[0] == locked_step
    assert steps[1] == ["wheel", *project_step[1:3], "--wheel-dir", "/dist", "."]
    assert steps[2:] == [["install", "--no-index", "--no-deps", "/dist/*.whl"]]


def test_container_starts_the_command_of_the_wheel_on_the_port_of_make_run():
    command, port = json.loads(arguments("CMD")[-1]), arguments("EXPOSE")[0]

    assert command[0] in PROJECT["project"]["scripts"]
    assert command == ["discharge-relay", "serve", "--host", "0.0.0.0", "--port", port]  # noqa: S104
    assert f"127.0.0.1:{port}" in run("make", "help").stdout
    assert f"127.0.0.1:{port}/health" in arguments("HEALTHCHECK")[0]


def test_container_runs_on_a_supported_python():
    bases = {base.split()[0] for base in arguments("FROM")}

    [(image, tag)] = [base.split(":") for base in bases]
    assert (image, tag.endswith("-slim")) == ("python", True)
    supported = SpecifierSet(PROJECT["project"]["requires-python"])
    assert supported.contains(tag.removesuffix("-slim"))


def test_container_runs_as_another_user_than_root_and_keeps_its_database_in_a_volume():
    names = [name for name, _ in dockerfile()]
    last_stage = dockerfile()[len(names) - 1 - names[::-1].index("FROM") :]
    final = dict(last_stage)

    assert final["USER"] == "10001"
    assert f"useradd --system --uid {final['USER']} --home-dir {final['VOLUME']} " in final["RUN"]
    assert final["VOLUME"] == final["WORKDIR"]
    environment = dict(word.split("=", 1) for word in final["ENV"].split())
    settings = Settings.from_environment(environment)
    assert settings.database == f"sqlite:///{final['VOLUME']}/discharge-relay.db"
    assert [rest for name, rest in last_stage if name == "COPY"] == [
        "--from=build /opt/relay /opt/relay"
    ]


def test_container_is_given_what_the_wheel_is_built_from_and_nothing_else():
    copied = {w for c in arguments("COPY") if "--from" not in c for w in c.split()[:-1]}
    ignore = (ROOT / ".dockerignore").read_text().splitlines()

    assert "*" in ignore
    assert {line[1:] for line in ignore if line.startswith("!")} == copied
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert copied == {"pyproject.toml", "README.md", "requirements.lock", *packages}


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (404, False), (503, False)])
def test_container_health_check_believes_the_answer_and_uses_no_proxy(answers, status, healthy):
    answers.status = status

    assert (health_check(answers.server_port).returncode == 0) is healthy
