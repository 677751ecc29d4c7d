"""`discharge-relay`: every command, and how its errors read."""

from __future__ import annotations

import click

from service import __version__
from service.cli.backup import backup, restore
from service.cli.caseload import caseload
from service.cli.chase import chase
from service.cli.clients import client
from service.cli.convert import convert
from service.cli.deliver import channels, deliver
from service.cli.demo import demo
from service.cli.doctor import doctor
from service.cli.explain import explain
from service.cli.hold import hold
from service.cli.letters import dead_letters, release, replay, skip
from service.cli.mappings import check_mappings
from service.cli.report import report
from service.cli.retain import retain
from service.cli.route import route
from service.cli.send import send
from service.cli.serve import migrate, serve
from service.cli.status import late, status
from service.cli.terminal import said_plainly


class Commands(click.Group):
    """Lists commands as a newcomer meets them, and turns known errors into one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        with said_plainly():
            return super().invoke(ctx)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every setting can also come from the environment; each command's help names it.",
)
@click.version_option(__version__, prog_name="discharge-relay")
def main() -> None:
    """Takes a trust's discharge or referral, and makes sure that the next team knows.

    See it work: discharge-relay demo.
    """


for command in (
    *(demo, serve, migrate, client),
    *(convert, check_mappings, route, send),
    caseload,
    *(explain, dead_letters, replay, skip, release),
    *(deliver, channels, chase, status, late, report, doctor),
    *(retain, hold, backup, restore),
):
    main.add_command(command)
