"""AWS on this machine, in memory: moto as a server, with what our purpose lacks mended.

moto's conditional writes are not atomic under threads: 16 clients racing for 200 claims won 235 of
them. Here DynamoDB's requests are served one at a time. And its server sends headers and body in
two segments, which costs 44 ms each on a kept-alive connection (Nagle and delayed ACK).
"""

import io
import logging
import os
import threading
from collections.abc import Iterable
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


@click.command()
@click.option("--port", type=int, required=True)
def main(port: int) -> None:
    """Serves until it is killed; what it holds ends with it."""
    os.environ["MOTO_PORT"] = str(port)  # moto puts it into the addresses that it hands out
    mend()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = OneAtATime(DomainDispatcherApplication(create_backend_app))
    run_simple(HOST, port, application, threaded=True, request_handler=PromptHandler)


if __name__ == "__main__":
    main()
