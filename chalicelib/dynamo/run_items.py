"""The runs' table. A run, its steps, its jobs and their counters share the partition `run_id`, in
this order: the head, which says how far the run is, comes first and is small however wide it is.

| item | is |
| --- | --- |
| `.RUN` | the run; `RunItem`, verbs in `runs` |
| `.STEP#001` | a step as frozen at the trigger; `StepItem`, verbs in `steps` |
| `.STEP#001#GATE#1` | a wave's failures, slots and counts; `GateItem`, verbs in `gates` |
| `JOB#001#<agent>` | a job; `JobItem`, verbs in `jobs` and `run_pages` |
| `ROSTER#001#<hash>#00` | a hundred of a step's agents, if it has many; verbs in `steps` |
| `TURN` | in a partition of its own, which run of a task has its turn; verbs in `turns` |
| `KEY` | in a partition of its own, an idempotency key's run; `KeyItem`, verbs in `runs` |
"""

import zlib
from datetime import datetime
from typing import ClassVar

from pynamodb.attributes import (
    BooleanAttribute,
    DiscriminatorAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from chalicelib.dynamo.base import ExpiryAttribute, InstantAttribute, TableMeta, table_name
from chalicelib.dynamo.transport import TableModel
from chalicelib.runs.job import JobKey

# Partitions of the deadlines' index: of runs and of jobs that agents have, and of queued jobs.
DEADLINE_SHARDS, QUEUED_SHARDS = range(4), range(10, 14)
COMPACTION_SHARD = 100  # the one of logs that are to be compacted, in the same index


class Inbox(GlobalSecondaryIndex["JobItem"]):
    """An agent's jobs that have not ended, oldest run first (ADR 2)."""

    class Meta:
        index_name = "inbox"
        projection = AllProjection()

    inbox = UnicodeAttribute(hash_key=True)
    run_id = UnicodeAttribute(range_key=True)


class Deadlines(GlobalSecondaryIndex["PartitionItem"]):
    """Runs and jobs that the sweeper should look at, and logs to be compacted, by when."""

    class Meta:
        index_name = "deadlines"
        projection = IncludeProjection(["kind"])

    deadline_shard = NumberAttribute(hash_key=True)
    deadline_at = InstantAttribute(range_key=True)


class ByMonth(GlobalSecondaryIndex["RunItem"]):
    """All runs of a month, by time: run ids are ULIDs."""

    class Meta:
        index_name = "by_month"
        projection = AllProjection()

    month = UnicodeAttribute(hash_key=True)
    run_id = UnicodeAttribute(range_key=True)


class ByTask(GlobalSecondaryIndex["RunItem"]):
    """A task's runs by time."""

    class Meta:
        index_name = "by_task"
        projection = AllProjection()

    task_id = UnicodeAttribute(hash_key=True)
    run_id = UnicodeAttribute(range_key=True)


class ByState(GlobalSecondaryIndex["RunItem"]):
    """All runs in one state, by time."""

    class Meta:
        index_name = "by_state"
        projection = AllProjection()

    run_state = UnicodeAttribute(hash_key=True)
    run_id = UnicodeAttribute(range_key=True)


class ByAgent(GlobalSecondaryIndex["JobItem"]):
    """The runs that an agent had jobs of, by time; written when a job is put, and never again."""

    class Meta:
        index_name = "by_agent"
        projection = IncludeProjection(["kind"])

    agent_id = UnicodeAttribute(hash_key=True)
    run_id = UnicodeAttribute(range_key=True)


class FailedJobs(GlobalSecondaryIndex["JobItem"]):
    """The jobs of a run that failed, in the order of steps and agents."""

    class Meta:
        index_name = "failed_jobs"
        projection = AllProjection()

    failed_in = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)


class ActiveByTask(GlobalSecondaryIndex["RunItem"]):
    """A task's runs that have not ended."""

    class Meta:
        index_name = "active_by_task"
        projection = IncludeProjection(["kind"])

    active_task = UnicodeAttribute(hash_key=True)
    run_id = UnicodeAttribute(range_key=True)


class PartitionItem(TableModel):
    """Whatever stands in a run's partition."""

    class Meta(TableMeta):
        table_name = table_name("runs")

    run_id = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute()
    ttl = ExpiryAttribute(null=True)
    deadline_shard = NumberAttribute(null=True)
    deadline_at = InstantAttribute(null=True)

    inbox_index = Inbox()
    deadlines = Deadlines()
    by_month = ByMonth()
    by_task = ByTask()
    by_state = ByState()
    by_agent = ByAgent()
    failed_jobs = FailedJobs()
    active_by_task = ActiveByTask()


class RunItem(PartitionItem, discriminator="run"):
    """See `Run`. `month`, `run_state` and `active_task` are for the indexes."""

    ITEM: ClassVar[str] = ".RUN"

    task_id = UnicodeAttribute()
    task_name = UnicodeAttribute()
    revision = NumberAttribute()
    step_count = NumberAttribute()
    state = UnicodeAttribute()
    triggered_by = UnicodeAttribute()
    trigger = UnicodeAttribute()
    parameters = JSONAttribute(null=True)
    concurrency = UnicodeAttribute()
    is_held = BooleanAttribute(default=False)
    retry_of = UnicodeAttribute(null=True)
    secrets = JSONAttribute(null=True)
    timeout_seconds = NumberAttribute(null=True)
    step = NumberAttribute(default=1)
    step_size = NumberAttribute(default=0)
    size = NumberAttribute(null=True)
    results = JSONAttribute(null=True)
    created_at = InstantAttribute()
    timeout_at = InstantAttribute(null=True)
    stop = UnicodeAttribute(null=True)
    stop_reason = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    started_at = InstantAttribute(null=True)
    ended_at = InstantAttribute(null=True)
    month = UnicodeAttribute()
    run_state = UnicodeAttribute()
    active_task = UnicodeAttribute(null=True)


