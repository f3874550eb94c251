"""A cold start imports what every request needs, and nothing else. How long it takes is measured
by `make bench ONLY=start`."""

import json
import subprocess
import sys
from pathlib import Path

from tests.transport.far_side import FarSide, answer

ROOT = Path(__file__).parent.parent.parent

# Heavy, and wanted only by some requests, on first use; or wanted only by tools.
NOT_AT_START = {
    "boto3", "s3transfer",  # only tools use them
    "cryptography",  # runs with secrets
    "re2",  # searching logs, and values of parameters that have a pattern
    "requests", "moto", "pytest", "hypothesis", "click",
    "chalice.cli", "chalice.local", "chalice.deploy", "pip", "setuptools",
    "asyncio", "multiprocessing", "unittest", "sqlite3", "xmlrpc",
}  # fmt: skip

SCRIPT = """
import json, sys
from botocore.session import Session

clients = []
Session.create_client = lambda self, service, *args, **kwargs: clients.append(service)
import app
print(json.dumps([sorted(sys.modules), clients]))
"""


def start(**settings: str) -> tuple[set[str], list[str]]:
    """The modules that `import app` brings, and the AWS services for which botocore makes a
    client."""
    # Without the site's own start-up files, which import things for editable installs.
    paths = [str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]
    answer = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT],
        env={"PYTHONPATH": ":".join(paths), "AWS_DEFAULT_REGION": "us-east-1", **settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    modules, clients = json.loads(answer.stdout)
    return set(modules), clients


def test_nothing_is_imported_at_start_that_is_not_needed() -> None:
    modules, clients = start()
    assert NOT_AT_START & modules == set()
    assert clients == [], "botocore's clients are made on first use"
    assert "chalicelib.sqs.doorbells" in modules, "the test looks at the whole product"


def test_lambda_connects_before_the_first_call() -> None:
    far = FarSide([answer()])
    with far.serving() as origin:
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "PLUMBER_ACCOUNT": "1"}
        _, clients = start(AWS_LAMBDA_FUNCTION_NAME="plumber", AWS_ENDPOINT_URL=origin, **keys)
        assert all(far.accepted.acquire(timeout=10) for _ in range(2)), "DynamoDB's and SQS's"
        assert (far.connections, far.heard, clients) == (2, [], [])


def test_lambda_starts_without_a_network() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    start(AWS_LAMBDA_FUNCTION_NAME="plumber", AWS_ENDPOINT_URL="http://127.0.0.1:1", **keys)
