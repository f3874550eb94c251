"""Ids that sort by time."""

from datetime import datetime, timedelta, timezone

from chalicelib.ids import derived_ulid, instant_of, lowest_ulid, new_ulid

NOW = datetime(2026, 1, 1, 12, 30, 15, 250_000, timezone.utc)
EARLIER = NOW - timedelta(milliseconds=1)


def test_an_id_says_when_it_was_made() -> None:
    made = (new_ulid(NOW), derived_ulid(NOW, bytes(range(32))), lowest_ulid(NOW))
    assert [instant_of(each) for each in made] == [NOW, NOW, NOW]
    assert {len(each) for each in made} == {26}


def test_ids_of_one_moment_differ_and_later_ones_are_higher() -> None:
    assert new_ulid(NOW) != new_ulid(NOW)
    assert new_ulid(EARLIER) < new_ulid(NOW)


def test_the_same_digest_at_the_same_time_is_the_same_id() -> None:
    digest = bytes(range(1, 33))
    assert derived_ulid(NOW, digest) == derived_ulid(NOW, digest)
    assert derived_ulid(NOW, digest) != derived_ulid(NOW, bytes(32))


def test_the_lowest_id_of_a_moment_is_between_those_of_before_and_all_of_it() -> None:
    lowest = lowest_ulid(NOW)
    assert derived_ulid(EARLIER, b"\xff" * 32) < lowest == derived_ulid(NOW, bytes(32))
