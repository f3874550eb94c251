"""What an installation makes once."""

from chalicelib.dynamo import installation


def test_a_key_is_made_once_and_stays(backend: None) -> None:
    first = installation.cursor_key(lambda: b"a" * 32)
    assert first == b"a" * 32
    assert installation.cursor_key(lambda: b"b" * 32) == first


def test_of_two_who_make_it_at_the_same_time_one_is_the_first(backend: None) -> None:
    def make() -> bytes:
        """While another handler, which found none either, puts its own."""
        assert installation.cursor_key(lambda: b"b" * 32) == b"b" * 32
        return b"a" * 32

    assert installation.cursor_key(make) == b"b" * 32
