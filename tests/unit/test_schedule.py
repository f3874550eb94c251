"""When schedules come due: cron's rules, the days on which clocks change, and missed times."""

from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.access.by import INSTALLATION
from chalicelib.errors import BadParameter
from chalicelib.tasks.schedule import (
    MACROS,
    MAX_CRON_CHARACTERS,
    MAX_PARAMETER_BYTES,
    ON_TIME_FOR,
    CatchUp,
    Change,
    Overlap,
    Schedule,
    check,
    due,
    idempotency_key,
    in_zone,
    is_same_clock,
    next_time,
    next_times,
    run_id,
)
from chalicelib.tasks.task import Concurrency

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=timezone.utc)  # a Thursday
MINUTE = timedelta(minutes=1)
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def bare(cron: str, zone: str) -> Schedule:
    """One that waits for nothing."""
    return Schedule("01S", "01T", cron, zone, Overlap.SKIP, CatchUp.NONE, False, INSTALLATION, NOW)


def schedule(cron: str, catch_up: CatchUp = CatchUp.NONE) -> Schedule:
    """One that waits from noon on."""
    it = bare(cron, "UTC")
    return replace(it, catch_up=catch_up, next_due_at=next_time(it, NOW))


def times(cron: str, zone: str = "UTC", after: datetime = NOW, count: int = 3) -> list[str]:
    """By the clocks of the zone."""
    it = bare(cron, zone)
    return [f"{in_zone(it.time_zone, at):%m-%d %H:%M}" for at in next_times(it, after, count)]


def on(day: str, zone: str, cron: str) -> list[str]:
    """All due times of a day by the clocks of the zone, with their offset from UTC."""
    it = bare(cron, zone)
    begin = datetime.fromisoformat(day).replace(tzinfo=in_zone(it.time_zone, NOW).tzinfo)
    found = next_times(it, begin.astimezone(timezone.utc) - MINUTE, 60)
    shown = [in_zone(it.time_zone, at) for at in found]
    return [f"{at:%H:%M%z}" for at in shown if at.date() == begin.date()]


# --- cron's rules


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("* * * * *", ["01-01 12:01", "01-01 12:02", "01-01 12:03"]),
        ("*/20 * * * *", ["01-01 12:20", "01-01 12:40", "01-01 13:00"]),
        ("10-50/20 * * * *", ["01-01 12:10", "01-01 12:30", "01-01 12:50"]),
        ("5,35 13 * * *", ["01-01 13:05", "01-01 13:35", "01-02 13:05"]),
        ("0 9 * * MON-FRI", ["01-02 09:00", "01-05 09:00", "01-06 09:00"]),
        ("0 9 * * sat,sun", ["01-03 09:00", "01-04 09:00", "01-10 09:00"]),
        ("0 9 * * 7", ["01-04 09:00", "01-11 09:00", "01-18 09:00"]),
        ("0 0 1 Jan,JUL *", ["07-01 00:00", "01-01 00:00", "07-01 00:00"]),
        ("0 0 L * *", ["01-31 00:00", "02-28 00:00", "03-31 00:00"]),
        ("0 0 * * FRI#1", ["01-02 00:00", "02-06 00:00", "03-06 00:00"]),
        ("@hourly", ["01-01 13:00", "01-01 14:00", "01-01 15:00"]),
        ("@daily", ["01-02 00:00", "01-03 00:00", "01-04 00:00"]),
        ("@Weekly", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        ("@monthly", ["02-01 00:00", "03-01 00:00", "04-01 00:00"]),
        ("@yearly", ["01-01 00:00", "01-01 00:00", "01-01 00:00"]),
    ],
)
def test_expressions(cron: str, expected: list[str]) -> None:
    assert times(cron) == expected


def test_with_a_day_of_month_and_a_day_of_week_either_is_enough() -> None:
    days = ["01-02 00:00", "01-09 00:00", "01-13 00:00", "01-16 00:00"]
    assert times("0 0 13 * FRI", count=4) == days


def test_where_one_of_both_begins_with_a_star_both_must_fit() -> None:
    assert times("0 0 */10 * MON", count=2) == ["05-11 00:00", "06-01 00:00"]


def test_a_leap_day_comes_every_four_years() -> None:
    found = next_times(bare("0 0 29 2 *", "UTC"), NOW, 2)
    assert [at.year for at in found] == [2028, 2032]


