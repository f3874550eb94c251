"""The limits of the functions that run on schedule, on AWS and on the local stack."""

import json
from datetime import timedelta
from pathlib import Path

AT_ONCE = 2  # calls of one function: so one that hangs until its time-out delays no other
MAX_EVENT_AGE_SECONDS = 60  # an older call is not made up for: the next minute's does its work
RETRIES = 0  # of a call that failed or was killed: the same

_CONFIG = Path(__file__).parent.parent / ".chalice" / "config.json"
_DEFAULT_SECONDS = 60  # Chalice's


def time_out(function: str) -> timedelta:
    """When a function is killed, as .chalice/config.json has it."""
    config = json.loads(_CONFIG.read_text())
    own = config["stages"]["dev"]["lambda_functions"].get(function, {})
    fallback = config.get("lambda_timeout", _DEFAULT_SECONDS)
    return timedelta(seconds=own.get("lambda_timeout", fallback))
