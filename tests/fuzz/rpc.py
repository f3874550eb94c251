"""JSON-RPC: valid calls, nearly valid ones, batches, and bodies that are none; by an agent with
real jobs, by people and by nobody, with leases of its own, old ones and those of others."""

import json
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from chalicelib.api.agents.methods import METHODS
from tests.fuzz.asking import Asker
from tests.fuzz.odd import NUMBER, SCALAR, TEXT, anything, damaged
from tests.fuzz.stage import EVIL, GARBAGE, NOBODY
from tests.fuzz.wire import Sent

PATH = "/rpc"
NAMES = ["run", "job", "lease", "old_lease", "foreign_run", "foreign_job", "foreign_lease", "agent"]
NAMES += ["evil", "secret", "join_token", "instance", "ended_run", "ended_job"]
IDS = st.sampled_from([f"@{name}@" for name in NAMES])
ANY = anything(SCALAR | IDS)


def _mostly(usual: str, *others: Any) -> SearchStrategy[Any]:
    return st.sampled_from([*[usual] * 3 * len(others), *others])


SUMMARY = st.fixed_dictionaries(
    {"bytes": NUMBER, "sha256": st.sampled_from(["0" * 64, "f" * 64, "", "x"]), "missing": NUMBER}
)
LOG = st.fixed_dictionaries(
    {
        "chunks": st.integers(0, 10**8),
        "streams": st.dictionaries(st.sampled_from(["stdout", "stderr"]), SUMMARY, max_size=2),
    },
    optional={"truncated": st.booleans(), "reason": st.none() | TEXT},
)
FACTS = st.sampled_from(["hostname", "address", "os", "arch", "version", "gpu"])
# What the methods take: near to what is valid.
PARAMS: dict[str, SearchStrategy[Any]] = {
    "run_id": _mostly("@run@", "@foreign_run@", "@ended_run@"),
    "job_id": _mostly("@job@", "@foreign_job@", "@ended_job@", "2-@evil@"),
    "lease": _mostly("@lease@", "@old_lease@", "@foreign_lease@"),
    "elapsed_ms": st.integers(0, 10**6),
    "duration_ms": st.integers(0, 10**12),
    "from": st.integers(1, 10**8),
    "count": st.integers(1, 100),
    "exit_code": st.integers(0, 255),
    "reason": st.none() | TEXT,
    "outcome": st.sampled_from(["exited", "timed_out", "cancelled", "not_started", "lost"]),
    "log": st.none() | LOG,
    "seq": st.integers(0, 2**62),
    "capacity": st.integers(0, 100),
    "leases": st.lists(IDS | TEXT, max_size=6),
    "protocol": st.integers(0, 2),
    "instance": _mostly("@instance@", "unnamed", "other"),
    "seat": st.integers(0, 2**53),
    "idle_ms": st.integers(0, 10**12),
    "doorbell": st.sampled_from([None, "none", "listening", "lapsing", "gone"]),
    "metrics": st.none() | st.dictionaries(TEXT, NUMBER, max_size=4),
    "facts": st.none() | st.dictionaries(FACTS, TEXT, max_size=6),
    "join_token": st.just("@join_token@"),
    "agent_id": st.sampled_from(["@evil@", "@agent@"]) | st.uuids().map(str),
    "secret": st.just("@secret@"),
    "name": TEXT,
}


def _fields(name: str) -> list[str]:
    """Those of a method's parameters."""
    if name not in METHODS:
        return []
    return [field.encode_name for field in msgspec.structs.fields(METHODS[name].takes.kind)]


@st.composite
def _calls(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly valid: here and there something is left out, is anything, or is too much."""

    def happens(once_in: int) -> bool:
        return draw(st.integers(1, once_in)) == once_in

    name = draw(st.sampled_from(sorted(METHODS)) | TEXT)
    params: Any = {
        field: draw(ANY if happens(12) else PARAMS.get(field, ANY))
        for field in _fields(name)
        if not happens(20)
    }
    if happens(20):
        params = draw(ANY)
    call = {"jsonrpc": "2.0", "method": name, "params": params, "id": draw(SCALAR)}
    for key in list(call):
        if happens(30):
            del call[key]
        elif happens(30):
            call[key] = draw(ANY)
    return call | {draw(TEXT): draw(ANY)} if happens(20) else call


def _written(document: Any, is_escaped: bool) -> bytes:
    """As JSON; halves of characters are escapes, or bytes that are not UTF-8."""
    return json.dumps(document, ensure_ascii=is_escaped).encode("utf-8", "surrogatepass")


def _doubled(call: bytes) -> bytes:
    """With names that stand twice."""
    return call[:-1] + b', "method": "agent.leave", "params": {}, "params": {"instance": "x"}}'


def _nested(depth: int, opened: bytes, closed: bytes) -> bytes:
    return opened * depth + b"1" + closed * depth


def _within(nest: bytes) -> bytes:
    """A nest as a parameter."""
    head = b'{"jsonrpc":"2.0","id":1,"method":"agent.heartbeat","params":{"metrics":'
    return head + nest + b"}}"


LONG_NUMBERS = (
    b'{"jsonrpc":"2.0","id":%s,"method":"agent.leave"}',
    b'{"jsonrpc":"2.0","id":1e%s,"method":"agent.leave"}',
    b'{"jsonrpc":"2.0","id":-%s.5,"method":"agent.leave"}',
    b'{"jsonrpc":"2.0","id":1,"method":"agent.poll","params":{"seq":%s,"capacity":1}}',
)
WHOLE = st.builds(_written, _calls(), st.booleans())
BATCH = st.builds(_written, st.lists(_calls() | ANY, max_size=6), st.booleans())
MANY = st.builds(
    lambda call, times: _written([call] * times, True), _calls(), st.sampled_from([100, 101, 500])
)
NEST = st.builds(
    _nested,
    st.sampled_from([10, 400, 1_000, 20_000, 400_000]),
    st.sampled_from([b"[", b'{"a":']),
    st.sampled_from([b"", b"]", b"}"]),
)
DIGITS = st.builds(
    lambda form, count: form % (b"9" * count),
    st.sampled_from(LONG_NUMBERS),
    st.sampled_from([20, 400, 5_000, 100_000]),
)
BODIES = st.one_of(
    WHOLE, WHOLE, WHOLE, BATCH, MANY, damaged(WHOLE | BATCH), WHOLE.map(_doubled), NEST,
    NEST.map(_within), DIGITS, st.binary(max_size=200),
)  # fmt: skip
CALLERS = st.sampled_from([*[EVIL] * 8, NOBODY, GARBAGE, "viewer", "admin"])


class Rpc:
    """The agents' door."""

    name = "rpc"
    kind = Sent

    def cases(self) -> SearchStrategy[Sent]:
        return st.builds(lambda by, body: Sent(by, "POST", PATH, body), CALLERS, BODIES)

    def prepare(self, asker: Asker) -> None:
        asker.stage.renew()

    def try_one(self, asker: Asker, case: Sent) -> None:
        asker.ask(case)
