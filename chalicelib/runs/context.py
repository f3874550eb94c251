"""What stands around a job, as far as what becomes of it depends on that. Pure."""

import msgspec

from chalicelib.runs.run import Run, RunStep
from chalicelib.runs.wave import Gate, Wave


class Context(msgspec.Struct, frozen=True):
    """Its step comes without its agents if they are many. The gate is as it was when it was read:
    others may have passed it since, which only the gate's own update can say."""

    run: Run
    step: RunStep
    wave: Wave
    gate: Gate

    @property
    def is_all_granted(self) -> bool:
        """Whether every job of the wave has been promised to some slot."""
        return self.gate.granted >= self.wave.size - self.wave.slots

    @property
    def is_closed(self) -> bool:
        """Whether nothing more of the wave may start."""
        return self.wave.is_closed(self.gate.failures)

    @property
    def is_over(self) -> bool:
        """Whether its wave has closed or its run was stopped: what is active comes to its end, and
        nothing follows."""
        return self.is_closed or self.run.jobs_become is not None
