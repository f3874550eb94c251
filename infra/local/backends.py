"""What stands in for AWS: a backend starts its servers and says where they are.

A backend is a function that starts children and answers boto3's endpoint variables; the children
end with the stack. The product knows none of them.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.local import dynamodb_local
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


BACKENDS: Mapping[str, Start] = {"memory": memory, "atomic": atomic}


def endpoints(*, aws: str, dynamodb: str | None = None) -> Endpoints:
    """boto3's variables for one server that plays all of AWS, but for DynamoDB if so given."""
    services = {"S3": aws, "SQS": aws, "KMS": aws, "DYNAMODB": dynamodb or aws}
    return {f"AWS_ENDPOINT_URL_{service}": url for service, url in services.items()}
