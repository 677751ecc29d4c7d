"""Settings: what an operator chooses, read once from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from service.bundled import bundled_folder

PREFIX = "DISCHARGE_RELAY_"
_YES_OR_NO = {"yes": True, "true": True, "no": False, "false": False}


Days = int  # 0: for ever


class BadSetting(ValueError):
    """A setting of the environment cannot be used; the text names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """One running service. Every field can be set by DISCHARGE_RELAY_<FIELD>."""

    database: str = "sqlite:///discharge-relay.db"  # or postgresql://…
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1  # processes
    threads: int = 32  # a process; long polls take one each while they wait, half of them at most
    mappings: Path = field(default_factory=partial(bundled_folder, "mappings"))
    public_url: str = ""  # the address clients use, where a proxy changes it
    max_body: int = 20 * 1024 * 1024  # bytes of one request, after decompression
    takes_trials: bool = False  # whether messages marked training or debugging (MSH-11) are taken
    chases: bool = True  # whether `serve` reminds who does not answer, in a process beside it
    metrics: str = ""  # [HOST:]PORT for Prometheus; "": none
    log_level: str = "INFO"
    log_requests: bool = False  # every request, not those alone on which the service fails
    telemetry: bool = False  # OpenTelemetry: a span a request; where to, by OTEL_… variables
    mllp: str = ""  # ports to listen on, [HOST:]PORT=ODS each, separated by blanks; "": none
    mllp_cert: str = ""  # PEM file with the certificate chain; "": no TLS
    mllp_key: str = ""  # PEM file with its private key
    mllp_client_ca: str = ""  # PEM file of who signs clients' certificates; "": none is asked for
    mllp_connections: int = 64  # of a port
    mllp_idle: int = 86_400  # seconds without a message after which a connection is closed
    caseload_days: int = 14  # what is told again to who puts a patient on a caseload; 92 at most
    inbox: str = ""  # folder with a folder for each sender; "": none
    inbox_settle: int = 5  # seconds that a dropped file must not have changed for
    push: bool = True  # whether subscriptions are sent to here; else by `deliver` alone
    push_inside: str = ""  # hosts of subscriptions that may be private; http on loopback ones
    push_hosts: str = ""  # if any are named, endpoints are on these alone, separated by blanks
    push_ca: str = ""  # PEM file with authorities for endpoints beside the system's
    keep_messages: Days = 0  # until retention removes the bytes of a message; 0: never
    keep_resources: Days = 0  # until it removes resources and events of feeds
    keep_audit: Days = 0
    mesh: str = ""  # file that describes the MESH mailbox; "": none

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the environment. Raises BadSetting that names the variable at fault."""
        given: dict[str, object] = {}
        for name, known in cls.__dataclass_fields__.items():
            text = environment.get(PREFIX + name.upper())
            if text is not None:
                given[name] = _typed(PREFIX + name.upper(), text, str(known.type))
        return cls(**given)  # type: ignore[arg-type]  # each was converted to its field's type


def _typed(variable: str, text: str, type_name: str) -> object:
    if type_name == "Path":
        return Path(text)
    if type_name == "bool":
        if text.lower() not in _YES_OR_NO:
            raise BadSetting(f"{variable} must be yes or no")
        return _YES_OR_NO[text.lower()]
    if type_name not in ("int", "Days"):
        return text
    try:
        number = int(text)
    except ValueError:
        raise BadSetting(f"{variable} must be a whole number") from None
    if number <= 0 and (type_name, number) != ("Days", 0):
        raise BadSetting(f"{variable} must be greater than 0")
    return number
