"""A cold start imports what every request needs, and nothing else. How long it takes is measured
by `make bench ONLY=start`."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

# Heavy, and wanted only by some requests, on first use; or wanted only by tools.
NOT_AT_START = {
    "boto3", "s3transfer",  # the clients of S3 and SQS
    "regex",  # searching logs
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


def start() -> tuple[set[str], list[str]]:
    """The modules that `import app` brings, and the AWS services for which it makes a client."""
    # Without the site's own start-up files, which import things for editable installs.
    paths = [str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]
    answer = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT],
        env={"PYTHONPATH": ":".join(paths), "AWS_DEFAULT_REGION": "us-east-1"},
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
    assert clients == [], "AWS clients are made on first use"
    assert "chalicelib.sqs.doorbells" in modules, "the test looks at the whole product"
