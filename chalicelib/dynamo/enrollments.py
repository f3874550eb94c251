"""The enrollments' table: join tokens and who used them."""

from datetime import datetime, timedelta

from pynamodb.attributes import (
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import size

from chalicelib.agents.enrollment import Enrollment
from chalicelib.dynamo.access_attributes import ByAttribute
from chalicelib.dynamo.base import (
    ExpiryAttribute,
    InstantAttribute,
    TableMeta,
    decode_cursor,
    page,
    passed,
    table_name,
)
from chalicelib.dynamo.transport import TableModel

KEPT = timedelta(days=7)  # after it expired: who joined with it, and that it is of no more use


class EnrollmentItem(TableModel):
    """See `Enrollment`. DynamoDB deletes it some time after it has been `KEPT`."""

    class Meta(TableMeta):
        table_name = table_name("enrollments")

    enrollment_id = UnicodeAttribute(hash_key=True)
    secret_hash = UnicodeAttribute()
    description = UnicodeAttribute()
    max_uses = NumberAttribute()
    created_by = ByAttribute()
    created_at = InstantAttribute()
    expires_at = InstantAttribute()
    labels = JSONAttribute()
    group = UnicodeAttribute(null=True)
    used_by = UnicodeSetAttribute(null=True)
    ttl = ExpiryAttribute()


def _value(item: EnrollmentItem) -> Enrollment:
    return Enrollment(
        id=item.enrollment_id,
        secret_hash=item.secret_hash,
        description=item.description,
        max_uses=int(item.max_uses),
        created_by=item.created_by,
        created_at=item.created_at,
        expires_at=item.expires_at,
        labels=item.labels,
        group=item.group,
        used_by=frozenset(item.used_by or ()),
    )


def create(enrollment: Enrollment) -> None:
    """Raises when the id is taken, which a random id never is."""
    EnrollmentItem(
        enrollment.id,
        secret_hash=enrollment.secret_hash,
        description=enrollment.description,
        max_uses=enrollment.max_uses,
        created_by=enrollment.created_by,
        created_at=enrollment.created_at,
        expires_at=enrollment.expires_at,
        labels=dict(enrollment.labels),
        group=enrollment.group,
        ttl=enrollment.expires_at + KEPT,
    ).save(condition=EnrollmentItem.enrollment_id.does_not_exist())


def get(enrollment_id: str) -> Enrollment | None:
    """The enrollment, or None."""
    try:
        return _value(EnrollmentItem.get(enrollment_id, consistent_read=True))
    except DoesNotExist:
        return None


def use(enrollment: Enrollment, agent_id: str, now: datetime) -> bool:
    """Counts the agent as one use, once; False when expired, used up or deleted."""
    is_valid = EnrollmentItem.expires_at > now
    is_repeated = EnrollmentItem.used_by.contains(agent_id)
    has_room = (
        EnrollmentItem.used_by.does_not_exist()
        | (size(EnrollmentItem.used_by) < enrollment.max_uses)
    )  # fmt: skip
    return passed(
        lambda: EnrollmentItem(enrollment.id).update(
            actions=[EnrollmentItem.used_by.add({agent_id})],
            condition=is_valid & (is_repeated | has_room),
        )
    )


def search(limit: int, cursor: str | None) -> tuple[list[Enrollment], str | None]:
    """A page of all join tokens. A scan: they are deleted some time after they expired."""
    found, following = page(
        EnrollmentItem.scan(limit=limit, last_evaluated_key=decode_cursor(cursor))
    )
    return sorted((_value(item) for item in found), key=lambda each: each.created_at), following


def revoke(enrollment_id: str) -> bool:
    """False when there is no such enrollment."""
    return passed(
        lambda: EnrollmentItem(enrollment_id).delete(
            condition=EnrollmentItem.enrollment_id.exists()
        )
    )
