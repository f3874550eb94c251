"""Secrets of runs: data keys, from KMS or from a key file, and what is sealed with them."""
