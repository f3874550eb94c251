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
