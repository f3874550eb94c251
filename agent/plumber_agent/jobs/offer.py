"""A job as the control plane hands it out (docs/wire.md), checked before anything else is done."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from plumber_agent.machine.canonical import canonical

PROTOCOL = 1  # the newest that this agent knows; it knows all before it
NAMES = ("run_id", "job_id", "lease")  # they name the job in reports, and its directory
UNSIGNED = ("urls", "signature")  # what differs between two hand-outs of the same attempt
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


class BadOffer(Exception):
    """It cannot be carried out. The message, for a person, says what is wrong with it."""


@dataclass(frozen=True)
class Offer:
    """One attempt at a job. `urls` are where its first chunks of output go, and the headers that
    go with each."""

    run_id: str
    job_id: str
    step: int
    attempt: int
    lease: str
    path: str | None
    command: str | None
    script: str | None
    shell: str | None
    user: str | None
    env: Mapping[str, str]
    timeout_seconds: float | None
    kill_after_seconds: float
    max_log_bytes: int
    mask: Mapping[str, list[str]]
    urls: list[dict[str, Any]]

    @property
    def name(self) -> str:
        """Of its directory."""
        return f"{self.run_id}-{self.job_id}-{self.attempt}-{self.lease}"

    def document(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return asdict(self)


def read(told: Any) -> Offer:
    """Raises BadOffer for a protocol that is not known, and for what is missing or of another kind
    than agreed. Of keys that it does not know it says nothing: they may come within a protocol."""
    if not isinstance(told, dict):
        raise BadOffer("it is not an object")
    # Before anything else: in another protocol other keys are right.
    protocol = told.get("protocol")
    if not isinstance(protocol, int) or not 1 <= protocol <= PROTOCOL:
        raise BadOffer(f"it is of protocol {protocol!r:.20}, and this agent knows {PROTOCOL}")
    for key, (is_good, kind) in _KEYS.items():
        if not is_good(told.get(key)):
            raise BadOffer(f"its '{key}' is not {kind}")
    if told.get("command") is None and told.get("script") is None:
        raise BadOffer("it has neither 'command' nor 'script'")
    values: dict[str, Any] = {key: told.get(key) for key in _KEYS}
    return Offer(**{**values, "mask": values["mask"] or {}})


def reference(told: Any) -> dict[str, str] | None:
    """By which a report names the job; None when the offer does not even say that. The same in
    every protocol, so that an agent can refuse what it does not know."""
    if isinstance(told, dict) and all(_is_name(told.get(key)) for key in NAMES):
        return {key: told[key] for key in NAMES}
    return None


def signed_part(told: Mapping[str, Any]) -> bytes:
    """The bytes over which the control plane signs an offer, of what was told, keys that are not
    known included. Raises ValueError for what has none."""
    return canonical({key: value for key, value in told.items() if key not in UNSIGNED})


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_text_or_none(value: object) -> bool:
    return value is None or _is_text(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and value >= 0


def _is_number_or_none(value: object) -> bool:
    return value is None or _is_number(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 0


def _is_environment(value: object) -> bool:
    """What execve takes: it knows neither zeros nor names with an equals sign."""
    return isinstance(value, dict) and all(
        _is_text(name) and name and "=" not in name and _is_text(text)
        for name, text in value.items()
    )


def is_address(value: object) -> bool:
    """Where a chunk goes, and what must be sent with it."""
    return (
        isinstance(value, dict)
        and _is_count(value.get("seq"))
        and isinstance(value.get("url"), str)
        and isinstance(value.get("headers"), dict)
        and all(isinstance(text, str) for text in value["headers"].values())
    )


def _are_addresses(value: object) -> bool:
    return isinstance(value, list) and all(map(is_address, value))


def _is_mask(value: object) -> bool:
    return value is None or (
        isinstance(value, dict)
        and all(
            isinstance(value.get(key, []), list) and all(map(_is_text, value.get(key, [])))
            for key in ("values", "patterns")
        )
    )


_KEYS: dict[str, tuple[Callable[[object], bool], str]] = {
    **dict.fromkeys(NAMES, (_is_name, "a name")),
    **dict.fromkeys(("step", "attempt", "max_log_bytes"), (_is_count, "a number")),
    "kill_after_seconds": (_is_number, "a number"),
    **dict.fromkeys(
        ("path", "command", "script", "shell", "user"), (_is_text_or_none, "text or null")
    ),
    "timeout_seconds": (_is_number_or_none, "a number or null"),
    "env": (_is_environment, "an environment"),
    "mask": (_is_mask, "a mask"),
    "urls": (_are_addresses, "a list of addresses"),
}
