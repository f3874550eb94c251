"""What the work queue carries. A message says what is to be done, by its `kind`, and with what; it
may come late, twice, or never, so what it asks for can be done again at no harm.

`version` is that of the kind's parameters: what another version of the product has sent, and means
otherwise, is not understood rather than misunderstood.
"""

from typing import Literal

import msgspec

from chalicelib.reader import Reader

Version = Literal[1]


class PutJobs(msgspec.Struct, frozen=True, tag_field="kind", tag="put_jobs"):
    """Put a wave's first jobs into their inboxes, those with an index from `first` up to `end`."""

    run_id: str
    step: int
    first: int
    end: int
    version: Version = 1


class AdvanceRun(msgspec.Struct, frozen=True, tag_field="kind", tag="advance"):
    """Bring a run forward, however much there is to be written."""

    run_id: str
    version: Version = 1


Message = PutJobs | AdvanceRun
MESSAGE: Reader[Message] = Reader(Message)  # type: ignore[arg-type]


def kind_of(message: Message) -> str:
    """As the message spells it."""
    return str(message.__struct_config__.tag)