def test_the_instant_itself_is_not_next() -> None:
    it = bare("0 12 * * *", "UTC")
    assert next_time(it, NOW) == NOW + timedelta(days=1)
    assert next_time(it, NOW - timedelta(milliseconds=1)) == NOW
    assert next_time(it, NOW + timedelta(milliseconds=1)) == NOW + timedelta(days=1)


def test_times_are_those_of_the_zone() -> None:
    assert next_time(bare("0 9 * * *", "Asia/Tokyo"), NOW) == NOW + timedelta(hours=12)


# --- the days on which clocks change

SPRING = [("2026-03-29", BERLIN, "+0100", "+0200"), ("2026-03-08", NEW_YORK, "-0500", "-0400")]
AUTUMN = [("2026-10-25", BERLIN, "+0200", "+0100"), ("2026-11-01", NEW_YORK, "-0400", "-0500")]


@pytest.mark.parametrize(("day", "zone", "winter", "summer"), SPRING)
def test_a_fixed_time_in_the_skipped_hour_comes_once_right_after_the_change(
    day: str, zone: str, winter: str, summer: str
) -> None:
    assert on(day, zone, "30 2 * * *") == ["03:00" + summer]
    assert on(day, zone, "0,30 2 * * *") == ["03:00" + summer]
    assert on(day, zone, "15 2,3 * * *") == ["03:00" + summer, "03:15" + summer]
    assert on(day, zone, "59 1 * * *") == ["01:59" + winter]
    assert on(day, zone, "0 3 * * *") == ["03:00" + summer]
    assert on(day, zone, "0 2,3 * * *") == ["03:00" + summer]


@pytest.mark.parametrize(("day", "zone", "winter", "summer"), SPRING)
def test_a_wildcard_goes_with_real_time_over_the_skipped_hour(
    day: str, zone: str, winter: str, summer: str
) -> None:
    assert on(day, zone, "*/30 1-3 * * *") == [
        "01:00" + winter,
        "01:30" + winter,
        "03:00" + summer,
        "03:30" + summer,
    ]
    assert on(day, zone, "*/30 2 * * *") == []
    assert len(on(day, zone, "5 * * * *")) == 23


@pytest.mark.parametrize(
    ("day", "zone", "summer", "winter", "hour"),
    [(*AUTUMN[0], 2), (*AUTUMN[1], 1)],
)
def test_a_fixed_time_in_the_repeated_hour_comes_once_in_its_first_pass(
    day: str, zone: str, summer: str, winter: str, hour: int
) -> None:
    assert on(day, zone, f"30 {hour} * * *") == [f"{hour:02d}:30{summer}"]
    assert on(day, zone, f"0,30 {hour},{hour + 1} * * *") == [
        f"{hour:02d}:00{summer}",
        f"{hour:02d}:30{summer}",
        f"{hour + 1:02d}:00{winter}",
        f"{hour + 1:02d}:30{winter}",
    ]


@pytest.mark.parametrize(
    ("day", "zone", "summer", "winter", "hour"),
    [(*AUTUMN[0], 2), (*AUTUMN[1], 1)],
)
def test_a_wildcard_goes_with_real_time_over_the_repeated_hour(
    day: str, zone: str, summer: str, winter: str, hour: int
) -> None:
    assert on(day, zone, f"*/30 {hour} * * *") == [
        f"{hour:02d}:00{summer}",
        f"{hour:02d}:30{summer}",
        f"{hour:02d}:00{winter}",
        f"{hour:02d}:30{winter}",
    ]
    assert len(on(day, zone, "5 * * * *")) == 25


@pytest.mark.parametrize(
    ("zone", "change", "cron", "days"),
    [
        (BERLIN, datetime(2026, 10, 25, 1, tzinfo=timezone.utc), "30 2 * * *", 1),
        (NEW_YORK, datetime(2026, 11, 1, 6, tzinfo=timezone.utc), "30 1 * * *", 1),
    ],
)
def test_in_the_second_pass_of_the_repeated_hour_the_first_one_is_over(
    zone: str, change: datetime, cron: str, days: int
) -> None:
    it = bare(cron, zone)
    first = change - timedelta(minutes=30)
    assert next_time(it, change - timedelta(minutes=40)) == first
    for minutes in (-30, -1, 0, 10, 29, 30, 59):
        following = next_time(it, change + timedelta(minutes=minutes))
        assert following == first + timedelta(days=days, hours=1), minutes


