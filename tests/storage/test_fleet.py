"""The verbs of agents, presences, enrollments, tokens and sweeps, on every backend."""

from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.access.by import By, Kind
from chalicelib.access.principal import Role
from chalicelib.access.scope import EVERYTHING, Scope
from chalicelib.access.token import Token
from chalicelib.agents.absence import KEPT, Absence, back
from chalicelib.agents.agent import Agent, Facts
from chalicelib.agents.enrollment import Enrollment
from chalicelib.agents.seat import KNOCK, Heard, SecondProcess
from chalicelib.dynamo import agents, enrollments, presences, rows, sweeps, tasks, tokens
from chalicelib.errors import BadParameter

pytestmark = pytest.mark.usefixtures("backend")

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
TTL = timedelta(seconds=90)
ANN = By(Kind.TOKEN, "t1", "ann")
AGENT = Agent("a", "web", NOW, "hash", Facts(hostname="h"), {"role": "web"}, "prod")
AGENT = replace(AGENT, enrolled_by=ANN)


def join_token(max_uses: int = 1) -> Enrollment:
    enrollment = Enrollment("E", "hash", "", max_uses, ANN, NOW, NOW + HOUR)
    enrollments.create(enrollment)
    return enrollment


def test_an_agent_enrolls_once() -> None:
    assert agents.enroll(AGENT)
    assert not agents.enroll(replace(AGENT, name="other"))
    assert agents.get("a") == AGENT


def test_what_people_say_of_an_agent_changes_and_facts_stay() -> None:
    agents.enroll(AGENT)
    new = replace(AGENT, name="new", labels={}, group=None, disabled=True, version=1)
    assert agents.change(AGENT, new)
    assert agents.get("a") == new


def test_a_change_of_what_was_changed_meanwhile_does_nothing() -> None:
    agents.enroll(AGENT)
    agents.change(AGENT, replace(AGENT, name="first", version=1))
    assert not agents.change(AGENT, replace(AGENT, name="second", version=1))
    assert not agents.remove(AGENT)
    assert agents.get("a") == replace(AGENT, name="first", version=1)


def test_a_removed_agents_id_is_not_given_again() -> None:
    assert agents.enroll(AGENT)
    assert not agents.was_removed("a")
    assert agents.remove(AGENT)
    assert agents.was_removed("a")
    assert not agents.was_removed("never")
    assert not agents.enroll(AGENT)
    assert agents.get("a") is None
    assert agents.get_many(["a"]) == {}
    assert list(agents.everybody()) == []
    assert not agents.remove(AGENT)
    assert not agents.change(AGENT, replace(AGENT, name="back", version=1))


def test_a_removed_agent_is_not_brought_back_by_late_writes() -> None:
    agents.enroll(AGENT)
    assert agents.remove(AGENT)
    agents.update_facts("a", Facts(hostname="late"))
    assert not agents.change(AGENT, replace(AGENT, name="x", version=1))
    assert agents.get("a") is None
    assert not agents.remove(AGENT)


def beat(
    now: datetime,
    running: int = 0,
    metrics: dict[str, float] | None = None,
    instance: str = "one",
) -> Heard:
    heard = presences.beat("a", instance, now, now + TTL, now + TTL, running, metrics)
    assert heard is not None
    return heard


def is_refused(now: datetime, instance: str) -> bool:
    return presences.beat("a", instance, now, now + TTL, now + TTL, 0, None) is None


def test_a_heartbeat_is_remembered_and_answers_cancels() -> None:
    assert beat(NOW, 2, {"cpu_percent": 1.5}).cancels == frozenset()
    presences.add_cancel("a", "lease-1")
    presences.add_cancel("a", "lease-2")
    assert beat(NOW, 1, None).cancels == {"lease-1", "lease-2"}
    presences.drop_cancels("a", ["lease-1"])
    assert beat(NOW, 1, None).cancels == {"lease-2"}
    presences.drop_cancels("a", ["lease-1", "lease-2"])
    assert beat(NOW, 1, None).cancels == frozenset()


def test_a_cancel_before_the_first_heartbeat_makes_nobody_seen() -> None:
    presences.add_cancel("a", "lease")
    assert presences.get_many(["a"]) == {}
    assert list(presences.silent(NOW)) == []


