"""The Chalice app: registers the routes and schedules."""

import logging
from datetime import datetime, timezone
from typing import Any

from chalice import Chalice, Rate
from chalicelib.api.routing import mount

from chalicelib.api import agents, health, panel, rpc_route, runs, tasks, tokens
from chalicelib.operations import sweep as sweeper

app = Chalice(app_name="plumber")
app.log.setLevel(logging.INFO)
mount(app, panel.api, rpc_route.api, health.api, agents.api, tasks.api, runs.api, tokens.api)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(event: Any) -> None:
    """Every minute: what went silent, what is overdue, what a killed handler left undone."""
    done = sweeper.sweep(datetime.now(timezone.utc))  # noqa: TID251 - an entry point
    app.log.info("swept: %s", done)
