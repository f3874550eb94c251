"""Output on its way to a store that takes each chunk once."""

import zlib
from pathlib import Path
from typing import Any

from tests.agent.plane import Plane, wait_until


def test_a_chunk_whose_answer_was_lost_is_sent_again_and_counts_as_arrived(
    plane: Plane, agent: Any, tmp_path: Path
) -> None:
    plane.answers_lost = 2
    agent()
    plane.offers = [plane.offer("echo one")]
    wait_until(lambda: plane.ends() and not list((tmp_path / "work" / "jobs").iterdir()))
    assert plane.ends()["l1"]["log"]["chunks"] == 1
    assert list(plane.chunks) == ["/logs/l1/1"]
    assert len(plane.signed_headers) >= 2
    assert set(plane.signed_headers) == {"*"}


def test_what_another_has_written_there_stays_and_the_job_ends(
    plane: Plane, agent: Any, tmp_path: Path
) -> None:
    plane.chunks["/logs/l1/1"] = b"first"
    agent()
    plane.offers = [plane.offer("echo one")]
    wait_until(lambda: plane.ends() and not list((tmp_path / "work" / "jobs").iterdir()))
    assert plane.chunks == {"/logs/l1/1": b"first"}


def test_chunks_that_have_been_put_together_count_as_arrived_and_the_rest_is_shipped(
    plane: Plane, agent: Any, tmp_path: Path
) -> None:
    plane.store_status = 403  # its addresses are too old
    agent()
    plane.offers = [plane.offer("echo one; sleep 0.3; echo two")]
    wait_until(plane.ends)
    assert plane.ends()["l1"]["log"]["chunks"] == 2
    plane.first_open = 2
    plane.store_status = 200
    wait_until(lambda: not list((tmp_path / "work" / "jobs").iterdir()))
    ((path, chunk),) = plane.chunks.items()
    assert path == "/logs/l1/2"
    assert b"two" in (chunk if chunk.startswith(b"PLB1") else zlib.decompress(chunk[4:]))
