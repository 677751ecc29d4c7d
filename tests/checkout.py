"""This checkout as a newcomer has it: its commands, its project file, its make recipes."""

import os
import shlex
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PIP = ["-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]


def run(*command: str | Path, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a fresh shell would, whether or not make runs these tests."""
    clean = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    return subprocess.run(
        command, cwd=cwd, env=clean | env, capture_output=True, text=True, check=False
    )


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def recipe(target: str) -> list[str]:
    """The commands of a target on a fresh machine."""
    shown = run("make", "--dry-run", "--always-make", "--no-print-directory", target)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout.splitlines()


def pip_steps(commands: list[str], python: str) -> list[list[str]]:
    """What each pip command does, without a container's wish to keep no cache."""
    start = [python, *PIP]
    words = [shlex.split(c) for c in commands if c.startswith(f"{python} -m pip")]
    assert all(w[: len(start)] == start for w in words), words
    return [[w for w in ws[len(start) :] if w != "--no-cache-dir"] for ws in words]
