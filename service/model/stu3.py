"""The structure of FHIR STU3 (3.0.2), which ITK3 documents and e-RS referrals are in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from service.model.definitions import Definitions

DEFINITIONS: Final = Definitions("STU3", Path(__file__).with_suffix(".json"))
