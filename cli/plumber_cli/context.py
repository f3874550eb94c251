"""What every command is given: the client, made when first used, and the way to answer."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

from plumber_cli import config, render, terminal
from plumber_cli.errors import Refused, WrongUsage

if TYPE_CHECKING:
    from plumber_cli.client import Client

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Context:
    """The options that all commands share."""

    profile: str | None = None
    output: str = "table"
    debug: bool = False
    _client: "Client | None" = field(default=None, repr=False)

    @property
    def client(self) -> "Client":
        """Raises WrongUsage when no control plane is known."""
        if self._client is None:
            from plumber_cli.client import Client  # requests takes a tenth of a second to import

            self._client = Client(config.load(self.profile))
        return self._client

    @property
    def is_json(self) -> bool:
        """Whether a program reads this."""
        return self.output == "json"

    def show(self, document: Any, draw: Callable[[], None]) -> None:
        """The document for programs, a drawing for people."""
        if self.is_json:
            render.as_json(document)
        else:
            draw()

    def say(self, document: Any, text: str) -> None:
        """The document for programs, one line for people."""
        self.show(document, lambda: terminal.say(text))

    def confirm(self, question: str) -> None:
        """Asks. Raises Refused after a no, and WrongUsage where nobody could answer."""
        if self.is_json or not sys.stdin.isatty():
            raise WrongUsage("Nobody is there to be asked: add --yes.")
        if not terminal.confirm(question):
            raise Refused("Nothing was done.")


class Group(click.Group):
    """A group of commands that says which one may be meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raises UsageError."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from plumber_cli.names import meant

            close = " or ".join(meant(args[0], self.list_commands(ctx)))
            if not close or "Did you mean" in error.message:
                raise
            raise click.UsageError(f"{error.message} Did you mean {close}?", ctx) from error


pass_context = click.make_pass_decorator(Context, ensure=True)


def pairs(given: tuple[str, ...], what: str, example: str) -> dict[str, str]:
    """The values of an option that is written KEY=VALUE. Raises WrongUsage."""
    parts = [each.partition("=") for each in given]
    for key, equals, _ in parts:
        if not key or not equals:
            raise WrongUsage(f"A {what} is written KEY=VALUE, for example {example}.")
    return {key: value for key, _, value in parts}


def _set_output(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Context).output = value


def output_option(command: Command) -> Command:
    """`--output`, which may stand behind any command."""
    return click.option(
        "--output",
        "-o",
        type=click.Choice(["table", "json"]),
        expose_value=False,
        callback=_set_output,
        is_eager=True,  # so that it counts for errors in what stands behind it, too
        help="How to answer: table for people, json for programs.",
    )(command)
