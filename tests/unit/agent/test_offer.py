"""Offers: what the agent understands, and what it says of the rest."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from plumber_agent.jobs.offer import BadOffer, read, reference

OFFER: dict[str, Any] = {
    "protocol": 1, "run_id": "01R", "job_id": "1-a", "step": 1, "attempt": 1, "lease": "l",
    "path": None, "command": "true", "script": None, "shell": None, "user": None, "env": {"A": "b"},
    "timeout_seconds": 1.5, "kill_after_seconds": 10, "mask": {"values": ["x"], "patterns": []},
    "urls": [{"seq": 1, "url": "https://x", "headers": {}}], "max_log_bytes": 1,
}  # fmt: skip


def test_an_offer_as_agreed_is_good_and_newer_keys_do_not_matter() -> None:
    offer = read(OFFER)
    assert (offer.command, offer.env, offer.urls) == ("true", {"A": "b"}, OFFER["urls"])
    assert read({**OFFER, "later": object(), "mask": None, "timeout_seconds": None}).mask == {}


def test_an_offer_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        read(OFFER).command = "false"  # type: ignore[misc]


@pytest.mark.parametrize("protocol", [None, 0, 2, "1"])
def test_a_protocol_that_is_not_known_is_refused_before_anything_else(protocol: object) -> None:
    with pytest.raises(BadOffer, match=f"it is of protocol {protocol!r}, and this agent knows 1"):
        read({"protocol": protocol, "quite": "different"})


@pytest.mark.parametrize("key", ["run_id", "step", "env", "kill_after_seconds", "urls"])
def test_what_is_missing_is_named(key: str) -> None:
    with pytest.raises(BadOffer, match=f"its '{key}' is not"):
        read({name: value for name, value in OFFER.items() if name != key})


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("command", None, "neither 'command' nor 'script'"),
        ("command", ["rm"], "'command' is not text"),
        ("command", "a\0b", "'command' is not text"),
        ("run_id", "../../etc", "'run_id' is not a name"),
        ("lease", "..", "'lease' is not a name"),
        ("env", {"A=B": "c"}, "'env'"),
        ("env", {"A": 1}, "'env'"),
        ("timeout_seconds", "soon", "'timeout_seconds' is not a number or null"),
        ("urls", [{}], "'urls'"),
        ("urls", [{"seq": 1, "url": "https://x", "headers": {"a": 1}}], "'urls'"),
        ("max_log_bytes", 1.5, "'max_log_bytes'"),
        ("mask", {"values": [1]}, "'mask'"),
    ],
)
def test_what_is_of_another_kind_is_named(key: str, value: object, says: str) -> None:
    with pytest.raises(BadOffer, match=says):
        read({**OFFER, key: value})


@pytest.mark.parametrize(
    "offer", [None, [], "job", {}, {**OFFER, "lease": 1}, {**OFFER, "job_id": "a/b"}]
)
def test_an_offer_that_names_no_job_has_no_reference(offer: object) -> None:
    assert reference(offer) is None
    with pytest.raises(BadOffer):
        read(offer)


def test_an_offer_may_name_its_job_and_be_bad_all_the_same() -> None:
    assert reference({**OFFER, "env": 1}) == {"run_id": "01R", "job_id": "1-a", "lease": "l"}
