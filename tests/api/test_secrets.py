"""Secret parameters over the real app: where their values are, when, and when they are not."""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.aws.client import Client
from chalicelib.dynamo import run_secrets, runs, schema
from chalicelib.dynamo.transport import dynamodb
from chalicelib.kms import data_keys
from chalicelib.kms.data_keys import KeyAway, KeyProblem
from chalicelib.operations.runs import secret_values
from chalicelib.runs.job import JobState
from tests.api.conftest import Clock, Fleet, People
from tests.api.fleet import task, work
from tests.stack.shifts import shift

VALUE = "hunter2-is-nowhere"
HEAD = (
    "[Params.password]\nSecret = true\nPattern = '[a-z0-9-]+'\n[Params.stage]\nDefault = 'test'\n"
)
STEP = 'CMD = "login ${password} ${stage}"\nTargets = { All = true }\n'
BODY = {"parameters": {"password": VALUE, "stage": "prod"}}


def items() -> list[dict[str, Any]]:
    """Every item of every table."""
    found: list[dict[str, Any]] = []
    for model in schema.MODELS:
        asked = json.dumps({"TableName": model.Meta.table_name}).encode()
        found += json.loads(dynamodb().send("Scan", asked))["Items"]
    return found


def sealed() -> list[dict[str, Any]]:
    """What can still be opened."""
    return [each for each in items() if "data_key" in each or "content" in each]


def is_anywhere(value: str = VALUE) -> bool:
    text = json.dumps(items())
    encoded = [base64.b64encode(value.encode()[skip:]).decode()[:-4] for skip in range(3)]
    return any(each in text for each in (value, *encoded))


@pytest.fixture
def path(admin: People, fleet: Fleet) -> str:
    """Of a task with a secret, and one agent for it."""
    return f"/tasks/{task(admin, STEP, head=HEAD)}"


# --- where the value is


def test_the_search_would_find_it(admin: People, fleet: Fleet) -> None:
    open_one = task(admin, STEP, head=HEAD.replace("Secret = true\n", ""))
    fleet(1)
    assert not is_anywhere()
    admin.data("POST", f"/tasks/{open_one}/execute", BODY)
    assert is_anywhere()


