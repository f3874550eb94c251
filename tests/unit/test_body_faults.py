"""What is wrong with a body, in words for people."""

from typing import Any

import msgspec
import pytest

from chalicelib.api.access.shapes import NewToken
from chalicelib.api.agents.shapes import AgentChange, NewEnrollment
from chalicelib.api.body_faults import in_words
from chalicelib.api.runs.shapes import Command, RetryRequest
from chalicelib.api.tasks.shapes import NewSchedule
from chalicelib.reader import Reader


@pytest.mark.parametrize(
    ("takes", "body", "says"),
    [
        (NewToken, {"name": "", "role": "admin"}, "name must have at least 1 character."),
        (NewToken, {"name": "x" * 129, "role": "admin"}, "name must have at most 128 characters."),
        (NewToken, {"name": 1, "role": "admin"}, "name must be text, not a whole number."),
        (NewToken, {"role": "admin"}, "name is missing."),
        (NewToken, {"name": "x", "role": "admin", "nmae": 1}, "nmae is not known here."),
        (NewToken, {"name": "x", "role": "admin", "scope": {"x": 1}}, "scope.x is not known here."),
        (NewToken, [], "the body must be an object, not a list."),
        (
            RetryRequest,
            {"what": "some"},
            "what cannot be 'some'. It is one of all, failed_agents, failed_step.",
        ),
        (NewEnrollment, {"max_uses": 0}, "max_uses must be at least 1."),
        (NewEnrollment, {"max_uses": 1.5}, "max_uses must be a whole number, not a number."),
        (AgentChange, {"name": ""}, "name must have at least 1 character."),
        (Command, {"agent_ids": "x"}, "agent_ids must be a list or null, not text."),
        (NewSchedule, {"task_id": "T", "cron": None}, "cron must be text, not null."),
    ],
)
def test_a_body_that_does_not_fit_is_told_in_words(
    takes: type[msgspec.Struct], body: Any, says: str
) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        Reader(takes).plain(body)
    assert in_words(caught.value, takes) == says


def test_what_has_no_words_yet_is_told_as_it_is() -> None:
    text = in_words(msgspec.ValidationError("Something new - at `$.name`"), NewToken)
    assert text == "The body does not fit: Something new - at `$.name`."
