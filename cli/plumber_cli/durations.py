"""Spans of time as options take them."""

import click

_SIZES = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def span(text: str | int) -> int:
    """Seconds of "90s", "15m", "24h" or "30d"; the type of an option.

    Raises BadParameter with what would be right.
    """
    if isinstance(text, int):
        return text
    number, size = text[:-1], _SIZES.get(text[-1:])
    if size is None or not (number.isascii() and number.isdigit()) or int(number) == 0:
        raise click.BadParameter(f"'{text}' is no span. Write 90s, 15m, 24h or 30d.")
    return int(number) * size
