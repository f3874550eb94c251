"""What a failed write means."""

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from pynamodb.exceptions import UpdateError

from chalicelib.dynamo.base import condition_failed, passed


def refused(code: str) -> UpdateError:
    return UpdateError(cause=ClientError({"Error": {"Code": code}}, "UpdateItem"))


def test_a_condition_that_did_not_hold_is_no_fault() -> None:
    assert condition_failed(refused("ConditionalCheckFailedException"))
    assert not condition_failed(refused("ProvisionedThroughputExceededException"))


def test_a_connection_that_broke_is_a_fault_as_it_is() -> None:
    """Found by the simulation: its response is None, and reading that raised AttributeError."""
    broken = UpdateError(cause=ConnectionClosedError(endpoint_url="http://x"))

    def write() -> None:
        raise broken

    assert not condition_failed(broken)
    with pytest.raises(UpdateError):
        passed(write)
