"""The layout of docs/architecture.md, held: imports go one way, files and functions stay small."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SERVICE = ROOT / "service"
LONGEST_FILE = 300  # lines

# Who may import whom, beside itself. `errors`, `yamlfile` are single modules of the root.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "yamlfile": {"errors"},
    "log": set(),
    "bundled": set(),
    "settings": {"bundled"},
    "model": {"errors"},
    "formats": {"model", "errors"},
    "mapping": {"model", "formats", "errors", "yamlfile"},
    "fhir": {"model", "errors", "bundled"},
    "store": {"model", "errors"},
    "retaining": {"model", "store", "errors", "log"},
    "mailbox": {"errors"},
    "delivery": {
        *("model", "formats", "mapping", "store", "fhir", "mailbox", "security"),
        *("errors", "yamlfile", "log"),
    },
    "mesh": {
        *("model", "formats", "store", "fhir", "delivery", "mailbox"),
        *("errors", "yamlfile", "log"),
    },
    "security": {"model", "store", "errors"},
    "caseload": {"model", "store", "fhir", "delivery", "errors"},
    "operating": {"model", "store", "delivery", "errors"},
    "evaluation": {"model", "store", "fhir", "delivery", "errors", "bundled"},
    "trials": {"model", "errors"},
    "conversion": {"model", "formats", "mapping", "fhir", "delivery", "trials", "errors"},
    "explaining": {
        *("model", "formats", "mapping", "fhir", "store", "delivery"),
        *("conversion", "errors"),
    },
    "itk": {"model", "formats", "fhir", "store", "errors"},
    "answers": {"model", "formats", "fhir", "store", "delivery", "errors", "itk"},
    "pipeline": {
        *("model", "formats", "mapping", "fhir", "store", "delivery"),
        *("answers", "trials", "errors", "log", "itk", "rows"),
    },
    "rows": {"formats", "fhir", "store", "errors"},
    "recognition": {"model", "formats", "mapping", "fhir", "store", "delivery", "errors"},
    "mllp": {"model", "formats", "store", "security", "errors", "log"},
    "inbox": {"model", "fhir", "store", "errors", "log"},
    "api": {
        *("model", "formats", "mapping", "fhir", "store", "delivery", "security"),
        *("pipeline", "recognition", "answers", "errors", "settings", "log", "itk"),
        *("conversion", "explaining", "caseload", "evaluation", "operating", "bundled"),
    },
}
COMPOSITION = {"app", "relay", "cli", "demo", "__main__", "__init__"}  # may import everything


def modules() -> Iterator[tuple[str, Path]]:
    """Yield every module with the part it belongs to: its folder, or its own name at the root."""
    for path in sorted(SERVICE.rglob("*.py")):
        inner = path.relative_to(SERVICE)
        part = inner.parts[0] if len(inner.parts) > 1 else inner.stem
        yield ("cli" if part.startswith("cli") else part), path


def imported_parts(path: Path) -> set[str]:
    """Return the parts of `service` that a module imports, at its top or inside functions."""
    parts: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "service":
                names = [f"service.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        parts |= {name.split(".")[1] for name in names if name.startswith("service.")}
    return parts


def test_every_module_belongs_to_a_part_of_the_table() -> None:
    assert {part for part, _ in modules()} <= MAY_IMPORT.keys() | COMPOSITION


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_imports_go_one_way(part: str) -> None:
    allowed = MAY_IMPORT[part] | {part, "__version__"}

    strangers = {
        f"{path.relative_to(ROOT)} imports {name}"
        for owner, path in modules()
        if owner == part
        for name in imported_parts(path) - allowed
    }

    assert not strangers


def test_every_file_is_short_enough_to_read() -> None:
    files = [
        *SERVICE.rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
        *(ROOT / "bench").rglob("*.py"),
        *(ROOT / "sandbox").rglob("*.py"),
    ]

    long = {
        str(f.relative_to(ROOT)): n
        for f in files
        if (n := len(f.read_text().splitlines())) > LONGEST_FILE
    }

    assert not long


def test_every_module_says_what_lives_there() -> None:
    silent = [
        str(path) for _, path in modules() if not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert not silent


def test_functions_are_short() -> None:
    lengths = sorted(
        node.end_lineno - node.lineno + 1
        for _, path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    )

    assert statistics.median(lengths) <= 8
    assert lengths[int(len(lengths) * 0.9)] <= 30


def test_every_test_that_the_hazard_log_names_is_there() -> None:
    named = re.findall(r"`(tests/[^`]+)`", (ROOT / "docs" / "hazard-log.md").read_text())

    missing = [pattern for pattern in named if not list(ROOT.glob(pattern))]

    assert named
    assert not missing