def test_the_value_is_in_no_item_no_answer_and_no_line_of_the_log(
    admin: People, fleet: Fleet, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    (one,) = fleet(1)
    seen = [admin.data("POST", f"{path}/plan", BODY), admin.data("POST", f"{path}/execute", BODY)]
    run_id = seen[1]["id"]
    assert not is_anywhere()
    (item,) = sealed()
    assert item["run_id"] == {"S": f"SECRET#{run_id}"}
    (job,) = one.poll()["jobs"]
    assert job["env"] == {"password": VALUE, "stage": "prod"}
    assert job["mask"]["values"] == [VALUE]
    assert not is_anywhere()
    one.finish(job, 1)
    assert not is_anywhere()
    for each in (
        f"/runs/{run_id}", "/runs", f"{path}/executions", f"/runs/{run_id}/jobs", path,
        f"/runs/{run_id}/jobs/{job['job_id']}", f"/runs?state=failed&task={path[7:]}",
    ):  # fmt: skip
        seen.append(admin.data("GET", each))
    assert VALUE not in json.dumps(seen)
    assert seen[1]["parameters"] == {"stage": "prod", "password": "***"}
    assert VALUE not in caplog.text


@pytest.mark.parametrize("how", ["well", "badly", "cancelled", "timed out"])
def test_the_value_is_gone_when_the_run_has_ended(
    admin: People, fleet: Fleet, path: str, travel: Clock, how: str
) -> None:
    from chalicelib.operations.runs.sweep import sweep

    (one,) = fleet(1)
    run_id = admin.data("POST", f"{path}/execute", BODY)["id"]
    assert len(sealed()) == 1
    if how == "cancelled":
        admin.data("POST", f"/runs/{run_id}/cancel")
    elif how == "timed out":
        sweep(shift(travel.after(70)))
    else:
        work([one], *([one] if how == "badly" else []))
    assert admin.data("GET", f"/runs/{run_id}")["run"]["ended_at"] is not None
    assert sealed() == []


def test_a_handler_that_dies_at_the_end_leaves_no_value(
    admin: People, fleet: Fleet, path: str, monkeypatch: pytest.MonkeyPatch, travel: Clock
) -> None:
    from chalicelib.operations.runs.sweep import sweep

    (one,) = fleet(1)
    run_id = admin.data("POST", f"{path}/execute", BODY)["id"]
    (job,) = one.poll()["jobs"]
    with monkeypatch.context() as patch:
        patch.setattr(runs, "end", _dying)
        with pytest.raises(AssertionError, match="error"):
            one.finish(job)
    assert sealed() == []
    sweep(shift(travel.after(60)))
    assert admin.data("GET", f"/runs/{run_id}")["run"]["state"] == "succeeded"


def _dying(*_: Any, **__: Any) -> Any:
    raise KeyError("killed")


# --- triggers


def test_a_trigger_that_died_half_way_goes_on_with_its_value(
    admin: People, fleet: Fleet, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "create", _dying)
        code, _ = admin.refused("POST", f"{path}/execute", BODY, Idempotency_Key="k")
    assert (code, len(sealed())) == (5000, 1)
    first = admin.data("POST", f"{path}/execute", BODY, Idempotency_Key="k")
    again = admin.data("POST", f"{path}/execute", BODY, Idempotency_Key="k")
    assert first["id"] == again["id"]
    (job,) = one.poll()["jobs"]
    assert job["env"]["password"] == VALUE
    one.finish(job)
    assert sealed() == []


def test_a_trigger_that_is_overtaken_by_the_whole_run_leaves_no_value(
    admin: People, fleet: Fleet, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    keep, others = secret_values.keep, list[Any]()

    def overtaken(*given: Any) -> None:
        monkeypatch.setattr(secret_values, "keep", keep)
        others.append(admin.data("POST", f"{path}/execute", BODY, Idempotency_Key="k"))
        assert work([one]) == [one.id]
        keep(*given)

    monkeypatch.setattr(secret_values, "keep", overtaken)
    run = admin.data("POST", f"{path}/execute", BODY, Idempotency_Key="k")
    assert [run["id"]] == [each["id"] for each in others]
    assert sealed() == []


def test_a_trigger_that_another_run_forbids_leaves_no_value(admin: People, fleet: Fleet) -> None:
    fleet(1)
    head = f'Concurrency = "forbid"\n{HEAD}'
    path = f"/tasks/{task(admin, STEP, head=head)}/execute"
    admin.data("POST", path, BODY)
    assert admin.refused("POST", path, BODY)[0] == 1005
    assert len(sealed()) == 1


@pytest.mark.parametrize("key", ["", "/nowhere/key"])
def test_without_a_key_nothing_is_started_and_it_is_said(
    admin: People, fleet: Fleet, path: str, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    (one,) = fleet(1)
    one.poll()  # it has its seat now
    before = items()
    settings = type(data_keys.settings)(key_file=key)
    with monkeypatch.context() as patch:
        patch.setattr(data_keys, "settings", settings)
        code, message = admin.refused("POST", f"{path}/execute", BODY)
        assert (code, message.startswith(("This installation has no key", "The key for"))) == (
            5000, True,
        )  # fmt: skip
        assert one.poll()["jobs"] == []
        assert admin.data("GET", "/runs")["items"] == []
        assert len(items()) == len(before)
        assert task_beside(admin)  # which has none, and needs none


# --- claims


def test_a_job_whose_secrets_cannot_be_read_now_comes_with_a_later_poll(
    admin: People, fleet: Fleet, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    admin.data("POST", f"{path}/execute", BODY)
    other = task_beside(admin)
    with monkeypatch.context() as patch:
        patch.setattr(data_keys, "of_this_installation", _raising(KeyAway("away")))
        answer = one.poll()
    assert [job["run_id"] for job in answer["jobs"]] == [other]
    assert answer["next_poll_ms"] <= 500
    (job,) = one.poll(answer["jobs"][0]["lease"])["jobs"]
    assert job["env"]["password"] == VALUE


def test_a_key_that_is_away_is_asked_once_and_keeps_no_other_job_waiting(
    admin: People, fleet: Fleet, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    for _ in range(3):
        admin.data("POST", f"{path}/execute", BODY)
    other = task_beside(admin)
    asked = _Asked()
    with monkeypatch.context() as patch:
        patch.setattr(data_keys, "of_this_installation", asked)
        one.seq += 1
        given = {"seq": one.seq, "capacity": 2, "leases": [], "protocol": 1}
        (job,) = one.result("agent.poll", **given)["jobs"]
    assert (job["run_id"], asked.times) == (other, 1)


class _Asked:
    """A key that is away, and how often somebody found so."""

    times = 0

    def __call__(self) -> Any:
        self.times += 1
        raise KeyAway("away")


def test_a_run_that_is_given_up_keeps_no_value(
    admin: People, fleet: Fleet, path: str, travel: Clock
) -> None:
    from chalicelib.operations.runs import sweep

    fleet(1)
    run = runs.get(admin.data("POST", f"{path}/execute", BODY)["id"])
    assert run is not None
    runs.stop(run.id, JobState.TIMED_OUT, "by others")
    assert sweep._give_up_run(run, "no luck", travel.now)
    assert sealed() == []
    shown = admin.data("GET", f"/runs/{run.id}")["run"]
    assert shown["state"] == "failed"


def task_beside(admin: People) -> str:
    """A run without secrets, for the same agent."""
    run_id: str = admin.data("POST", "/commands", {"command": "true", "all": True})["id"]
    return run_id


def test_a_job_whose_secrets_can_never_be_read_fails_and_says_why(
    admin: People, fleet: Fleet, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    run_id = admin.data("POST", f"{path}/execute", BODY)["id"]
    problem = KeyProblem("The key for secrets cannot be used: KMS answered AccessDenied.")
    with monkeypatch.context() as patch:
        patch.setattr(data_keys, "of_this_installation", _raising(problem))
        assert one.poll()["jobs"] == []
    run = admin.data("GET", f"/runs/{run_id}")
    (job,) = run["steps"][0]["jobs"]
    assert (run["run"]["state"], job["state"], job["reason"]) == (
        "failed", "failed", problem.message,
    )  # fmt: skip


def test_a_job_whose_secrets_are_gone_fails(
    admin: People, fleet: Fleet, path: str, travel: Clock
) -> None:
    (one,) = fleet(1)
    run_id = admin.data("POST", f"{path}/execute", BODY)["id"]
    run_secrets.erase(run_id, travel.now)
    assert one.poll()["jobs"] == []
    (job,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert (job["state"], job["reason"]) == ("failed", "The secrets of this run are gone.")


def _raising(problem: Exception) -> Callable[[], Any]:
    def raising() -> Any:
        raise problem

    return raising


# --- retries


def failed_run(admin: People, fleet: Fleet, path: str) -> tuple[Any, str]:
    (one,) = fleet(1)
    run_id = admin.data("POST", f"{path}/execute", BODY)["id"]
    work([one], one)
    return one, run_id


def test_a_retry_asks_for_secrets_again_and_keeps_the_rest(
    admin: People, fleet: Fleet, path: str
) -> None:
    one, run_id = failed_run(admin, fleet, path)
    for body in ({}, {"what": "failed_step"}, {"parameters": {"stage": "x"}}):
        code, message = admin.refused("POST", f"/runs/{run_id}/retry", body)
        assert (code, "give password again" in message) == (1001, True)
    assert len(admin.data("GET", "/runs")["items"]) == 1
    again = {"parameters": {"password": "other-value"}}
    run = admin.data("POST", f"/runs/{run_id}/retry", again)
    assert run["parameters"] == {"stage": "prod", "password": "***"}
    (job,) = one.poll()["jobs"]
    assert job["env"] == {"password": "other-value", "stage": "prod"}


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"password": "NOT FIT"}, "password: is not what the task allows."),
        ({"password": "fits", "stage": "x"}, "stage: is not known."),
    ],
)
def test_a_retry_checks_secrets_as_the_first_run_did(
    admin: People, fleet: Fleet, path: str, parameters: dict[str, str], says: str
) -> None:
    _, run_id = failed_run(admin, fleet, path)
    code, message = admin.refused("POST", f"/runs/{run_id}/retry", {"parameters": parameters})
    assert (code, says in message, "NOT FIT" in message) == (1001, True, False)


def test_a_retry_of_a_task_that_was_deleted_needs_secrets_too(
    admin: People, fleet: Fleet, path: str
) -> None:
    one, run_id = failed_run(admin, fleet, path)
    admin.data("DELETE", path)
    assert admin.refused("POST", f"/runs/{run_id}/retry", {})[0] == 1001
    admin.data("POST", f"/runs/{run_id}/retry", {"parameters": {"password": "x"}})
    (job,) = one.poll()["jobs"]
    assert job["env"]["password"] == "x"


def test_a_run_without_secrets_is_retried_without_parameters(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    run_id = task_beside(admin)
    work([one], one)
    code, message = admin.refused("POST", f"/runs/{run_id}/retry", {"parameters": {"a": "b"}})
    assert (code, "a: is not known" in message) == (1001, True)
    admin.data("POST", f"/runs/{run_id}/retry", {})


# --- what it costs


@contextmanager
def counted(patch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    made: Counter[str] = Counter()
    send = Client.send

    def counting(client: Client, operation: str, *given: Any) -> bytes:
        if client.name in ("dynamodb", "kms"):
            made[operation] += 1
        return send(client, operation, *given)

    with patch.context() as within:
        within.setattr(Client, "send", counting)
        yield made


def test_secrets_cost_two_writes_and_a_read_and_nothing_where_there_are_none(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    costs = {}
    for name, head in (("plain", HEAD.replace("Secret = true\n", "")), ("secret", HEAD)):
        source = f'Name = "{name}"\n{head}[[step]]\n{STEP}'
        task_id = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
        for _ in range(2):  # the first warms what is remembered
            costs[name] = _trigger_claim_end(admin, one, task_id, monkeypatch)
    more = [many - few for many, few in zip(costs["secret"], costs["plain"], strict=True)]
    assert more == [Counter(PutItem=1), Counter(GetItem=1), Counter(UpdateItem=1)]


def _trigger_claim_end(
    admin: People, one: Any, task_id: str, patch: pytest.MonkeyPatch
) -> list[Counter[str]]:
    with counted(patch) as triggered:
        admin.data("POST", f"/tasks/{task_id}/execute", BODY)
    with counted(patch) as claimed:
        (job,) = one.poll()["jobs"]
    with counted(patch) as ended:
        one.finish(job)
    return [triggered, claimed, ended]
