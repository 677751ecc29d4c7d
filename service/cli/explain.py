"""`explain`: why a stored message became what it did, for an operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from service.cli.options import database_option, mappings_option, settings
from service.cli.rules import rules
from service.cli.schema import existing_store
from service.cli.terminal import printable, show_table

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("Target", "Value", "Sent", "Source", "By", "Rule")
Json = dict[str, Any]


@click.command(short_help="Show why a stored message became what it did.")
@click.argument("message_id", metavar="MESSAGE-ID")
@click.option("--json", "as_json", is_flag=True, help="As GET /messages/MESSAGE-ID/$explain.")
@database_option
@mappings_option
def explain(*, message_id: str, as_json: bool, database: str, mappings: Path) -> None:
    """Read a stored message again, and show where every value came from and who was told why.

    MESSAGE-ID is what meta.source of everything made of the message says (urn:uuid:…), and the
    id of a dead letter. What is shown holds a patient's data.
    """
    from service.app import assemble, explainer

    chosen = settings(database=database, mappings=mappings)
    with existing_store(database) as store:
        kept = store.dead_letters.get(message_id.removeprefix("urn:uuid:"))
        if kept is None:
            raise click.ClickException(f"there is no message {message_id}")
        told = explainer(assemble(chosen, store, *rules(mappings))).explain(kept)
    if as_json:
        _print_json(told)
        return
    for line in _head(told):
        click.echo(printable(line))
    for message in told["messages"]:
        show_table(COLUMNS, list(_rows(message)))


def _print_json(told: Json) -> None:
    import orjson

    from service.formats.fhir_r4 import as_written

    click.echo(orjson.dumps(told, default=as_written, option=orjson.OPT_INDENT_2))


def _head(told: Json) -> Iterator[str]:
    yield f"{told['id']} is {told['state']}"
    yield f"from {told['sender']}, {told['media_type']}, {told['size']} bytes"
    yield told["read_with"]["note"]
    for each in told.get("recipients", ()):
        yield f"told {each['ods']}: {', '.join(each['because']) or 'not known why'}"
    for issue in (*told.get("issues", ()), *(i for m in told["messages"] for i in m["issues"])):
        place = " ".join(issue[name] for name in ("source", "target") if name in issue)
        yield f"{issue['severity']}: {issue['text']}" + (f" ({place})" if place else "")


def _rows(message: Json) -> Iterator[tuple[str, ...]]:
    for field in message["fields"]:
        yield (
            field["target"],
            field["value"],
            ", ".join(field.get("sent", ())),
            field.get("source", ""),
            ", ".join(_by(field)),
            field["rule"],
        )
    for unread in message["unread"]:
        yield ("(not read)", "", unread["value"], unread["source"], "no rule reads it", "")


def _by(field: Json) -> Iterator[str]:
    if "when" in field:
        yield f"when {field['when']}"
    yield from field.get("converters", ())
    if "table" in field:
        yield f"table {field['table']} ({field['row']})"
