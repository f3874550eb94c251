"""The functions' policy allows what the code calls, and nothing else of DynamoDB."""

import json
import re
from pathlib import Path

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
    r"TransactWrite\(": "ConditionCheckItem",
}


def test_the_policy_allows_exactly_what_the_code_calls() -> None:
    code = "".join(path.read_text() for path in (ROOT / "chalicelib" / "dynamo").glob("*.py"))
    needed = {f"dynamodb:{action}" for call, action in NEEDS.items() if re.search(call, code)}
    policy = json.loads((ROOT / ".chalice" / "policy.json").read_text())
    actions = [statement["Action"] for statement in policy["Statement"]]
    allowed = {action for each in actions for action in ([each] if isinstance(each, str) else each)}
    assert {action for action in allowed if action.startswith("dynamodb:")} == needed


def test_the_policy_allows_the_doorbells_and_nothing_else_of_sqs() -> None:
    policy = json.loads((ROOT / ".chalice" / "policy.json").read_text())
    (statement,) = [each for each in policy["Statement"] if "sqs" in each["Resource"]]
    code = (ROOT / "chalicelib" / "sqs" / "doorbells.py").read_text()
    verbs = {"create_queue", "delete_queue", "send_message"}
    assert verbs == set(re.findall(r"client\(\)\.(\w+)\(", code))
    assert statement["Action"] == [
        "sqs:CreateQueue", "sqs:DeleteQueue", "sqs:ReceiveMessage", "sqs:SendMessage",
    ]  # fmt: skip
    assert statement["Resource"] == "arn:*:sqs:*:*:plumber-doorbell-*"
