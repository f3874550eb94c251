"""The shapes of agents and of the join tokens that let them in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chalicelib.agents.agent import (
    MAX_GROUP_CHARACTERS,
    MAX_LABEL_KEY_CHARACTERS,
    MAX_LABEL_VALUE_CHARACTERS,
    MAX_LABELS,
)
from chalicelib.api.inputs import in_one_form
from chalicelib.api.shapes import By, Name, Shape

OpenState = Literal["queued", "claimed", "running"]
AgentStatus = Literal["online", "offline", "disabled", "never_seen"]
# How many there may be is checked beside the agent, where the refusal is in words for people.
Labels = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=MAX_LABEL_KEY_CHARACTERS)],
        Annotated[str, Meta(max_length=MAX_LABEL_VALUE_CHARACTERS)],
    ],
    Meta(extra_json_schema={"maxProperties": MAX_LABELS}),
]
Group = Annotated[str, Meta(max_length=MAX_GROUP_CHARACTERS)]


class OpenJob(Shape, frozen=True):
    """A job of an agent that has not ended. `deliver_by`: a queued one is undelivered then."""

    run_id: str
    task_id: str
    task_name: str
    job_id: str
    step: int
    state: OpenState
    attempt: int
    queued_at: datetime | None
    deliver_by: datetime | None
    not_before: datetime | None
    started_at: datetime | None


class AgentJobs(Shape, frozen=True):
    """The jobs of an agent that have not ended; `has_more` where not all are shown."""

    items: list[OpenJob]
    has_more: bool


class SecondProcess(Shape, frozen=True):
    """A process that was refused: it came under the identity of an agent that is at work. `at` is
    when it was refused last."""

    hostname: str
    address: str
    at: datetime


class Agent(Shape, frozen=True):
    """A managed machine. `enrolled_by` is who made the join token that it came with."""

    id: str
    name: str
    status: AgentStatus
    labels: dict[str, str]
    group: str | None
    disabled: bool
    doorbell: bool
    hostname: str
    address: str
    os: str
    arch: str
    version: str
    running: int
    last_seen_at: datetime | None
    created_at: datetime
    enrolled_by: By | None
    conflict: SecondProcess | None


class Absence(Shape, frozen=True):
    """A time when nothing was heard of an agent; `until` null: it is not back."""

    since: datetime
    until: datetime | None


class AgentDetail(Agent, frozen=True):
    """A managed machine, looked at by itself. `instance` is the process that works under its
    identity, `absences` the last ten, the newest last."""

    instance: str | None
    absences: list[Absence]


class AgentChange(Shape, frozen=True):
    """Keys that are left out stay as they are; `group` may be set to null. `labels` takes the place
    of all labels, `add_labels` and `drop_labels` (keys) leave the others as they are. Without a
    doorbell an agent only polls: for a machine that cannot reach SQS."""

    name: Name | None = None
    labels: Labels | None = None
    add_labels: Labels = msgspec.field(default_factory=dict)
    drop_labels: Annotated[list[str], Meta(max_length=MAX_LABELS)] = msgspec.field(
        default_factory=list
    )
    group: Group | UnsetType | None = UNSET
    disabled: bool | None = None
    doorbell: bool | None = None

    def __post_init__(self) -> None:
        in_one_form(self, "name", "labels", "add_labels", "drop_labels", "group")

    def labels_after(self, old: Mapping[str, str]) -> dict[str, str]:
        """What the labels of an agent are after this change."""
        kept = old if self.labels is None else self.labels
        kept = {key: value for key, value in kept.items() if key not in self.drop_labels}
        return {**kept, **self.add_labels}


class NewEnrollment(Shape, frozen=True):
    """`labels` and `group` are given to every agent that joins with the token."""

    description: Annotated[str, Meta(max_length=256)] = ""
    max_uses: Annotated[int, Meta(ge=1, le=1000)] = 1
    expires_in_seconds: Annotated[int, Meta(ge=60, le=30 * 86_400)] = 86_400
    labels: Labels = msgspec.field(default_factory=dict)
    group: Group | None = None

    def __post_init__(self) -> None:
        in_one_form(self, "description", "labels", "group")


class Enrollment(Shape, frozen=True):
    """A join token, without its secret."""

    id: str
    description: str
    uses: int
    max_uses: int
    labels: dict[str, str]
    group: str | None
    created_by: By
    created_at: datetime
    expires_at: datetime


class EnrollmentDetail(Enrollment, frozen=True):
    """A join token, and the agents that joined with it: a hundred at most."""

    agents: list[Agent]


class EnrollmentSecret(Shape, frozen=True):
    """Shown once. `agent_json` is the content of the new agent's configuration file."""

    enrollment: Enrollment
    join_token: str
    agent_json: dict[str, str]
