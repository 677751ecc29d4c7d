"""The `as` of a rule: a chain of converters that must end in what the target takes."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from service.mapping import steps
from service.mapping.converters import Convert, Converter, make
from service.mapping.run import Finish, Where
from service.mapping.spec import RuleSpec
from service.mapping.targets import CONVERTERS_FOR, Aim, Slot
from service.mapping.times import Doubts
from service.yamlfile import Fault

KEPT = "patient.nhs_number"  # its refused texts go to patient.identifiers


# What has blanks around it, or line ends in it, by accident alone. Narratives stay as they are.
_TIDIED: Final[dict[str, Finish]] = {
    **dict.fromkeys(("family", "given", "prefix", "suffix", "name"), steps.tidied),
    **dict.fromkeys(
        ("id", "value", "replaces", "appends", "postcode", "ward", "bed", "patient_class"),
        steps.stripped,
    ),
}


def conversion(
    rule: RuleSpec, aim: Aim, where: Where, zone: ZoneInfo, faults: list[Fault]
) -> tuple[Finish | None, bool]:
    """Return what converts a text of the rule, and whether it gives tuples."""
    chain = _chain(rule, zone, faults)
    _refuse_short_years(rule, aim, faults)
    makes, many = (chain[-1].makes, chain[-1].many) if chain else (str, False)
    slot, target = aim.slot, aim.target
    said = _misfit(slot, makes, many=many, table=rule.table is not None)
    if said:
        faults.append(rule.origin.fault(f"{target}: {said}"))
    converts = [converter.convert for converter in chain]
    if slot.choices and not rule.table:
        converts.append(_one_of(slot.choices))
    if not converts:
        return (None if rule.table else _TIDIED.get(target.rpartition(".")[2])), False
    keeps = target == KEPT and any(converter.name == "nhs_number" for converter in chain)
    return steps.converted(_chained(converts), target, where, keeps=keeps), many


def _refuse_short_years(rule: RuleSpec, aim: Aim, faults: list[Fault]) -> None:
    """Of somebody born in "24" nobody can tell whether it was 1924 or 2024."""
    for spec in rule.converters if aim.target.endswith("birth_date") else ():
        if "YY" in (spec.argument or "").replace("YYYY", ""):
            said = f"{aim.target}: a year of two digits does not tell when somebody was born"
            faults.append(spec.origin.fault(said))


def _chain(rule: RuleSpec, zone: ZoneInfo, faults: list[Fault]) -> list[Converter]:
    chain: list[Converter] = []
    for spec in rule.converters:
        try:
            converter = make(spec.name, spec.argument, zone)
        except ValueError as error:
            faults.append(spec.origin.fault(f"as: {error}"))
            continue
        if chain and (chain[-1].many or chain[-1].makes is not str):
            said = f"{chain[-1].name} must be the last converter: {spec.name} takes text"
            faults.append(spec.origin.fault(said))
        chain.append(converter)
    return chain


def _misfit(slot: Slot, makes: type, *, many: bool, table: bool) -> str:
    """Say why the target cannot take what the converters make; "" if it can."""
    if many and not slot.many:
        return "it takes one value, and lines makes several"
    if table:
        return "" if makes is str and not many else "a table looks up text"
    if makes is slot.type or (issubclass(makes, slot.type) and makes is not bool):
        return ""
    if slot.is_record:
        return f"it is a record ({slot.type.__name__}): set its fields, or use a table"
    wanted = CONVERTERS_FOR.get(slot.type)
    return f"it is no text: say as: {wanted}" if wanted else f"it is text, not {makes.__name__}"


def _one_of(choices: tuple[str, ...]) -> Convert:
    def check(text: str, doubts: Doubts) -> str:
        if text not in choices:
            raise ValueError(f"not one of {', '.join(choices)}")
        return text

    return check


def _chained(converts: list[Convert]) -> Convert:
    if len(converts) == 1:
        return converts[0]

    def convert(text: str, doubts: Doubts) -> Any:
        value: Any = text
        for step in converts:
            value = step(value, doubts)
            if value is None:
                return None
        return value

    return convert