def test_the_silent_are_marked_offline_unless_they_call_meanwhile() -> None:
    beat(NOW)
    assert list(presences.silent(NOW + TTL)) == [], "it was expected up to now"
    (silent,) = presences.silent(NOW + HOUR)
    beat(NOW + timedelta(seconds=1))
    assert not presences.mark_offline(silent)
    (silent,) = presences.silent(NOW + HOUR)
    assert presences.mark_offline(silent)
    assert not presences.mark_offline(silent)
    assert not presences.get_many(["a"])["a"].online
    assert list(presences.silent(NOW + HOUR)) == [], "it is offline already"
    beat(NOW + HOUR)
    assert presences.get_many(["a"])["a"].online


def test_an_absence_is_noted_when_it_begins_and_when_it_ends() -> None:
    beat(NOW)
    (silent,) = presences.silent(NOW + HOUR)
    assert presences.mark_offline(silent)
    away = beat(NOW + HOUR).absences
    assert away == (Absence(NOW, None),)
    assert presences.get_many(["a"])["a"].absences == away
    ended = back(away, NOW + HOUR)
    assert presences.note_back("a", away, ended)
    assert not presences.note_back("a", away, back(away, NOW + 2 * HOUR)), "it is noted already"
    assert beat(NOW + HOUR).absences == ended


def test_one_instance_has_the_seat() -> None:
    beat(NOW)
    assert is_refused(NOW + HOUR, "two"), "also when it has lapsed: nobody has knocked"
    assert not presences.keep_seat("a", "two", NOW + HOUR)
    assert presences.keep_seat("a", "one", NOW + TTL)
    assert presences.get_many(["a"])["a"].last_seen_at == NOW
    beat(NOW + HOUR)


def test_a_poll_before_the_first_heartbeat_has_the_seat_and_makes_nobody_seen() -> None:
    assert presences.keep_seat("a", "one", NOW + TTL)
    assert presences.get_many(["a"]) == {}
    assert is_refused(NOW, "two")
    beat(NOW)


def test_who_is_refused_is_told_to_everybody() -> None:
    beat(NOW)
    who = SecondProcess("clone", "10.0.0.8", NOW)
    assert presences.note_refused("a", "two", who, NOW) == NOW + TTL
    assert presences.get_many(["a"])["a"].conflict == who
    assert beat(NOW).conflict == who
    assert presences.note_refused("a", "one", who, NOW) is None, "that is the holder itself"


def test_a_seat_that_lapsed_goes_to_who_has_knocked() -> None:
    expected, until = NOW + HOUR, NOW + 2 * HOUR  # of an idle one little is heard
    presences.beat("a", "one", NOW, expected, NOW + TTL, 0, None)
    who = SecondProcess("new", "10.0.0.8", NOW)
    presences.note_refused("a", "two", who, NOW + KNOCK)
    assert not presences.take_seat("a", "two", NOW + 2 * KNOCK, until), "it has not lapsed"
    presences.note_refused("a", "two", who, NOW + TTL), "the first knock counts"
    assert presences.take_seat("a", "two", NOW + TTL, until)
    assert is_refused(NOW, "one")
    assert beat(NOW, instance="two").conflict is None


def test_a_seat_that_lapsed_goes_to_who_has_knocked_also_where_no_heartbeat_came() -> None:
    presences.keep_seat("a", "one", NOW + TTL)
    presences.note_refused("a", "two", SecondProcess("new", "10.0.0.8", NOW), NOW)
    assert presences.take_seat("a", "two", NOW + TTL, NOW + HOUR)


def test_the_seat_of_who_is_offline_goes_to_who_comes() -> None:
    beat(NOW)
    assert not presences.take_seat("a", "two", NOW + TTL - KNOCK, NOW + HOUR)
    assert presences.take_seat("a", "two", NOW + TTL, NOW + HOUR), "without a knock"


def test_nobody_is_refused_a_seat_that_was_left() -> None:
    beat(NOW)
    presences.leave_seat("a", "one")
    who = SecondProcess("new", "10.0.0.8", NOW)
    assert presences.note_refused("a", "two", who, NOW) is None
    assert beat(NOW, instance="two").conflict is None


