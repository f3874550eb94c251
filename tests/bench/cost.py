"""What AWS bills: for agents that do nothing, and for jobs. The arithmetic is in docs/cost.md.

Prices of us-east-1, on demand, as published in November 2026 on aws.amazon.com: API Gateway (REST,
first 333 million), Lambda (x86), DynamoDB (standard class), SQS (standard queues), S3 (standard).
"""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.agents.cadence import Cadence, Doorbell
from chalicelib.settings import Settings
from chalicelib.sqs.doorbells import WAIT_SECONDS
from infra.local.backends import durable
from tests.bench.calls import save, wide
from tests.bench.product import Used, product
from tests.bench.rows import Figure, Goal, Row, Wish, at_most, row

MILLION = 1e6
API_REQUEST, LAMBDA_REQUEST, GB_SECOND = 3.50 / MILLION, 0.20 / MILLION, 0.0000166667
WRITE_UNIT, READ_UNIT = 0.625 / MILLION, 0.125 / MILLION
SQS_REQUEST, S3_PUT, S3_GET = 0.40 / MILLION, 5.00 / MILLION, 0.40 / MILLION
LOG_GB = 0.50
LOG_LINE_BYTES = 600  # a request's own line, and Lambda's START, END and REPORT
MEMORY_GB, REQUEST_SECONDS = 0.5, 0.020  # .chalice/config.json, and `make bench ONLY=functions`
HOURS = 730  # in a month
AGENTS = 1_000
GOAL_DOLLARS, RUNS_GOAL_DOLLARS = 60, 30  # a month of idle agents, a million runs
DAY_MS = 86_400_000
REQUESTS_PER_JOB = 4  # trigger or its part, poll, start, end
CHUNKS_PER_JOB = 1


@dataclass(frozen=True)
class Hour:
    """What an idle agent does in an hour."""

    receives: float
    requests: float  # a heartbeat and a poll each, or one of both
    writes: float
    reads: float

    @property
    def dollars(self) -> float:
        """What that costs."""
        return (
            self.receives * SQS_REQUEST
            + self.requests * (API_REQUEST + _lambda())
            + self.writes * WRITE_UNIT
            + self.reads * READ_UNIT
        )


def _lambda() -> float:
    """A request's invocation, its time, and the lines it logs."""
    compute = MEMORY_GB * REQUEST_SECONDS * GB_SECOND
    return LAMBDA_REQUEST + compute + LOG_LINE_BYTES / 1e9 * LOG_GB


def hour(cadence: Cadence, doorbell: Doorbell | None) -> Hour:
    """Of an agent that has had nothing to do for a day: heartbeats travel with polls."""
    polls = 3_600_000 / cadence.next_poll_ms(DAY_MS, doorbell, is_active=False, due_in_ms=None)
    beats = 3_600 / cadence.next_heartbeat_seconds(DAY_MS, doorbell)
    receives = 3_600 / WAIT_SECONDS if doorbell else 0
    # A poll of an empty inbox is half a read unit; a fresh address, each ten minutes, a whole one.
    addresses = 6.0 if doorbell else 0.0
    return Hour(receives, max(polls, beats), beats, 0.5 * polls + addresses)


def measure() -> list[Row]:
    """Idle agents by arithmetic from the product's own cadence; jobs from what is counted."""
    product_own = Settings()
    settings = {
        "doorbell, the default": (_cadence(product_own), Doorbell.LISTENING),
        "doorbell, heartbeats each 30 s": (_cadence(product_own, idle=30), Doorbell.LISTENING),
        "polling each 5 s": (_cadence(product_own), None),
        "polling and heartbeats each 300 s, the cheapest": (
            _cadence(product_own, beat=300, poll=300.0),
            None,
        ),
    }
    rows = []
    for name, (cadence, doorbell) in settings.items():
        used = hour(cadence, doorbell)
        dollars = used.dollars * HOURS * AGENTS
        found = (
            f"{used.receives:.0f} of SQS, {used.requests:.0f} of the API, {used.writes:.0f} writes"
            f" an agent-hour; {dollars:,.0f} $ a month"
        )
        is_default = name == "doorbell, the default"
        wish = Wish(f"≤ {GOAL_DOLLARS} $", dollars <= GOAL_DOLLARS) if is_default else None
        rows.append(row(f"1,000 idle agents: {name}", found, wish))
    return rows + _jobs()


def _cadence(settings: Settings, *, idle: int = 0, beat: int = 0, poll: float = 0.0) -> Cadence:
    return Cadence(
        beat or settings.heartbeat_seconds,
        settings.ttl_seconds,
        idle or settings.idle_heartbeat_seconds,
        poll or settings.poll_idle_seconds,
    )


def _jobs() -> list[Row]:
    with product(durable) as (lab, meter):
        agents = [lab.agent(number) for number in range(1001, 1101)]
        for each in agents:
            each.result("agent.heartbeat")
        one = agents[0]
        path = save(lab, "alone", f'[[step]]\nCMD = "true"\nServerID = "{one.id}"\n')
        meter.take()
        lab.people.data("POST", path)
        (job,) = one.poll()["jobs"]
        one.result("job.start", **{key: job[key] for key in ("run_id", "job_id", "lease")})
        one.finish(job)
        alone = meter.take()
        rolling, _ = wide(lab, meter, agents)
    return [
        _million("a million runs of one job", alone, 1, at_most(RUNS_GOAL_DOLLARS)),
        _million("a million jobs of wide steps", rolling, len(agents)),
    ]


def _million(what: str, used: Used, count: int, goal: Goal | None = None) -> Row:
    parts: dict[str, Callable[[], float]] = {
        "API Gateway": lambda: REQUESTS_PER_JOB * API_REQUEST,
        "Lambda": lambda: REQUESTS_PER_JOB * _lambda(),
        "DynamoDB": lambda: (
            used.write_units / count * WRITE_UNIT + used.read_units / count * READ_UNIT
        ),
        "SQS": lambda: used.of("sqs") / count * SQS_REQUEST,
        "S3": lambda: CHUNKS_PER_JOB * S3_PUT,
    }
    dollars = {name: part() * MILLION for name, part in parts.items()}
    shown = ", ".join(f"{name} {amount:.2f}" for name, amount in dollars.items())
    return row(what, Figure("{:.0f} $", (sum(dollars.values()),), f" ({shown})"), goal)
