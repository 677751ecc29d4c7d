"""`doctor`: says what is wrong with a running relay, and what to do."""

from __future__ import annotations

from typing import Any, Final

import click

from service.cli.options import database_option, mappings_option, settings
from service.cli.terminal import show_table

_CODES: Final = {"ok": 0, "warning": 1, "error": 2}


@click.command(short_help="Say what is wrong, and what to do.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@database_option
@mappings_option
def doctor(as_json: bool, **chosen: Any) -> None:
    """Look at database, disk, mappings, clients, channels, acknowledgements and clock.

    Changes nothing. Exit code: 0 all is well, 1 warnings, 2 errors.
    """
    from dataclasses import asdict

    from service.cli.examination import examine

    found = list(examine(settings(**chosen)))
    if as_json:
        import orjson

        click.echo(orjson.dumps([asdict(one) for one in found], option=orjson.OPT_INDENT_2))
    else:
        rows = [(one.severity, one.about, one.text, one.todo) for one in found]
        show_table(("", "about", "what", "what to do"), rows)
    code = max(_CODES[one.severity] for one in found)
    if code:
        raise SystemExit(code)
