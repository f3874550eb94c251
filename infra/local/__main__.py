"""`python -m infra.local`: the local stack in the foreground. `make up` installs and calls this."""

import sys
from pathlib import Path

import click

from infra.local.backends import BACKENDS, DEFAULT
from infra.local.environment import ROOT
from infra.local.place import Place
from infra.local.up import Wish, up

DEFAULT_PORT = 52281


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True)
@click.option("--backend", type=click.Choice(sorted(BACKENDS)), default=DEFAULT, show_default=True)
@click.option("--agents", type=click.IntRange(1, 50), default=1, show_default=True)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / ".plumber",
    help="Where logs, identities and local.json go.  [default: .plumber]",
)
def main(port: int, backend: str, agents: int, state: Path) -> None:
    """Starts the whole product on one port, runs a sample task, and stays until Ctrl-C."""
    sys.exit(up(Wish(Place(state.resolve(), port, backend), agents)))


if __name__ == "__main__":
    main()
