"""The bodies of requests and answers, by name."""

from __future__ import annotations

from typing import Any, Final

from service.security.token import LIFETIME

Object = dict[str, Any]
_TEXT: Final[Object] = {"type": "string"}


def schemas() -> Object:
    """Return the bodies. FHIR's own rules are not repeated here."""
    return {
        "Resource": _resource(),
        "Bundle": _resource("Bundle", entry={"type": "array", "items": {"type": "object"}}),
        "Message": _resource("Bundle", type={"type": "string", "enum": ["message"]}),
        "Parameters": _resource(
            "Parameters", parameter={"type": "array", "items": {"type": "object"}}
        ),
        "Subscription": _resource("Subscription"),
        "OperationOutcome": _outcome(),
        "JsonPatch": _patch(),
        "SearchForm": {"type": "object", "additionalProperties": {"type": "string"}},
        "Text": _TEXT,
        "Object": {"type": "object"},
        "TokenRequest": _token_request(),
        "TokenRefused": {
            "type": "object",
            "required": ["error"],
            "properties": {"error": _TEXT, "error_description": _TEXT},
        },
        "Token": {
            "type": "object",
            "required": ["access_token", "token_type", "expires_in", "scope"],
            "properties": {
                "access_token": _TEXT,
                "token_type": {"type": "string", "enum": ["bearer"]},
                "expires_in": {"type": "integer", "maximum": LIFETIME},
                "scope": {"type": "string", "description": "What was granted."},
            },
        },
    }


def _resource(kind: str = "", **elements: Object) -> Object:
    named = {"type": "string", "enum": [kind]} if kind else {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": named, **elements},
        "externalDocs": {"url": f"https://hl7.org/fhir/R4/{(kind or 'resourcelist').lower()}.html"},
    }


def _outcome() -> Object:
    issue = {
        "type": "object",
        "required": ["severity", "code"],
        "properties": {
            "severity": {"type": "string", "enum": ["fatal", "error", "warning", "information"]},
            "code": _TEXT,
            "diagnostics": _TEXT,
            "expression": {"type": "array", "items": _TEXT},
        },
    }
    every = {"type": "array", "minItems": 1, "items": issue}
    made = _resource("OperationOutcome", issue=every)
    return made | {"required": ["resourceType", "issue"]}


def _patch() -> Object:
    verbs = ["add", "remove", "replace", "move", "copy", "test"]
    step = {
        "type": "object",
        "required": ["op", "path"],
        "properties": {"op": {"type": "string", "enum": verbs}, "path": _TEXT, "value": {}},
    }
    return {
        "type": "array",
        "items": step,
        "externalDocs": {"url": "https://www.rfc-editor.org/rfc/rfc6902"},
    }


def _token_request() -> Object:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return {
        "type": "object",
        "required": ["grant_type", "scope", "client_assertion_type", "client_assertion"],
        "properties": {
            "grant_type": {"type": "string", "enum": ["client_credentials"]},
            "scope": {"type": "string", "example": "system/Communication.rs system/Task.ru"},
            "client_assertion_type": {"type": "string", "enum": [kind]},
            "client_assertion": {"type": "string", "description": "A JWT signed by the client."},
        },
    }
