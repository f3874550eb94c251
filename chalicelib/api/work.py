"""Work that was given up: the dead letters of the work queue."""

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


@api.get("/work/dead-letters", needs=Permission.WORK_WRITE, answers=DeadLetters)
def list_dead_letters(request: Request) -> DeadLetters:
    """Messages that were given up after their tries. Looking at them changes nothing."""
    return DeadLetters(
        [
            DeadLetter(each.id, each.body, each.tries, each.reason, each.died_at)
            for each in work.show_dead_letters()
        ]
    )


@api.post("/work/dead-letters/{letter_id}/retry", needs=Permission.WORK_WRITE)
def retry_dead_letter(request: Request, letter_id: str) -> None:
    """Sends the message back to the work queue, with all its tries before it."""
    work.send_back(letter_id)


@api.delete("/work/dead-letters/{letter_id}", needs=Permission.WORK_WRITE)
def drop_dead_letter(request: Request, letter_id: str) -> None:
    """Deletes the message: nobody does what it asked for."""
    work.drop(letter_id)
