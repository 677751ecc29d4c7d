"""The HL7 validator as a process that is asked one resource after the other."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

from sandbox.maven import HERE, Java

PROFILES: Final = HERE.parent / "profiles"
UK_CORE: Final = HERE.parent.parent / "shared" / "ukcore"
_CONTENT: Final = ("structuredefinitions", "valuesets", "codesystems")
_WRONG: Final = ("error", "fatal")
# An element of R5 in R4, as topics have them: R5's own definitions are not in R4's validator.
_OF_R5: Final = "Extension_EXT_Version_Invalid"


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """What the validator has to say of one place."""

    severity: str  # fatal, error, warning, information
    place: str
    rule: str
    text: str

    @property
    def is_wrong(self) -> bool:
        """Whether the resource does not conform for it."""
        return self.severity in _WRONG and self.rule != _OF_R5

    def __str__(self) -> str:
        return f"{self.severity} at {self.place or 'the whole'}: {self.text} ({self.rule})"


class Validator:
    """Judges by base R4, by the profiles that a resource claims, and by those that are named."""

    def __init__(self, questions: IO[str], answers: IO[str], log: IO[bytes]) -> None:
        self._questions, self._answers, self._log = questions, answers, log

    def issues(self, text: str, profiles: Sequence[str] = ()) -> list[Issue]:
        """Return everything about a resource written as JSON or XML."""
        self._questions.write(json.dumps({"text": text, "profiles": list(profiles)}) + "\n")
        self._questions.flush()
        answer = self._answers.readline()
        if not answer:
            self._log.seek(0)
            raise EOFError(f"the validator ended: {self._log.read().decode()}")
        return [Issue(**found) for found in json.loads(answer)]

    def faults(self, text: str, profiles: Sequence[str] = ()) -> list[Issue]:
        """Return what makes a resource not conform."""
        return [issue for issue in self.issues(text, profiles) if issue.is_wrong]


def uk_core_definitions() -> tuple[Path, ...]:
    """Return the folders of UK Core's definitions, if they lie beside the project."""
    return tuple(UK_CORE / name for name in _CONTENT) if UK_CORE.is_dir() else ()


@contextmanager
def validating(java: Java, *definitions: Path) -> Iterator[Validator]:
    """Yield a validator that knows our profiles and those of more folders. Raises NotBuilt."""
    folders = [str(folder) for folder in (PROFILES, *definitions)]
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    command = java.command("validator", "Validator", *folders)
    command.insert(1, quiet)
    with (
        TemporaryFile() as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, encoding="utf-8"
        ) as process,
    ):
        if process.stdin and process.stdout:  # always: they are pipes
            yield Validator(process.stdin, process.stdout, log)
            process.stdin.close()
