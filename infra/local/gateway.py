"""Chalice's local gateway with API Gateway's rules that it does not know: every path and method
below /api/v1 is the app's to answer, and what no route has is refused as `infra/gateway.py` says.
"""

from typing import Any

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import (
    LambdaEventConverter,
    LocalGateway,
    LocalGatewayException,
    MatchResult,
    RouteMatcher,
)

from chalicelib.api.refusals import ANY_PATH
from chalicelib.api.routing import PREFIX
from chalicelib.errors import NoSuchPath
from infra import gateway


class NotThere(LocalGatewayException):
    """What API Gateway answers for a path that no route has."""

    CODE = 404


class Matcher(RouteMatcher):
    """Raises NotThere for what is not the app's to answer."""

    def match_route(self, url: str) -> MatchResult:
        try:
            return super().match_route(url)
        except ValueError:
            path = url.partition("?")[0]
            if not path.startswith(f"{PREFIX}/"):
                document = gateway.body(NoSuchPath.code, NoSuchPath().message)
                said = document.replace("$context.requestId", "local").encode()
                raise NotThere({"Content-Type": "application/json"}, said) from None
            rest = path.removeprefix(f"{PREFIX}/")
            return MatchResult(ANY_PATH, {"proxy": rest}, {})


class AsOnAws(LocalGateway):
    """In place of Chalice's."""

    def __init__(self, app_object: Chalice, config: Config) -> None:
        super().__init__(app_object, config)
        matcher = Matcher(list(app_object.routes))
        self.event_converter = LambdaEventConverter(matcher, app_object.api.binary_types)

    def handle_request(
        self, method: str, path: str, headers: dict[str, Any], body: bytes | None
    ) -> dict[str, Any]:
        """A preflight too is the app's to answer: it has no CORS. Raises NotThere."""
        event = self._generate_lambda_event(method, path, headers, body)
        answer: dict[str, Any] = self._app_object(event, self._generate_lambda_context())
        return answer