def test_a_midnight_that_is_skipped() -> None:
    day = "2026-04-24"  # at 00:00 the clocks of Cairo go to 01:00
    assert on(day, "Africa/Cairo", "30 0 * * *") == ["01:00+0300"]
    assert on(day, "Africa/Cairo", "*/30 0-1 * * *") == ["01:00+0300", "01:30+0300"]
    assert on(day, "Africa/Cairo", "*/30 0 * * *") == []


# --- what is refused


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("", "has 0 fields. It needs 5: minute, hour, day-of-month, month, day-of-week"),
        ("* * * *", "has 4 fields"),
        ("5", "has 1 fields"),
        ("@daily 5", "has 2 fields"),
        ("0 * * * * *", "has 6 fields"),
        ("60 * * * *", "has '60' as minute. It takes 0-59"),
        ("*/0 * * * *", "has '*/0' as minute"),
        ("5-1 * * * *", "has '5-1' as minute"),
        ("x * * * *", "has 'x' as minute"),
        ("0 24 * * *", "has '24' as hour. It takes 0-23"),
        ("0 0 0 * *", "has '0' as day-of-month. It takes 1-31"),
        ("0 0 30 2 *", "has '30' as day-of-month. It takes 1-31"),
        ("0 0 * 13 *", "has '13' as month. It takes 1-12 or JAN-DEC"),
        ("0 0 * JANUARY *", "has 'JANUARY' as month"),
        ("0 0 * * 8", "has '8' as day-of-week. It takes 0-7 or SUN-SAT"),
        ("0 0 * * FRI-MON", "has 'FRI-MON' as day-of-week"),
        ("٣ * * * *", "has '٣' as minute"),
        ("@reboot", "'@reboot' is not known. There are @hourly, @daily"),
        ("* * */20 * 1L", "never comes due"),
        ("*" * (MAX_CRON_CHARACTERS + 1), f"more than {MAX_CRON_CHARACTERS} characters"),
    ],
)
def test_a_bad_expression_is_refused_and_says_what_is_wrong(cron: str, says: str) -> None:
    with pytest.raises(BadParameter) as refused:
        check(cron, "UTC", {}, NOW)
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("zone", "says"),
    [
        ("", "There is no time zone ''. Write an IANA name"),
        ("Berlin", "There is no time zone 'Berlin'. Did you mean Europe/Berlin?"),
        ("europe/berlin", "Did you mean Europe/Berlin?"),
        ("New York", "Did you mean America/New_York?"),
        ("Europe", "There is no time zone"),
        ("../../etc/passwd", "There is no time zone"),
        ("/etc/localtime", "There is no time zone"),
        ("localtime", "There is no time zone"),
    ],
)
def test_a_bad_time_zone_is_refused_and_a_likely_one_is_named(zone: str, says: str) -> None:
    with pytest.raises(BadParameter) as refused:
        check("@daily", zone, {}, NOW)
    assert says in refused.value.message


def test_parameters_have_a_limit_together() -> None:
    check("@daily", BERLIN, {"a": "x" * (MAX_PARAMETER_BYTES - 1)}, NOW)
    with pytest.raises(BadParameter, match="parameters"):
        check("@daily", BERLIN, {"a": "x" * MAX_PARAMETER_BYTES}, NOW)


def test_an_expression_has_128_characters_at_most() -> None:
    cron = "* * * * *".ljust(MAX_CRON_CHARACTERS)
    check(cron, "UTC", {}, NOW)
    with pytest.raises(BadParameter, match="more than 128 characters"):
        check(cron + " ", "UTC", {}, NOW)


@pytest.mark.parametrize("macro", MACROS)
def test_every_macro_is_right(macro: str) -> None:
    check(macro, NEW_YORK, {}, NOW)


# --- what is due, and what was missed


def test_nothing_is_due_before_its_time_or_while_paused() -> None:
    hourly = schedule("0 * * * *")
    at = NOW + timedelta(hours=1)
    assert due(hourly, at - timedelta(milliseconds=1)) is None
    assert due(hourly, at) == at
    assert due(replace(hourly, next_due_at=None), at) is None


