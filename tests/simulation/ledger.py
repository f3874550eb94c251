"""What the control plane has told agents, and how runs ended: none of it may be told otherwise."""

from collections.abc import Collection, Mapping
from typing import Any

from chalicelib.runs.canonical import canonical
from chalicelib.runs.run import Progress, Run, RunState
from tests.simulation.definitions import SECRET
from tests.simulation.invariants import Violation, check_gate
from tests.simulation.machines import Machine


class Ledger:
    """Remembers offers, leases and ends, and raises Violation for what contradicts them."""

    def __init__(self) -> None:
        self.ended: dict[str, RunState] = {}
        self._claimed: dict[tuple[str, str, int], str] = {}
        self._offered: dict[tuple[str, str, int], bytes] = {}

    def check_offer(
        self,
        offer: dict[str, Any],
        machine: Machine,
        before: Mapping[str, Progress],
        cancelled: Collection[str],
    ) -> None:
        """`before` and `cancelled` are of when the agent asked."""
        name = offer["run_id"], offer["job_id"], offer["attempt"]
        offered = {key: value for key, value in offer.items() if key != "urls"}
        if self._offered.setdefault(name, canonical(offered)) != canonical(offered):
            raise Violation(f"the attempt {name} was offered in two ways")
        if offer["env"] not in ({}, SECRET):
            raise Violation(f"the job {name} was offered with the environment {offer['env']}")
        if machine.started[name] > 1:
            raise Violation(f"1: the attempt {name} was started twice")
        if self._claimed.setdefault(name, offer["lease"]) != offer["lease"]:
            raise Violation(f"1: the attempt {name} has had two leases")
        if offer["run_id"] in cancelled:
            raise Violation(f"8: the job {name} was handed out after its run was cancelled")
        if (progress := before.get(offer["run_id"])) is not None:
            check_gate(offer, progress)

    def check_state(self, run: Run) -> None:
        if run.state.is_terminal and self.ended.setdefault(run.id, run.state) is not run.state:
            raise Violation(f"3: the run {run.id} ended twice")
