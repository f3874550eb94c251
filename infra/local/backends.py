"""What stands in for AWS: a backend starts its servers and says where they are.

A backend is a function that starts children and answers boto3's endpoint variables; the children
end with the stack. The product knows none of them.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.local import dynalite, dynamodb_local, rclone
from infra.local.addresses import HOST, answers, free_port, kept_port
from infra.local.processes import Processes

Endpoints = Mapping[str, str]
Start = Callable[[Processes, Path], Endpoints]
START_SECONDS = 60.0


def start_moto(processes: Processes) -> str:
    """Starts moto, for DynamoDB and S3 in memory; answers its URL."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    processes.start("moto", [sys.executable, "-m", "infra.local.moto_server", "--port", str(port)])
    processes.wait_until(lambda: answers(url), START_SECONDS, f"An answer of moto at {url}")
    return url


def start_sqs(processes: Processes, state: Path) -> str:
    """Starts our own SQS, in memory; answers its URL, the same as before where that is free."""
    state.mkdir(parents=True, exist_ok=True)
    port = kept_port(state / "sqs.port")
    url = f"http://{HOST}:{port}"
    processes.start("sqs", [sys.executable, "-m", "infra.local.sqs", "--port", str(port)])
    processes.wait_until(lambda: answers(url), START_SECONDS, f"An answer of SQS at {url}")
    return url


def memory(processes: Processes, state: Path) -> Endpoints:
    """All but the queues in one moto server; nothing outlives it."""
    moto = start_moto(processes)
    return endpoints(dynamodb=moto, s3=moto, sqs=start_sqs(processes, state))


def local(processes: Processes, state: Path) -> Endpoints:
    """dynalite and rclone keep their state on disk; the queues' rings need none."""
    _, dynamodb = dynalite.start(processes, state / "dynamodb")
    return _with_rclone(processes, state, dynamodb)


def durable(processes: Processes, state: Path) -> Endpoints:
    """As `local`, with AWS's own DynamoDB Local for the store."""
    _, dynamodb = dynamodb_local.start(processes, state / "dynamodb")
    return _with_rclone(processes, state, dynamodb)


def _with_rclone(processes: Processes, state: Path, dynamodb: str) -> Endpoints:
    _, s3 = rclone.start(processes, state / "s3")
    return endpoints(dynamodb=dynamodb, s3=s3, sqs=start_sqs(processes, state))


BACKENDS: Mapping[str, Start] = {"local": local, "durable": durable, "memory": memory}
DEFAULT = "local"
FORGETFUL = frozenset({"memory"})  # nothing of it outlives the stack


def endpoints(*, dynamodb: str, s3: str, sqs: str) -> Endpoints:
    """boto3's variables for what there is of AWS."""
    services = {"DYNAMODB": dynamodb, "S3": s3, "SQS": sqs}
    return {f"AWS_ENDPOINT_URL_{service}": url for service, url in services.items()}
