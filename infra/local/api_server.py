"""The API on Chalice's own local server, with its faults mended.

The stock handler sends headers and body in two segments, which costs 44 ms each on a kept-alive
connection (Nagle and delayed ACK): 22 requests/s. Sent at once they are over 4,000. And a method
that it does not know it answers with 501 and a page of HTML. Pages are compressed, as API Gateway
does; JSON is not, since between two programs of one machine that costs more than it saves. And it
reads bodies of any size, and has a thread for each connection: what it takes is in `connections`.
"""

import faulthandler
import functools
import gzip
import resource
import sys
from http import HTTPStatus
from typing import Any

import click
from chalice.app import Chalice
from chalice.cli.factory import CLIFactory
from chalice.config import Config
from chalice.local import (
    ChaliceRequestHandler,
    LocalGateway,
    ThreadedHTTPServer,
    create_local_server,
)

from infra.local.addresses import HOST
from infra.local.connections import (
    MOST_CONNECTIONS,
    SILENT_SECONDS,
    Callers,
    Connections,
    refusal,
)
from infra.local.environment import ROOT
from infra.local.gateway import AsOnAws

COMPRESSED_FROM_BYTES = 1_024  # `minimum_compression_size` in .chalice/config.json
PAGES = ("text/html", "text/javascript", "text/css", "image/svg+xml")


class PromptHandler(ChaliceRequestHandler):
    """Sends an answer in one segment, at once."""

    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = SILENT_SECONDS
    server: "Server"

    def __init__(
        self, request: Any, client: Any, server: "Server", app_object: Chalice, config: Config
    ) -> None:
        self._gateway = AsOnAws(app_object, config, server.callers)
        super().__init__(request, client, server, app_object, config)

    @property
    def local_gateway(self) -> AsOnAws:
        """Chalice makes one of its own for each connection, which is let go."""
        return self._gateway

    @local_gateway.setter
    def local_gateway(self, chalices: LocalGateway) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        """Methods that HTTP's server does not know, TRACE among them, are for the app to refuse."""
        if name.startswith("do_"):
            return self._generic_handle
        raise AttributeError(name)

    def _generic_handle(self) -> None:
        if (wrong := refusal(self.headers)) is not None:
            self.close_connection = True  # the body would be taken for the next request
            self._send_error_response(wrong)
            return
        super()._generic_handle()
        self.server.connections.answered(self.connection)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = _generic_handle

    def _parse_payload(self) -> tuple[dict[str, Any], bytes | None]:
        headers, body = super()._parse_payload()
        self.server.connections.asked(self.connection)
        return headers, body

    def _send_http_response_with_body(
        self, code: int, headers: dict[str, Any], body: str | bytes
    ) -> None:
        if self.command == "HEAD":  # a body would be taken for the beginning of the next answer
            self._send_http_response_no_body(code, headers)
            return
        is_page = headers.get("Content-Type", "").startswith(PAGES)
        takes_gzip = "gzip" in self.headers.get("accept-encoding", "").lower()
        if is_page and takes_gzip and len(body) >= COMPRESSED_FROM_BYTES:
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            body = _gzipped(body)
        super()._send_http_response_with_body(code, headers, body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Only faults: the app logs its calls itself, and polls would drown all else."""
        if int(code) >= HTTPStatus.BAD_REQUEST:
            super().log_request(code, size)


@functools.lru_cache(maxsize=32)
def _gzipped(body: str | bytes) -> bytes:
    return gzip.compress(body.encode() if isinstance(body, str) else body, mtime=0)


class Server(ThreadedHTTPServer):
    """A thread per connection. A caller that goes away in mid-answer is no fault to report."""

    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: Any) -> None:
        self.callers = Callers()
        self.connections = Connections()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.opened(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.closed(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _allow_descriptors(count: int) -> None:
    """As far as this user may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--host", default=HOST, show_default=True)
def main(port: int, host: str) -> None:
    """Serves app.py until it is killed."""
    faulthandler.enable(all_threads=False)  # a crash in C says where, in the log
    factory = CLIFactory(str(ROOT))
    config = factory.create_config_obj()
    # Made by Chalice, so that its app is the thread-safe one of `chalice local`; the socket of its
    # own server is given back before ours takes the port.
    stock = create_local_server(config.chalice_app, config, host, 0)
    stock.server.server_close()
    _allow_descriptors(2 * MOST_CONNECTIONS)
    handler = functools.partial(PromptHandler, app_object=stock.app_object, config=config)
    with Server((host, port), handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
