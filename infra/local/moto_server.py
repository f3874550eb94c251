"""AWS on this machine, in memory: moto as a server, with what our purpose lacks mended.

moto's conditional writes are not atomic under threads: 16 clients racing for 200 claims won 235 of
them. Here DynamoDB's requests are served one at a time. And its server sends headers and body in
two segments, which costs 44 ms each on a kept-alive connection (Nagle and delayed ACK).

moto also answers everybody, and tells browsers to let every page read the answers (CORS): whoever
writes to the store makes himself an admin. Here only who signs with this stack's keys is served.
"""

import io
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import run_simple

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

from infra.local.addresses import HOST
from infra.local.moto_mends import mend
from infra.local.sqs.queues import Refused
from infra.local.sqs.signatures import Signer, check_headers, check_presigned
from infra.local.sqs.wire import Request

SERVICES = frozenset({"dynamodb", "kms", "s3"})


class OnlyOurs:
    """WSGI middleware: requests that are signed with the keys of the environment; others are
    refused before moto sees them, preflights of browsers too."""

    def __init__(
        self, application: "WSGIApplication", signer: Signer, clock: Callable[[], float]
    ) -> None:
        self._application = application
        self._signer = signer
        self._clock = clock

    def __call__(self, environ: "WSGIEnvironment", respond: "StartResponse") -> Iterable[bytes]:
        request = _request(environ)
        check = check_headers if "authorization" in request.headers else check_presigned
        try:
            check(request, self._signer, self._clock())
        except Refused as refusal:
            respond("403 Forbidden", [("Content-Type", "application/json")])
            return [json.dumps({"__type": refusal.code, "message": refusal.text}).encode()]
        return self._application(environ, respond)


def _request(environ: "WSGIEnvironment") -> Request:
    """As it was signed. The body of all but S3's calls is read for it, and put back."""
    path, _, query = str(environ.get("REQUEST_URI", "/")).partition("?")
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(text)
        for name, text in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    body = b""
    if "X-Amz-Signature" not in query and "x-amz-content-sha256" not in headers:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
    return Request(str(environ["REQUEST_METHOD"]), path, query, headers, body)


class OneAtATime:
    """WSGI middleware: DynamoDB's requests one after the other, all others as they come."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", respond: "StartResponse") -> Iterable[bytes]:
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
            return self._application(environ, respond)
        # Read before the lock is taken: a slow sender shall not hold up everybody else.
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._lock:
            return list(self._application(environ, respond))


class PromptHandler(MotoRequestHandler):
    """Sends an answer in one segment, at once, and writes no access log."""

    disable_nagle_algorithm = True
    wbufsize = -1

    def handle_expect_100(self) -> bool:
        """At once: boto3 waits a second for it before it sends an object."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return


def _signer() -> Signer:
    given = os.environ
    keys = given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"]
    return Signer(*keys, given["AWS_DEFAULT_REGION"], SERVICES)


@click.command()
@click.option("--port", type=int, required=True)
def main(port: int) -> None:
    """Serves until it is killed; what it holds ends with it."""
    os.environ["MOTO_PORT"] = str(port)  # moto puts it into the addresses that it hands out
    mend()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = OneAtATime(DomainDispatcherApplication(create_backend_app))
    application = OnlyOurs(moto, _signer(), time.time)  # noqa: TID251  an entry point
    run_simple(HOST, port, application, threaded=True, request_handler=PromptHandler)


if __name__ == "__main__":
    main()
