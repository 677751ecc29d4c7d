"""Caseloads: the lists of patients that teams keep, and who they hear of because of them."""

from service.caseload.csv_list import COLUMNS, Line, read_csv
from service.caseload.group import as_group, group_id, read_group
from service.caseload.keeping import Keeping, Kept
from service.caseload.lists import Parts, caseloads
from service.caseload.member import Member, read_member
from service.caseload.recalling import Recalling
from service.caseload.reviewing import Reviewing

__all__ = [
    "COLUMNS",
    "Keeping",
    "Kept",
    "Line",
    "Member",
    "Parts",
    "Recalling",
    "Reviewing",
    "as_group",
    "caseloads",
    "group_id",
    "read_csv",
    "read_group",
    "read_member",
]
