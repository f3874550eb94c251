"""Plumber's agent: fetches jobs over HTTPS, runs them, keeps and ships what they print."""

__version__ = "0.1.0"
