"""Measures the relay as its users meet it: over HTTP, on a fresh database, one process."""
