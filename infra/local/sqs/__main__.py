"""`python -m infra.local.sqs --port …`: serves until it is killed; what it holds ends with it."""

import argparse
import asyncio
import logging
import os
import time
import uuid

from infra.local.addresses import HOST
from infra.local.sqs.calls import Calls
from infra.local.sqs.server import Server
from infra.local.sqs.signatures import Signer


def main() -> None:
    """Takes keys, region and account from the environment, as its clients do."""
    parser = argparse.ArgumentParser(prog="sqs")
    parser.add_argument("--port", type=int, required=True)
    port: int = parser.parse_args().port
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    region, account = os.environ["AWS_DEFAULT_REGION"], os.environ["PLUMBER_ACCOUNT"]
    signer = Signer(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], region)
    clock = time.time  # noqa: TID251  an entry point
    address, arn_prefix = f"http://{HOST}:{port}/{account}/", f"arn:aws:sqs:{region}:{account}:"
    calls = Calls(address, arn_prefix, clock, lambda: str(uuid.uuid4()))  # noqa: TID251  an entry point
    asyncio.run(Server(calls, signer, clock).serve(port))


if __name__ == "__main__":
    main()
