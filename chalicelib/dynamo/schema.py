"""All tables. The models are the only statement of the schema; stacks and templates follow them."""

from pynamodb.exceptions import PynamoDBException
from pynamodb.models import Model

from chalicelib.dynamo.agents import AgentItem
from chalicelib.dynamo.enrollments import EnrollmentItem
from chalicelib.dynamo.presences import PresenceItem
from chalicelib.dynamo.run_items import PartitionItem
from chalicelib.dynamo.schedules import ScheduleItem
from chalicelib.dynamo.sweeps import SweepItem
from chalicelib.dynamo.tasks import RevisionItem, TaskItem
from chalicelib.dynamo.tokens import TokenItem

MODELS: tuple[type[Model], ...] = (
    AgentItem,
    EnrollmentItem,
    PartitionItem,
    PresenceItem,
    RevisionItem,
    ScheduleItem,
    SweepItem,
    TaskItem,
    TokenItem,
)
TTL_ATTRIBUTE = "ttl"  # of the models that have it


def create_all() -> None:
    """Creates the tables that are missing, and waits until they can be used."""
    for model in MODELS:
        if not model.exists():
            model.create_table(wait=True)


def is_reachable() -> bool:
    """Whether DynamoDB answers for this installation's tables."""
    try:
        return SweepItem.exists()
    except PynamoDBException:
        return False
