"""`make validate`: the HL7 validator on all that the project writes, or on files that are named."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sandbox import conversation, maven, produced
from sandbox.produced import Document
from sandbox.validator import UK_CORE, Issue, Validator, uk_core_definitions, validating

# Definitions are not in the list for UK Core: it says nothing of them.
ALL: Final[Mapping[str, Callable[[], Iterator[Document]]]] = MappingProxyType(
    {
        "profiles and terminology": produced.definitions,
        "examples of the profiles": produced.profile_examples,
        "examples of the mappings, converted": produced.converted_examples,
        "public samples, converted": produced.converted_corpus,
        "answers of the relay": conversation.answers,
    }
)
_TEXT: Final = 300  # characters of an issue that are shown


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the validator said of several documents."""

    judged: int
    faults: tuple[tuple[str, Issue], ...]  # with the document's name


def by_base(validator: Validator, documents: Iterable[Document]) -> Verdict:
    """Judge by base R4 and the profiles that each resource claims."""
    return _verdict(validator, ((document, ()) for document in documents))


def by_uk_core(validator: Validator, documents: Iterable[Document]) -> Verdict:
    """Judge each resource, alone, by UK Core's profile of its type; the same one once."""
    parts = (part for one in documents if one.is_json for part in produced.uk_core_parts(one))
    once = {part.text: (part, (profile,)) for part, profile in parts}
    return _verdict(validator, once.values())


def _verdict(validator: Validator, asked: Iterable[tuple[Document, tuple[str, ...]]]) -> Verdict:
    judged, faults = 0, []
    for document, profiles in asked:
        judged += 1
        found = validator.faults(document.text, profiles)
        faults += [(document.name, fault) for fault in found]
    return Verdict(judged=judged, faults=tuple(faults))


def main(files: list[str]) -> int:
    """Print what was judged and every fault; return how the process ends."""
    try:
        java = maven.find()
        with validating(java) as validator:
            faults = _files(validator, files) if files else _all(validator, by_base, "base R4")
        if uk_core_definitions() and not files:
            with validating(java, *uk_core_definitions()) as validator:
                faults += _all(validator, by_uk_core, "UK Core")
        elif not files:
            print(f"not judged by UK Core: {UK_CORE.name} does not lie in ../{UK_CORE.parent.name}")
    except (maven.Missing, maven.NotBuilt) as missing:
        print(missing, file=sys.stderr)
        return 2
    print(f"{faults} errors")
    return 1 if faults else 0


def _files(validator: Validator, files: list[str]) -> int:
    documents = [Document(name=file, text=Path(file).read_text("utf-8")) for file in files]
    for document in documents:
        for issue in validator.issues(document.text):
            print(f"{document.name}: {issue}")
    return len(by_base(validator, documents).faults)


def _all(
    validator: Validator, judge: Callable[[Validator, Iterable[Document]], Verdict], by: str
) -> int:
    faults = 0
    for name, documents in ALL.items():
        begun = time.monotonic()
        verdict = judge(validator, documents())
        faults += len(verdict.faults)
        seconds = time.monotonic() - begun
        print(f"{by}: {verdict.judged} {name}: {len(verdict.faults)} errors, {seconds:.0f} s")
        for place, issue in verdict.faults:
            print(f"  {place}: {str(issue)[:_TEXT]}")
    return faults


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
