"""What the commands share: tables for people and for programs, and errors in one sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

_CONTROLS = dict.fromkeys((*range(32), 127, *range(128, 160)), " ")


def printable(text: str) -> str:
    """Return the text without what would steer a terminal; it may come from a message."""
    return text.translate(_CONTROLS)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """Print rows to stdout: a drawn table in a terminal, tab-separated lines anywhere else."""
    if sys.stdout.isatty():
        _draw(columns, rows, title)
        return
    for row in (columns, *rows):
        click.echo("\t".join(printable(cell) for cell in row))


def _draw(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich.console import Console

    Console().print(drawn_table(columns, rows, title=title))


def drawn_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> Table:
    """Return a table for a rich console; nothing in a cell is taken for markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, title=title or None, title_justify="left")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


@contextmanager
def said_plainly() -> Iterator[None]:
    """Turn the errors that a person can mend into `Error: …` and exit code 1."""
    from service.errors import ServiceError
    from service.settings import BadSetting

    try:
        yield
    except ServiceError as error:
        raise click.ClickException("\n".join(issue.text for issue in error.issues)) from error
    except BadSetting as error:
        raise click.ClickException(str(error)) from error
    except Exception as error:
        faults = getattr(error, "faults", None)  # of mapping, directory and routing files
        if not faults:
            raise
        raise click.ClickException("\n".join(map(str, faults))) from error
