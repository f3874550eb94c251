"""The functions' policy allows nothing of DynamoDB and SQS that the code does not call. That it
allows all that the code does call is held by the suites of storage and API, call by call."""

import json
import re
from pathlib import Path

from chalicelib.sqs import work
from infra.resources import SECRETS_ALIAS
from tests.stack.policy import allowed

ROOT = Path(__file__).parent.parent.parent

# PynamoDB's verbs, as the modules of `chalicelib/dynamo` spell them, and what each needs.
NEEDS = {
    r"\.save\(": "PutItem",
    r"\.update\(": "UpdateItem",
    r"\.delete\(": "DeleteItem",
    r"\.get\(": "GetItem",
    r"\.query\(": "Query",
    r"\.scan\(": "Scan",
    r"\.batch_get\(": "BatchGetItem",
    r"\.batch_write\(": "BatchWriteItem",
    r"\.exists\(\)": "DescribeTable",
}


def test_the_policy_allows_exactly_what_the_code_calls() -> None:
    code = "".join(path.read_text() for path in (ROOT / "chalicelib" / "dynamo").glob("*.py"))
    needed = {f"dynamodb:{action}" for call, action in NEEDS.items() if re.search(call, code)}
    assert {action for action in allowed() if action.startswith("dynamodb:")} == needed


def test_the_policy_allows_the_doorbells_and_nothing_else_of_sqs() -> None:
    policy = json.loads((ROOT / ".chalice" / "policy.json").read_text())
    (statement,) = [each for each in policy["Statement"] if each["Sid"] == "Doorbells"]
    code = (ROOT / "chalicelib" / "sqs" / "doorbells.py").read_text()
    called = set(re.findall(r'_ask\("(\w+)"', code))
    received = set(re.findall(r'\("Action", "(\w+)"\)', code))  # by the agents, with an address
    assert set(statement["Action"]) == {f"sqs:{action}" for action in called | received}
    assert statement["Resource"] == "arn:*:sqs:*:*:plumber-doorbell-*"


def test_the_policy_allows_the_key_of_secrets_and_no_other() -> None:
    policy = json.loads((ROOT / ".chalice" / "policy.json").read_text())
    (statement,) = [each for each in policy["Statement"] if "kms" in each["Resource"]]
    code = (ROOT / "chalicelib" / "kms" / "data_keys.py").read_text()
    assert set(statement["Action"]) == {
        f"kms:{action}" for action in re.findall(r'_ask\("(\w+)"', code)
    }
    condition = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": SECRETS_ALIAS}}
    assert statement["Condition"] == condition


def test_the_policy_allows_the_work_queues_and_nothing_else_of_them() -> None:
    policy = json.loads((ROOT / ".chalice" / "policy.json").read_text())
    (statement,) = [each for each in policy["Statement"] if each["Sid"] == "Work"]
    modules = [ROOT / "chalicelib" / "sqs" / f"{name}.py" for name in ("work", "dead_letters")]
    called = set(re.findall(r'\bask\(\s*"(\w+)"', "".join(each.read_text() for each in modules)))
    single = {name.removesuffix("Batch") for name in called}
    assert set(statement["Action"]) == {f"sqs:{action}" for action in single}
    assert statement["Resource"] == [
        f"arn:*:sqs:*:*:{name}" for name in (work.QUEUE, work.DEAD_QUEUE)
    ]
