"""Which segments belong to which: notes to their observation, observations to their order.

HL7 v2 nests its segments by order alone. Reading a grammar for every message type would refuse
what senders really send, so a segment's level in the usual grammars (2.3 to 2.8) decides: a group
ends where a segment of its own or a higher level begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from service.formats.hl7v2.segment import Segment

_LEVEL: Final[dict[str, int]] = {
    **dict.fromkeys(("MSH", "EVN", "RF1", "PRD", "PID"), 1),
    **dict.fromkeys(("PV1", "MRG", "NK1", "AL1", "PR1", "GT1", "IN1", "ACC", "TXA", "PRB"), 2),
    **dict.fromkeys(("GOL", "PTH", "ORC"), 2),
    **dict.fromkeys(("OBR", "RXO", "RXE", "RXA", "RXD", "RXG", "AUT", "SCH", "FT1"), 3),
    **dict.fromkeys(("OBX", "DG1", "SPM"), 4),
}
_LEAF: Final = 9  # NTE, CTD, ROL, PV2, PD1, Z segments …: they belong to what stands before them

_LEAVES: Final = """
CON CTD CTI DB1 DRG DSC DSP ERR IAM IN2 IN3 MSA NTE ODS PD1 PDA PRT PV2 QAK QRD QRF
ROL RXC RXR SFT TQ1 TQ2 UAC UB1 UB2 VAR
"""
KNOWN: Final = frozenset(_LEVEL) | frozenset(_LEAVES.split())


def owning(segment: Segment, name: str) -> Iterator[Segment]:
    """Yield the segment called `name` that `segment` belongs to, if there is one."""
    for owner in reversed(segment.named.get(name, ())):
        if any(one is segment for one in belonging(owner, segment.name)):
            yield owner
            return


def belonging(to: Segment, name: str) -> Iterator[Segment]:
    """Yield the segments called `name` that belong to the segment `to`, in their order.

    A segment without a level of its own belongs to the nearest one before it that has one: the
    NTE after an OBX is that observation's, not its OBR's.
    """
    level = _LEVEL.get(to.name, _LEAF)
    is_leaf = name not in _LEVEL
    segment = to.next
    while segment is not None:
        if segment.name == to.name or _LEVEL.get(segment.name, _LEAF + 1) <= level:
            return
        if segment.name == name:
            yield segment
        elif is_leaf and segment.name in _LEVEL:
            return
        segment = segment.next
