"""The methods of the agents' wire: parameters in, one operation, result out. See docs/wire.md."""

import secrets
from datetime import timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import asdict

from chalicelib import text
from chalicelib.access.principal import Permission, Principal
from chalicelib.access.token import is_secret
from chalicelib.agents.agent import Facts
from chalicelib.agents.cadence import Cadence, Doorbell
from chalicelib.agents.seat import UNNAMED, SecondProcess, shown
from chalicelib.api import inputs
from chalicelib.api.rpc import Call, Method
from chalicelib.dynamo import agents, presences
from chalicelib.errors import BadParameter, NotAllowed, NotAuthenticated
from chalicelib.operations.agents import doorbell, enrollment, seating
from chalicelib.operations.runs import dispatch, report
from chalicelib.reader import Reader
from chalicelib.runs.job import Job, JobKey, Outcome
from chalicelib.runs.offer import Offer
from chalicelib.s3 import chunks
from chalicelib.settings import settings

CADENCE = Cadence(
    heartbeat_seconds=settings.heartbeat_seconds,
    ttl_seconds=settings.ttl_seconds,
    idle_heartbeat_seconds=settings.idle_heartbeat_seconds,
    poll_idle_seconds=settings.poll_idle_seconds,
)
URLS_WITH_CLAIM = 3  # a short job needs one; more are handed out on request

