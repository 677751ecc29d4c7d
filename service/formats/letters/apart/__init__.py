"""A program of its own that opens PDF and HTML: what a file does to it harms nobody else.

It is run by its folder and imports nothing of the service; `reading_apart.py` talks to it.
"""
