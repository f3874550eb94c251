"""The values of a run's secret parameters: sealed at the trigger, opened at the claim, gone with
the end. The run itself knows their names alone. See ADR 22."""

from collections.abc import Mapping
from datetime import datetime

from chalicelib.dynamo import run_secrets
from chalicelib.kms import data_keys, sealing
from chalicelib.kms.data_keys import KeyProblem
from chalicelib.kms.sealing import Sealed
from chalicelib.runs.run import Run


def sealed(run_id: str, values: Mapping[str, str]) -> Sealed | None:
    """Asks for a data key, and writes nothing yet; None where there is nothing to seal. Raises
    KeyProblem."""
    return sealing.seal(data_keys.of_this_installation(), run_id, values) if values else None


def keep(run: Run, content: Sealed | None) -> None:
    """Before the run is created: a run that exists can open its secrets. May be repeated."""
    if content is not None:
        run_secrets.put(run.id, content.data_key, content.content, run.expires_at)


def opened(run: Run) -> dict[str, str]:
    """In the order of the run's names. Raises KeyProblem; asks nobody for a run without secrets."""
    if not run.secrets:
        return {}
    found = run_secrets.get(run.id)
    if found is None:
        raise KeyProblem("The secrets of this run are gone.")
    values = sealing.opened(data_keys.of_this_installation(), run.id, Sealed(*found))
    return {name: values[name] for name in run.secrets}


def forget(run: Run, now: datetime) -> None:
    """When no job of the run will start any more. May be repeated."""
    if run.secrets:
        run_secrets.erase(run.id, now)
