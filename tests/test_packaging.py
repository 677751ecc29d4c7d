"""What is built, locked and run around the code: wheel, lock files, Makefile, CI."""

import os
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.checkout import PROJECT, ROOT, pip_steps, recipe, run, script

LOCKS = ["requirements.lock", "requirements-dev.lock"]
PROBES = {  # file put into a copy of the checkout: its place in the wheel
    "profiles/probe/probe.json": "service/_data/profiles/probe/probe.json",
    "mappings/probe/probe.yaml": "service/_data/mappings/probe/probe.yaml",
    "service/probe/templates/probe.html": "service/probe/templates/probe.html",
    "service/probe/static/probe.css": "service/probe/static/probe.css",
    "service/probe/build/probe.sql": "service/probe/build/probe.sql",
}


# --- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Iterator[zipfile.ZipFile]:
    """The wheel of a copy of this checkout with the probes in it, built without a network."""
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    for name in ["pyproject.toml", "README.md", ".gitignore"]:
        shutil.copy(ROOT / name, copy)
    for name in ["service", "profiles", "mappings"]:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for probe in PROBES:
        (copy / probe).parent.mkdir(parents=True, exist_ok=True)
        (copy / probe).write_text("probe")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    built = run(*command, cwd=copy)
    assert built.returncode == 0, built.stdout + built.stderr
    [path] = out.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def shipped(folder: str) -> set[str]:
    """Every file that git has or would add below a folder of this checkout."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder)
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}


@pytest.mark.parametrize(("source", "place"), PROBES.items())
def test_wheel_takes_data_templates_and_static_files(wheel, source, place):
    assert place in wheel.namelist(), source


def test_wheel_has_every_file_of_the_package_and_of_the_data_folders(wheel):
    wanted = shipped("service") | {
        f"service/_data/{name}" for folder in ["profiles", "mappings"] for name in shipped(folder)
    }

    assert "service/__main__.py" in wanted
    assert wanted - set(wheel.namelist()) == set()


def test_wheel_has_nothing_outside_the_package(wheel):
    assert {name.split("/")[0].split("-")[0] for name in wheel.namelist()} == {
        "service",
        "discharge_relay",
    }


def test_wheel_installs_the_command(wheel):
    [name] = [n for n in wheel.namelist() if n.endswith("/entry_points.txt")]

    assert "discharge-relay = service.cli:main" in wheel.read(name).decode()


@pytest.mark.parametrize("folder", ["profiles", "mappings"])
def test_installed_wheel_finds_its_data_folders(wheel, tmp_path, folder):
    wheel.extractall(tmp_path)
    code = f"from service.bundled import bundled_folder as b; print(b({folder!r}))"

    found = run(sys.executable, "-c", code, cwd=tmp_path)

    assert found.stdout.strip() == str(tmp_path / "service" / "_data" / folder), found.stderr
    assert (Path(found.stdout.strip()) / "probe").is_dir()


# --- the lock files


def locked(lock: str) -> dict[str, list[str]]:
    """Of each requirement of a lock file: name==version (and marker), then its options."""
    lines = [li for li in (ROOT / lock).read_text().splitlines() if not li.lstrip().startswith("#")]
    blocks = re.sub(r" *\\\n +", "\t", "\n".join(lines)).splitlines()
    return {canonicalize_name(Requirement(b.split("\t")[0]).name): b.split("\t") for b in blocks}


def version(requirement: str) -> str:
    return next(iter(Requirement(requirement).specifier)).version


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_requirement_has_one_version_and_hashes(lock):
    for requirement, *options in locked(lock).values():
        assert re.match(r"[a-z0-9.-]+==[^*,]+$", requirement.split(" ;")[0]), requirement
        assert options, f"{requirement} has no hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", o) for o in options), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_files_name_no_address_and_no_path(lock):
    text = (ROOT / lock).read_text()

    assert not re.search(r"://|@ |(?<=\s)/", text)
    options = {w.split("=")[0] for w in re.sub(r"#.*", "", text).split() if w.startswith("-")}
    assert options == {"--hash"}


@pytest.mark.parametrize(("lock", "group"), [(LOCKS[0], "build"), (LOCKS[1], "dev")])
def test_lock_files_are_those_of_pyproject(lock, group):
    groups = PROJECT["dependency-groups"]
    entries = [*PROJECT["project"]["dependencies"], *groups["build"], *groups[group]]
    pins = {name: version(block[0]) for name, block in locked(lock).items()}

    for wanted in [Requirement(e) for e in entries if isinstance(e, str)]:
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), wanted


def test_tests_run_on_the_versions_that_are_served():
    runtime, everything = locked(LOCKS[0]), locked(LOCKS[1])

    assert runtime.items() <= everything.items()


# --- the Makefile


@pytest.mark.parametrize(("target", "lock"), [("run", LOCKS[0]), ("test", LOCKS[1])])
def test_make_installs_the_lock_with_hashes_and_then_the_project_alone(target, lock):
    assert pip_steps(recipe(target), ".venv/bin/python") == [
        ["install", "--require-hashes", "-r", lock],
        ["install", "--no-deps", "--no-build-isolation", "-e", "."],
    ]


def test_make_run_ends_with_the_demo_and_make_test_with_pytest():
    assert recipe("run")[-1] == ".venv/bin/discharge-relay demo --serve"
    parallel = ["--numprocesses", "auto", "--dist", "loadfile"]
    assert recipe("test")[-1].split() == [".venv/bin/python", "-m", "pytest", "-q", *parallel]


def test_make_check_lints_types_and_checks_the_mappings():
    assert recipe("check")[-4:] == [
        ".venv/bin/ruff check --quiet .",
        ".venv/bin/ruff format --quiet --check .",
        ".venv/bin/mypy --strict service",
        ".venv/bin/discharge-relay check-mappings",
    ]


def test_make_without_a_target_lists_every_target():
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)

    listed = run("make").stdout.splitlines()

    assert [line.split()[1] for line in listed] == phony[1].split()


OLD_PYTHON = f"""#!/bin/sh
[ "$1" = -c ] && exec {sys.executable} -c "import sys; sys.version_info = (3, 10, 14); $2"
exit 1
"""
NO_VENV = f'#!/bin/sh\n[ "$1" = -m ] && exit 1\nexec {sys.executable} "$@"\n'


@pytest.mark.parametrize(
    ("python", "missing"),
    [(OLD_PYTHON, "Python 3.11 or newer is needed"), (NO_VENV, "apt install python3-venv")],
    ids=["no-python", "no-venv"],
)
def test_make_says_in_one_line_what_a_machine_lacks(tmp_path, python, missing):
    (tmp_path / "tools").mkdir()
    for name in ["Makefile", "pyproject.toml", "tools/speed.py", *LOCKS]:
        shutil.copy(ROOT / name, tmp_path / name)
    fake = script(tmp_path / "bin" / "python3", python)

    refused = run("make", "run", f"PYTHON={fake}", cwd=tmp_path)

    said = [line for line in refused.stderr.splitlines() if not line.startswith("make: ***")]
    assert refused.returncode != 0
    assert len(said) == 1
    assert missing in said[0]
    assert not (tmp_path / ".venv").exists()


# --- continuous integration


@pytest.mark.parametrize(
    "failing", [set(), {"check"}, {"test-peers"}, {"test"}, {"check", "test-peers", "test"}]
)
def test_ci_checks_then_tests_and_ends_with_the_summary_of_pytest(tmp_path, failing):
    ci = tmp_path / ".ci" / "run"
    script(ci, (ROOT / ".ci" / "run").read_text())
    fake_make = f"""#!/bin/sh
    for target do :; done
    echo "$target in $PWD"
    [ $target = test ] && echo "3 passed in 0.10s"
    case " {" ".join(failing)} " in *" $target "*)
        echo "make: *** [Makefile:31: $target] Error 1" >&2; exit 2;;
    esac
    """
    script(tmp_path / "bin" / "make", fake_make)

    ended = run(ci, cwd=Path("/"), PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    lines = [line for line in ended.stdout.splitlines() if not line.startswith("make: ***")]
    asked = [f"{target} in {tmp_path}" for target in ("check", "test-peers", "test")]
    assert lines == [*asked, "3 passed in 0.10s"]
    assert ended.stdout.splitlines()[-1] == "3 passed in 0.10s"
    assert (ended.returncode != 0) is bool(failing)


def test_ci_is_executable():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_what_needs_java_says_in_one_line_what_a_machine_lacks():
    refused = run(sys.executable, "-m", "sandbox.maven", PATH="/nowhere", JAVA_HOME="")

    [said] = refused.stderr.splitlines()
    assert refused.returncode != 0
    assert "a JDK, version 17 or newer (Debian, Ubuntu: apt install openjdk-17-jdk" in said
    assert "Maven (Debian, Ubuntu: apt install maven" in said


def test_make_test_leaves_out_what_needs_java():
    patterns = PROJECT["tool"]["pytest"]["ini_options"]["testpaths"]
    collected = {path.name for pattern in patterns for path in ROOT.glob(pattern)}

    assert collected == {path.name for path in (ROOT / "tests").glob("test_*.py")}
    assert recipe("test-peers")[-1].split()[-1] == "tests/peers"
