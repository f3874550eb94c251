"""Tokens: form and comparison."""

import pytest

from chalicelib.access.token import Credential, hash_secret, parse_credential

SECRET = "0123456789abcdef" * 4


def test_a_token_reads_back() -> None:
    credential = Credential("plb", "abc", SECRET)
    assert parse_credential(str(credential)) == credential
    assert credential.matches(hash_secret(SECRET))
    assert not credential.matches(hash_secret(SECRET[::-1]))


def test_an_id_has_64_characters_at_most() -> None:
    assert parse_credential(f"plb_{'a' * 64}_{SECRET}") is not None
    assert parse_credential(f"plb_{'a' * 65}_{SECRET}") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plb",
        f"plx_abc_{SECRET}",
        f"plb__{SECRET}",
        f"plb_abc_{SECRET[:-1]}",
        f"plb_abc_{SECRET}0",
        f"plb_abc_{SECRET.upper()}",
        f"plb_abc_{SECRET}_x",
    ],
)
def test_what_is_no_token_is_none(text: str) -> None:
    assert parse_credential(text) is None
