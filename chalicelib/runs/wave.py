"""Waves: in which order a step reaches its agents, how many at once, and when it stops. Pure.

A step's agents stand in a fixed order, its roster; a job's `index` is its place there. The first
agents are the canary wave, if there is one, the others the second wave. A wave has `slots`: so
many of its jobs are active at most. The first `slots` jobs are put out at once; each job that ends
passes its slot on to one other job, its `successor`, or parks it when nothing is left.
"""

from collections.abc import Mapping
from typing import TypeGuard

import msgspec

from chalicelib.runs.job import JobState
from chalicelib.tasks.task import Step


class Gate(msgspec.Struct, frozen=True):
    """What the jobs of a wave share. `granted` successors were promised; `failures` are agents
    whose jobs failed; `ended` counts jobs by state, and is only ever shown (ADR 16). `parked` slots
    were given up; when there are `look_at` of them somebody should look: None as long as that is
    all of the wave's (ADR 28)."""

    granted: int = 0
    failures: int = 0
    ended: Mapping[JobState, int] = msgspec.field(default_factory=dict)
    parked: int = 0
    look_at: int | None = None

    def is_time_to_look(self, slots: int) -> bool:
        """Whether no slot is left that is in play, so far as was counted."""
        return self.parked >= (slots if self.look_at is None else self.look_at)


class Wave(msgspec.Struct, frozen=True):
    """The jobs with an index from `first` up to `end`, `slots` of them at once.

    More than `max_failures` failures close the wave; None when failures close nothing.
    """

    number: int
    first: int
    end: int
    slots: int
    max_failures: int | None

    @property
    def initial(self) -> range:
        """The jobs that are put out when the wave begins."""
        return range(self.first, self.first + self.slots)

    @property
    def is_rolling(self) -> bool:
        """Whether slots are passed on."""
        return self.initial.stop < self.end

    @property
    def size(self) -> int:
        """How many jobs it has."""
        return self.end - self.first

    def holds(self, index: int | None) -> TypeGuard[int]:
        """Whether the job with this index is one of the wave's."""
        return index is not None and self.first <= index < self.end

    def nth_successor(self, granted: int) -> int:
        """The index that stands for the number `granted` of a successor, counted from 1."""
        return self.initial.stop + granted - 1

    def is_closed(self, failures: int) -> bool:
        """Whether nothing more of the wave starts."""
        return self.max_failures is not None and failures > self.max_failures


def max_failures(step: Step, size: int) -> int:
    """How many jobs of the step may fail while it still ends well."""
    return step.max_failures.of(size, at_least=0) if step.max_failures else 0


def waves(step: Step, size: int) -> tuple[Wave, ...]:
    """The waves of a step that has `size` agents.

    A canary that fails closes the step. Without MaxFailures, Canary and MaxParallel everything is
    put out at once and failures close nothing: what is on its way to its agent is not called back.
    """
    canary = step.canary.of(size, at_least=1) if step.canary else 0
    parallel = step.max_parallel.of(size, at_least=1) if step.max_parallel else size
    is_gated = step.max_failures or step.canary or step.max_parallel
    gate = max_failures(step, size) if is_gated else None
    parts = ((0, 0, canary, 0), (1, canary, size, gate))
    return tuple(
        Wave(number, first, end, min(parallel, end - first), most)
        for number, first, end, most in parts
        if end > first
    )


def wave_of(step: Step, size: int, index: int) -> Wave:
    """The wave of the job with this index. Raises StopIteration for one that the step has not."""
    return next(wave for wave in waves(step, size) if wave.holds(index))
