"""What becomes of a message and why: for whoever writes its mapping, and whoever gets it."""

from service.explaining.message import as_table
from service.explaining.stored import Explaining
from service.explaining.trial import Trial

__all__ = ["Explaining", "Trial", "as_table"]
