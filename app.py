"""The Chalice app: registers the routes, schedules and queues."""

import logging
from typing import Any

from chalice.app import Chalice, Rate

from chalicelib import clock
from chalicelib.api import docs_page, openapi, panel, rpc_route
from chalicelib.api.routing import mount
from chalicelib.operations import connecting, work
from chalicelib.operations.logs import compaction
from chalicelib.operations.runs import sweep as sweeper
from chalicelib.operations.shift import Shift
from chalicelib.operations.tasks import schedules

app = Chalice(app_name="plumber")
app.log.setLevel(logging.INFO)
app.api.binary_types = []  # all answers are text: see the panel's module
mount(app, panel.api, docs_page.api, rpc_route.api, *openapi.GROUPS, openapi.api)
connecting.connect_early()


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(event: Any) -> None:
    """Every minute: what went silent, what is overdue, what a killed handler left undone."""
    app.log.info("swept: %s", sweeper.sweep(_shift(event)))


@app.schedule(Rate(1, unit=Rate.MINUTES))
def fire(event: Any) -> None:
    """Every minute: the schedules that are due."""
    app.log.info("schedules made %d runs", schedules.fire_due(_shift(event)))


@app.schedule(Rate(1, unit=Rate.MINUTES))
def compact(event: Any) -> None:
    """Every minute: the logs of jobs that have ended are put together."""
    app.log.info("compacted the logs of %d jobs", compaction.compact_due(_shift(event)))


@app.on_sqs_message(work.QUEUE, batch_size=work.BATCH_SIZE, name="work")
def work_off(event: Any) -> Any:
    """What is too long for a request."""
    return work.work_off(
        event.to_dict()["Records"],
        lambda: event.context.get_remaining_time_in_millis() / 1_000,
        clock.read,
    )


def _shift(event: Any) -> Shift:
    return Shift.of(clock.read, event.context.get_remaining_time_in_millis())
