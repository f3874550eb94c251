"""AWS in memory in this very process, without sockets: moto's answers to our own calls.

moto's `mock_aws` stands between botocore's clients and the network; our transport has none of
them, so its requests are handed to moto where they would leave the process.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from botocore.awsrequest import AWSRequest
from moto import mock_aws
from moto.core.models import botocore_stubber

from chalicelib.aws.connections import Answer, Pool
from infra.local.moto_mends import mend


def _exchange(pool: Pool, headers: Mapping[str, str], body: bytes) -> Answer:
    request = AWSRequest("POST", f"{pool.origin}/", dict(headers), body).prepare()
    answer = botocore_stubber.process_request(request)
    assert answer is not None, f"moto does not know {request.url}"
    status, said, text = answer
    lower = {name.lower(): str(value) for name, value in said.items()}
    return Answer(int(status), lower, text.encode() if isinstance(text, str) else text)


@contextmanager
def moto_in_process() -> Iterator[None]:
    """Everything that the product asks of AWS is answered by moto. For one thread."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        mend()
        patch.setattr(Pool, "exchange", _exchange)
        yield
