"""`convert`: files to FHIR on stdout, as the service would make it, with nothing stored."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import click

from service.cli.options import mappings_option
from service.cli.terminal import drawn_table, printable

if TYPE_CHECKING:
    from service.conversion import Attempt, Converter
    from service.errors import ServiceError
    from service.mapping import Mappings
    from service.model import OdsCode

STDIN: Final = Path("-")
Resource = dict[str, Any]
Attempts = Callable[[bytes], "list[Attempt]"]
Result = tuple[Path, "list[Attempt]", list[Resource]]  # of one file


@click.command(short_help="Turn messages into FHIR on stdout.")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, allow_dash=True, path_type=Path),
)
@click.option("--mapping", "mapping_id", default="", metavar="ID", help="Use this mapping.")
@click.option(
    "--sender", metavar="ODS", help="Who sends it.  [default: the mapping's, or as it claims]"
)
@click.option("--media-type", default="", help="What the files are.  [default: by their content]")
@click.option("--explain", is_flag=True, help="Show on stderr where every value came from.")
@mappings_option
def convert(
    *,
    files: tuple[Path, ...],
    mapping_id: str,
    sender: str | None,
    media_type: str,
    explain: bool,
    mappings: Path,
) -> None:
    """Turn messages into FHIR R4 on stdout; nothing is stored or sent.

    A FILE may be a folder (every file in it), or - for stdin. Each message becomes one Bundle
    (type collection) of all that the service would make of it, with what was doubtful as an
    OperationOutcome at its end. A single message is printed for reading; several are printed as
    NDJSON, one a line, in the order of the files. Bundle.meta.source names the file.

    A file that is refused becomes an OperationOutcome in its place; the exit code is 1 then.
    """
    converter = offline_converter(mappings)

    def attempts(body: bytes) -> list[Attempt]:
        return converter.attempts(
            body,
            media_type=media_type,
            mapping_id=mapping_id,
            sender=ods,
            tracing=explain,
        )

    ods = ods_option(sender)
    paths = list(each_file(files))
    single = len(paths) == 1 and files[0] == paths[0]
    refused = 0
    for path, tried, resources in _progress(_converted(paths, converter, attempts), len(paths)):
        refused += resources[0]["resourceType"] == "OperationOutcome"
        _print(resources, pretty=single and len(resources) == 1)
        for attempt in tried if explain else ():
            _explain(path, attempt)
    _end(refused, len(paths))


def _end(refused: int, files: int) -> None:
    if files != 1:
        click.echo(f"{files - refused} of {files} files converted.", err=True)
    if refused:
        raise SystemExit(1)


def offline_converter(folder: Path) -> Converter:
    """Return what converts without a database; mappings with faults are left out, and told."""
    from datetime import UTC, datetime

    import uuid_utils

    from service.conversion import Converter
    from service.delivery.routing import Routing

    return Converter.without_store(
        mappings=_good_mappings(folder),
        routing=Routing.load(folder),
        clock=lambda: datetime.now(UTC),
        new_id=lambda: str(uuid_utils.uuid7()),
    )


def _good_mappings(folder: Path) -> Mappings:
    """Load what can be used; who is at work on one mapping still needs the others."""
    from service.formats import FORMATS
    from service.mapping import MappingFaults, Mappings

    try:
        return Mappings.load(folder, formats=FORMATS)
    except MappingFaults as found:
        mappings = Mappings.load(folder, formats=FORMATS, keep_good=True)
        for fault in found.faults:
            click.echo(str(fault), err=True)
        click.echo("Mappings with faults are left out.", err=True)
        return mappings


def ods_option(sender: str | None) -> OdsCode | None:
    """Return the code that --sender says. Raises BadParameter."""
    from service.model import OdsCode

    try:
        return OdsCode.parse(sender) if sender else None
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint="'--sender'") from None


def each_file(files: Iterable[Path]) -> Iterator[Path]:
    """Yield the files named, and those in folders by name.

    In folders, hidden files and the expected records beside examples are left out.
    """
    for path in files:
        if not path.is_dir():
            yield path
            continue
        inside = (p for p in sorted(path.rglob("*")) if p.is_file())
        yield from (p for p in inside if not _is_left_out(p.relative_to(path)))


def _is_left_out(path: Path) -> bool:
    return path.name.endswith(".expected.json") or any(p.startswith(".") for p in path.parts)


def _converted(paths: Iterable[Path], converter: Converter, attempts: Attempts) -> Iterator[Result]:
    from service.errors import ServiceError
    from service.fhir.outcome import outcome_of

    for path in paths:
        tried: list[Attempt] = []
        try:
            tried = attempts(read_file(path))
            resources = [converter.bundle(attempt) for attempt in tried]
        except ServiceError as refusal:
            resources = [outcome_of(refusal)]
        except Exception as failure:  # the other files must not suffer from a fault of ours
            resources = [outcome_of(_broken(failure))]
        yield path, tried, [_with_source(resource, path) for resource in resources]


def _broken(failure: Exception) -> ServiceError:
    """Return what a file is answered with that the relay fails on: where, without its values."""
    import traceback

    from service.errors import Issue, ServiceError

    *_, last = traceback.extract_tb(failure.__traceback__)
    place = f"{Path(last.filename).name}:{last.lineno}"
    text = f"This is a fault of the relay itself: {type(failure).__name__} at {place}."
    return ServiceError(text, [Issue(severity="fatal", code="exception", text=text)])


def read_file(path: Path) -> bytes:
    """Return a file's bytes. Raises TooLarge as the service would."""
    from service.errors import TooLarge, UnreadableMessage
    from service.settings import Settings

    most = Settings().max_body
    try:
        body = sys.stdin.buffer.read(most + 1) if path == STDIN else path.read_bytes()
    except OSError as error:
        raise UnreadableMessage(f"The file cannot be read: {error.strerror}") from error
    if len(body) > most:
        raise TooLarge
    return body


def _with_source(resource: Resource, path: Path) -> Resource:
    """Return the resource with its file as meta.source, behind its type and id."""
    if path == STDIN:
        return resource
    head: Resource = {name: resource[name] for name in ("resourceType", "id") if name in resource}
    return {**head, "meta": {"source": quote(str(path))}, **resource}


def _print(resources: Sequence[Resource], *, pretty: bool) -> None:
    import orjson

    from service.formats.fhir_r4 import as_written

    option = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if pretty else 0)
    for resource in resources:
        sys.stdout.buffer.write(orjson.dumps(resource, default=as_written, option=option))
    sys.stdout.buffer.flush()


def _explain(path: Path, attempt: Attempt) -> None:
    """Print on stderr where every value came from, what nothing reads, and who is told why."""
    from rich.console import Console

    from service.explaining import as_table

    console = Console(stderr=True)
    heading, *rows = as_table(attempt)
    if console.is_terminal:
        console.print(drawn_table(heading, rows, title=printable(str(path))))
        return
    for row in (heading, *rows):
        click.echo("\t".join(printable(cell) for cell in row), err=True)


def _progress(results: Iterator[Result], total: int) -> Iterator[Result]:
    """Hand the results on, with a bar on stderr while there are several and somebody looks."""
    if total < 2 or not sys.stderr.isatty():  # noqa: PLR2004 - a bar of one is none
        yield from results
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(
        results, "Converting", total=total, console=Console(stderr=True), transient=True
    )
