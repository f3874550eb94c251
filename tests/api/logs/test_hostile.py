"""Reports and chunks that lie: they cost a bounded number of calls, and harm no other output."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.logs import log
from chalicelib.logs.log import MAGIC, MAX_OBJECT_BYTES
from chalicelib.operations.logs import compaction, logs, search
from chalicelib.s3 import chunks, objects
from tests.api.conftest import Clock, Fleet, People, named
from tests.api.fleet import start
from tests.api.logs.conftest import Logged, data_of, due, err, fill, out, put

SHA = "a" * 64
HUGE = 2**53 - 1


@pytest.fixture
def gets(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Which objects were read."""
    found: list[str] = []
    real = objects._open

    def counting(key: str, **options: str) -> Any:
        found.append(key)
        return real(key, **options)

    monkeypatch.setattr(objects, "_open", counting)
    yield found


def looks(logged: Logged, admin: People) -> list[tuple[str, int]]:
    """Everything that reads a log, with the codes that it is answered with."""
    paths = [
        *(f"{logged.path}{query}" for query in ("", "?tail=5", "?since=2000-01-01T00:00:00Z")),
        f"{logged.path}/search?pattern=e",
        f"{logged.path}/download?stream=stdout&redirect=false",
        f"{logged.path}/download?stream=all&redirect=false",
        f"/runs/{logged.run_id}/search?pattern=e",
        f"/runs/{logged.run_id}/outputs",
        f"/runs/{logged.run_id}",
        f"/runs/{logged.run_id}/jobs",
    ]
    return [(path, admin.send("GET", path, None, {})[1]["code"]) for path in paths]


