"""An access token by SMART Backend Services: the client signs with its own private key."""

import json
import time
import uuid
from pathlib import Path

import requests
from joserfc import jwt
from joserfc.jwk import ECKey

SIGNED = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def access_token(base: str, client_id: str, key_file: str, scope: str) -> str:
    """Return a token for five minutes; ask for another one before it ends."""
    found = requests.get(f"{base}/.well-known/smart-configuration", timeout=30)
    token_url = found.json()["token_endpoint"]
    key = ECKey.import_key(json.loads(Path(key_file).read_text()))
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": token_url,
        "exp": int(time.time()) + 240,
        "jti": str(uuid.uuid4()),  # each assertion is good for one token
    }
    header = {"alg": "ES384", "kid": key.kid, "typ": "JWT"}
    asked = {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_assertion_type": SIGNED,
        "client_assertion": jwt.encode(header, claims, key, algorithms=["ES384"]),
    }
    answer = requests.post(token_url, data=asked, timeout=30)
    answer.raise_for_status()
    return str(answer.json()["access_token"])
