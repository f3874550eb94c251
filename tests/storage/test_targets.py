"""The verbs of the index of targets, on every backend."""

import pytest

from chalicelib.agents.target_index import Entry, Place
from chalicelib.dynamo import targets
from chalicelib.dynamo.targets import Entered

pytestmark = pytest.mark.usefixtures("backend")

ENTRY = Entry("label#role", "hash\x1fweb\x1fid")
PLACE = Place("label#role", "hash\x1f")
WIDEST = "\U0001f600"


def versions() -> list[int]:
    return [each.version for each in targets.look(PLACE, 10)[0]]


def test_an_entry_keeps_its_latest_version() -> None:
    assert targets.enter(ENTRY, 5)
    assert targets.enter(ENTRY, 5), "a repeated call"
    assert targets.enter(ENTRY, 7)
    assert not targets.enter(ENTRY, 6)
    assert versions() == [7]


def test_an_entry_is_not_struck_by_who_has_not_seen_its_latest_version() -> None:
    targets.enter(ENTRY, 7)
    assert not targets.strike(ENTRY, 6)
    assert versions() == [7]
    assert targets.strike(ENTRY, 7)
    assert targets.strike(ENTRY, 7), "a repeated call"
    assert versions() == []


def test_a_place_is_read_in_order_and_in_parts() -> None:
    found = [Entry("p", f"a\x1f{name}\x1fid") for name in ("web", "web 1", "web-1", "x")]
    for entry in [*reversed(found), Entry("p", "b\x1fweb\x1fid"), Entry("q", "a\x1fweb\x1fid")]:
        targets.enter(entry, 1)
    place = Place("p", "a\x1f")
    first, are_more = targets.look(place, 3)
    assert (first, are_more) == ([Entered(entry, 1) for entry in found[:3]], True)
    rest, are_more = targets.look(place, 3, place.position(first[-1].entry))
    assert (rest, are_more) == ([Entered(found[3], 1)], False)
    assert len(targets.look(Place("p"), 10)[0]) == 5


def test_a_place_is_read_from_a_position_that_nobody_has() -> None:
    for name in ("a", "c"):
        targets.enter(Entry("p", f"s\x1f{name}\x1fid"), 1)
    for start, expected in (("s\x1f", ["s\x1fc\x1fid"]), ("", [])):
        found, _ = targets.look(Place("p", start), 10, "b" if start else "t")
        assert [each.entry.place for each in found] == expected


@pytest.mark.parametrize("text", ["", "=", "#", "a=b", "ü", "\x1f", WIDEST * 63])
def test_any_text_may_be_a_partition(text: str) -> None:
    entry = Entry(f"label#{text}", f"hash\x1f{WIDEST * 128}\x1f" + "0" * 36)
    targets.enter(entry, 1)
    assert targets.look(Place(f"label#{text}"), 10)[0] == [Entered(entry, 1)]
    assert targets.strike(entry, 1)
