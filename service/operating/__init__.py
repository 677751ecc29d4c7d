"""What operators see and do, the same at the command line and over HTTP."""

from service.operating.actor import FAILED, Actor
from service.operating.channels import Channels, Standing
from service.operating.letters import Letters, Taken

__all__ = ["FAILED", "Actor", "Channels", "Letters", "Standing", "Taken"]
