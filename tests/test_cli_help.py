"""What the command line says of itself, and how it speaks of what went wrong."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from service import __version__
from service.cli import main
from tests.cli_runner import relay


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


EVERY = sorted(commands(main))


def test_the_help_lists_every_command_in_the_order_of_a_newcomer():
    shown = relay("--help")

    listed = shown.stdout.partition("Commands:")[2].split("\n\n")[0].splitlines()
    names = [line.split()[0] for line in listed if line.strip()]
    assert names == [
        *("demo", "serve", "migrate", "client", "convert", "check-mappings", "route"),
        *("send", "caseload", "explain", "dead-letters", "replay", "skip", "release"),
        *("deliver", "channels", "chase", "status", "late", "report", "doctor"),
        *("retain", "hold", "backup", "restore"),
    ]
    assert "..." not in shown.stdout.replace("[ARGS]...", "")


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_every_command_explains_itself(command):
    shown = relay(*command, "--help")

    assert (shown.returncode, shown.stderr) == (0, "")
    first, _, rest = shown.stdout.partition("\n\n")
    assert first.startswith(f"Usage: python -m service {' '.join(command)}")
    sentence = rest.strip().splitlines()[0]
    assert sentence[0].isupper()


def options(command: tuple[str, ...]) -> list[click.Option]:
    found: click.Command = main
    for name in command:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    return [p for p in found.params if isinstance(p, click.Option)]


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_every_option_has_a_help_text_of_its_own(command):
    silent = [option.name for option in options(command) if not option.help]

    assert silent == []


def test_python_m_service_is_the_same_command():
    assert relay("--version").stdout == f"discharge-relay, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("surve",), "No such command 'surve'"),
        (("serve", "--worker", "2"), "No such option '--worker'"),
        (("serve", "--workers", "0"), "0 is not in the range x>=1"),
        (("serve", "--port", "99999"), "99999 is not in the range"),
        (("serve", "--database", "relay.db"), "it begins with sqlite:/// or postgresql://"),
        (("replay",), "name the messages to replay, or say --all"),
        (("replay", "--all", "x"), "name the messages to replay, or say --all"),
        (("skip", "x"), "Missing option '--reason'"),
    ],
)
def test_a_wrong_use_is_named_with_the_way_to_help(arguments, said, tmp_path):
    refused = relay(*arguments, cwd=tmp_path)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert said in refused.stderr
    assert "--help' for help" in refused.stderr


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("max_body", "huge", "DISCHARGE_RELAY_MAX_BODY must be a whole number"),
        ("port", "http", "'http' is not a valid integer"),
        ("mappings", "/nowhere", "'/nowhere' does not exist"),
    ],
)
def test_a_wrong_setting_of_the_environment_is_named(setting, value, said, tmp_path):
    refused = relay("serve", cwd=tmp_path, **{setting: value})

    assert refused.returncode in {1, 2}
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_database_that_does_not_answer_is_said_without_its_password():
    refused = relay("client", "list", database="postgresql://relay:secret@127.0.0.1:1/relay")

    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: ")
    assert "secret" not in refused.stderr
    assert "Traceback" not in refused.stderr
