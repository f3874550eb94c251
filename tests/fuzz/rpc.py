"""JSON-RPC: valid calls, nearly valid ones, batches, and bodies that are none; by an agent with real jobs, by people
and by nobody, with leases of its own, old ones and those of others."""

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from chalicelib.api.agents.methods import METHODS
from tests.fuzz.asking import Asker
from tests.fuzz.stage import EVIL, GARBAGE, NOBODY
from tests.fuzz.wire import Sent

PATH = "/rpc"
IDS = ["@run@", "@job@", "@lease@", "@old_lease@", "@foreign_run@", "@foreign_job@", "@foreign_lease@", "@agent@",
       "@evil@", "@secret@", "@join_token@", "@instance@", "@ended_run@", "@ended_job@"]  # fmt: skip
ODD_TEXT = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(
    [
        "",
        "\ud800",
        "\udfff\ud800",
        "\x00",
        "\x1b[2J",
        "a" * 300,
        "😀" * 70,
        "-",
        "1-",
        "../..",
        "%00",
        "\u202e",
    ]
)
NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from([-1, 0, 2**31, 2**53, 2**62, 2**63, 2**64, 10**30, 10**308, 1e308, 0.1, -0.0])
)
SCALARS = st.none() | st.booleans() | NUMBERS | ODD_TEXT | st.sampled_from(IDS)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ODD_TEXT, inner, max_size=4),
    max_leaves=12,
)

STREAM = {
    "bytes": NUMBERS,
    "sha256": st.sampled_from(["0" * 64, "f" * 64, "", "x"]),
    "missing": NUMBERS,
}
LEASES = st.lists(st.sampled_from(IDS) | ODD_TEXT, max_size=6)
# What a method takes: near to what is valid, each with a chance to be anything.
PARAMS: dict[str, SearchStrategy[Any]] = {
    "run_id": st.sampled_from(["@run@", "@run@", "@run@", "@foreign_run@", "@ended_run@"]),
    "job_id": st.sampled_from(["@job@", "@job@", "@job@", "@foreign_job@", "@ended_job@", "2-@evil@", "1-@evil@"]),
    "lease": st.sampled_from(["@lease@", "@lease@", "@old_lease@", "@foreign_lease@"]),
    "elapsed_ms": st.integers(0, 10**6), "duration_ms": st.integers(0, 10**12), "from": st.integers(1, 10**8),
    "count": st.integers(1, 100), "exit_code": st.integers(0, 255), "reason": st.none() | ODD_TEXT,
    "outcome": st.sampled_from(["exited", "timed_out", "cancelled", "not_started", "lost"]),
    "log": st.none() | st.fixed_dictionaries(
        {"chunks": st.integers(0, 10**8), "streams": st.dictionaries(
            st.sampled_from(["stdout", "stderr"]), st.fixed_dictionaries(STREAM), max_size=2)},
        optional={"truncated": st.booleans(), "reason": st.none() | ODD_TEXT},
    ),
    "seq": st.integers(0, 2**62), "capacity": st.integers(0, 100), "leases": LEASES, "protocol": st.integers(0, 2),
    "instance": st.sampled_from(["@instance@"] * 8 + ["unnamed", "other"]), "seat": st.integers(0, 2**53),
    "idle_ms": st.integers(0, 10**12), "doorbell": st.sampled_from([None, "none", "listening", "lapsing", "gone"]),
    "metrics": st.none() | st.dictionaries(ODD_TEXT, st.floats() | NUMBERS, max_size=4),
    "facts": st.none() | st.dictionaries(
        st.sampled_from(["hostname", "address", "os", "arch", "version", "gpu"]), ODD_TEXT, max_size=6),
    "join_token": st.just("@join_token@"), "agent_id": st.sampled_from(["@evil@", "@agent@"]) | st.uuids().map(str),
    "secret": st.just("@secret@"), "name": ODD_TEXT,
}  # fmt: skip


