"""All tables. The models are the only statement of the schema; stacks and templates follow them."""

import time

from pynamodb.exceptions import PynamoDBException
from pynamodb.models import Model

from chalicelib.dynamo.agents import AgentItem
from chalicelib.dynamo.enrollments import EnrollmentItem
from chalicelib.dynamo.installation import InstallationItem
from chalicelib.dynamo.presences import PresenceItem
from chalicelib.dynamo.run_items import PartitionItem
from chalicelib.dynamo.schedules import ScheduleItem
from chalicelib.dynamo.sweeps import SweepItem
from chalicelib.dynamo.targets import TargetItem
from chalicelib.dynamo.tasks import RevisionItem, TaskItem
from chalicelib.dynamo.tokens import TokenItem

MODELS: tuple[type[Model], ...] = (
    AgentItem,
    EnrollmentItem,
    InstallationItem,
    PartitionItem,
    PresenceItem,
    RevisionItem,
    ScheduleItem,
    SweepItem,
    TargetItem,
    TaskItem,
    TokenItem,
)
LOOK_SECONDS = 0.02
TTL_ATTRIBUTE = "ttl"  # of the models that have it


def create_all() -> None:
    """Creates the tables that are missing, and waits until they can be used. On AWS the template
    does so."""
    missing = [model for model in MODELS if not model.exists()]
    for model in missing:
        model.create_table(wait=False)  # PynamoDB would look every two seconds
    for model in missing:
        while model.describe_table()["TableStatus"] != "ACTIVE":
            time.sleep(LOOK_SECONDS)


def is_reachable() -> bool:
    """Whether DynamoDB answers for this installation's tables."""
    try:
        return SweepItem.exists()
    except PynamoDBException:
        return False
