"""Offers: what the agent understands, and what it says of the rest."""

from typing import Any

import pytest

from plumber_agent.jobs.offer import BadOffer, check, reference

OFFER: dict[str, Any] = {
    "run_id": "01R", "job_id": "1-a", "step": 1, "attempt": 1, "lease": "l", "path": None,
    "command": "true", "script": None, "shell": None, "user": None, "env": {"A": "b"},
    "timeout_seconds": 1.5, "kill_after_seconds": 10, "mask": {"values": ["x"], "patterns": []},
    "log": {"urls": [{"seq": 1, "url": "https://x"}], "max_bytes": 1},
}  # fmt: skip


def test_an_offer_as_agreed_is_good_and_newer_keys_do_not_matter() -> None:
    check(OFFER)
    check({**OFFER, "later": object(), "mask": None, "timeout_seconds": None})


@pytest.mark.parametrize("key", ["run_id", "step", "env", "kill_after_seconds", "log"])
def test_what_is_missing_is_named(key: str) -> None:
    with pytest.raises(BadOffer, match=f"its '{key}' is not"):
        check({name: value for name, value in OFFER.items() if name != key})


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
        ("log", {"urls": [{}], "max_bytes": 1}, "'log'"),
        ("mask", {"values": [1]}, "'mask'"),
    ],
)
def test_what_is_of_another_kind_is_named(key: str, value: object, says: str) -> None:
    with pytest.raises(BadOffer, match=says):
        check({**OFFER, key: value})


@pytest.mark.parametrize(
    "offer", [None, [], "job", {}, {**OFFER, "lease": 1}, {**OFFER, "job_id": "a/b"}]
)
def test_an_offer_that_names_no_job_has_no_reference(offer: object) -> None:
    assert reference(offer) is None
    with pytest.raises(BadOffer):
        check(offer)


def test_an_offer_may_name_its_job_and_be_bad_all_the_same() -> None:
    assert reference({**OFFER, "env": 1}) == {"run_id": "01R", "job_id": "1-a", "lease": "l"}
