"""Verbs that span nouns: what a caller wants done, step by step."""
