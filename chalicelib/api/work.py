"""Work that was given up: the dead letters of the work queue. They are about anything, so a caller
with a scope sees none of them."""

from datetime import datetime

from chalicelib.access.principal import Permission
from chalicelib.api.routing import Api, Request
from chalicelib.api.shapes import Shape
from chalicelib.operations import work

api = Api(__name__)


class DeadLetter(Shape, frozen=True):
    """A message that was given up: what it asked for, as JSON, and why. `died_at` is null where
    its handler was killed each time."""

    id: str
    message: str
    tries: int
    reason: str
    died_at: datetime | None


class DeadLetters(Shape, frozen=True):
    """At most a hundred, the oldest first. Others may be hidden while somebody looks at them."""

    items: list[DeadLetter]


def _letter(request: Request, letter_id: str) -> str:
    """Its id. Who looks for it does so when it is taken."""
    if not request.scope.is_everything:
        raise work.NoSuchLetter
    return letter_id


@api.get("/work/dead-letters", needs=Permission.WORK_WRITE, answers=DeadLetters)
def list_dead_letters(request: Request) -> DeadLetters:
    """Messages that were given up after their tries. Looking at them changes nothing."""
    shown = work.show_dead_letters() if request.scope.is_everything else ()
    return DeadLetters(
        [DeadLetter(each.id, each.body, each.tries, each.reason, each.died_at) for each in shown]
    )


@api.post(
    "/work/dead-letters/{letter_id}/retry",
    needs=Permission.WORK_WRITE,
    on=_letter,
    audits="work.retry",
)
def retry_dead_letter(request: Request, letter_id: str) -> None:
    """Sends the message back to the work queue, with all its tries before it."""
    work.send_back(letter_id)


@api.delete(
    "/work/dead-letters/{letter_id}", needs=Permission.WORK_WRITE, on=_letter, audits="work.drop"
)
def drop_dead_letter(request: Request, letter_id: str) -> None:
    """Deletes the message: nobody does what it asked for."""
    work.drop(letter_id)