def test_a_time_is_on_time_for_five_minutes() -> None:
    hourly = schedule("0 * * * *")
    at = NOW + timedelta(hours=1)
    assert due(hourly, at + ON_TIME_FOR) == at
    assert due(hourly, at + ON_TIME_FOR + timedelta(milliseconds=1)) is None


def test_times_that_are_on_time_are_due_one_after_the_other() -> None:
    minutely = schedule("* * * * *")
    now = NOW + 3 * MINUTE + timedelta(seconds=10)
    assert due(minutely, now) == NOW + MINUTE
    assert due(replace(minutely, next_due_at=NOW + 2 * MINUTE), now) == NOW + 2 * MINUTE


@pytest.mark.parametrize("catch_up", CatchUp)
def test_after_missed_times_the_oldest_that_is_on_time_is_due(catch_up: CatchUp) -> None:
    minutely = schedule("* * * * *", catch_up=catch_up)
    now = NOW + timedelta(hours=3, seconds=10)
    assert due(minutely, now) == NOW + timedelta(hours=3) - 4 * MINUTE


@pytest.mark.parametrize(
    ("cron", "away", "newest"),
    [
        ("0 * * * *", timedelta(hours=1, minutes=30), timedelta(hours=1)),
        ("0 * * * *", timedelta(days=100, minutes=30), timedelta(days=100)),
        ("0 12 * * *", timedelta(days=3, hours=1), timedelta(days=3)),
        ("0 12 * * *", timedelta(days=1, hours=23), timedelta(days=1)),
        ("0 12 1 * *", timedelta(days=35), timedelta(days=31)),
        ("0 12 1 2 *", timedelta(days=35), timedelta(days=31)),
        ("* 12 2 1 *", timedelta(days=300), timedelta(days=1, minutes=59)),
        ("0 12 1 1 *", timedelta(days=800), timedelta(days=730)),
    ],
)
def test_where_all_were_missed_the_newest_is_caught_up_if_so_wished(
    cron: str, away: timedelta, newest: timedelta
) -> None:
    assert due(schedule(cron), NOW + away) is None
    assert due(schedule(cron, catch_up=CatchUp.ONE), NOW + away) == NOW + newest


def test_a_time_that_was_missed_for_exactly_so_long_is_on_time() -> None:
    minutely = schedule("* * * * *")
    now = NOW + timedelta(hours=3)
    assert due(minutely, now) == now - ON_TIME_FOR
    assert due(minutely, now + timedelta(microseconds=1)) == now - ON_TIME_FOR + MINUTE


def test_a_time_that_comes_just_now_is_on_time_though_others_were_missed() -> None:
    daily = schedule("0 12 * * *")
    now = NOW + timedelta(days=3)
    assert due(daily, now) == now
    assert due(daily, now - timedelta(microseconds=1)) is None


# --- the rest


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        (Change(), True),
        (Change(overlap=Overlap.QUEUE, catch_up=CatchUp.ONE, parameters={"a": "b"}), True),
        (Change(cron="@hourly"), False),
        (Change(time_zone=BERLIN), False),
        (Change(paused=True), False),
    ],
)
def test_clock_and_pause_say_when_a_schedule_comes_due(change: Change, is_same: bool) -> None:
    it = schedule("@daily")
    assert is_same_clock(change.of(it), it) is is_same


def test_overlap_as_a_trigger_says_it() -> None:
    assert [overlap.concurrency for overlap in Overlap] == [
        Concurrency.FORBID,
        Concurrency.QUEUE,
        Concurrency.REPLACE,
    ]


def test_a_change_leaves_alone_what_it_does_not_name() -> None:
    it = schedule("@daily")
    assert Change().of(it) == it
    assert Change(paused=True, parameters={}).of(it) == replace(it, paused=True, parameters={})


def test_a_due_time_has_one_key_and_its_run_sorts_by_when_it_begins() -> None:
    it = schedule("@daily")
    assert idempotency_key(it, NOW) == "schedule-01S-20260101T120000Z"
    late = NOW + timedelta(hours=1)
    assert run_id(it, NOW, late) == run_id(it, NOW, late)
    ids = {run_id(it, NOW, late), run_id(it, late, late), run_id(replace(it, id="X"), NOW, late)}
    assert len(ids) == 3
    assert run_id(it, late, NOW) < run_id(it, NOW, late)
