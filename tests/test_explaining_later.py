"""A message explained later: its mapping has changed or is gone; by command, refused ones too."""

from __future__ import annotations

from pathlib import Path

from service.app import Relay, assemble, compose
from service.bundled import bundled_folder
from service.formats import FORMATS
from service.mapping import Mappings
from service.settings import Settings
from tests.cli_runner import relay as command
from tests.hl7v2_letters import NHS_NUMBER, a03
from tests.relay_client import Team
from tests.test_explaining import explain, message_of

pytest_plugins = ["tests.relay_fixtures"]


def test_an_explanation_says_that_the_mapping_has_changed_since(
    relay: Relay, trust: Team, hospice: Team, tmp_path: Path
):
    trust.post("/hl7v2", a03())
    message_id = message_of(hospice)
    later = _changed(relay, tmp_path, 'version: "', 'version: "9')

    told = explain(Team.of(later, "RJZ"), message_id)

    was = told["read_with"]
    assert not was["same_version"]
    assert was["explained_with"]["version"] == f"9{was['version']}"
    assert "is not in force any more" in was["note"]


def test_an_explanation_says_that_the_mapping_is_gone(
    relay: Relay, trust: Team, hospice: Team, tmp_path: Path
):
    trust.post("/hl7v2", a03())
    message_id = message_of(hospice)
    later = _changed(relay, tmp_path, "mapping: rjz-adt", "mapping: rjz-adt")
    (later.mappings.folder / "rjz-adt.yaml").unlink()
    later.mappings.reload()

    told = explain(Team.of(later, "RJZ"), message_id)

    assert told["read_with"]["mapping"] == "rjz-adt"
    assert told["read_with"]["explained_with"]["mapping"].startswith("base/hl7v2-adt")
    assert not told["read_with"]["same_version"]


def _changed(relay: Relay, folder: Path, before: str, after: str) -> Relay:
    """The same relay with one mapping file changed."""
    for path in bundled_folder("mappings").rglob("*"):
        target = folder / path.relative_to(bundled_folder("mappings"))
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif path.suffix != ".json" or "schema" not in path.name:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    file = folder / "rjz-adt.yaml"
    file.write_text(file.read_text().replace(before, after, 1))
    mappings = Mappings.load(folder, formats=FORMATS)
    return assemble(relay.settings, relay.store, mappings, relay.routing)


def test_the_command_explains_what_is_stored_and_what_was_refused(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'relay.db'}"
    command("migrate", database=url)
    relay = compose(Settings(database=url))
    with relay.store:
        trust = Team.of(relay, "RJZ")
        trust.post("/hl7v2", a03())
        trust.post("/hl7v2", a03(control_id="K2").replace(b"PID|", b"ZID|"))
        message_id = message_of(Team.of(relay, "8HX03"))
        letters = [letter.id for letter in relay.store.dead_letters.list()]

    shown = command("explain", f"urn:uuid:{message_id}", database=url)
    as_json = command("explain", message_id, "--json", database=url)

    assert shown.returncode == 0, shown.stderr
    assert f"{message_id} is committed" in shown.stdout
    assert "told G99901: it is the patient's GP practice" in shown.stdout
    assert f"patient.nhs_number\t{NHS_NUMBER}\t{NHS_NUMBER}\tPID-3" in shown.stdout
    assert '"same_version": true' in as_json.stdout
    for letter in letters:
        refused = command("explain", letter, database=url)
        assert "is refused" in refused.stdout
        assert "error: " in refused.stdout
    assert command("explain", "nothing", database=url).returncode == 1
