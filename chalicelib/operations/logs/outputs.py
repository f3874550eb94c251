"""The outputs of a step's jobs side by side: which agents printed the same."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from chalicelib.logs import log
from chalicelib.operations.logs.log_source import LogSource
from chalicelib.runs.job import Job, JobState

NO_BYTES = hashlib.sha256(b"").hexdigest()
SAMPLES = 20  # groups whose output is shown at once
SAMPLE_BYTES = 16_384
SAMPLE_CHUNKS = 3  # read for it, at most


class Group(msgspec.Struct, frozen=True):
    """Jobs that ended in the same way, whose streams are the same, byte for byte. `sample` is the
    beginning of the first one's log, None where it is to be read at its job."""

    jobs: Sequence[Job]
    stdout_bytes: int
    stderr_bytes: int
    sample: bytes | None
    is_cut: bool


def grouped(jobs: Sequence[Job]) -> tuple[list[Group], list[Job]]:
    """Groups, those that did not succeed before the others and the largest first, and the jobs
    that have not ended.

    Output is compared by the SHA-256 that agents report: nothing but the samples is read. A job
    that ended without a report, as one that nobody fetched, has no output that is known.
    """
    known: dict[tuple[JobState, int | None, str, str], list[Job]] = {}
    pending: list[Job] = []
    for job in jobs:
        if not job.state.is_terminal:
            pending.append(job)
            continue
        streams = (job.log or {}).get("streams") or {}
        output = _sha256(streams, "stdout"), _sha256(streams, "stderr")
        known.setdefault((job.state, job.exit_code, *output), []).append(job)
    ordered = sorted(known.values(), key=lambda alike: (not alike[0].has_failed, -len(alike)))
    return [_group(alike, number < SAMPLES) for number, alike in enumerate(ordered)], pending


def _sha256(streams: Mapping[str, Mapping[str, object]], name: str) -> str:
    """A stream that was not reported has no bytes."""
    return str(streams[name]["sha256"]) if name in streams else NO_BYTES


def _group(alike: Sequence[Job], has_sample: bool) -> Group:
    first = alike[0]
    streams = (first.log or {}).get("streams") or {}
    out, err = (int(streams.get(name, {}).get("bytes", 0)) for name in ("stdout", "stderr"))
    sample = _beginning(first) if has_sample else None
    is_cut = sample is None or len(sample) < out + err
    return Group(alike, out, err, sample, is_cut)


def _beginning(job: Job) -> bytes:
    """Of the first chunks: the very first one often holds a line, since it is shipped at once."""
    source, found = LogSource(job, tolerant=True), b""
    promised = log.reported_chunks(job.log) or 0
    for seq in range(1, min(promised, SAMPLE_CHUNKS) + 1):
        found += b"".join(record.data for record in source.chunk(seq) or ())
        if len(found) >= SAMPLE_BYTES:
            break
    return found[:SAMPLE_BYTES]