def test_a_holder_that_comes_when_it_is_rung_keeps_the_seat() -> None:
    late, expected = NOW + HOUR, NOW + 3 * HOUR  # of an idle one little is heard
    presences.beat("a", "one", NOW, expected, NOW + TTL, 0, None)
    presences.note_refused("a", "two", SecondProcess("new", "", late), late)
    assert not presences.take_seat("a", "two", late + KNOCK / 2, late + TTL)
    presences.beat("a", "one", late + KNOCK / 2, expected, late + TTL, 0, None)
    assert not presences.take_seat("a", "two", late + HOUR, late + TTL)
    presences.note_refused("a", "two", SecondProcess("new", "", late), late + HOUR)
    assert not presences.take_seat("a", "two", late + HOUR, late + HOUR)


def test_a_join_token_is_used_as_often_as_it_allows() -> None:
    enrollment = join_token(max_uses=2)
    assert enrollments.use(enrollment, "a", NOW)
    assert enrollments.use(enrollment, "a", NOW), "a repeated call is the same use"
    assert enrollments.use(enrollment, "b", NOW)
    assert not enrollments.use(enrollment, "c", NOW)
    assert enrollments.use(enrollment, "b", NOW)


def test_a_join_token_expires_and_can_be_deleted() -> None:
    enrollment = join_token()
    assert not enrollments.use(enrollment, "a", NOW + HOUR)
    assert enrollments.revoke("E")
    assert not enrollments.use(enrollment, "a", NOW)
    assert not enrollments.revoke("E")


def test_tokens_are_kept_until_they_are_revoked() -> None:
    scope = Scope(("T",), {"env": "prod"}, ("web",))
    token = Token("id", "ci", Role.TRIGGER, "hash", ANN, NOW, NOW + HOUR, scope)
    whole = replace(token, id="whole", scope=EVERYTHING)
    tokens.create(whole)
    assert tokens.get("whole") == whole
    assert tokens.revoke("whole")
    tokens.create(token)
    assert tokens.get("id") == token
    assert tokens.search(10, None) == ([token], None)
    assert tokens.revoke("id")
    assert not tokens.revoke("id")
    assert tokens.get("id") is None


@pytest.mark.parametrize("cursor", ["x", "W10=", "eyJhIjoxfQ==", "eyJhIjp7IlgiOiIxIn19"])
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadParameter, match="cursor"):
        tasks.search(10, cursor)


def test_the_sweeper_watches_since_its_last_long_absence() -> None:
    gap = timedelta(minutes=3)
    assert sweeps.watch(NOW, gap) == NOW
    assert sweeps.watch(NOW + gap, gap) == NOW
    away = NOW + 3 * gap
    assert sweeps.watch(away, gap) == away


def test_a_sweeper_that_is_late_does_not_set_the_watch_back() -> None:
    gap = timedelta(minutes=3)
    sweeps.watch(NOW, gap)
    assert sweeps.watch(NOW + gap, gap) == NOW
    assert sweeps.watch(NOW + timedelta(seconds=1), gap) == NOW, "it was held up"
    assert sweeps.watch(NOW + 2 * gap, gap) == NOW


def test_a_sweeper_that_was_held_up_for_long_changes_nothing() -> None:
    gap = timedelta(minutes=3)
    sweeps.watch(NOW, gap)
    later = NOW + 10 * gap
    assert sweeps.watch(later, gap) == later
    assert sweeps.watch(NOW + gap, gap) == later
    assert sweeps.watch(later + gap, gap) == later


def test_a_heartbeat_is_one_unit_also_with_all_absences() -> None:
    metrics = {"cpu_percent": 99.9, "memory_used_bytes": 1e12, "memory_total_bytes": 1e12}
    presences.beat("f" * 36, "e" * 64, NOW, NOW + TTL, NOW + TTL, 10, metrics)
    for _ in range(2 * KEPT):
        (silent,) = presences.silent(NOW + HOUR)
        assert presences.mark_offline(silent)
        heard = presences.beat("f" * 36, "e" * 64, NOW, NOW + TTL, NOW + TTL, 10, metrics)
        assert heard is not None
        assert presences.note_back("f" * 36, heard.absences, back(heard.absences, NOW))
    presences.note_refused("f" * 36, "other", SecondProcess("h" * 64, "10.0.0.8", NOW), NOW)
    (row,) = rows.scan(
        presences.PresenceItem, tuple(presences.PresenceItem.get_attributes().values())
    )
    kept = sum(len(name) + len(str(next(iter(value.values())))) for name, value in row.items())
    assert 512 < kept <= 1_024, "a write is paid for by the kilobyte"
