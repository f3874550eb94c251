"""`set-config` and `completion`."""

import sys

import click

from plumber_cli import config, render, terminal
from plumber_cli.context import Context, pass_context
from plumber_cli.errors import WrongUsage


@click.command("set-config")
@click.option("--url", required=True, help="Where the control plane is.")
@click.option(
    "--token", help="An access token for it. Asked for without, or read from standard input."
)
@click.option("--verify/--no-verify", default=True, help="Ask it who the token belongs to.")
@click.option("--profile", metavar="NAME", help="Under which name to store it.")
@pass_context
def set_config(
    context: Context, url: str, token: str | None, verify: bool, profile: str | None
) -> None:
    """Store where the control plane is, and the token for it.

    A token on the command line stays in the shell's history: leave it out, and it is asked for
    without being shown, or read from a pipe.
    """
    name = profile or context.profile or config.DEFAULT
    target = config.target(url, token if token not in (None, "-") else _ask_token())
    who = ""
    if verify:
        from plumber_cli.client import Client

        me = Client(target).get("me")
        only = render.scope(me["scope"], {})
        narrowed = "" if only == "-" else f", only {only}"
        who = f" You are '{me['name']}' with the role {me['role']}{narrowed}."
    config.save(name, target)
    terminal.say(f"Stored as profile '{name}' in {config.path()}.{who}")


def _ask_token() -> str:
    if sys.stdin.isatty():
        return terminal.ask_secret("Token").strip()
    return sys.stdin.readline().strip()


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes your shell complete commands.

    For bash: plumber-cli completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise WrongUsage(f"There is no completion for {shell}.")
    cli = click.get_current_context().find_root().command
    terminal.document(kind(cli, {}, "plumber-cli", "_PLUMBER_CLI_COMPLETE").source() + "\n")
