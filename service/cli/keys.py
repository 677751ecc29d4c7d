"""A client's keys: read from what its developer sends, checked, or made for trying out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import click

_SHORTEST_RSA: Final = 2048  # bits
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
_OWNER_ONLY: Final = 0o600  # file mode


def read_public_keys(path: Path) -> dict[str, Any]:
    """Return the JWK Set in a file: a JWK Set, one JWK, or a public key as PEM.

    Raises ClickException with the first thing that makes a key unusable.
    """
    text = path.read_text(errors="replace").strip()
    key_set = _from_pem(text) if text.startswith("-----BEGIN") else _from_json(text)
    for key in key_set["keys"]:
        _check(key)
    names = [key["kid"] for key in key_set["keys"]]
    if len(set(names)) < len(names):
        raise click.ClickException("every key needs a kid of its own: an assertion names it")
    return key_set


def generate_key(path: Path) -> dict[str, Any]:
    """Write a new private key to `path`, readable by its owner only; return its public JWK Set.

    PEM (PKCS 8) if the file's name ends in .pem, else a JWK. Raises ClickException rather than
    overwrite a file.
    """
    from joserfc.jwk import ECKey

    key = ECKey.generate_key("P-384", {"use": "sig", "alg": "ES384"}, auto_kid=True)
    private = (
        key.as_pem(private=True) if path.suffix == ".pem" else _as_json(key.as_dict(private=True))
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        raise click.ClickException(f"{path} is there already; choose a new file") from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
    return {"keys": [key.as_dict(private=False)]}


def _as_json(key: dict[str, Any]) -> bytes:
    return (json.dumps(key, indent=2) + "\n").encode()


def _from_pem(text: str) -> dict[str, Any]:
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    if "PRIVATE" in text.splitlines()[0]:
        raise click.ClickException(_KEEP_IT)
    for key_type in (ECKey, RSAKey):
        try:
            key = key_type.import_key(text)
        except (JoseError, ValueError, TypeError):
            continue
        key.ensure_kid()
        return {"keys": [key.as_dict(private=False)]}
    raise click.ClickException("the PEM file holds no RSA or EC public key")


def _from_json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise click.ClickException("the file is neither a JWK Set (JSON) nor a PEM key") from None
    if isinstance(found, dict) and "kty" in found:
        found = {"keys": [found]}
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(k, dict) for k in keys):
        raise click.ClickException('a JWK Set looks like {"keys": [{"kty": …, "kid": …}]}')
    return {"keys": keys}


_KEEP_IT: Final = (
    "this is a private key: it must stay with the client. Register its public half "
    "(openssl pkey -in KEY -pubout)"
)


def _check(key: dict[str, Any]) -> None:
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    if _PRIVATE & key.keys():
        raise click.ClickException(_KEEP_IT)
    if not isinstance(key.get("kid"), str) or not key["kid"]:
        raise click.ClickException("a key has no kid: an assertion names its key by it")
    try:
        [read] = KeySet.import_key_set({"keys": [key]}).keys
    except (JoseError, ValueError, KeyError, TypeError):
        raise click.ClickException(f"key {key['kid']} cannot be read as a JWK") from None
    _check_strength(key["kid"], read)


def _check_strength(kid: str, key: Any) -> None:
    if key.key_type == "EC" and key.curve_name == "P-384":
        return
    if key.key_type == "RSA" and key.raw_value.key_size >= _SHORTEST_RSA:
        return
    raise click.ClickException(
        f"key {kid} must be an EC key on P-384 (ES384) or an RSA key of at least "
        f"{_SHORTEST_RSA} bits (RS384, RS512)"
    )
