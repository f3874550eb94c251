"""The environment of the local processes: nothing of the user's AWS account reaches them."""

import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

AWS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "PLUMBER_ACCOUNT": "123456789012",  # moto's
}
# Faster than the product's defaults: on one machine a poll costs nothing.
CADENCE = {
    "PLUMBER_HEARTBEAT_SECONDS": "5",
    "PLUMBER_TTL_SECONDS": "15",
    "PLUMBER_IDLE_HEARTBEAT_SECONDS": "5",
    "PLUMBER_POLL_IDLE_SECONDS": "0.5",
}
_DROPPED = ("AWS_", "PLUMBER_", "MOTO_")
_DIRECT = "127.0.0.1,localhost"


def base(environment: Mapping[str, str]) -> dict[str, str]:
    """The given environment without the user's settings, with the local ones."""
    kept = {key: text for key, text in environment.items() if not key.startswith(_DROPPED)}
    no_proxy = ",".join(filter(None, [environment.get("NO_PROXY"), _DIRECT]))
    direct = {"NO_PROXY": no_proxy, "no_proxy": no_proxy}
    return kept | AWS | CADENCE | direct | {"PYTHONUNBUFFERED": "1"}
