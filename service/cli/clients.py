"""`client`: who may use the relay. Registered by an operator, proven by a signed assertion."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from service.cli.operator import record
from service.cli.options import database_option
from service.cli.schema import existing_store, make_if_fresh
from service.cli.terminal import show_table

if TYPE_CHECKING:
    from service.model import OdsCode
    from service.security import Scopes
    from service.store import RegisteredClient, Store

_CLIENT_ID: Final = re.compile(r"[!-~]{1,255}")


@click.group(short_help="Register who may use the relay.")
def client() -> None:
    """Register the systems that may use the relay, and try out their access.

    A client proves who it is with a JWT that it signs with its private key (SMART Backend
    Services, private_key_jwt); here only its public key is kept.
    """


@client.command()
@click.option("--id", "client_id", required=True, help="Its id: iss and sub of its assertions.")
@click.option(
    "--organisation",
    required=True,
    metavar="ODS",
    help="The organisation it acts for: it sends as, and sees what is addressed to, this one.",
)
@click.option("--name", required=True, help="For people, e.g. 'Hospice at Home, EPR'.")
@click.option(
    "--scope",
    required=True,
    metavar="SCOPES",
    help="The most it may ask for, e.g. 'system/*.cruds' for a trust; for a team that polls and "
    "acknowledges, 'system/*.rs system/Communication.rus system/Task.rus'.",
)
@click.option(
    "--jwks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Its public keys: a JWK Set, one JWK, or a PEM public key.",
)
@click.option("--jwks-url", metavar="URL", help="Where it publishes its JWK Set (https).")
@click.option(
    "--generate-key",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="For trying out: make a key here, and write the private half to FILE (.pem, else JWK).",
)
@click.option(
    "--certificate-name",
    metavar="NAME",
    help="For MLLP with client certificates: a DNS name or URI in its certificate, the common name "
    "where it has neither.",
)
@database_option
def add(
    *, name: str, jwks: Path | None, generate_key: Path | None, database: str, **asked: Any
) -> None:
    """Register a client.

    Give exactly one of --jwks, --jwks-url and --generate-key; or a --certificate-name, alone for a
    client that only sends by MLLP.
    """
    checked = _Checked.parse(**asked)
    keys = sum(bool(given) for given in (jwks, checked.jwks_url, generate_key))
    if keys > 1 or not (keys or checked.certificate_name):
        raise click.UsageError("give exactly one of --jwks, --jwks-url and --generate-key")
    with _writable_store(database) as store:
        if store.clients.get(checked.id):
            raise click.ClickException(f"there is a client {checked.id} already: choose another id")
        _require_own_name(store, checked.certificate_name)
        key_set = _key_set(jwks, generate_key, checked.certificate_name)
        store.clients.add(checked.registered(name, key_set))
        record(store, "client-add", checked.id, checked.organisation)
    _tell(checked, key_set, generate_key)


@client.command("list")
@database_option
def list_clients(database: str) -> None:
    """List the registered clients."""
    with existing_store(database) as store:
        found = store.clients.list()
    show_table(
        ("id", "organisation", "name", "scopes", "keys", "since", "state"),
        [_row(one) for one in found],
    )
    if not found:
        click.echo("No client is registered; discharge-relay client add registers one.", err=True)


@client.command(short_help="End a client's access.")
@click.argument("client_id")
@database_option
def disable(client_id: str, database: str) -> None:
    """Give a client no more access tokens; its last one ends within five minutes."""
    with existing_store(database) as store:
        registered = _known(store, client_id)
        store.clients.disable(registered.id)
        record(store, "client-disable", registered.id, registered.organisation)
    click.echo(f"{client_id} is disabled: it gets no more access tokens.")
    click.echo("The last token it has ends within five minutes.")


@client.command(short_help="Print an access token, to try out.")
@click.argument("client_id")
@click.option("--scope", metavar="SCOPES", help="Less than it is registered for, as it would ask.")
@database_option
def token(client_id: str, scope: str | None, database: str) -> None:
    """Print an access token of CLIENT_ID, for trying the service out; it lasts five minutes.

    curl -H "Authorization: Bearer $(discharge-relay client token CLIENT_ID)" …
    """
    from service.app import access_tokens, new_id
    from service.model import OdsCode
    from service.security import Client

    with existing_store(database) as store:
        registered = _known(store, client_id)
        if registered.disabled:
            raise click.ClickException(f"{client_id} is disabled")
        granted = _granted(registered, scope)
        acting = Client(id=client_id, organisation=OdsCode(registered.organisation), scopes=granted)
        record(store, "client-token", client_id, registered.organisation)
        click.echo(access_tokens(store).issue(acting, new_id()))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Checked:
    """What was given for a new client, parsed."""

    id: str
    organisation: OdsCode
    scopes: Scopes
    jwks_url: str
    certificate_name: str

    @classmethod
    def parse(
        cls,
        *,
        client_id: str,
        organisation: str,
        scope: str,
        jwks_url: str | None,
        certificate_name: str | None,
    ) -> _Checked:
        """Raises BadParameter that names the option at fault."""
        from service.model import OdsCode
        from service.security import parse_certificate_name

        if not _CLIENT_ID.fullmatch(client_id):
            raise _bad("--id", "1 to 255 visible characters, without spaces")
        try:
            ods = OdsCode.parse(organisation)
        except ValueError as fault:
            raise _bad("--organisation", str(fault)) from None
        try:
            name = parse_certificate_name(certificate_name) if certificate_name else ""
        except ValueError as fault:
            raise _bad("--certificate-name", str(fault)) from None
        return cls(
            id=client_id,
            organisation=ods,
            scopes=parsed_scopes(scope),
            jwks_url=_https(jwks_url) if jwks_url else "",
            certificate_name=name,
        )

    def registered(self, name: str, key_set: str) -> RegisteredClient:
        from service.store import RegisteredClient

        return RegisteredClient(
            id=self.id,
            organisation=self.organisation,
            name=name,
            scopes=str(self.scopes),
            jwks=key_set,
            jwks_url=self.jwks_url,
        )


def _bad(option: str, text: str) -> click.BadParameter:
    return click.BadParameter(text, param_hint=f"'{option}'")


def parsed_scopes(text: str) -> Scopes:
    """Return the scopes of an option --scope. Raises BadParameter."""
    from service.security import Scopes

    try:
        scopes = Scopes.parse(text)
    except ValueError as fault:
        raise _bad("--scope", str(fault)) from None
    if not scopes:
        raise _bad("--scope", "at least one scope is needed, e.g. system/Communication.rs")
    return scopes


def _https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise _bad("--jwks-url", "an https address is needed, e.g. https://epr.example/jwks.json")
    return url


def _key_set(jwks: Path | None, generated: Path | None, certificate_name: str) -> str:
    from service.cli.keys import generate_key, read_public_keys
    from service.security import with_certificate_name

    key_set: dict[str, Any] = {}
    if generated:
        key_set = generate_key(generated)
    elif jwks:
        key_set = {"keys": read_public_keys(jwks)["keys"]}  # and nothing else that is in the file
    if certificate_name:
        key_set = with_certificate_name({"keys": [], **key_set}, certificate_name)
    return json.dumps(key_set) if key_set else ""


def _require_own_name(store: Store, name: str) -> None:
    """One name is one client's: else it would not say who sends."""
    from service.security import certificate_name

    for other in store.clients.list() if name else ():
        if certificate_name(other.jwks) == name and not other.disabled:
            raise click.ClickException(f"{other.id} is registered with this certificate name")


