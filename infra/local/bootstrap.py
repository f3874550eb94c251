"""Makes a new installation usable: its tables, bucket and queues, and the first admin token.

Writes the token, and nothing else, to standard output. All of it may be repeated. The token that
the environment names is kept when it still is one; else each time makes a further token.
"""

import os
import secrets
import sys
from datetime import datetime, timezone

from chalicelib.access.principal import Role
from chalicelib.access.token import SECRET_HEX_DIGITS
from chalicelib.dynamo import schema
from chalicelib.errors import NotAuthenticated
from chalicelib.operations.access.authentication import authenticate
from chalicelib.operations.access.tokens import bootstrap_admin
from chalicelib.s3 import buckets
from chalicelib.sqs import work
from infra.local.control_plane import KNOWN_TOKEN


def main() -> None:
    """Takes its place from the environment, as the product does."""
    schema.create_all()
    buckets.create()
    work.create()
    now = datetime.now(timezone.utc)  # noqa: TID251  an entry point
    known = os.environ.get(KNOWN_TOKEN, "")
    sys.stdout.write(known if _is_admin(known, now) else _new_token(now))


def _is_admin(token: str, now: datetime) -> bool:
    try:
        return authenticate(f"Bearer {token}", now).role is Role.ADMIN
    except NotAuthenticated:
        return False


def _new_token(now: datetime) -> str:
    secret = secrets.token_hex(SECRET_HEX_DIGITS // 2)
    return bootstrap_admin(now=now, token_id=secrets.token_hex(8), secret=secret)


if __name__ == "__main__":
    main()
