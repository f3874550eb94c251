"""What an agent is given with a claim: an attempt at a job, frozen, in the shape of the wire.

Two hand-outs of the same attempt make the same offer, byte for byte: what differs between them, the
addresses for its output, stands beside it. See docs/wire.md and ADR 21.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from chalicelib.logs.log import MAX_LOG_BYTES
from chalicelib.runs.canonical import canonical
from chalicelib.runs.job import KILL_AFTER_SECONDS, Job
from chalicelib.tasks.task import Step

PROTOCOL = 1  # grows when an agent that does not know of a change would run a job wrongly


class Mask(msgspec.Struct, frozen=True):
    """What must not leave the machine in the output: fixed values, and patterns in each line."""

    values: tuple[str, ...]
    patterns: tuple[str, ...]


class Offer(msgspec.Struct, frozen=True):
    """`env` has the values of the parameters, which stand nowhere else: `command` and `script` are
    as they were written. `path` is None for the agent's own place."""

    protocol: int
    run_id: str
    job_id: str
    step: int
    attempt: int
    lease: str
    path: str | None
    command: str | None
    script: str | None
    shell: str | None
    user: str | None
    env: Mapping[str, str]
    timeout_seconds: float | None
    kill_after_seconds: float
    max_log_bytes: int
    mask: Mask

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def signed_part(self) -> bytes:
        """The bytes over which a signature is made. The agent makes the same of what it gets."""
        return canonical(self.document())


def offer(job: Job, step: Step, parameters: Mapping[str, str], secrets: Mapping[str, str]) -> Offer:
    """Of a claimed job: the only place where offers are made."""
    values = {**parameters, **secrets}
    return Offer(
        protocol=PROTOCOL,
        run_id=job.key.run_id,
        job_id=job.key.job_id,
        step=step.number,
        attempt=job.attempt,
        lease=job.lease or "",
        path=step.path,
        command=step.command,
        script=step.script,
        shell=step.shell,
        user=step.user,
        env={**values, **step.env},
        timeout_seconds=job.timeout_seconds,
        kill_after_seconds=KILL_AFTER_SECONDS,
        max_log_bytes=MAX_LOG_BYTES,
        mask=Mask(tuple(secrets.values()), tuple(step.mask)),
    )


def not_understood(known: int) -> str:
    """Why a job is not handed to an agent of an older protocol, for a person."""
    says = f"knows protocol {known}" if known else "names no protocol"
    return f"The agent is too old: it {says}, and the job is offered in protocol {PROTOCOL}."
