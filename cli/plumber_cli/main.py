"""The command `plumber-cli`."""

import json
import sys

import click

from plumber_cli import __version__, render
from plumber_cli.agents import agent
from plumber_cli.commands import execute
from plumber_cli.context import Context, output_option
from plumber_cli.errors import INTERRUPTED, USAGE, CliError
from plumber_cli.runs import run
from plumber_cli.schedules import schedule
from plumber_cli.setup import completion, set_config
from plumber_cli.tasks import task
from plumber_cli.tokens import token
from plumber_cli.work import work


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--profile", metavar="NAME", help="Which stored control plane (PLUMBER_PROFILE).")
@click.option("--debug", is_flag=True, help="Show where an error comes from.")
@click.version_option(__version__, message="%(version)s")
@output_option
@click.pass_context
def cli(context: click.Context, profile: str | None, debug: bool) -> None:
    """Runs commands and services on fleets of machines.

    Exit codes: 0 succeeded, 1 failed, 2 wrong usage, 3 cannot reach or not allowed, 4 cancelled or
    timed out.
    """
    given = context.ensure_object(Context)
    given.profile, given.debug = profile, debug


for command in (set_config, completion, task, run, execute, schedule, agent, token, work):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line, and turns every error into one line and its exit code."""
    given = Context()
    try:
        code = cli.main(arguments, "plumber-cli", standalone_mode=False, obj=given)
        sys.exit(code if isinstance(code, int) else 0)
    except CliError as error:
        if given.debug:
            raise
        _say(given, error.message, error.code)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def _say(given: Context, message: str, code: int | None) -> None:
    if given.is_json:
        click.echo(json.dumps({"code": code, "message": message}, ensure_ascii=False), err=True)
    else:
        mark = click.style("Error:", fg="red") if render.has_colours() else "Error:"
        click.echo(f"{mark} {message}", err=True)


if __name__ == "__main__":
    main()
