"""`make sandbox` shows what trusts send as a hospice finds it on its own server."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from sandbox.maven import Java
from tests.checkout import ROOT

pytest_plugins = ["tests.peers.java_fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]


def test_the_sandbox_shows_samples_and_a_retraction_as_hapi_has_them(java: Java) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "sandbox", "--once"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert shown.returncode == 0, shown.stderr
    before, after = shown.stdout.split("the discharge is cancelled")
    assert states(before) == ["in-progress"] * 3
    assert sorted(states(after)) == ["in-progress"] * 3 + ["stopped"]
    assert "Discharge cancelled" in after


def states(text: str) -> list[str]:
    return re.findall(r"^  Communication/\S+ +(\S+)", text, re.MULTILINE)
