"""From logs, and what was found in them, to their shapes."""

from collections.abc import Mapping
from typing import cast

from msgspec.structs import asdict

from chalicelib.api.logs import shapes
from chalicelib.logs import log
from chalicelib.logs.line_count import Lines
from chalicelib.operations.logs import logs, outputs, search
from chalicelib.runs.job import Job


def page(page: logs.LogPage) -> shapes.LogPage:
    """A page of a log."""
    return shapes.LogPage(
        records=[
            shapes.LogRecord(cast(shapes.StreamName, each.stream.word), each.at, each.data)
            for each in page.records
        ],
        next=str(page.next),
        has_more=page.has_more,
        state=page.state.value,
        missing=None if page.missing is None else _missing(page.missing),
        job_state=page.job.state.value,
        line_count=page.line_count,
        lines_before=None if page.lines_before is None else _lines(page.lines_before),
    )


def _lines(value: Lines) -> shapes.LinesBefore:
    return shapes.LinesBefore(**asdict(value))


def _missing(value: log.Missing) -> shapes.Missing:
    return shapes.Missing(value.chunks, value.stdout_bytes, value.stderr_bytes, value.reason)


def matches(found: search.Found) -> shapes.LogMatches:
    """What a search found."""
    matches = [
        shapes.LogMatch(
            job_id=job.key.job_id,
            agent_id=job.key.agent_id,
            agent_name=job.agent_name or job.key.agent_id,
            step=job.key.step,
            line=match.line,
            stream=cast(shapes.StreamName, match.stream.word),
            at=match.at,
            text=match.text,
            start=match.start,
            end=match.end,
        )
        for job, match in found.matches
    ]
    return shapes.LogMatches(matches, found.next, found.searched_bytes)


def group(group: outputs.Group, names: Mapping[str, str]) -> shapes.OutputGroup:
    """Jobs that ended alike and printed the same."""
    first = group.jobs[0]
    sample = None
    if group.sample is not None:
        text = group.sample.decode(errors="replace")
        sample = shapes.OutputSample(first.key.job_id, text, group.is_cut)
    return shapes.OutputGroup(
        state=first.state.value,
        exit_code=first.exit_code,
        reason=first.reason,
        count=len(group.jobs),
        jobs=[output_job(job, names) for job in group.jobs],
        stdout_bytes=group.stdout_bytes,
        stderr_bytes=group.stderr_bytes,
        sample=sample,
    )


def output_job(job: Job, names: Mapping[str, str]) -> shapes.OutputJob:
    """One of them."""
    name = names.get(job.key.agent_id, job.key.agent_id)
    return shapes.OutputJob(job.key.job_id, job.key.agent_id, name, job.state.value, job.exit_code)
