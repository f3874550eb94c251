"""The functions' policy, held against the calls that the product really makes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.environment import ROOT

ONLY_LOCAL = {"dynamodb:CreateTable"}  # on AWS the template makes tables and queues


def allowed() -> set[str]:
    """All actions of the policy."""
    policy = json.loads((ROOT / ".chalice" / "policy.json").read_text())
    actions = [statement["Action"] for statement in policy["Statement"]]
    return {action for each in actions for action in ([each] if isinstance(each, str) else each)}


@pytest.fixture(scope="module", autouse=True)
def within_the_policy() -> Iterator[None]:
    """No call of DynamoDB or SQS that the policy does not allow."""
    from chalicelib.aws.client import Client

    may, send = allowed() | ONLY_LOCAL, Client.send

    def checked(client: Client, operation: str, *given: Any) -> bytes:
        action = f"{client.name}:{operation.removesuffix('Batch')}"  # who may do one may do ten
        assert action in may, f".chalice/policy.json does not allow {action}"
        return send(client, operation, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "send", checked)
        yield
