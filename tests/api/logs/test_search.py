"""Searching a log and a whole run, and comparing outputs."""

import hashlib
from typing import Any

import pytest

from chalicelib.logs.log import Stream, encode
from chalicelib.operations.runs.sweep import sweep
from tests.api.conftest import Clock, People
from tests.api.logs.conftest import Logged, fill, out, put, record
from tests.bench.product import metered
from tests.stack.shifts import shift


def search(logged: Logged, path: str, **query: str) -> tuple[list[tuple[int, str]], int]:
    """All matches, and how many calls they took."""
    found: list[tuple[int, str]] = []
    calls, cursor = 0, ""
    while True:
        text = "&".join(f"{key}={value}" for key, value in query.items())
        page = logged.admin.data("GET", f"{path}?{text}&cursor={cursor}")
        found += [(each["line"], each["text"]) for each in page["matches"]]
        calls += 1
        if page["next"] is None:
            return found, calls
        cursor = page["next"]


def test_a_log_is_searched_piece_by_piece(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.operations.logs import search as searching

    fill(logged)
    path = f"{logged.path}/search"
    assert search(logged, path, pattern="ut 3") == ([(5, "out 3")], 1)
    assert search(logged, path, pattern="^err%20[25]$", regex="true")[0] == [
        (4, "err 2"), (10, "err 5"),
    ]  # fmt: skip
    assert search(logged, path, pattern="OUT", ignore_case="true", stream="stderr")[0] == []
    monkeypatch.setattr(searching.Budget, "is_spent", property(_spent_after(2)))
    found, calls = search(logged, path, pattern="ut 3")
    assert (found, calls > 3) == ([(5, "out 3")], True)
    assert logged.admin.refused("GET", f"{path}?pattern=(&regex=true")[0] == 1001
    for pattern in ("a{1000000}", "(?=a)", r"(a)\1", "(" * 900 + ")" * 901):
        assert logged.admin.refused("GET", f"{path}?pattern={pattern}&regex=true")[0] == 1001
    assert logged.admin.refused("GET", f"{path}?pattern=x&cursor=y")[0] == 1001


def _spent_after(looks: int) -> Any:
    asked: dict[int, int] = {}

    def is_spent(budget: Any) -> bool:
        asked[id(budget)] = asked.get(id(budget), 0) + 1
        return asked[id(budget)] > looks

    return is_spent


def test_a_run_is_searched_over_all_its_jobs_and_outputs_are_compared(
    admin: People, agent: Any
) -> None:
    agents = [agent(number) for number in (1, 2, 3)]
    source = 'Name = "wide"\n[[step]]\nTargets = { All = true }\nCMD = "x"\n'
    task = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
    run_id = admin.data("POST", f"/tasks/{task}/execute")["id"]
    for each in agents[:2]:
        (job,) = each.poll()["jobs"]
        body = encode([record(Stream.STDOUT, b"same\n")])
        put(job["urls"][0], body)
        each.finish(job, log=_summary(b"same\n"))
    (job,) = agents[2].poll()["jobs"]
    outputs = admin.data("GET", f"/runs/{run_id}/outputs?step=1")
    assert [(each["count"], each["sample"]["text"]) for each in outputs["groups"]] == [
        (2, "same\n")
    ]
    assert [each["agent_id"] for each in outputs["pending"]] == [agents[2].id]
    agents[2].finish(job, 3, log=_summary(b""))
    outputs = admin.data("GET", f"/runs/{run_id}/outputs")
    failed, well = outputs["groups"]
    assert (failed["count"], failed["state"], failed["exit_code"]) == (1, "failed", 3)
    assert failed["sample"] == {"job_id": job["job_id"], "text": "", "is_cut": False}
    assert (well["count"], well["state"], outputs["pending"]) == (2, "succeeded", [])
    found = admin.data("GET", f"/runs/{run_id}/search?pattern=am")
    assert {each["agent_id"] for each in found["matches"]} == {one.id for one in agents[:2]}
    assert found["next"] is None
    assert admin.refused("GET", f"/runs/{run_id}/outputs?step=2")[0] == 1004


def test_the_same_output_with_another_ending_is_another_group(
    admin: People, agent: Any, travel: Clock
) -> None:
    agents = [agent(number) for number in (1, 2, 3, 4)]
    body = {"command": "x", "agent_ids": [each.id for each in agents], "deliver_within": "1m"}
    run_id = admin.data("POST", "/commands", body)["id"]
    for each, code in zip(agents, (0, 1, 2), strict=False):
        (job,) = each.poll()["jobs"]
        put(job["urls"][0], encode([record(Stream.STDOUT, b"same\n")]))
        each.finish(job, code, log=_summary(b"same\n"))
    found = admin.data("GET", f"/runs/{run_id}/outputs")
    assert [each["exit_code"] for each in found["groups"]] == [1, 2, 0]
    assert [each["agent_id"] for each in found["pending"]] == [agents[3].id]
    travel.after(120)
    sweep(shift(travel.now))
    found = admin.data("GET", f"/runs/{run_id}/outputs")
    silent = next(each for each in found["groups"] if each["state"] == "undelivered")
    assert (silent["exit_code"], silent["stdout_bytes"], found["pending"]) == (None, 0, [])
    assert "in time" in silent["reason"]


def test_a_wide_run_is_searched_some_jobs_a_call(
    admin: People, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.dynamo.job_pages.BEGUN", 1)
    monkeypatch.setattr("chalicelib.operations.logs.search.PAGES_AT_ONCE", 2)
    agents = [agent(number) for number in range(1, 6)]
    step = '[[step]]\nTargets = { All = true }\nCMD = "x"\n'
    task = admin.data("POST", "/tasks", {"definition": f'Name = "wide"\n{step}'})["task"]["id"]
    run_id = admin.data("POST", f"/tasks/{task}/execute")["id"]
    for each in agents:
        (job,) = each.poll()["jobs"]
        body = encode([record(Stream.STDOUT, b"same\n")])
        put(job["urls"][0], body)
        each.finish(job, log=_summary(b"same\n"))
    found, calls, cursor = [], 0, ""
    while cursor is not None:
        with metered() as meter:
            page = admin.data("GET", f"/runs/{run_id}/search?pattern=am&cursor={cursor}")
            assert meter.take().reads <= 3
        found += [each["agent_id"] for each in page["matches"]]
        calls, cursor = calls + 1, page["next"]
    assert (found, calls) == (sorted(one.id for one in agents), 3)
    assert {each["agent_name"] for each in page["matches"]} == {"machine-5"}
    for wrong in ("x", "x:", "1-:"):
        assert admin.refused("GET", f"/runs/{run_id}/search?pattern=a&cursor={wrong}")[0] == 1001
    assert admin.refused("GET", "/runs/01X/search?pattern=a")[0] == 1004
    with metered() as meter:
        admin.data("GET", f"/runs/{run_id}/outputs")
        assert meter.take().reads == 2
    assert admin.refused("GET", "/runs/01X/outputs")[0] == 1004


def _summary(stdout: bytes) -> dict[str, Any]:
    streams = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in (("stdout", stdout), ("stderr", b""))
    }
    return {"chunks": 1 if stdout else 0, "streams": streams, "truncated": False}


def test_the_sample_of_an_output_goes_beyond_its_first_chunk(logged: Logged) -> None:
    logged.put(out("a line\n"))
    logged.put(out("x" * 20_000))
    logged.finish()
    (group,) = logged.admin.data("GET", f"/runs/{logged.run_id}/outputs")["groups"]
    assert len(group["sample"]["text"]) == 16_384
    assert group["sample"]["text"].startswith("a line\nxxx")
    assert group["sample"]["is_cut"]
