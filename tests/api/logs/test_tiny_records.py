"""Chunks of records that are tiny, or of another stream: a call looks at a bounded number of them,
and the next one goes on."""

import pytest

from chalicelib.api.logs import routes as logs_routes
from chalicelib.logs.log import RECORD_COSTS, Stream
from chalicelib.operations.logs import logs, search
from tests.api.conftest import People
from tests.api.logs.conftest import Logged, data_of, out, record
from tests.bench.product import metered

CHUNKS, RECORDS = 20, 50
ONE = RECORDS * RECORD_COSTS


@pytest.fixture
def tiny(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> Logged:
    """A line, many empty records, and a line. A call looks at a few of the chunks between them."""
    monkeypatch.setattr(logs, "TAIL_BYTES", 2 * ONE)
    monkeypatch.setattr(logs, "LOOKED_AT_BYTES", 4 * ONE)
    monkeypatch.setattr(logs_routes, "_budget", lambda: search.Budget(lambda: False, 2 * ONE))
    logged.put(out("first\n"))
    for _ in range(CHUNKS):
        logged.put(*[record(Stream.STDERR, b"")] * RECORDS)
    logged.put(out("last\n"))
    logged.finish()
    return logged


def gets(admin: People, path: str) -> tuple[int, bytes]:
    """Objects of S3 that the call got, and what it answered."""
    with metered() as meter:
        page = admin.data("GET", path)
        calls = meter.take().of("s3")
    return calls, data_of(page) if "records" in page else b""


@pytest.mark.parametrize("query", ["?tail=2", "?tail=2&stream=stdout", "?stream=stdout"])
def test_a_page_looks_at_a_bounded_number_of_records(
    admin: People, tiny: Logged, query: str
) -> None:
    calls, _ = gets(admin, tiny.path + query)
    assert 3 <= calls <= 10


def test_who_goes_on_reads_all_of_it(admin: People, tiny: Logged) -> None:
    pages = list(tiny.pages("&stream=stdout"))
    assert len(pages) >= CHUNKS // 5
    assert b"".join(data_of(page) for page in pages) == b"first\nlast\n"


def test_a_search_looks_at_a_bounded_number_of_records(admin: People, tiny: Logged) -> None:
    path, cursor, found, calls = f"{tiny.path}/search?pattern=last", "", 0, 0
    while True:
        with metered() as meter:
            page = admin.data("GET", f"{path}&cursor={cursor}")
            assert meter.take().of("s3") <= 6
        calls += 1
        found += len(page["matches"])
        if (cursor := page["next"]) is None:
            break
    assert (found, calls > CHUNKS // 4) == (1, True)


def test_the_last_line_is_found_though_little_is_looked_at(admin: People, tiny: Logged) -> None:
    _, data = gets(admin, f"{tiny.path}?tail=1")
    assert data == b"last\n"
