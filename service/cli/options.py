"""Options that several commands take, and the settings that they make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from service.bundled import bundled_folder
from service.cli.schema import known_kind
from service.settings import PREFIX, Settings

database_option = click.option(
    "--database",
    default=Settings().database,
    envvar=PREFIX + "DATABASE",
    show_default=True,
    show_envvar=True,
    metavar="URL",
    callback=known_kind,
    help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
)

mappings_option = click.option(
    "--mappings",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=bundled_folder("mappings"),
    envvar=PREFIX + "MAPPINGS",
    show_envvar=True,
    metavar="FOLDER",
    help="Mapping files, directory and routing rules.  [default: those that come with the relay]",
)


def settings(**chosen: Any) -> Settings:
    """Return the environment's settings with what the command line chose in their place."""
    as_text = {PREFIX + name.upper(): str(value) for name, value in chosen.items()}
    return Settings.from_environment({**os.environ, **as_text})