@st.composite
def _calls(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(METHODS)) | ODD_TEXT)
    method = METHODS.get(name)
    fields = [] if method is None else [each.encode_name for each in _fields(method.takes.kind)]
    params: Any = {}
    for field in fields:
        if draw(st.integers(0, 19)):  # else it is left out
            params[field] = draw(ANY if draw(st.integers(0, 11)) == 0 else PARAMS[field])
    if draw(st.integers(0, 19)) == 0:
        params = draw(ANY)
    call = {"jsonrpc": "2.0", "method": name, "params": params, "id": draw(SCALARS)}
    for key in list(call):
        match draw(st.integers(0, 29)):
            case 0:
                del call[key]
            case 1:
                call[key] = draw(ANY)
    if draw(st.integers(0, 19)) == 0:
        call[draw(ODD_TEXT)] = draw(ANY)
    return call


def _fields(kind: Any) -> Any:
    import msgspec

    return msgspec.structs.fields(kind)


def _written(document: Any, is_plain: bool) -> bytes:
    """As JSON; surrogates as escapes, or as bytes that are not UTF-8."""
    return json.dumps(document, ensure_ascii=not is_plain).encode("utf-8", "surrogatepass")


@st.composite
def _doubled(draw: st.DrawFn) -> bytes:
    """A call in which a name stands twice."""
    body = _written(draw(_calls()), False)
    return body[:-1] + b', "method": "agent.leave", "params": {}, "params": {"instance": "x"}}'


NESTS = st.builds(
    lambda depth, opened, closed: opened * depth + b"1" + closed * depth,
    st.sampled_from([10, 400, 1_000, 20_000, 400_000]),
    st.sampled_from([b"[", b'{"a":']), st.sampled_from([b"", b"]", b"}"]),
)  # fmt: skip
NESTED_PARAMS = NESTS.map(
    lambda nest: (
        b'{"jsonrpc":"2.0","id":1,"method":"agent.heartbeat","params":{"metrics":' + nest + b"}}"
    )
)
DIGITS = st.builds(
    lambda count, form: form % (b"9" * count),
    st.sampled_from([20, 400, 5_000, 100_000]),
    st.sampled_from([
        b'{"jsonrpc":"2.0","id":%s,"method":"agent.leave"}',
        b'{"jsonrpc":"2.0","id":1,"method":"agent.poll","params":{"seq":%s,"capacity":1}}',
        b'{"jsonrpc":"2.0","id":1e%s,"method":"agent.leave"}',
        b'{"jsonrpc":"2.0","id":-%s.5,"method":"agent.leave"}',
    ]),
)  # fmt: skip
WHOLE = st.builds(_written, _calls(), st.booleans())
BATCHES = st.builds(_written, st.lists(_calls() | ANY, max_size=6), st.booleans())
MANY = st.builds(
    lambda call, times: _written([call] * times, False),
    _calls(),
    st.sampled_from([99, 100, 101, 500]),
)


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """A valid body with a few bytes changed, left out, or put in."""
    body = bytearray(draw(WHOLE | BATCHES))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(body) - 1)))
        match draw(st.sampled_from(["set", "cut", "put", "end"])):
            case "set":
                body[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case "cut":
                del body[place : place + draw(st.integers(1, 8))]
            case "put":
                body[place:place] = draw(st.binary(min_size=1, max_size=4))
            case "end":
                del body[place:]
    return bytes(body)


class Rpc:
    """The agents' door."""

    name = "rpc"
    kind = Sent

    def cases(self) -> SearchStrategy[Sent]:
        bodies = st.one_of(
            WHOLE,
            WHOLE,
            WHOLE,
            BATCHES,
            MANY,
            _damaged(),
            _doubled(),
            NESTS,
            NESTED_PARAMS,
            DIGITS,
            st.binary(max_size=200),
        )
        callers = st.sampled_from([EVIL] * 8 + [NOBODY, GARBAGE, "viewer", "admin"])
        return st.builds(lambda by, body: Sent(by, "POST", PATH, body), callers, bodies)

    def prepare(self, asker: Asker) -> None:
        asker.stage.renew()

    def try_one(self, asker: Asker, case: Sent) -> None:
        asker.ask(case)
