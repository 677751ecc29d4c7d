"""Discharge Relay: from a trust's message to a team that knows."""

__version__ = "0.1.0"
