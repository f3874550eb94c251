"""The runs' table. A run, its steps, its jobs and their counters share the partition `run_id`, in
this order: the head, which says how far the run is, comes first and is small however wide it is.

| item | is |
| --- | --- |
| `.RUN` | the run; `RunItem`, verbs in `runs` |
| `.STEP#001` | a step as frozen at the trigger; `StepItem`, verbs in `steps` |
| `.STEP#001#GATE#1` | a wave's failures, slots and counts; `GateItem`, verbs in `gates` |
| `JOB#001#<agent>` | a job; `JobItem`, verbs in `jobs` and `run_pages` |
| `ROSTER#001#<hash>#00` | a hundred of a step's agents, if it has many; verbs in `steps` |
| `WAVE#001#1#FAILED#5` | an eighth of a wave's jobs that failed; `FailuresItem`, verbs in `gates` |
| `TURN` | in a partition of its own, which run of a task has its turn; verbs in `turns` |
| `SECRET` | in a partition of its own, a run's sealed secrets; verbs in `run_secrets` |
| `KEY` | in a partition of its own, an idempotency key's run; `KeyItem`, verbs in `runs` |
"""

import zlib
from typing import ClassVar

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    DiscriminatorAttribute,
    JSONAttribute,
    NumberAttribute,
    NumberSetAttribute,
    UnicodeAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from chalicelib.dynamo import due
from chalicelib.dynamo.access_attributes import ByAttribute, ReachAttribute, ScopeAttribute
from chalicelib.dynamo.base import ExpiryAttribute, InstantAttribute, TableMeta, table_name
from chalicelib.runs.job import JobKey

# What lists of runs choose by, in the indexes of runs. Only what never changes once a run is made:
# so an entry is written once, however often its run is (ADR 9).
LISTED_BY = ("kind", "task_id", "trigger")
# A partition takes 1,000 writes a second. A run is one in the index by time; in the one by state it
# enters and leaves `running`, which are two. Both hold 2,000 runs a second.
HISTORY_SHARDS, STATE_SHARDS = range(2), range(4)


class Inbox(GlobalSecondaryIndex["JobItem"]):
    """An agent's jobs that have not ended, oldest run first (ADR 2)."""

    class Meta:
        index_name = "inbox"
        projection = AllProjection()

    inbox_of = UnicodeAttribute(hash_key=True)
    run_id = UnicodeAttribute(range_key=True)


class Due(due.DueIndex["PartitionItem"]):
    """Runs and jobs that the sweeper should look at, and logs to be compacted, by when."""

    class Meta:
        index_name = due.INDEX_NAME
        projection = IncludeProjection(["kind", "due_tries"])


class ByTime(GlobalSecondaryIndex["RunItem"]):
    """All runs, by time: run ids are ULIDs."""

    class Meta:
        index_name = "by_time"
        projection = IncludeProjection(list(LISTED_BY))

    history_shard = NumberAttribute(hash_key=True)
    run_id = UnicodeAttribute(range_key=True)


class ByTask(GlobalSecondaryIndex["RunItem"]):
    """A task's runs, by time."""

    class Meta:
        index_name = "by_task"
        projection = IncludeProjection([name for name in LISTED_BY if name != "task_id"])

    task_id = UnicodeAttribute(hash_key=True)
    run_id = UnicodeAttribute(range_key=True)


class ByState(GlobalSecondaryIndex["RunItem"]):
    """All runs in one state, by time."""

    class Meta:
        index_name = "by_state"
        projection = IncludeProjection(list(LISTED_BY))

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


class PartitionItem(due.DueItem):
    """Whatever stands in a run's partition."""

    class Meta(TableMeta):
        table_name = table_name("runs")

    run_id = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute()
    ttl = ExpiryAttribute(null=True)

    inbox_index = Inbox()
    due_index = Due()
    by_time = ByTime()
    by_task = ByTask()
    by_state = ByState()
    by_agent = ByAgent()
    failed_jobs = FailedJobs()
    active_by_task = ActiveByTask()


class RunItem(PartitionItem, discriminator="run"):
    """See `Run`. `history_shard`, `run_state` and `active_task` are for the indexes. `spread_part`
    was sent to the work queue, and is not sent again before `spread_until`. A list of runs is
    narrowed to a scope by `task_id` and `reach` alone."""

    ITEM: ClassVar[str] = ".RUN"

    task_id = UnicodeAttribute()
    task_name = UnicodeAttribute()
    revision = NumberAttribute()
    step_count = NumberAttribute()
    state = UnicodeAttribute()
    triggered_by = ByAttribute()
    scope = ScopeAttribute(null=True)  # none where it is everything
    reach = ReachAttribute(null=True)  # none where there are no agents
    trigger = UnicodeAttribute()
    parameters = JSONAttribute(null=True)
    concurrency = UnicodeAttribute()
    is_held = BooleanAttribute(default=False)
    retry_of = UnicodeAttribute(null=True)
    secrets = JSONAttribute(null=True)
    timeout_seconds = NumberAttribute(null=True)
    step = NumberAttribute(default=1)
    step_size = NumberAttribute(default=0)
    known = NumberAttribute(default=0)
    size = NumberAttribute(null=True)
    results = JSONAttribute(null=True)
    created_at = InstantAttribute()
    timeout_at = InstantAttribute(null=True)
    jobs_become = UnicodeAttribute(null=True)
    stop_reason = UnicodeAttribute(null=True)
    stopped_by = ByAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    started_at = InstantAttribute(null=True)
    ended_at = InstantAttribute(null=True)
    history_shard = NumberAttribute()
    run_state = UnicodeAttribute()
    active_task = UnicodeAttribute(null=True)
    spread_part = UnicodeAttribute(null=True)
    spread_until = InstantAttribute(null=True)


