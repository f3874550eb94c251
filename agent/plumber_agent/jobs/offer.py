"""A job as the control plane hands it out (docs/wire.md), checked before anything else is done."""

import re
from collections.abc import Callable
from typing import Any

NAMES = ("run_id", "job_id", "lease")  # they name the job in reports, and its directory
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


class BadOffer(Exception):
    """It cannot be carried out. The message, for a person, says what is wrong with it."""


def check(offer: Any) -> None:
    """Raises BadOffer for what is missing or of another kind than agreed. Of keys that it does not
    know it says nothing: newer control planes may send more."""
    if not isinstance(offer, dict):
        raise BadOffer("it is not an object")
    for key, (is_good, kind) in _KEYS.items():
        if not is_good(offer.get(key)):
            raise BadOffer(f"its '{key}' is not {kind}")
    if offer.get("command") is None and offer.get("script") is None:
        raise BadOffer("it has neither 'command' nor 'script'")


def reference(offer: Any) -> dict[str, str] | None:
    """By which a report names the job; None when the offer does not even say that."""
    if isinstance(offer, dict) and all(_is_name(offer.get(key)) for key in NAMES):
        return {key: offer[key] for key in NAMES}
    return None


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


def _is_environment(value: object) -> bool:
    """What execve takes: it knows neither zeros nor names with an equals sign."""
    return isinstance(value, dict) and all(
        _is_text(name) and name and "=" not in name and _is_text(text)
        for name, text in value.items()
    )


def _is_log(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("max_bytes"), int)
        and isinstance(value.get("urls"), list)
        and all(
            isinstance(each, dict)
            and isinstance(each.get("seq"), int)
            and isinstance(each.get("url"), str)
            for each in value["urls"]
        )
    )


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
    **dict.fromkeys(("step", "attempt", "kill_after_seconds"), (_is_number, "a number")),
    **dict.fromkeys(
        ("path", "command", "script", "shell", "user"), (_is_text_or_none, "text or null")
    ),
    "timeout_seconds": (_is_number_or_none, "a number or null"),
    "env": (_is_environment, "an environment"),
    "log": (_is_log, "a log's limit and addresses"),
    "mask": (_is_mask, "a mask"),
}
