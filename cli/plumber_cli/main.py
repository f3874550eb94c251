"""The command `plumber-cli`."""

import io
import sys
import traceback

import click

from plumber_cli import __version__, terminal
from plumber_cli.agents import agent
from plumber_cli.commands import execute
from plumber_cli.context import Context, Group, output_option
from plumber_cli.enrollments import enrollment
from plumber_cli.errors import FAILED, INTERRUPTED, USAGE, CliError
from plumber_cli.runs import run
from plumber_cli.schedules import schedule
from plumber_cli.setup import completion, set_config
from plumber_cli.tasks import task
from plumber_cli.tokens import token
from plumber_cli.work import work


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--profile", metavar="NAME", help="Which stored control plane (PLUMBER_PROFILE).")
@click.option("--debug", is_flag=True, help="Show where an error comes from.")
@click.version_option(__version__, message="%(version)s")
@output_option
@click.pass_context
def cli(context: click.Context, profile: str | None, debug: bool) -> None:
    """Runs commands and services on fleets of machines.

    RUN is a run's id or the beginning of one, 'latest', or a task's name for its newest run. TASK
    and AGENT are an id or a name.

    Exit codes: 0 succeeded, 1 failed, 2 wrong usage, 3 cannot reach or not allowed, 4 cancelled or
    timed out.
    """
    given = context.ensure_object(Context)
    given.profile, given.debug = profile, debug


COMMANDS = (
    set_config, completion, task, run, execute, schedule, agent, enrollment, token, work,
)  # fmt: skip
for command in COMMANDS:
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line, and turns every error into one line and its exit code."""
    given = Context()
    try:
        code = cli.main(arguments, "plumber-cli", standalone_mode=False, obj=given)
        sys.exit(code if isinstance(code, int) else 0)
    except CliError as error:
        if given.debug:
            _say_where()
        _say(given, error)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _say_wrong_usage(error)
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        terminal.hang_up()
        sys.exit(0)
    except Exception:  # a fault of this program; what it holds may be of others
        _say_where()
        sys.exit(FAILED)


def _say(given: Context, error: CliError) -> None:
    if given.is_json:
        told = {"code": error.code, "message": error.message, "data": error.details}
        terminal.as_json(told, err=True)
    else:
        mark = click.style("Error:", fg="red") if terminal.has_colours(err=True) else "Error:"
        terminal.say(f"{mark} {error.message}", *error.more, err=True)


def _say_where() -> None:
    terminal.say(*traceback.format_exc().splitlines(), err=True)


def _say_wrong_usage(error: click.ClickException) -> None:
    text = io.StringIO()
    error.show(text)
    terminal.say(*text.getvalue().splitlines(), err=True)


if __name__ == "__main__":
    main()