REPORTS: dict[str, dict[str, Any]] = {
    "nothing": {"chunks": 0, "streams": {}},
    "only stdout": {"chunks": 1, "streams": {"stdout": {"bytes": 4, "sha256": SHA}}},
    "only stderr": {"chunks": 1, "streams": {"stderr": {"bytes": 4, "sha256": SHA}}},
    "absurd counts": {
        "chunks": 10**8 - 1,
        "streams": {
            "stdout": {"bytes": HUGE, "sha256": SHA, "missing": HUGE},
            "stderr": {"bytes": HUGE, "sha256": SHA, "missing": HUGE},
        },
        "truncated": True,
        "reason": "\x1b[2J" * 100,
    },
    "fewer than there are": {"chunks": 1, "streams": {}},
    "another stream": {"chunks": 6, "streams": {"stderr": {"bytes": 9, "sha256": SHA}}},
    "no bytes": {"chunks": 6, "streams": {"stdout": {"bytes": 0, "sha256": SHA}}},
    "no report": {},
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_a_report_that_lies_costs_little_and_shows_what_is_there(
    admin: People, logged: Logged, travel: Clock, gets: list[str], report: dict[str, Any]
) -> None:
    whole = fill(logged)
    logged.agent.finish(logged.job, log=report or None)
    assert {code for _, code in looks(logged, admin)} <= {0, 1005}
    assert data_of(admin.data("GET", logged.path)) == whole
    assert len(gets) < 150
    for _ in range(compaction.BAD_TRIES_AT_MOST + 1):
        due(travel, 3_700)
    travel.after(86_400)
    due(travel, 0)
    assert {code for _, code in looks(logged, admin)} <= {0, 1005}
    assert data_of(admin.data("GET", logged.path)) == whole


@pytest.mark.parametrize(
    "report",
    [
        {"chunks": -1, "streams": {}},
        {"chunks": 10**8, "streams": {}},
        {"chunks": 1.5, "streams": {}},
        {"chunks": True, "streams": {}},
        {"chunks": 1, "streams": {"stdout": {"bytes": -1, "sha256": SHA}}},
        {"chunks": 1, "streams": {"stdout": {"bytes": 2**53, "sha256": SHA}}},
        {"chunks": 1, "streams": {"stdout": {"bytes": 1, "sha256": "A" * 64}}},
        {"chunks": 1, "streams": {"stdout": {"bytes": 1, "sha256": SHA + "\n"}}},
        {"chunks": 1, "streams": {"../index": {"bytes": 1, "sha256": SHA}}},
        {"chunks": 1, "streams": {"stdout": {"bytes": 1, "sha256": SHA, "missing": -1}}},
        {"chunks": 1, "streams": []},
    ],
)
def test_a_report_that_is_none_is_refused_and_ends_nothing(
    admin: People, logged: Logged, report: dict[str, Any]
) -> None:
    told = {**named(logged.job), "outcome": "exited", "duration_ms": 1, "exit_code": 0}
    assert logged.agent.error("job.finish", **told, log=report) == -32602
    assert admin.data("GET", f"/runs/{logged.run_id}")["run"]["state"] == "running"


# --- chunks with nothing in them


def test_a_page_looks_at_so_many_chunks_and_leads_on(
    admin: People, logged: Logged, gets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "CHUNKS_AT_ONCE", 4)
    for _ in range(9):
        logged.put_chunk(MAGIC)
    logged.put(out("the end\n"))
    pages, cursor = [], ""
    while not pages or pages[-1]["has_more"]:
        gets.clear()
        pages.append(admin.data("GET", f"{logged.path}?cursor={cursor}"))
        cursor = pages[-1]["next"]
        assert len(gets) <= 4
    assert [data_of(page) for page in pages] == [b"", b"", b"the end\n"]


def test_a_stream_that_is_rare_is_found_page_by_page(
    admin: People, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "CHUNKS_AT_ONCE", 4)
    for number in range(9):
        logged.put(out(f"{number}\n"))
    logged.put(err("the end\n"))
    logged.finish()
    pages = list(logged.pages("&stream=stderr"))
    assert b"".join(map(data_of, pages)) == b"the end\n"
    assert [page["has_more"] for page in pages] == [True, True, False]


def test_the_last_lines_are_looked_for_in_so_many_chunks(
    admin: People, logged: Logged, gets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "CHUNKS_AT_ONCE", 4)
    logged.put(out("one\n"))
    for _ in range(9):
        logged.put_chunk(MAGIC)
    logged.put(out("two\n"))
    logged.finish()
    gets.clear()
    assert data_of(admin.data("GET", f"{logged.path}?tail=2")) == b"two\n"
    assert len(gets) <= 12


def test_a_search_of_empty_chunks_is_bounded_and_goes_on(
    admin: People, logged: Logged, gets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "CHUNK_COSTS", search.BYTES_AT_ONCE // 4 + 1)
    for _ in range(9):
        logged.put_chunk(MAGIC)
    logged.put(out("the end\n"))
    logged.finish()
    for path in (f"{logged.path}/search", f"/runs/{logged.run_id}/search"):
        cursor, found, calls = "", [], 0
        while cursor is not None:
            gets.clear()
            answer = admin.data("GET", f"{path}?pattern=end&cursor={cursor}")
            found, cursor, calls = found + answer["matches"], answer["next"], calls + 1
            assert len(gets) <= 6
        assert ([each["text"] for each in found], calls > 2) == (["the end"], True)


def test_a_log_of_too_many_chunks_stays_as_it_came_and_says_so(
    admin: People, logged: Logged, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "COMPACTED_UP_TO_CHUNKS", 5)
    whole = fill(logged, 6)
    logged.finish()
    for _ in range(compaction.BAD_TRIES_AT_MOST + 1):
        due(travel, 3_700)
    page = admin.data("GET", logged.path)
    assert (data_of(page), page["state"]) == (whole, "incomplete")
    assert "it has 6 chunks, and 5 is the most" in page["missing"]["reason"]


def test_chunks_that_nobody_reads_give_their_room_back(
    admin: People, logged: Logged, travel: Clock
) -> None:
    logged.put(out("one\n"))
    logged.put_chunk(MAGIC + bytes(MAX_OBJECT_BYTES))
    for number in range(4):
        logged.put(out(f"{number}\n"))
    logged.finish()
    prefix = log.attempt_prefix(logged.key, 1)
    assert max(size for _, size in objects.sizes(prefix)) > MAX_OBJECT_BYTES
    for _ in range(compaction.BAD_TRIES_AT_MOST + 1):
        due(travel, 3_700)
    assert max(size for _, size in objects.sizes(prefix)) < 1_000
    assert list(chunks.numbers(logged.key, 1)) == [1, 2, 3, 4, 5, 6]
    text = b"one\n[plumber: part 2 of this log is damaged]\n0\n1\n2\n3\n"
    page = admin.data("GET", logged.path)
    assert (data_of(page), page["state"]) == (text, "incomplete")


def test_the_other_jobs_of_a_run_are_read_as_if_nothing_were(admin: People, fleet: Fleet) -> None:
    """Two agents in one run, of which one sends what is no output."""
    chunk_of = {"machine-1": b"hello", "machine-2": log.encode([out("here it is\n")])}
    agents = dict(zip(chunk_of, fleet(2), strict=True))
    run_id = start(admin, 'CMD = "true"\nTargets = { All = true }\n')
    paths = {}
    for number, (name, each) in enumerate(agents.items()):
        (job,) = each.poll()["jobs"]
        put(job["urls"][0], chunk_of[name])
        streams = {"stdout": {"bytes": 11, "sha256": str(number) * 64}}
        each.finish(job, log={"chunks": 1, "streams": streams})
        paths[name] = f"/runs/{run_id}/jobs/{job['job_id']}/log"
    assert b"damaged" in data_of(admin.data("GET", paths["machine-1"]))
    assert data_of(admin.data("GET", paths["machine-2"])) == b"here it is\n"
    (match,) = admin.data("GET", f"/runs/{run_id}/search?pattern=here")["matches"]
    assert match["text"] == "here it is"
    groups = admin.data("GET", f"/runs/{run_id}/outputs")["groups"]
    assert sorted("damaged" in each["sample"]["text"] for each in groups) == [False, True]
