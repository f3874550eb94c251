"""The OpenAPI 3.1 document, made from the declared routes and the shapes.

`python -m chalicelib.api.openapi` prints it; the panel's types are generated from that.
"""

import inspect
import json
import re
import sys
import typing
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec
from chalice.app import Response

from chalicelib.api import health, overview, work
from chalicelib.api.access import routes as tokens
from chalicelib.api.agents import routes as agents
from chalicelib.api.logs import routes as logs
from chalicelib.api.routing import DEFAULT_LIMIT, MAX_LIMIT, PREFIX, TOML, Api, Route, all_routes
from chalicelib.api.runs import routes as runs
from chalicelib.api.shapes import TomlFault, TomlFaults
from chalicelib.api.tasks import routes as tasks
from chalicelib.api.tasks import schedule_routes as schedules
from chalicelib.api.tasks.shapes import TaskSource
from chalicelib.settings import VERSION

GROUPS: tuple[Api, ...] = (
    health.api,
    overview.api,
    agents.api,
    tasks.api,
    runs.api,
    logs.api,
    schedules.api,
    tokens.api,
    work.api,
)
REF = "#/components/schemas/{name}"

api = Api(__name__)


@api.get("/openapi.json", needs=None, answers=dict)
def openapi(request: Any) -> Response:
    """This document."""
    headers: dict[str, str | list[str]] = {
        "Content-Type": "application/json",
        "Cache-Control": "no-cache",
    }
    return Response(text(), headers, 200)


@lru_cache(maxsize=1)
def text() -> str:
    """The document, with its keys sorted so that it changes only when the API does."""
    return json.dumps(document(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def document() -> dict[str, Any]:
    """The document as JSON values."""
    routes = all_routes([*GROUPS, api])
    schemas = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Plumber",
            "version": VERSION,
            "description": "Runs commands and services on fleets of machines.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "../../"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _item(answers: Any) -> Any:
    """The shape of a page's items, or None when the answer is no page."""
    return typing.get_args(answers)[0] if typing.get_origin(answers) is list else None


def _schemas(routes: Iterable[Route]) -> dict[str, Any]:
    shown = [route.answers for route in routes if not isinstance(route.answers, str)]
    answers = {_item(each) or each for each in shown} - {None, dict} | {TomlFault, TomlFaults}
    bodies = {route.takes.kind for route in routes if route.takes is not None}
    components = _components(answers | bodies)
    for name in _components(answers):
        # What the server sends has every key; what it takes may leave out what has a default.
        components[name]["required"] = sorted(components[name].get("properties", {}))
    return components


def _components(shapes: Iterable[Any]) -> dict[str, Any]:
    """Schemas of these shapes and of all that they hold, by name."""
    _, found = msgspec.json.schema_components(sorted(shapes, key=str), ref_template=REF)
    for schema in found.values():
        schema.pop("title", None)
    return dict(found)


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.view.__name__,
        "summary": (inspect.getdoc(route.view) or "").split("\n")[0],
        "tags": [route.path.split("/")[1].removesuffix(".json")],
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.needs is not None or route.signed_in:
        operation["security"] = [{"token": []}]
    else:
        operation["security"] = []
    if route.needs is not None:
        operation["x-permission"] = route.needs.value
        operation["description"] = f"Needs the permission `{route.needs.value}`."
    if route.takes is not None:
        operation["requestBody"] = _request_body(route.takes.kind)
    return operation


def _request_body(shape: type[msgspec.Struct]) -> dict[str, Any]:
    content: dict[str, Any] = {
        "application/json": {"schema": {"$ref": REF.format(name=shape.__name__)}}
    }
    if shape is TaskSource:
        content[TOML] = {"schema": {"type": "string"}}
    # Nothing is `{}`, where every key may be left out.
    is_required = any(field.required for field in msgspec.structs.fields(shape))
    return {"required": is_required, "content": content}


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    parameters += [
        {"name": name, "in": "query", "description": about, "schema": {"type": "string"}}
        for name, about in route.query.items()
    ]
    if _item(route.answers) is not None or isinstance(route.answers, str):
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        parameters.append({"name": "limit", "in": "query", "schema": limit})
        parameters.append({"name": "cursor", "in": "query", "schema": {"type": "string"}})
    parameters += [
        {"name": name, "in": "header", "description": about, "schema": {"type": "string"}}
        for name, about in route.headers.items()
    ]
    return parameters


def _responses(route: Route) -> dict[str, Any]:
    content = _answered(route.answers)
    responses: dict[str, Any] = {str(route.status): {"description": "Success.", "content": content}}
    errors = {"default": "An error; `code` and `message` say which."}
    for status, about in errors.items():
        responses[status] = {"description": about, "content": _content({})}
    return responses


def _answered(answers: Any) -> dict[str, Any]:
    if isinstance(answers, str):
        return {answers: {"schema": {"type": "string"}}}
    if answers is dict:
        return {"application/json": {"schema": {"type": "object"}}}
    return _content(_data(answers))


def _data(answers: Any) -> dict[str, Any]:
    if answers is None:
        return {"type": "null"}
    item = _item(answers)
    if item is None:
        return {"$ref": REF.format(name=answers.__name__)}
    return {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": REF.format(name=item.__name__)}},
            "next": {"type": ["string", "null"]},
        },
    }


def _content(data: dict[str, Any]) -> dict[str, Any]:
    envelope = {
        "type": "object",
        "required": ["code", "message", "data", "timestamp"],
        "properties": {
            "code": {"type": "integer"},
            "message": {"type": "string"},
            "data": data,
            "timestamp": {"type": "string", "format": "date-time"},
        },
    }
    return {"application/json": {"schema": envelope}}


if __name__ == "__main__":
    sys.stdout.write(text())
