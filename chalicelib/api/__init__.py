"""Entry points: parse, call one operation, render."""
