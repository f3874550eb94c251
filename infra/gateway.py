"""What API Gateway is told beside the routes that Chalice names: that every path below /api/v1, and
every method of it, is the app's to answer, and the gateway's own refusals in our envelope.

In a REST API, a path or method that no route has is refused as `MISSING_AUTHENTICATION_TOKEN`, 403,
or as `INVALID_SIGNATURE` where the caller sent an `Authorization` that is none of AWS's; the two
cases of path and method cannot be told apart there, so that below /api/v1 the app tells them. The
templates of these answers only fill in names: they have no instant in RFC 3339.
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from chalicelib.api import openapi
from chalicelib.api.refusals import ANY_PATH
from chalicelib.api.routing import PREFIX, all_routes
from chalicelib.errors import BadParameter, NoSuchPath, PlumberError

ANY_METHOD = "x-amazon-apigateway-any-method"
# Beside the routes that are declared: pages of the docs, and the agents' door.
OF_ANY_METHOD = (f"{PREFIX}/docs", f"{PREFIX}/docs-assets/{{name}}", "/rpc")
NOT_THERE = ("MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "RESOURCE_NOT_FOUND")
TOO_LARGE = "The request is larger than 10 MB."
TOO_MANY = "Too many requests. Try again a little later."
LATE = "Our fault: no answer came in time. Look whether it was done before you try again."
FAULT = "Our fault. Try again; if it stays, report the request id $context.requestId."
REFUSED = "The request is not one that can be answered."
TOO_MANY_CODE = 1006
# The kind, its status (None: whatever the gateway says), our code, and the message.
ANSWERS: Sequence[tuple[str, int | None, int, str]] = (
    *((kind, 404, NoSuchPath.code, NoSuchPath().message) for kind in NOT_THERE),
    ("REQUEST_TOO_LARGE", 413, BadParameter.code, TOO_LARGE),
    ("THROTTLED", 429, TOO_MANY_CODE, TOO_MANY),
    ("QUOTA_EXCEEDED", 429, TOO_MANY_CODE, TOO_MANY),
    ("INTEGRATION_TIMEOUT", 504, PlumberError.code, LATE),
    ("DEFAULT_4XX", None, BadParameter.code, REFUSED),
    ("DEFAULT_5XX", None, PlumberError.code, FAULT),
)


def any_method_paths() -> list[str]:
    """The paths whose every method is the app's to answer."""
    groups = (*openapi.GROUPS, openapi.api)
    routes = {PREFIX + route.path for route in all_routes(groups)}
    return [*sorted(routes), ANY_PATH, *OF_ANY_METHOD]


def definition() -> dict[str, Any]:
    """What is merged into the API's own definition."""
    paths = {path: {ANY_METHOD: _to_the_app(path)} for path in any_method_paths()}
    return {
        "paths": paths,
        "x-amazon-apigateway-gateway-responses": {
            kind: _answer(status, code, message) for kind, status, code, message in ANSWERS
        },
    }


def body(code: int, message: str) -> str:
    """Of a refusal by the gateway itself. `timestamp` is null: it has no clock of this form."""
    data = {"request_id": "$context.requestId"}
    return json.dumps({"code": code, "message": message, "data": data, "timestamp": None})


def _answer(status: int | None, code: int, message: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "responseParameters": {"gatewayresponse.header.Cache-Control": "'no-store'"},
        "responseTemplates": {"application/json": body(code, message)},
    }
    return answer if status is None else {"statusCode": status, **answer}


def _to_the_app(path: str) -> dict[str, Any]:
    """As Chalice writes it for its routes."""
    function = (
        "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
        "${APIHandler.Arn}/invocations"
    )
    named = re.findall(r"{(\w+)\+?}", path)
    return {
        "parameters": [
            {"name": name, "in": "path", "required": True, "type": "string"} for name in named
        ],
        "responses": {"default": {"description": "as the app answers"}},
        "x-amazon-apigateway-integration": {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "passthroughBehavior": "when_no_match",
            "contentHandling": "CONVERT_TO_TEXT",
            "uri": {"Fn::Sub": function},
        },
    }
