"""Cursors: real ones of every list, damaged, given to another list, or made of anything."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from infra.local.environment import ROOT
from tests.fuzz.asking import Asker
from tests.fuzz.odd import TEXT, anything, damaged
from tests.fuzz.stage import CALLERS
from tests.fuzz.wire import Answer, Sent

PAGES = 3  # of each list, whose cursors are known
PREFIX = "/api/v1"
# The words of the stage for the parts of paths.
PARTS = {"run_id": "@ended_run@", "job_id": "@ended_job@", "task_id": "@healthy@"}
NEEDED = {"search": "pattern=line"}  # what lists want beside their cursor, by the path's end


def lists() -> list[str]:
    """The paths of all routes that take a cursor, as the API's description has them."""
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    return [
        path.format(**PARTS)
        for path, methods in sorted(paths.items())
        if any(
            each.get("name") == "cursor" for each in methods.get("get", {}).get("parameters", [])
        )
    ]


class Case(msgspec.Struct, frozen=True):
    """Asks `path` for what follows a cursor: a real one of the list `of`, or else `made`."""

    by: str
    path: str
    of: str
    page: int
    made: bytes | None
    edits: tuple[tuple[str, int, int], ...]
    query: str


def _made() -> SearchStrategy[bytes]:
    """Such as a list might have answered."""
    plain = st.builds(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"), anything())
    keys = st.dictionaries(
        st.sampled_from(
            ["run_id", "item", "name", "task_id", "after", "id", "number", "p", "s", "v"]
        ),
        anything() | st.dictionaries(st.sampled_from(["S", "N", "B", "M"]), anything(), max_size=1),
        max_size=4,
    ).map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
    encoded = st.one_of(plain, keys, damaged(keys), st.binary(max_size=60)).map(
        base64.urlsafe_b64encode
    )
    ulids = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26)
    positions = st.builds(lambda a, b: f"{a}.{b}", st.integers(), st.integers())
    text = st.one_of(TEXT, ulids, positions, st.sampled_from(["9" * 5_000, "Z" * 26, "A" * 70_000]))
    return encoded | text.map(lambda each: each.encode("utf-8", "surrogatepass"))


NAMES = ["limit", "task", "agent", "state", "trigger", "from", "to", "step", "stream", "attempt"]
NAMES += ["tail", "since", "name", "text", "label", "status", "regex", "pattern", "ignore_case"]
VALUES = ["1", "2", "100", "running", "succeeded", "person", "stdout", "true", "@agent@", "("]
VALUES += ["2026-01-01T00:00:00Z", "1960-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "role=web"]
QUERIES = st.dictionaries(
    st.sampled_from(NAMES),
    st.sampled_from(VALUES) | TEXT.map(lambda each: each.encode("utf-8", "surrogatepass")),
    max_size=2,
).map(urlencode)


class Cursors:
    """Of every list."""

    name = "cursors"
    kind = Case

    def __init__(self) -> None:
        self._paths = lists()
        self._known: dict[str, list[str]] = {}

    def cases(self) -> SearchStrategy[Case]:
        edits = st.tuples(
            st.sampled_from(["set", "cut", "put", "end", "swap"]),
            st.integers(0, 400), st.sampled_from(b"AZaz09-_=.%{}\x00"),
        )  # fmt: skip
        return st.builds(
            Case,
            by=st.sampled_from(CALLERS[:5] * 3 + CALLERS[5:]),
            path=st.sampled_from(self._paths),
            of=st.sampled_from(self._paths),
            page=st.integers(0, PAGES - 1),
            made=st.none() | _made(),
            edits=st.lists(edits, max_size=3).map(tuple),
            query=st.just("") | QUERIES,
        )

    def prepare(self, asker: Asker) -> None:
        """Looks at the first pages of all lists, whose cursors must lead on."""
        self._known = {path: list(self._walk(asker, path)) for path in self._paths}

    def _walk(self, asker: Asker, path: str) -> Iterator[str]:
        cursor = ""
        for _ in range(PAGES):
            sent = Sent("admin", "GET", f"{path}?{self._query(path, '', cursor)}&limit=1")
            cursor = _following(asker.ask(sent))
            if not cursor:
                return
            yield cursor

    def _query(self, path: str, query: str, cursor: str) -> str:
        needed = NEEDED.get(path.rpartition("/")[2], "")
        given = f"cursor={cursor}" if cursor else ""
        return "&".join(each for each in (needed, query, given) if each)

    def try_one(self, asker: Asker, case: Case) -> None:
        real = self._known.get(case.of, [])
        cursor = case.made
        if cursor is None:
            cursor = real[case.page % len(real)].encode() if real else b""
            cursor = _edited(cursor, case.edits)
        query = self._query(case.path, case.query, quote(cursor, safe=""))
        asker.ask(Sent(case.by, "GET", f"{case.path}?{query}"))


def _following(page: Answer) -> str:
    """The cursor that a page leads on with; an export has it in a header."""
    if "plumber-next" in page.headers:
        return page.headers["plumber-next"]
    try:
        return str(json.loads(page.body)["data"]["next"] or "")
    except (ValueError, KeyError, TypeError):  # none, or no page
        return ""


def _edited(cursor: bytes, edits: tuple[tuple[str, int, int], ...]) -> bytes:
    body = bytearray(cursor)
    for how, where, byte in edits:
        place = where % (len(body) or 1)
        match how:
            case "set":
                body[place : place + 1] = bytes([byte])
            case "cut":
                del body[place : place + 1]
            case "put":
                body[place:place] = bytes([byte])
            case "end":
                del body[place:]
            case _:
                body[place:], body[:place] = body[:place], body[place:]
    return bytes(body)