def _writable_store(database: str) -> Store:
    """Open the database; one of SQLite that is not there yet is made."""
    make_if_fresh(database)
    return existing_store(database)


def _tell(checked: _Checked, key_set: str, generated: Path | None) -> None:
    click.echo(f"{checked.id} is registered for {checked.organisation}: {checked.scopes}")
    if generated:
        [key] = json.loads(key_set)["keys"]
        click.echo(f"Its private key is in {generated}: kid {key['kid']}, algorithm ES384.")


def _row(one: RegisteredClient) -> tuple[str, ...]:
    return (
        *(one.id, one.organisation, one.name, one.scopes),
        _known_by(one),
        one.created.isoformat()[:19] + "Z",
        "disabled" if one.disabled else "active",
    )


def _known_by(one: RegisteredClient) -> str:
    from service.security import certificate_name

    keys = [key["kid"] for key in json.loads(one.jwks or '{"keys": []}')["keys"]]
    return ", ".join(filter(None, (one.jwks_url, *keys, certificate_name(one.jwks))))


def _known(store: Store, client_id: str) -> RegisteredClient:
    registered = store.clients.get(client_id)
    if registered is None:
        raise click.ClickException(
            f"there is no client {client_id}; discharge-relay client list shows all"
        )
    return registered


def _granted(registered: RegisteredClient, scope: str | None) -> Scopes:
    """Return what a token request for `scope` would be granted."""
    from service.security import Scopes

    most = Scopes.parse(registered.scopes)
    granted = (parsed_scopes(scope) & most) if scope else most
    if not granted:
        raise click.ClickException(f"{registered.id} is registered for {most} only")
    return granted
