"""The environment of the local processes: nothing of the user's AWS account reaches them."""

import os
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

AWS = {
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


@dataclass(frozen=True)
class Keys:
    """Who a stack is to its servers. They keep strangers out: DynamoDB Local listens on all
    addresses, and gives each access key a database of its own."""

    access_key_id: str
    secret_access_key: str

    def variables(self) -> dict[str, str]:
        """As boto3 reads them."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }


def new_keys() -> Keys:
    """Random ones. DynamoDB Local takes only letters and digits for an id."""
    alphabet = string.ascii_uppercase + string.digits
    return Keys("".join(secrets.choice(alphabet) for _ in range(20)), secrets.token_hex(20))


@lru_cache(maxsize=1)
def _keys_of_this_process() -> Keys:
    return new_keys()


def base(environment: Mapping[str, str], keys: Keys | None = None) -> dict[str, str]:
    """The given environment without the user's settings, with the local ones. Without `keys`,
    all calls in one process get the same."""
    own = (keys or _keys_of_this_process()).variables()
    kept = {key: text for key, text in environment.items() if not key.startswith(_DROPPED)}
    no_proxy = ",".join(filter(None, [environment.get("NO_PROXY"), _DIRECT]))
    direct = {"NO_PROXY": no_proxy, "no_proxy": no_proxy}
    return kept | AWS | own | CADENCE | direct | {"PYTHONUNBUFFERED": "1"}
