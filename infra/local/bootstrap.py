"""Makes a new installation usable: its tables, its bucket, and the first admin token.

Writes the token, and nothing else, to standard output. All of it may be repeated; each time makes
a further token.
"""

import secrets
import sys
from datetime import datetime, timezone

from chalicelib.dynamo import schema
from chalicelib.operations.tokens import bootstrap_admin
from chalicelib.s3 import buckets
from chalicelib.token import SECRET_HEX_DIGITS


def main() -> None:
    """Takes its place from the environment, as the product does."""
    schema.create_all()
    buckets.create()
    token = bootstrap_admin(
        now=datetime.now(timezone.utc),  # noqa: TID251  an entry point
        token_id=secrets.token_hex(8),
        secret=secrets.token_hex(SECRET_HEX_DIGITS // 2),
    )
    sys.stdout.write(token)


if __name__ == "__main__":
    main()
