"""Canonical bytes: control plane and agent write them by themselves, and write the same ones.

The samples are only ever added to: what was signed once must be checked by every later version.
"""

import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from chalicelib.runs import canonical as planes
from chalicelib.runs.job import Job, JobKey, JobState
from chalicelib.runs.offer import offer
from chalicelib.tasks.step_toml import read_step
from plumber_agent.jobs.offer import read, signed_part
from plumber_agent.machine import canonical as agents

SAMPLES = Path(__file__).parent.parent / "samples" / "offers"
SHA256 = {
    "plain": "cc669a649dbd16359cce47703a5b3b5843d2e8c1c5469dae248a35ed11e6aa39",
    "everything": "3c5044a90c4e5bac7ad0a93b78ebd072d2e083a777243c3b0a5991d497f0af5a",
    "parameters": "d345c41423535d00c899348948ffb2cfa43afa44530b3015af6ef80c49b40224",
    "newer-keys": "4dd223c6927b0a3e38c2bceaa7954ed8b898b5504dd5a4ff43b05a418948deaf",
}
SIDES = (planes.canonical, agents.canonical)
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def told(name: str) -> dict[str, Any]:
    """An offer as it came over the wire, its members in any order."""
    document: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return document


def test_every_sample_is_held() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} == SHA256.keys()
    assert {path.stem for path in SAMPLES.glob("*.signed")} == SHA256.keys()


@pytest.mark.parametrize("name", SHA256)
def test_both_sides_make_the_same_bytes_of_an_offer_and_always_will(name: str) -> None:
    kept = (SAMPLES / f"{name}.signed").read_bytes()
    assert hashlib.sha256(kept).hexdigest() == SHA256[name]
    assert signed_part(told(name)) == kept
    assert signed_part({**told(name), "urls": [], "signature": "x"}) == kept
    signed = {key: text for key, text in told(name).items() if key not in ("urls", "signature")}
    assert planes.canonical(signed) == kept


def test_the_control_plane_makes_the_plain_sample() -> None:
    key = JobKey("01JZ00000000000000000000RN", 1, "6f0c0000-0000-4000-8000-000000000001")
    job = Job(key, JobState.CLAIMED, 0, lease="00112233445566778899aabbccddeeff")
    step = read_step("", {"Name": "a", "CMD": "true", "ServerID": key.agent_id}, 0)
    made = offer(job, step, {}, {})
    assert made.signed_part() == (SAMPLES / "plain.signed").read_bytes()
    assert signed_part({**made.document(), "urls": [1]}) == made.signed_part()


def test_the_control_plane_makes_the_sample_of_everything() -> None:
    key = JobKey("01JZ00000000000000000000RN", 2, "6f0c0000-0000-4000-8000-000000000002")
    job = Job(
        key, JobState.CLAIMED, 7, attempt=3, lease="ffeeddccbbaa99887766554433221100",
        timeout_seconds=89.998,
    )  # fmt: skip
    keys = {
        "Name": "a", "Script": 'echo "$stage"\n\techo ${tür}', "Shell": "bash", "User": "www",
        "Path": "/srv/ö", "ServerID": key.agent_id, 
        "Env": {"Z": "\x1f\u2028€", "A_": "\U0001f600\ufb33"}, "Mask": ["key-[0-9]+"],
    }  # fmt: skip
    made = offer(job, read_step("", keys, 1), {"stage": "prod"}, {"password": 'a"\\/b'})
    assert made.signed_part() == (SAMPLES / "everything.signed").read_bytes()


def test_the_control_plane_makes_the_sample_of_a_command_with_parameters() -> None:
    """A command is as it was written; the values of parameters are its variables."""
    key = JobKey("01JZ00000000000000000000RN", 1, "6f0c0000-0000-4000-8000-000000000001")
    job = Job(key, JobState.CLAIMED, 0, lease="00112233445566778899aabbccddeeff")
    command = '# a 5" disk\nrun ${v} "${v}" \'${v}\''
    step = read_step("", {"Name": "a", "CMD": command, "ServerID": key.agent_id}, 0)
    made = offer(job, step, {"v": "$(touch x)\n'"}, {})
    assert made.command == command
    assert made.signed_part() == (SAMPLES / "parameters.signed").read_bytes()


@pytest.mark.parametrize("name", SHA256)
def test_the_agent_understands_every_sample(name: str) -> None:
    assert read(told(name)).run_id == "01JZ00000000000000000000RN"


# --- the rule: RFC 8785


@pytest.mark.parametrize("canonical", SIDES)
def test_members_are_sorted_by_the_units_of_utf_16(canonical: Any) -> None:
    """The example of RFC 8785, 3.2.3."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    found = json.loads(canonical(dict.fromkeys(names, 0)), object_pairs_hook=list)
    assert [name for name, _ in found] == [
        "\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33",
    ]  # fmt: skip


@pytest.mark.parametrize("canonical", SIDES)
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("\u20ac$\u000f\nA'B\"\\\\\"/", '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),  # RFC 8785, 3.2.2
        ("\b\t\f\r\x7f\u2028", '"\\b\\t\\f\\r\x7f\u2028"'),
        ([1, 1.0, 0, -0.0, 1.5, 0.0001, 123456.789], "[1,1,0,0,1.5,0.0001,123456.789]"),
        (-(2**53), "-9007199254740992"),
        ({"b": [None, True, False], "a": {}}, '{"a":{},"b":[null,true,false]}'),
        ((), "[]"),
    ],
)  # fmt: skip
def test_values_are_written_in_one_way(canonical: Any, value: Any, text: str) -> None:
    assert canonical(value) == text.encode()


@pytest.mark.parametrize("canonical", SIDES)
@pytest.mark.parametrize(
    "value", [2**53 + 1, 1e300, 0.00001, float("nan"), float("inf"), "\ud800", b"x", {1, 2}]
)
def test_what_has_no_canonical_form_is_refused(canonical: Any, value: Any) -> None:
    with pytest.raises(ValueError):
        canonical([value])
