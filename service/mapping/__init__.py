"""Mapping files at work: from a `SourceMessage` to a `TransferOfCare`."""

from service.mapping.advice import Advice
from service.mapping.check import ExampleReport, MappingReport, Report, check
from service.mapping.condition import Condition, compile_condition
from service.mapping.loading import MappingFaults
from service.mapping.mapping import Mapping
from service.mapping.mappings import Mappings
from service.mapping.record_json import transfer_as_dict, transfer_as_json
from service.mapping.trace import Trace, Traced, shortened

__all__ = [
    "Advice",
    "Condition",
    "ExampleReport",
    "Mapping",
    "MappingFaults",
    "MappingReport",
    "Mappings",
    "Report",
    "Trace",
    "Traced",
    "check",
    "compile_condition",
    "shortened",
    "transfer_as_dict",
    "transfer_as_json",
]
