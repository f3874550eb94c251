"""The environment, read once."""

import os

import msgspec


class Settings(msgspec.Struct, frozen=True):
    """How this installation runs. Every field comes from the variable `PLUMBER_<FIELD>`."""

    table_prefix: str = "plumber-"
    bucket: str = "plumber-files"
    account: str = ""  # the AWS account's number; without it agents have no doorbells
    kms_key: str = ""  # the key of KMS for secrets: its id, ARN or alias
    key_file: str = ""  # where there is no KMS: a file of 32 random bytes, for us alone
    public_url: str = ""  # where callers reach the control plane; empty: taken from the request
    heartbeat_seconds: int = 30
    ttl_seconds: int = 90  # without a heartbeat for so long an agent is offline
    idle_heartbeat_seconds: int = 300  # of an agent that has long been idle and has a doorbell
    poll_idle_seconds: float = 5.0  # how often an idle agent without a doorbell polls
    history_days: int = 90  # then runs and their logs expire

    @classmethod
    def from_environment(cls) -> "Settings":
        """Raises ValueError when a number is none."""
        defaults = cls()

        def value(field: str) -> str:
            return os.environ.get(f"PLUMBER_{field.upper()}", str(getattr(defaults, field)))

        return cls(
            table_prefix=value("table_prefix"),
            bucket=value("bucket"),
            account=value("account"),
            kms_key=value("kms_key"),
            key_file=value("key_file"),
            public_url=value("public_url").rstrip("/"),
            heartbeat_seconds=int(value("heartbeat_seconds")),
            ttl_seconds=int(value("ttl_seconds")),
            idle_heartbeat_seconds=int(value("idle_heartbeat_seconds")),
            poll_idle_seconds=float(value("poll_idle_seconds")),
            history_days=int(value("history_days")),
        )


settings = Settings.from_environment()
VERSION = "0.1.0"
