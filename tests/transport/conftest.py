"""The transport against a far side that does what it is told, and botocore's client beside it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.config import Config

from chalicelib.aws import client as aws
from chalicelib.aws.client import Client
from chalicelib.dynamo.transport import DYNAMODB
from tests.transport.far_side import Act, FarSide

Serve = Callable[..., FarSide]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, ours and botocore's, none of which is waited for."""
    waited: list[float] = []
    monkeypatch.setattr(aws, "pause", waited.append)
    monkeypatch.setattr("botocore.endpoint.time.sleep", waited.append)
    return waited


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> Iterator[Serve]:
    """A factory: `serve(act, act, …)` makes DynamoDB this far side."""
    with ExitStack() as stack:

        def start(*acts: Act, **more: Any) -> FarSide:
            far = FarSide(acts, **more)
            origin = stack.enter_context(far.serving())
            monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", origin)
            aws.forget()
            return far

        yield start
        aws.forget()


@pytest.fixture
def ours(serve: Serve) -> Callable[[], Client]:
    """Our client of it."""
    return lambda: aws.client(DYNAMODB)


def botocores(**more: Any) -> Any:
    """Botocore's client with the same time-outs and attempts."""
    config = Config(
        connect_timeout=DYNAMODB.connect_seconds,
        read_timeout=DYNAMODB.read_seconds,
        retries={"total_max_attempts": DYNAMODB.attempts, "mode": "standard"},
        parameter_validation=False,
        **more,
    )
    return boto3.Session().client("dynamodb", config=config)


def codes(faults: Sequence[BaseException]) -> list[str]:
    return [type(fault).__name__ for fault in faults]
