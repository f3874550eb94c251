"""Starting runs: freeze the steps into a new run and put the first jobs out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from chalicelib.access.by import By
from chalicelib.access.scope import EVERYTHING, OutOfScope, Scope
from chalicelib.agents.agent import Candidate
from chalicelib.dynamo import runs, steps
from chalicelib.errors import BadParameter, Conflict
from chalicelib.operations.runs import secret_values
from chalicelib.operations.runs.advance import advance
from chalicelib.operations.runs.choice import choose, chosen_by_name, named
from chalicelib.operations.runs.turn import ACTIVE_AT_MOST, take_turn
from chalicelib.operations.tasks.tasks import existing_revision
from chalicelib.runs.run import Progress, Run, RunState, RunStep, Trigger, at_step
from chalicelib.settings import settings
from chalicelib.tasks.param import fill, split
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Concurrency, StoredTask
from chalicelib.tasks.task_toml import parse

MAX_KEY_LENGTH = 128
NO_SECRETS: Mapping[str, str] = {}


class AlreadyRunning(Conflict):
    """Another run of this task has not ended yet, and the task does not allow two at once."""


class LineIsFull(AlreadyRunning):
    """As many runs of this task wait for their turn as may. Cancel some, or wait."""


def trigger(
    task: StoredTask,
    *,
    triggered_by: By,
    run_id: str,
    idempotency_key: str | None,
    now: datetime,
    parameters: Mapping[str, str] | None = None,
    concurrency: Concurrency | None = None,
    source: Trigger = Trigger.PERSON,
    scope: Scope = EVERYTHING,
) -> Progress:
    """Starts a run of the task's current revision and answers it, its jobs not included.

    With an idempotency key, a repeated call of the same caller within a day answers the run that
    the first one made.
    `concurrency` outweighs the task's own. Raises BadParameter for a bad key, InvalidParameters,
    TooManyAgents, AlreadyRunning, KeyProblem for secrets, and OutOfScope where it would run on
    agents outside of `scope`.
    """
    text, named, revision = task.definition, task.agents, task.revision
    if idempotency_key is not None:
        check_key(idempotency_key)
        run_id, revision = runs.reserve_key(
            task.id, triggered_by, idempotency_key, run_id, task.revision, now
        )
        if (earlier := go_on(run_id, now, scope)) is not None:
            return earlier
        if revision != task.revision:  # edited since a first call that was cut short
            older = existing_revision(task, revision)
            text, named = older.definition, older.agents
    definition = parse(text, named)
    plain, secret = split(fill(definition.params, parameters or {}), definition.secrets)
    run = Run(
        id=run_id,
        task_id=task.id,
        task_name=task.name,
        revision=revision,
        step_count=len(definition.steps),
        state=RunState.QUEUED,
        triggered_by=triggered_by,
        created_at=now,
        expires_at=now + timedelta(days=settings.history_days),
        trigger=source,
        parameters=plain,
        secrets=definition.secrets,
        concurrency=concurrency or definition.concurrency,
        timeout_seconds=definition.timeout_seconds,
        scope=scope,
    )
    return start(run, [RunStep(step) for step in definition.steps], now, secret)


def check_key(key: str) -> None:
    """Raises BadParameter for an idempotency key that is empty or too long."""
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise BadParameter(f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} characters.")


def start(
    run: Run, planned: Sequence[RunStep], now: datetime, secrets: Mapping[str, str] = NO_SECRETS
) -> Progress:
    """Brings a run into being, with what its task says of earlier runs; answers it without jobs.
    `secrets` are the values of its secret parameters.

    Raises AlreadyRunning, TooManyAgents for the first step, OutOfScope for all that have chosen
    their agents (the others are looked at when they choose), and KeyProblem for secrets; nothing
    was started then.
    """
    resolved = _resolved(planned, run.scope, now)
    sealed = secret_values.sealed(run.id, secrets)  # asked for first: it may be refused
    run = _in_turn(run, now)
    secret_values.keep(run, sealed)
    begun = Progress(at_step(Progress(run, resolved), resolved[0].number), resolved)
    is_first = steps.freeze(run.id, begun.steps, run.expires_at)
    is_first = runs.create(begun.run) and is_first
    if not is_first:
        # Somebody else triggers the same run, or did and died, or our own answer was lost: what
        # is stored counts, and goes on from where it stands.
        return go_on(run.id, now, run.scope) or begun
    now_is = advance(run.id, now, known=begun)
    return begun if now_is is None else replace(begun, run=now_is)


def go_on(run_id: str, now: datetime, scope: Scope) -> Progress | None:
    """The run of an earlier call with the same key, brought forward in case that call was cut
    short; None when it did not come so far as to make one. Raises OutOfScope when somebody with a
    wider scope made that call."""
    found = runs.progress(run_id)
    if found is None:
        return None
    if not scope.holds_run(found.run.task_id, found.run.reach):
        raise OutOfScope("The run that this Idempotency-Key stands for is outside of the scope.")
    now_is = advance(run_id, now, known=found)
    return found if now_is is None else replace(found, run=now_is)


def _in_turn(run: Run, now: datetime) -> Run:
    """The run as it begins: at once, or held until the runs before it have ended."""
    if run.concurrency is Concurrency.QUEUE and _is_line_full(run.task_id):
        raise LineIsFull
    if run.concurrency in (Concurrency.QUEUE, Concurrency.REPLACE):
        return replace(run, is_held=True)
    if run.concurrency is Concurrency.FORBID and not take_turn(run, now):
        raise AlreadyRunning
    if run.timeout_seconds is None:
        return run
    return replace(run, timeout_at=now + timedelta(seconds=run.timeout_seconds))


def _is_line_full(task_id: str) -> bool:
    """Who waits costs each sweep something, and whoever may trigger the task lets runs wait: about
    so many, since the index may be late."""
    return sum(1 for _ in runs.active_ids(task_id, ACTIVE_AT_MOST)) >= ACTIVE_AT_MOST


def _resolved(planned: Sequence[RunStep], scope: Scope, now: datetime) -> list[RunStep]:
    """With agents where they are named, and for the step that starts at once."""
    known = _named_agents(planned, scope)
    return [_with_agents(step, known, step is planned[0], scope, now) for step in planned]


def _with_agents(
    step: RunStep, known: Mapping[str, Candidate], is_first: bool, scope: Scope, now: datetime
) -> RunStep:
    targets = step.step.targets
    if step.size is not None:  # by the run that is retried
        if scope.names_agents:
            chosen_by_name(Targets(agent_ids=step.roster), known, scope)
        return step
    if targets.is_fixed:
        chosen = chosen_by_name(targets, known, scope)
    elif is_first:
        chosen = choose(targets, now, scope)
    else:
        return step
    return RunStep(step.step, len(chosen.agents), None, chosen.agents, reach=chosen.reach)


def _named_agents(planned: Sequence[RunStep], scope: Scope) -> dict[str, Candidate]:
    """All agents that steps name, by id, in one look. Those that an earlier run has chosen may have
    other labels by now: under a scope they are looked at again."""
    ids = {each for step in planned for each in step.step.targets.agent_ids if step.size is None}
    if scope.names_agents:
        ids |= {each for step in planned for each in step.roster}
    return named(ids)