class StepItem(PartitionItem, discriminator="step"):
    """See `RunStep`. `frozen` is the step as JSON; `size` is absent until its agents are chosen.
    A few of them stand in `agents`, as pairs of id and name; `roster` names the items of many."""

    frozen = UnicodeAttribute()
    size = NumberAttribute(null=True)
    agents = JSONAttribute(null=True)
    roster = UnicodeAttribute(null=True)
    problem = UnicodeAttribute(null=True)


class RosterItem(PartitionItem, discriminator="roster"):
    """See `StepItem`."""

    agents = JSONAttribute()


class GateItem(PartitionItem, discriminator="gate"):
    """`failed` are agents whose jobs failed; `granted` successors and `parked` slots are counts,
    and so are the jobs that have ended, by state."""

    failed = UnicodeSetAttribute(null=True)
    granted = NumberAttribute(default=0)
    parked = NumberAttribute(default=0)
    ended_succeeded = NumberAttribute(null=True)
    ended_failed = NumberAttribute(null=True)
    ended_timed_out = NumberAttribute(null=True)
    ended_cancelled = NumberAttribute(null=True)
    ended_lost = NumberAttribute(null=True)
    ended_undelivered = NumberAttribute(null=True)
    ended_skipped = NumberAttribute(null=True)


class JobItem(PartitionItem, discriminator="job"):
    """See `Job`. `inbox` is the agent while the job has not ended, `failed_in` the run of one that
    failed."""

    inbox = UnicodeAttribute(null=True)
    failed_in = UnicodeAttribute(null=True)
    agent_id = UnicodeAttribute()
    agent_name = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    index = NumberAttribute()
    origin = NumberAttribute(null=True)
    successor = NumberAttribute(null=True)
    attempt = NumberAttribute(default=1)
    lease = UnicodeAttribute(null=True)
    poll_seq = NumberAttribute(default=0)
    instance = UnicodeAttribute(null=True)
    timeout_seconds = NumberAttribute(null=True)
    lost_after_seconds = NumberAttribute()
    job_stop = UnicodeAttribute(null=True)
    exit_code = NumberAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    reported = BooleanAttribute(default=False)
    queued_at = InstantAttribute(null=True)
    claimed_at = InstantAttribute(null=True)
    started_at = InstantAttribute(null=True)
    ended_at = InstantAttribute(null=True)
    duration_ms = NumberAttribute(null=True)
    log = JSONAttribute(null=True)
    earlier = JSONAttribute(null=True)
    late = JSONAttribute(null=True)
    not_before = InstantAttribute(null=True)
    give_up_at = InstantAttribute(null=True)
    followed_until = InstantAttribute(null=True)
    compaction_tries = NumberAttribute(null=True)
    log_compacted = BooleanAttribute(null=True)
    log_problem = UnicodeAttribute(null=True)


class TurnItem(PartitionItem, discriminator="turn"):
    """The run of a task that has its turn, where runs of the task exclude each other."""

    holder = UnicodeAttribute()
    taken_at = InstantAttribute()


class KeyItem(PartitionItem, discriminator="key"):
    """The run that an idempotency key stands for, and the revision of the task that it runs."""

    names_run = UnicodeAttribute()
    names_revision = NumberAttribute()


HEAD = "."  # what the items of a run's head begin with


def step_sort_key(step: int) -> str:
    """Of a step's frozen state."""
    return f".STEP#{step:03d}"


def jobs_sort_key(step: int | None = None) -> str:
    """What the jobs of a step begin with, or all jobs."""
    return "JOB#" if step is None else f"JOB#{step:03d}#"


def job_sort_key(key: JobKey) -> str:
    """Of a job."""
    return f"JOB#{key.step:03d}#{key.agent_id}"


def parse_job_sort_key(run_id: str, item: str) -> JobKey:
    """The inverse of `job_sort_key`."""
    _, step, agent_id = item.split("#", 2)
    return JobKey(run_id, int(step), agent_id)


def roster_sort_key(step: int, roster: str, chunk: int) -> str:
    """Of a part of a step's agents."""
    return f"ROSTER#{step:03d}#{roster}#{chunk:02d}"


def gate_sort_key(step: int, wave: int) -> str:
    """Of the gate of one wave of a step."""
    return f".STEP#{step:03d}#GATE#{wave}"


def parse_gate_sort_key(item: str) -> tuple[int, int]:
    """The inverse of `gate_sort_key`: step and wave."""
    _, step, _, wave = item.split("#")
    return int(step), int(wave)


def deadline_shard(run_id: str) -> int:
    """The partition of the deadlines' index for a run and its jobs."""
    return DEADLINE_SHARDS[zlib.crc32(run_id.encode()) % len(DEADLINE_SHARDS)]


def queued_shard(run_id: str) -> int:
    """The partition of the deadlines' index for the jobs of a run while they are queued."""
    return QUEUED_SHARDS[zlib.crc32(run_id.encode()) % len(QUEUED_SHARDS)]


def month_of(instant: datetime) -> str:
    """The partition of the history's index."""
    return instant.strftime("%Y-%m")
