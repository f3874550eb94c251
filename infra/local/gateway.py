"""Chalice's local gateway with API Gateway's rules that it does not know: every path and method
below /api/v1 is the app's to answer, and what no route has is refused as `infra/gateway.py` says.
"""

from typing import Any

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import (
    LambdaEventConverter,
    LocalGateway,
    MatchResult,
    RouteMatcher,
)

from chalicelib.api.refusals import ANY_PATH
from chalicelib.api.routing import PREFIX
from chalicelib.errors import NoSuchPath
from infra.local.connections import Callers, GatewayRefusal


class Matcher(RouteMatcher):
    """Raises GatewayRefusal for what is not the app's to answer."""

    def match_route(self, url: str) -> MatchResult:
        try:
            return super().match_route(url)
        except ValueError:
            path = url.partition("?")[0]
            if not path.startswith(f"{PREFIX}/"):
                raise GatewayRefusal(404, NoSuchPath.code, NoSuchPath().message) from None
            rest = path.removeprefix(f"{PREFIX}/")
            return MatchResult(ANY_PATH, {"proxy": rest}, {})


class AsOnAws(LocalGateway):
    """In place of Chalice's."""

    def __init__(self, app_object: Chalice, config: Config, callers: Callers) -> None:
        super().__init__(app_object, config)
        self._callers = callers
        matcher = Matcher(list(app_object.routes))
        self.event_converter = LambdaEventConverter(matcher, app_object.api.binary_types)

    def handle_request(
        self, method: str, path: str, headers: dict[str, Any], body: bytes | None
    ) -> dict[str, Any]:
        """A preflight too is the app's to answer: it has no CORS. Raises GatewayRefusal."""
        event = self._generate_lambda_event(method, path, headers, body)
        authorization = next(
            (text for name, text in headers.items() if name.lower() == "authorization"), ""
        )
        with self._callers.call(authorization):
            answer: dict[str, Any] = self._app_object(event, self._generate_lambda_context())
        return answer
