"""A log from the command to the reader: masked, spooled, cut, shipped, paged, compacted."""

import base64
import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.operations.logs import compaction, logs
from plumber_agent.jobs import output as outputs
from plumber_agent.jobs.masking import Masking
from plumber_agent.jobs.output import Output
from plumber_agent.jobs.pattern import PatternMask
from plumber_agent.machine.segments import STDERR, STDOUT, STREAM_NAMES
from plumber_agent.machine.spool import Spool
from tests.api.conftest import Clock, People
from tests.api.logs.conftest import Logged
from tests.stack.shifts import shift

SECRETS, PATTERNS = ["hunter2", "aab", "é…"], [r"key-\d+"]


def random_output(chance: Random) -> list[tuple[int, bytes]]:
    """What a command writes: streams and pieces, secrets in them cut anywhere."""
    words = [*SECRETS, "hunt", "key-", "12", "a", "\n", "\r", "x" * 40, "\udcff"]
    whole = {
        stream: "".join(chance.choice(words) for _ in range(chance.randrange(60))).encode(
            "utf-8", "surrogateescape"
        )
        for stream in STREAM_NAMES
    }
    pieces = []
    while any(whole.values()):
        stream = chance.choice([each for each in whole if whole[each]])
        size = chance.randrange(1, 50)
        pieces.append((stream, whole[stream][:size]))
        whole[stream] = whole[stream][size:]
    return pieces


def masked(pieces: list[tuple[int, bytes]], stream: int, masks: list[Any]) -> bytes:
    masking = Masking(*masks)
    data = b"".join(piece for each, piece in pieces if each == stream)
    return masking.feed(data) + masking.flush()


def spooled(
    directory: Path, pieces: list[tuple[int, bytes]], masks: list[Any], chance: Random
) -> tuple[list[bytes], dict[str, object]]:
    """As supervisor and agent do it, the agent looking, and dying, at any time."""
    kept = Output(str(directory), 1 << 20, 1 << 30)
    maskings = {stream: Masking(*masks) for stream in STREAM_NAMES}
    sent: list[bytes] = []
    spool = Spool(directory)

    def ship() -> None:
        while (cut := spool.next_to_ship()) is not None:
            sent.append(spool.content(cut))
            spool.mark_shipped(cut)

    for stream, piece in pieces:
        kept.write(stream, maskings[stream].feed(piece))
        if chance.random() < 0.3:
            spool.cut()
        if chance.random() < 0.2:
            ship()
        if chance.random() < 0.1:
            spool = Spool(directory)
    for stream, masking in maskings.items():
        kept.write(stream, masking.flush())
    summary = kept.close()
    spool.cut_rest()
    ship()
    return sent, summary


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32), is_masked=st.booleans())
def test_what_is_read_is_what_was_written_with_secrets_masked(
    admin: People, agent: Any, travel: Clock, tmp_path: Path, seed: int, is_masked: bool
) -> None:
    chance = Random(seed)
    directory = tmp_path / "job"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    logged = Logged(admin, agent())
    pieces = random_output(chance)
    masks: list[Any] = [SECRETS, PatternMask(PATTERNS)] if is_masked else [[], None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outputs, "SEGMENT_BYTES", chance.randrange(20, 400))
        patch.setattr(logs, "PAGE_BYTES", chance.randrange(1, 300))
        patch.setattr(logs, "PAGE_RECORDS", chance.randrange(1, 8))
        sent, summary = spooled(directory, pieces, masks, chance)
        for chunk in sent:
            logged.put_chunk(chunk)
        logged.agent.finish(
            logged.job, log={"chunks": len(sent), "streams": summary, "truncated": False}
        )
        compacted_after = chance.randrange(4)
        read: dict[str, bytes] = {"stdout": b"", "stderr": b""}
        for number, page in enumerate(logged.pages()):
            for each in page["records"]:
                read[each["stream"]] += base64.b64decode(each["data"])
            if number == compacted_after:
                compaction.compact_due(shift(travel.after(60)))
    for stream in (STDOUT, STDERR):
        expected = masked(pieces, stream, masks)
        assert read[STREAM_NAMES[stream]] == expected
        assert logged.download(STREAM_NAMES[stream]) == expected
