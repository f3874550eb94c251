"""Spans of time as options take them."""

import click

from plumber_cli import render


class Span(click.ParamType[int]):
    """Seconds, from "90s", "15m", "24h" or "30d"."""

    name = "span"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Fails with what would be right."""
        if isinstance(value, int):
            return value
        try:
            return render.parse_duration(value)
        except ValueError:
            self.fail(f"'{value}' is no span. Write 90s, 15m, 24h or 30d.", param, ctx)


SPAN = Span()
