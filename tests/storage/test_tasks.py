"""The verbs of tasks, their names and their revisions, on every backend."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.access.by import By, Kind
from chalicelib.dynamo import task_names, tasks
from chalicelib.dynamo.tasks import RevisionItem
from chalicelib.errors import Conflict
from chalicelib.tasks.task import StoredTask

pytestmark = pytest.mark.usefixtures("backend")

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
LATER = NOW + task_names.TAKING
ANN, BOB = By(Kind.TOKEN, "t1", "ann"), By(Kind.SYSTEM, "installation", "bob")
TASK = StoredTask("T", "deploy", 1, 2, NOW, NOW, ANN, "source 1")
RENAMED = replace(TASK, revision=2, name="ship", definition="source 2")


def numbers(task: StoredTask, limit: int, cursor: str | None = None) -> tuple[list[int], Any]:
    found, following = tasks.revisions(task, limit, cursor)
    return [each.number for each in found], following


def saved(count: int) -> StoredTask:
    """A task with so many revisions."""
    task = TASK
    tasks.create(task)
    for number in range(2, count + 1):
        older, task = task, replace(task, revision=number, definition=f"source {number}")
        assert tasks.replace(older, task)
    return task


def is_taken(task: StoredTask) -> bool:
    """Whether a task cannot be saved because of its name."""
    try:
        tasks.create(task)
    except Conflict as error:
        assert f"'{task.name}'" in str(error)
        return True
    return False


# --- revisions


def test_a_task_is_replaced_by_the_next_revision_of_the_current_one() -> None:
    tasks.create(TASK)
    second = replace(TASK, revision=2, definition="source 2", updated_by=BOB)
    assert tasks.replace(TASK, second)
    assert not tasks.replace(TASK, replace(second, definition="lost update"))
    assert tasks.get("T") == second
    found, _ = tasks.revisions(second, 10, None)
    assert [(each.number, each.definition, each.saved_by) for each in found] == [
        (2, "source 2", BOB),
        (1, "source 1", ANN),
    ]


def test_every_revision_can_be_read_also_by_who_knows_an_older_one() -> None:
    task = saved(3)
    for known in (TASK, task):
        texts = [getattr(tasks.revision(known, n), "definition", None) for n in range(5)]
        assert texts == [None, "source 1", "source 2", "source 3", None]


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_revisions_are_paged_newest_first(limit: int) -> None:
    task = saved(4)
    found, cursor = numbers(task, limit)
    while cursor is not None:
        more, cursor = numbers(task, limit, cursor)
        assert len(more) <= limit
        found += more
    assert found == [4, 3, 2, 1]


def test_a_page_of_revisions_is_no_larger_than_an_answer_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "PAGE_CHARACTERS", len("source 1") * 2)
    task = saved(8)
    found, cursor = numbers(task, 100)
    sizes = [len(found)]
    while cursor is not None:
        more, cursor = numbers(task, 100, cursor)
        sizes.append(len(more))
        found += more
    assert found == [8, 7, 6, 5, 4, 3, 2, 1]
    assert max(sizes) == 3


def test_a_task_of_one_revision_has_one_page() -> None:
    assert numbers(saved(1), 1) == ([1], None)


def test_a_save_that_died_before_its_end_changed_nothing() -> None:
    task = saved(2)
    tasks._revision_item(task).save()  # what comes first
    assert tasks.get("T") == task
    assert numbers(task, 10) == ([2, 1], None)
    assert tasks.replace(task, replace(task, revision=3))


def test_a_deleted_task_leaves_nothing() -> None:
    task = saved(3)
    tasks.delete(task)
    assert tasks.get("T") is None
    assert tasks.get_by_name("deploy") is None
    assert tasks.search(10, None) == ([], None)
    assert list(RevisionItem.scan()) == []


def test_a_deleted_task_is_not_saved_again() -> None:
    tasks.create(TASK)
    tasks.delete(TASK)
    assert not tasks.replace(TASK, replace(TASK, revision=2))
    assert tasks.get("T") is None
    assert list(RevisionItem.scan()) == []


def test_a_save_whose_answer_was_lost_is_told_as_what_it_was() -> None:
    """The transport makes the call again; so may whoever called us."""
    for _ in range(2):
        tasks.create(TASK)
    for _ in range(2):
        assert tasks.replace(TASK, RENAMED)
    assert tasks.get("T") == RENAMED
    tasks.create(replace(TASK, id="U"))  # the old name was given back


def test_a_renaming_whose_answer_was_lost_gives_the_old_name_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks.create(TASK)
    with monkeypatch.context() as patch:
        patch.setattr(task_names, "give_back", lambda *_: None)  # it died there
        tasks.replace(TASK, RENAMED)
    assert tasks.replace(TASK, RENAMED)
    tasks.create(replace(TASK, id="U"))


# --- names


def test_a_name_belongs_to_one_task() -> None:
    tasks.create(TASK)
    assert is_taken(replace(TASK, id="U", updated_at=LATER))
    assert tasks.get("U") is None
    assert tasks.get_by_name("deploy") == TASK


def test_a_name_is_no_task() -> None:
    tasks.create(TASK)
    assert tasks.get("name#deploy") is None


def test_a_renamed_task_gives_its_old_name_free() -> None:
    tasks.create(TASK)
    assert tasks.replace(TASK, RENAMED)
    assert tasks.get_by_name("deploy") is None
    assert tasks.get_by_name("ship") == RENAMED
    tasks.create(replace(TASK, id="U"))


def test_a_task_cannot_take_the_name_of_another() -> None:
    tasks.create(TASK)
    other = replace(TASK, id="U", name="ship")
    tasks.create(other)
    with pytest.raises(Conflict, match="'deploy'"):
        tasks.replace(other, replace(other, revision=2, name="deploy", updated_at=LATER))
    assert tasks.get("U") == other


def test_a_task_takes_its_own_old_name_again() -> None:
    tasks.create(TASK)
    tasks.replace(TASK, RENAMED)
    assert tasks.replace(RENAMED, replace(RENAMED, revision=3, name="deploy"))


def test_a_name_whose_taker_died_is_free_after_a_minute() -> None:
    assert task_names.take("deploy", "dead", 1, NOW)
    a_moment_later = replace(TASK, updated_at=LATER - timedelta(milliseconds=1))
    assert is_taken(a_moment_later), "it may yet come to its end"
    assert tasks.get_by_name("deploy") is None
    tasks.create(replace(TASK, updated_at=LATER))
    assert tasks.get_by_name("deploy") is not None


def test_a_name_that_its_task_left_without_giving_it_back_is_free_after_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks.create(TASK)
    monkeypatch.setattr(task_names, "give_back", lambda *_: None)  # it died there
    tasks.replace(TASK, RENAMED)
    assert tasks.get_by_name("deploy") is None
    tasks.create(replace(TASK, id="U", updated_at=LATER))


def test_two_that_find_a_dead_name_do_not_both_get_it() -> None:
    task_names.take("deploy", "dead", 1, NOW)
    left = task_names.get("deploy")
    assert left is not None
    assert task_names.take_over(left, "T", 1, LATER)
    assert not task_names.take_over(left, "U", 1, LATER)


def test_a_dead_name_that_its_taker_took_again_is_not_taken_over() -> None:
    task_names.take("deploy", "T", 1, NOW)
    left = task_names.get("deploy")
    assert left is not None
    task_names.take("deploy", "T", 3, LATER)
    assert not task_names.take_over(left, "U", 1, LATER)


def test_a_dead_name_that_somebody_else_has_taken_is_not_taken_over() -> None:
    task_names.take("deploy", "dead", 1, NOW)
    left = task_names.get("deploy")
    assert left is not None
    task_names.give_back("deploy", "dead", 1)
    task_names.take("deploy", "T", 1, NOW)  # by a clock that is late
    assert not task_names.take_over(left, "U", 1, LATER)


def test_a_name_is_given_back_by_its_bearer_alone() -> None:
    task_names.take("deploy", "T", 1, NOW)
    task_names.give_back("deploy", "U", 1)
    assert not task_names.take("deploy", "U", 1, NOW)
    task_names.give_back("deploy", "T", 1)
    task_names.give_back("deploy", "T", 1)
    assert task_names.take("deploy", "U", 1, NOW)


def meanwhile(monkeypatch: pytest.MonkeyPatch, verb: str, does: Callable[[], Any]) -> None:
    """Something happens just before the next call of a verb of names."""
    real, waiting = getattr(task_names, verb), [does]

    def interrupted(*given: Any) -> Any:
        while waiting:
            waiting.pop()()
        return real(*given)

    monkeypatch.setattr(task_names, verb, interrupted)


def test_a_task_that_is_renamed_back_while_its_name_is_given_back_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks.create(TASK)
    back = replace(RENAMED, revision=3, name="deploy")
    meanwhile(monkeypatch, "give_back", lambda: tasks.replace(RENAMED, back))
    assert tasks.replace(TASK, RENAMED)
    assert tasks.get_by_name("deploy") == back
    assert is_taken(replace(TASK, id="U", updated_at=LATER))


def test_a_slow_rival_of_an_old_renaming_does_not_make_a_living_name_free() -> None:
    tasks.create(TASK)
    ships = [
        replace(TASK, revision=n, name="ship" if n % 2 == 0 else "deploy") for n in range(2, 5)
    ]
    older = TASK
    for newer in ships:
        assert tasks.replace(older, newer)
        older = newer
    assert not task_names.take("ship", "T", 2, NOW), "the rival of revision 2, late"
    task_names.give_back("ship", "T", 2)  # and what revision 3 had still to do
    assert tasks.get_by_name("ship") == ships[-1]
    assert is_taken(replace(TASK, id="U", name="ship", updated_at=LATER))


def test_deleting_a_task_that_was_renamed_meanwhile_frees_no_name_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks.create(TASK)
    other = replace(TASK, id="U")
    tasks.replace(TASK, RENAMED)
    tasks.create(other)
    tasks.delete(TASK)  # as it was read before it was renamed
    assert tasks.get_by_name("deploy") == other
    assert is_taken(replace(TASK, id="V", updated_at=LATER))


def test_of_two_who_rename_a_task_one_does_and_the_others_name_heals() -> None:
    tasks.create(TASK)
    assert tasks.replace(TASK, RENAMED)
    assert not tasks.replace(TASK, replace(RENAMED, name="sail"))
    assert tasks.get_by_name("sail") is None
    tasks.create(replace(TASK, id="U", name="sail", updated_at=LATER))


def test_a_name_that_is_given_back_while_it_is_asked_for_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks.create(TASK)
    meanwhile(monkeypatch, "get", lambda: tasks.delete(TASK))
    tasks.create(replace(TASK, id="U"))


def test_lists_of_tasks_are_by_name_and_without_definitions() -> None:
    for name in ("b", "a"):
        tasks.create(replace(TASK, id=name.upper(), name=name))
    found, _ = tasks.search(10, None)
    assert [(task.name, task.definition) for task in found] == [("a", ""), ("b", "")]