class StepItem(PartitionItem, discriminator="step"):
    """See `RunStep`. `frozen` is the step as JSON; `size` is absent until its agents are chosen.
    A few of them stand in `agents`, as pairs of id and name; `roster` names the items of many."""

    frozen = UnicodeAttribute()
    size = NumberAttribute(null=True)
    agents = JSONAttribute(null=True)
    roster = UnicodeAttribute(null=True)
    reach = ReachAttribute(null=True)
    problem = UnicodeAttribute(null=True)


class RosterItem(PartitionItem, discriminator="roster"):
    """See `StepItem`."""

    agents = JSONAttribute()


class GateItem(PartitionItem, discriminator="gate"):
    """All of it are counts, so that it stays small: jobs that failed, for each part of the wave;
    `granted` successors and `parked` slots, and at how many of these somebody looks; the jobs that
    have ended, by state."""

    failed_0 = NumberAttribute(null=True)
    failed_1 = NumberAttribute(null=True)
    failed_2 = NumberAttribute(null=True)
    failed_3 = NumberAttribute(null=True)
    failed_4 = NumberAttribute(null=True)
    failed_5 = NumberAttribute(null=True)
    failed_6 = NumberAttribute(null=True)
    failed_7 = NumberAttribute(null=True)
    granted = NumberAttribute(default=0)
    parked = NumberAttribute(default=0)
    look_at = NumberAttribute(null=True)
    ended_succeeded = NumberAttribute(null=True)
    ended_failed = NumberAttribute(null=True)
    ended_timed_out = NumberAttribute(null=True)
    ended_cancelled = NumberAttribute(null=True)
    ended_lost = NumberAttribute(null=True)
    ended_undelivered = NumberAttribute(null=True)
    ended_skipped = NumberAttribute(null=True)


class FailuresItem(PartitionItem, discriminator="failures"):
    """The indexes of those jobs of one part of a wave that failed. Only written when one does."""

    failed = NumberSetAttribute()


class JobItem(PartitionItem, discriminator="job"):
    """See `Job`. `inbox_of` is the agent while the job has not ended, `failed_in` the run of one
    that failed."""

    inbox_of = UnicodeAttribute(null=True)
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
    becomes = UnicodeAttribute(null=True)
    stop_by = InstantAttribute(null=True)
    stop_told = BooleanAttribute(null=True)
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
    log_compacted = BooleanAttribute(null=True)
    log_problem = UnicodeAttribute(null=True)
    stopped_by = ByAttribute(null=True)


class TurnItem(PartitionItem, discriminator="turn"):
    """The run of a task that has its turn, where runs of the task exclude each other."""

    holder = UnicodeAttribute()
    taken_at = InstantAttribute()


class SecretItem(PartitionItem, discriminator="secret"):
    """See `kms.sealing.Sealed`. Both are gone when the run has ended."""

    data_key = BinaryAttribute(legacy_encoding=False, null=True)
    content = BinaryAttribute(legacy_encoding=False, null=True)


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


def rosters_sort_key(step: int) -> str:
    """What the parts of a step's agents begin with."""
    return f"ROSTER#{step:03d}#"


def roster_sort_key(step: int, roster: str, chunk: int) -> str:
    """Of a part of a step's agents."""
    return f"{rosters_sort_key(step)}{roster}#{chunk:02d}"


def gate_sort_key(step: int, wave: int) -> str:
    """Of the gate of one wave of a step."""
    return f".STEP#{step:03d}#GATE#{wave}"


def parse_gate_sort_key(item: str) -> tuple[int, int]:
    """The inverse of `gate_sort_key`: step and wave."""
    _, step, _, wave = item.split("#")
    return int(step), int(wave)


def failures_sort_key(step: int, wave: int, part: int) -> str:
    """Of the failures in one part of a wave. It stands behind the jobs: pages do not show it."""
    return f"WAVE#{step:03d}#{wave}#FAILED#{part}"


def history_shard(run_id: str) -> int:
    """The run's partition of the index by time."""
    return _shard(run_id, HISTORY_SHARDS)


def state_shard(state: str, run_id: str) -> str:
    """The run's partition of the index by state."""
    return state_partition(state, _shard(run_id, STATE_SHARDS))


def state_partition(state: str, shard: int) -> str:
    """One of those that hold all runs in a state."""
    return f"{state}#{shard}"


def _shard(run_id: str, shards: range) -> int:
    return shards[zlib.crc32(run_id.encode()) % len(shards)]