FACT_CHARACTERS, REASON_CHARACTERS, LOG_REASON_CHARACTERS = 256, 2_048, 512
Lease = Annotated[str, Meta(min_length=1, max_length=64)]
Leases = Annotated[list[Lease], Meta(max_length=1_000)]
Instance = Annotated[str, Meta(min_length=1, max_length=64)]
Milliseconds = Annotated[int, Meta(ge=0, le=10**12)]
Seat = Annotated[int, Meta(ge=0, lt=2**53)]
# The lengths keep out a newline, which `$` lets pass.
Uuid = Annotated[
    str,
    Meta(max_length=36, pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
]
Sha256 = Annotated[str, Meta(max_length=64, pattern="^[0-9a-f]{64}$")]


class FactsShape(Struct, frozen=True):
    """Of the machine; unknown facts of newer agents are ignored. What does not print, or is too
    long, is no reason to know nothing of it."""

    hostname: str = ""
    address: str = ""
    os: str = ""
    arch: str = ""
    version: str = ""

    def value(self) -> Facts:
        """As the core knows them."""
        facts = (self.hostname, self.address, self.os, self.arch, self.version)
        return Facts(*(text.reported(each, FACT_CHARACTERS) for each in facts))


class EnrollParams(Struct, frozen=True):
    """`agent.enroll`."""

    join_token: Annotated[str, Meta(max_length=256)]
    agent_id: Uuid
    secret: Annotated[str, Meta(max_length=64)]
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    facts: FactsShape = FactsShape()

    def __post_init__(self) -> None:
        inputs.in_one_form(self, "name")


class HeartbeatParams(Struct, frozen=True):
    """`agent.heartbeat`."""

    leases: Leases = []
    metrics: Annotated[dict[Annotated[str, Meta(max_length=64)], float], Meta(max_length=64)] | (
        None
    ) = None
    facts: FactsShape | None = None
    instance: Instance = UNNAMED
    idle_ms: Milliseconds = 0
    doorbell: Doorbell | None = None


class PollParams(Struct, frozen=True):
    """`agent.poll`."""

    seq: Annotated[int, Meta(ge=0, le=2**62)]
    capacity: Annotated[int, Meta(ge=0, le=100)]
    leases: Leases = []
    protocol: Annotated[int, Meta(ge=0, le=2**31)] = 0
    instance: Instance = UNNAMED
    seat: Seat = 0
    idle_ms: Milliseconds = 0
    doorbell: Doorbell | None = None


class LeaveParams(Struct, frozen=True):
    """`agent.leave`."""

    instance: Instance = UNNAMED


class JobParams(Struct, frozen=True):
    """What every report names."""

    run_id: Annotated[str, Meta(min_length=1, max_length=64)]
    job_id: Annotated[str, Meta(min_length=1, max_length=64)]
    lease: Lease


class StartParams(JobParams, frozen=True):
    """`job.start`."""

    elapsed_ms: Milliseconds = 0


class ExtendParams(JobParams, frozen=True):
    """`job.extend`."""


class StreamSummary(Struct, frozen=True):
    """What a stream holds; `missing` bytes were cut out of it."""

    bytes: Annotated[int, Meta(ge=0, lt=2**53)]
    sha256: Sha256
    missing: Annotated[int, Meta(ge=0, lt=2**53)] = 0


class LogSummary(Struct, frozen=True):
    """What the whole log holds."""

    chunks: Annotated[int, Meta(ge=0, lt=10**8)]
    streams: dict[Literal["stdout", "stderr"], StreamSummary]
    truncated: bool = False
    reason: str | None = None


class FinishParams(JobParams, frozen=True):
    """`job.finish`."""

    outcome: Literal["exited", "timed_out", "cancelled", "not_started", "lost"]
    duration_ms: Milliseconds
    exit_code: Annotated[int, Meta(ge=0, le=255)] | None = None
    reason: str | None = None
    log: LogSummary | None = None


class LogUrlsParams(JobParams, frozen=True, rename={"first": "from"}):
    """`job.log_urls`."""

    first: Annotated[int, Meta(ge=1, lt=10**8 - 100)]
    count: Annotated[int, Meta(ge=1, le=100)]


def _itself(call: Call, params: Struct) -> Principal:
    """The agent that calls."""
    if call.principal is None:
        raise NotAuthenticated
    return call.principal


def _own_job(call: Call, params: JobParams) -> JobKey:
    """Raises NotAllowed for a job of another agent."""
    key = JobKey.parse(params.run_id, params.job_id)
    if key is None:
        raise BadParameter("job_id must have the form <step>-<agent id>.")
    if key.agent_id != _itself(call, params).id:
        raise NotAllowed("This job belongs to another agent.")
    return key


def enroll(call: Call, params: EnrollParams) -> dict[str, Any]:
    """Lets an agent in."""
    if not is_secret(params.secret):
        raise BadParameter("secret must be 64 lower-case hex digits.")
    token = enrollment.enroll(
        params.join_token,
        agent_id=params.agent_id,
        secret=params.secret,
        name=params.name,
        facts=params.facts.value(),
        now=call.now,
    )
    return {"agent_id": params.agent_id, "token": token}


def heartbeat(call: Call, agent: Principal, params: HeartbeatParams) -> dict[str, Any]:
    """Notes that the agent is there."""
    agent_id = agent.id
    seconds = CADENCE.next_heartbeat_seconds(params.idle_ms, params.doorbell)
    patience = CADENCE.patience_seconds(seconds)
    offline_at = call.now + timedelta(seconds=patience)
    call.seats[params.instance] = 0  # where it is refused, so is the poll behind it
    heard, seat = seating.beat(
        agent_id,
        params.instance,
        None if params.facts is None else params.facts.value(),
        now=call.now,
        offline_at=offline_at,
        running=len(params.leases),
        metrics=params.metrics,
    )
    call.seats[params.instance] = seat
    cancels = heard.cancels
    if unheld := cancels.difference(params.leases):  # ended, or just handed out: polls tell those
        presences.drop_cancels(agent_id, unheld)
    if params.facts is not None:
        agents.update_facts(agent_id, params.facts.value())
    return {
        "heartbeat_seconds": seconds,
        "ttl_seconds": patience,
        "poll_idle_ms": int(settings.poll_idle_seconds * 1000),
        "cancels": sorted(cancels.intersection(params.leases)),
        "doorbell": _doorbell(agent_id, params.doorbell),
        "seat": seat,
        "conflict": _conflict(shown(heard.conflict, call.now)),
    }


def _conflict(second: SecondProcess | None) -> dict[str, Any] | None:
    return None if second is None else {"hostname": second.hostname, "address": second.address}


def poll(call: Call, agent: Principal, params: PollParams) -> dict[str, Any]:
    """Hands out work; to a disabled agent none, while what it runs goes on."""
    told = call.seats.get(params.instance, params.seat)
    seat = seating.sit(agent.id, params.instance, told, call.now)
    work = dispatch.poll(
        agent.id,
        instance=params.instance,
        seq=params.seq,
        capacity=params.capacity if agent.may(Permission.JOBS_CLAIM) else 0,
        held=frozenset(params.leases),
        protocol=params.protocol,
        now=call.now,
        make_lease=lambda: secrets.token_hex(16),
    )
    return {
        "jobs": [_render_offer(job, offer) for job, offer in work.offers],
        "cancels": list(work.cancels),
        "followed": list(work.followed),
        "next_poll_ms": CADENCE.next_poll_ms(
            0 if work.offers else params.idle_ms,
            params.doorbell,
            is_active=work.is_active,
            due_in_ms=work.due_in_ms,
        ),
        "doorbell": _doorbell(agent.id, params.doorbell),
        "seat": seat,
    }


def leave(call: Call, agent: Principal, params: LeaveParams) -> dict[str, Any]:
    """Gives the seat up: the process ends, and holds nothing."""
    presences.leave_seat(agent.id, params.instance)
    return {}


def _doorbell(agent_id: str, says: Doorbell | None) -> dict[str, Any] | None:
    address = doorbell.address_for(agent_id, says)
    return None if address is None else asdict(address)


def _render_url(url: chunks.PutUrl) -> dict[str, Any]:
    return {"seq": url.seq, "url": url.url, "headers": dict(url.headers)}


def _render_offer(job: Job, offer: Offer) -> dict[str, Any]:
    """The addresses are signed anew with each hand-out, and stand beside what stays the same."""
    urls = [chunks.put_url(job.key, job.attempt, seq) for seq in range(1, URLS_WITH_CLAIM + 1)]
    return {**offer.document(), "urls": [_render_url(each) for each in urls]}


def start(call: Call, key: JobKey, params: StartParams) -> dict[str, Any]:
    """Notes that a process runs."""
    state = report.report_start(key, params.lease, params.elapsed_ms, call.now)
    return {"state": state.value}


def extend(call: Call, key: JobKey, params: ExtendParams) -> dict[str, Any]:
    """Confirms a lease."""
    job = report.extend(key, params.lease, call.now)
    return {"state": job.state.value, "cancel": job.stop_requested}


def finish(call: Call, key: JobKey, params: FinishParams) -> dict[str, Any]:
    """Takes the end of an attempt."""
    if params.outcome == "exited" and params.exit_code is None:
        raise BadParameter("An attempt that exited has an exit_code.")
    told = report.Report(
        outcome=Outcome(params.outcome),
        exit_code=params.exit_code,
        reason=_reason(params.reason, REASON_CHARACTERS),
        duration_ms=params.duration_ms,
        log=None if params.log is None else _plain(params.log),
    )
    state = report.report_end(key, params.lease, told, call.now)
    return {"state": state.value}


def _plain(log: LogSummary) -> dict[str, Any]:
    streams = {
        name: {"bytes": each.bytes, "sha256": each.sha256, "missing": each.missing}
        for name, each in log.streams.items()
    }
    return {
        "chunks": log.chunks,
        "streams": streams,
        "truncated": log.truncated,
        "reason": _reason(log.reason, LOG_REASON_CHARACTERS),
    }


def _reason(said: str | None, at_most: int) -> str | None:
    """A report is taken whatever it says: a job's end is never lost over its reason."""
    return None if said is None else text.reported(said, at_most)


def log_urls(call: Call, key: JobKey, params: LogUrlsParams) -> dict[str, Any]:
    """Hands out further presigned URLs."""
    wanted = range(params.first, params.first + params.count)
    urls = report.log_urls(key, params.lease, wanted, call.now)
    return {"urls": [_render_url(each) for each in urls]}


# What agents report of themselves and their jobs is no act of people: that is audited nowhere.
_REPORTS = Permission.JOBS_REPORT
METHODS: dict[str, Method] = {
    "agent.enroll": Method(enroll, Reader(EnrollParams), None, audits="agent.enroll", once=True),
    "agent.heartbeat": Method(heartbeat, Reader(HeartbeatParams), _REPORTS, on=_itself, once=True),
    "agent.poll": Method(poll, Reader(PollParams), _REPORTS, on=_itself, once=True),
    "agent.leave": Method(leave, Reader(LeaveParams), _REPORTS, on=_itself, once=True),
    "job.start": Method(start, Reader(StartParams), _REPORTS, on=_own_job),
    "job.extend": Method(extend, Reader(ExtendParams), _REPORTS, on=_own_job),
    "job.finish": Method(finish, Reader(FinishParams), _REPORTS, on=_own_job),
    "job.log_urls": Method(log_urls, Reader(LogUrlsParams), _REPORTS, on=_own_job, once=True),
}
