"""Following a run until it has ended."""

import time
from typing import Any

from plumber_cli import render, terminal
from plumber_cli.context import Context
from plumber_cli.errors import FAILED, INTERRUPTED, STOPPED, SUCCEEDED, USAGE
from plumber_cli.logs import Follower, StepAndJob, Tail, all_jobs, job_prefix, jobs_of
from plumber_cli.printers import LinePrinter

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 1.0
EXIT_CODES = {
    "succeeded": SUCCEEDED,
    "failed": FAILED,
    "cancelled": STOPPED,
    "timed_out": STOPPED,
}
WIDE = 10  # agents; a step that has more is shown as a whole, and only its failures one by one
NOT_WELL = ("failed", "timed_out", "lost", "undelivered", "cancelled")
NOT_BEGUN = ("waiting", "queued", "skipped")


def watch(context: Context, run_id: str, *, logs: bool) -> int:
    """Shows the run's progress until it has ended; answers the exit code of its end."""
    try:
        detail = _follow(context, run_id, logs)
    except KeyboardInterrupt:
        goes_on = f"The run {run_id} goes on. 'plumber-cli run cancel {run_id}' cancels it."
        terminal.say("", goes_on, err=True)
        return INTERRUPTED
    context.show(detail, lambda: _end(detail))
    return EXIT_CODES.get(detail["run"]["state"], USAGE)


def _follow(context: Context, run_id: str, logs: bool) -> dict[str, Any]:
    def open_tail(step: dict[str, Any], job: dict[str, Any]) -> Tail:
        return Tail(context.client, run_id, job["id"], None, LinePrinter(job_prefix(step, job)))

    shown: dict[str, str] = {}
    follower = Follower(open_tail) if logs and not context.is_json else None
    wait = FIRST_WAIT_SECONDS
    if not context.is_json:
        terminal.say(f"Run {run_id}")
    context.client.endure(lambda: render.hint("The control plane is away. Waiting for it."))
    while True:
        detail: dict[str, Any] = context.client.get("runs", run_id)
        if not context.is_json and _progress(detail, shown, follower):
            wait = FIRST_WAIT_SECONDS
        if detail["run"]["ended_at"] is not None:
            break
        if follower is not None and follower.is_due():
            follower.read(jobs_of(detail))
        time.sleep(wait)
        wait = min(LONGEST_WAIT_SECONDS, wait * 1.3)
    if follower is not None:
        follower.read_to_the_end(all_jobs(context.client, run_id, detail["steps"]))
        for warning in follower.incomplete():
            render.warn(warning)
    return detail


def _progress(detail: dict[str, Any], shown: dict[str, str], follower: Follower | None) -> bool:
    """A line for each job that has begun or ended since, after the last of what it printed; whether
    there was one."""
    before = dict(shown)
    for step in detail["steps"]:
        # One step after the other: several may have ended since the last look.
        if follower is not None:
            follower.read_ends(_newly_ended(step, shown))
        if _is_wide(step):
            _wide_progress(step, shown)
        _say_jobs(step, shown)
    return shown != before


def _newly_ended(step: dict[str, Any], shown: dict[str, str]) -> list[StepAndJob]:
    """The step's jobs of which it was not said yet that they have ended, but for those of a wide
    one: it is never said of each of them."""
    return [
        (step, job)
        for job in step["jobs"]
        if job["ended_at"] is not None
        and shown.get(job["id"]) != job["state"]
        and not _is_wide(step)
    ]


def _say_jobs(step: dict[str, Any], shown: dict[str, str]) -> None:
    for job in step["jobs"]:
        if _is_wide(step) and job["state"] not in NOT_WELL:
            continue
        state = "running" if job["state"] == "claimed" else job["state"]
        if render.is_waiting_in_vain(job) and job["id"] not in shown:
            shown[job["id"]] = state
            terminal.say(f"{job_line(step, job, state)}  {render.reason(job)}")
        if state not in NOT_BEGUN and shown.get(job["id"]) != state:
            shown[job["id"]] = state
            terminal.say(job_line(step, job, state))


def _is_wide(step: dict[str, Any]) -> bool:
    return (step["progress"]["total"] or 0) > WIDE


def _wide_progress(step: dict[str, Any], shown: dict[str, str]) -> None:
    """One line for all agents of a wide step, whenever another tenth has ended."""
    progress = step["progress"]
    tenth = str(progress["percent"] // 10)
    if progress["ended"] and shown.get(f"step {step['number']}") != tenth:
        shown[f"step {step['number']}"] = tenth
        counts = ", ".join(f"{number} {state}" for state, number in progress["counts"].items())
        terminal.say(f"  {step['number']}. {step['name']}  {progress['percent']} %  {counts}")


def job_line(step: dict[str, Any], job: dict[str, Any], state: str) -> str:
    """One job in one line."""
    text = f"  {step['number']}. {step['name']}  {job['agent_name']}  {render.state(state)}"
    if job["exit_code"] is not None:
        text += f"  exit code {job['exit_code']}"
    if job["duration_seconds"] is not None:
        text += f"  {render.duration(job['duration_seconds'])}"
    return text


def _end(detail: dict[str, Any]) -> None:
    run = detail["run"]
    for step in detail["steps"]:
        if step["state"] == "skipped":
            terminal.say(f"  {step['number']}. {step['name']}  skipped")
    # From the trigger on, which is what somebody has waited for: a run "starts" with its first job.
    waited = render.instant(run["ended_at"]) - render.instant(run["created_at"])
    span = render.duration(waited.total_seconds())
    terminal.say(f"Run {run['id']} {render.state(run['state'])} after {span}")
    if run["tolerated_failures"]:
        terminal.say(f"  {_tolerated(detail['steps'])}")
    if run["reason"]:
        terminal.say(f"  {run['reason']}")


def _tolerated(steps: list[dict[str, Any]]) -> str:
    """Which steps ended well although agents failed."""
    told = [
        f"{each['tolerated_failures']} of step {each['number']} ('{each['name']}')"
        for each in steps
        if each["tolerated_failures"]
    ]
    return f"Failures that were tolerated: {', '.join(told)}."
