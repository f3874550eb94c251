"""What stands in for AWS: a backend starts its servers and says where they are.

A backend is a function that starts children and answers boto3's endpoint variables; the children
end with the stack. The product knows none of them.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.local import dynamodb_local, rclone
from infra.local.addresses import HOST, answers, free_port
from infra.local.processes import Processes

Endpoints = Mapping[str, str]
Start = Callable[[Processes, Path], Endpoints]
START_SECONDS = 60.0


def start_moto(processes: Processes) -> str:
    """Starts AWS in memory; answers its URL."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    processes.start("moto", [sys.executable, "-m", "infra.local.moto_server", "--port", str(port)])
    processes.wait_until(lambda: answers(url), START_SECONDS, f"An answer of moto at {url}")
    return url


def memory(processes: Processes, state: Path) -> Endpoints:
    """Everything in one moto server; nothing outlives it."""
    return endpoints(aws=start_moto(processes))


def atomic(processes: Processes, state: Path) -> Endpoints:
    """DynamoDB Local, whose conditional writes are atomic, and moto for the rest; in memory."""
    url = start_moto(processes)
    _, dynamodb = dynamodb_local.start(processes)
    return endpoints(aws=url, dynamodb=dynamodb)


def durable(processes: Processes, state: Path) -> Endpoints:
    """DynamoDB Local and rclone keep their state on disk; what moto does needs none."""
    url = start_moto(processes)
    _, dynamodb = dynamodb_local.start(processes, state / "dynamodb")
    _, s3 = rclone.start(processes, state / "s3")
    return endpoints(aws=url, dynamodb=dynamodb, s3=s3)


BACKENDS: Mapping[str, Start] = {"memory": memory, "atomic": atomic, "durable": durable}


def endpoints(*, aws: str, dynamodb: str | None = None, s3: str | None = None) -> Endpoints:
    """boto3's variables for one server that plays all of AWS, but for those given."""
    services = {"S3": s3 or aws, "SQS": aws, "KMS": aws, "DYNAMODB": dynamodb or aws}
    return {f"AWS_ENDPOINT_URL_{service}": url for service, url in services.items()}
