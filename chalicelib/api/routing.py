"""How REST routes are declared: each names its permission, the thing that it is asked on, what is
audited, and its shapes; the OpenAPI document is made from these declarations. A view parses
nothing, checks nobody and renders no envelope; this does.
"""

import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from chalice.app import Blueprint, Chalice, Response
from msgspec.structs import replace

from chalicelib import clock
from chalicelib.access.principal import Permission, Principal
from chalicelib.access.scope import Scope
from chalicelib.api import audit, cursors, envelope, inputs, refusals
from chalicelib.api.body_faults import in_words
from chalicelib.api.inputs import Choice
from chalicelib.api.tasks.shapes import TaskSource
from chalicelib.errors import BadParameter, NotAuthenticated, PlumberError
from chalicelib.operations.access.authentication import authenticate
from chalicelib.reader import Reader
from chalicelib.settings import settings

PREFIX = "/api/v1"
MAX_BODY_BYTES = 1 << 20
DEFAULT_LIMIT, MAX_LIMIT = 20, 100
MAX_REVISION = 10**9 - 1
PAGING = ("cursor", "limit", "wait", "tail", "line", "since", "redirect")  # what chooses nothing
TOML = "application/toml"
# curl's default for -d is the last one; what is in the body is looked at, not what it is called.
BODY_TYPES = ["application/json", TOML, "application/x-www-form-urlencoded"]

_log = logging.getLogger("plumber")

View = Callable[..., Any]
Resolver = Callable[..., Any]


class Request(msgspec.Struct, frozen=True):
    """What a view gets beside the thing that its path names. `headers` has lower-case names;
    `kind` is the list that is asked for, if it is one."""

    principal: Principal | None
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    now: datetime
    base_url: str
    source_ip: str
    request_id: str
    kind: str = ""

    def caller(self) -> Principal:
        """Raises NotAuthenticated where nobody is known; routes with a permission always know."""
        if self.principal is None:
            raise NotAuthenticated
        return self.principal

    @property
    def scope(self) -> Scope:
        """Of the caller. Raises NotAuthenticated."""
        return self.caller().scope

    def limit(self) -> int:
        """How many items a page should have. Raises BadParameter."""
        return inputs.number("limit", self.query.get("limit", str(DEFAULT_LIMIT)), 1, MAX_LIMIT)

    def number(self, name: str, at_most: int) -> int | None:
        """A whole number from 1, None without it. Raises BadParameter."""
        text = self.query.get(name, "")
        return inputs.number(name, text, 1, at_most) if text else None

    def choice(self, name: str, kind: type[Choice]) -> Choice | None:
        """A word of an enum, None without it. Raises BadParameter."""
        word = self.query.get(name, "")
        return inputs.choice(name, word, kind) if word else None

    def choices(self, name: str, kind: type[Choice]) -> tuple[Choice, ...]:
        """Words of an enum, separated by commas; none without it. Raises BadParameter."""
        words = [word.strip() for word in self.query.get(name, "").split(",")]
        found = [inputs.choice(name, word, kind) for word in words if word]
        return tuple(dict.fromkeys(found))

    def instant(self, name: str) -> datetime | None:
        """An instant in RFC 3339, None without it. Raises BadParameter."""
        text = self.query.get(name, "")
        return inputs.instant(name, text) if text else None

    def name(self, name: str) -> str | None:
        """A name, a label or a part of one, in its one form; None without it. Raises
        BadParameter."""
        return inputs.name(name, self.query[name]) if name in self.query else None

    def identifier(self, name: str) -> str | None:
        """The id of something, None without it. Raises BadParameter."""
        text = self.query.get(name, "")
        return inputs.identifier(name, text) if text else None

    def cursor(self) -> str | None:
        """The place where the page begins; None for the first. Raises BadParameter for a cursor
        that this list, with these filters, has not answered."""
        text = self.query.get("cursor", "")
        return cursors.opened(cursors.installation_key(), self._list, text) if text else None

    def sealed(self, place: str) -> str:
        """The cursor of a place in this list."""
        return cursors.sealed(cursors.installation_key(), self._list, place)

    @property
    def _list(self) -> str:
        """What cursors are bound to. A scope chooses too, and can choose the index that is read."""
        return cursors.narrowed(self.kind, self.scope)


class Route(msgspec.Struct, frozen=True):
    """A declared route. `answers` is a shape, a list of one (a page), None, the media type of pages
    that are no JSON document, or `dict` for a document of its own. `on` loads what the parts of the
    path name, once, and raises where that is not in the caller's scope; `audits` is the name of
    what is done.
    """

    method: str
    path: str
    needs: Permission | None
    on: Resolver | None
    audits: str | None
    takes: Reader[Any] | None
    answers: Any
    status: int
    query: Mapping[str, str]
    headers: Mapping[str, str]
    signed_in: bool
    view: View


class Api(Blueprint):
    """A group of REST routes, mounted below /api/v1."""

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name)
        self.routes: list[Route] = []

    def get(self, path: str, **declared: Any) -> Callable[[View], View]:
        """Declares a GET; see `_declare`."""
        return self._declare("GET", path, **declared)

    def post(self, path: str, **declared: Any) -> Callable[[View], View]:
        """Declares a POST; see `_declare`."""
        return self._declare("POST", path, **declared)

    def put(self, path: str, **declared: Any) -> Callable[[View], View]:
        """Declares a PUT; see `_declare`."""
        return self._declare("PUT", path, **declared)

    def patch(self, path: str, **declared: Any) -> Callable[[View], View]:
        """Declares a PATCH; see `_declare`."""
        return self._declare("PATCH", path, **declared)

    def delete(self, path: str, **declared: Any) -> Callable[[View], View]:
        """Declares a DELETE; see `_declare`."""
        return self._declare("DELETE", path, **declared)

    def _declare(
        self,
        method: str,
        path: str,
        *,
        needs: Permission | None,
        on: Resolver | None = None,
        audits: str | None = None,
        answers: Any = None,
        takes: type[msgspec.Struct] | None = None,
        status: int = 200,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        signed_in: bool = False,
    ) -> Callable[[View], View]:
        """`needs` None: open to everybody, or with `signed_in` to every valid token. A view gets
        the request, what `on` has loaded if there is one, and `body` if it takes one."""

        def declare(view: View) -> View:
            route = Route(
                method,
                path,
                needs,
                on,
                audits,
                None if takes is None else Reader(takes),
                answers,
                status,
                query or {},
                headers or {},
                signed_in,
                view,
            )
            self.routes.append(route)
            handler = _with_view_name(lambda **parts: self._handle(route, parts), view)
            body_types = {"content_types": BODY_TYPES} if method in ("POST", "PUT", "PATCH") else {}
            name = f"{self._import_name}.{view.__name__}"
            self.route(PREFIX + path, methods=[method], name=name, **body_types)(handler)
            return view

        return declare

    def _handle(self, route: Route, parts: Mapping[str, str]) -> Response:
        began = time.monotonic()
        now = clock.read()
        raw = self.current_request
        request = _request(raw, now, cursors.kind(route.path, parts, _filters(raw, route)))
        answer, code = None, 0
        try:
            _check(request, parts)
            request = _authenticated(request, route)
            _require(request, route)
            body = {} if route.takes is None else {"body": _parse_body(request, route.takes)}
            thing = () if route.on is None else (route.on(request, **parts),)
            answer = route.view(request, *thing, **body)
            response = answer if isinstance(answer, Response) else _success(answer, request, route)
        except PlumberError as error:
            response, code = envelope.failure(error, request.request_id, now), error.code
        except Exception:
            _log.exception("request %s failed", request.request_id)
            response, code = envelope.fault(request.request_id, now), PlumberError.code
        if route.audits is not None:
            by = request.principal.by if request.principal else None
            audit.note(route.audits, by, parts, answer, code)
        _log.info(
            json.dumps(
                {
                    "request_id": request.request_id,
                    "method": route.method,
                    "path": route.path,
                    "status": response.status_code,
                    "milliseconds": round((time.monotonic() - began) * 1000, 1),
                    "principal": request.principal.id if request.principal else None,
                }
            )
        )
        return response


def _with_view_name(handler: View, view: View) -> View:
    handler.__name__ = view.__name__
    return handler


def mount(app: Chalice, *groups: Blueprint) -> None:
    """Registers all groups."""
    for group in groups:
        app.register_blueprint(group)
    app.register_middleware(refusals.enveloped, "http")


def _query(raw: Any) -> dict[str, str]:
    return {name: raw.query_params[name] for name in raw.query_params or {}}


def _filters(raw: Any, route: Route) -> dict[str, str]:
    """What the caller chooses by; where a page begins and how long it is chooses nothing."""
    given = _query(raw)
    known = [name for name in route.query if name not in PAGING]
    return {name: given[name] for name in known if given.get(name)}


def _check(request: Request, parts: Mapping[str, str]) -> None:
    """The one place where text of an address, of parameters and of headers enters. Raises
    BadParameter."""
    inputs.check_texts("parameter", request.query)
    inputs.check_texts("header", request.headers)
    inputs.check_texts("path", parts)
    for name, value in parts.items():
        inputs.identifier(name, value)


def _request(raw: Any, now: datetime, kind: str) -> Request:
    headers = {name.lower(): value for name, value in raw.headers.items()}
    context = raw.context or {}
    return Request(
        principal=None,
        query=_query(raw),
        headers=headers,
        body=raw.raw_body,
        now=now,
        base_url=base_url(headers, context),
        source_ip=context.get("identity", {}).get("sourceIp") or "",
        request_id=context.get("requestId") or uuid.uuid4().hex,  # noqa: TID251 - an entry point
        kind=kind,
    )


def base_url(headers: Mapping[str, str], context: Mapping[str, Any]) -> str:
    """Where the caller reaches this control plane, with the stage's prefix if there is one."""
    if settings.public_url:
        return settings.public_url
    path = str(context.get("path", ""))
    resource = path.find(PREFIX + "/") if PREFIX + "/" in path else -1
    prefix = path[:resource] if resource > 0 else ""
    scheme = headers.get("x-forwarded-proto", "http").split(",")[0].strip()
    return f"{scheme}://{headers.get('host', 'localhost')}{prefix}"


def _authenticated(request: Request, route: Route) -> Request:
    if route.needs is None and not route.signed_in:
        return request
    principal = authenticate(request.headers.get("authorization"), request.now)
    return replace(request, principal=principal)


def _require(request: Request, route: Route) -> None:
    if route.needs is not None:
        request.caller().require(route.needs)


def _parse_body(request: Request, takes: Reader[Any]) -> Any:
    if len(request.body) > MAX_BODY_BYTES:
        raise BadParameter(f"The body is larger than {MAX_BODY_BYTES} bytes.")
    if takes.kind is TaskSource and request.headers.get("content-type", "").startswith(TOML):
        return _toml_body(request)
    inputs.check_json(request.body)
    try:
        return takes.json(request.body or b"{}")
    except msgspec.ValidationError as error:
        raise BadParameter(in_words(error, takes.kind)) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise BadParameter(f"The body is not JSON: {error}.") from error


def _toml_body(request: Request) -> TaskSource:
    try:
        return TaskSource(request.body.decode(), request.number("revision", MAX_REVISION))
    except UnicodeDecodeError as error:
        raise BadParameter("The definition is not UTF-8 text.") from error


def _success(answer: Any, request: Request, route: Route) -> Response:
    return envelope.success(route.status, _with_cursor(answer, request), request.now)


def _with_cursor(answer: Any, request: Request) -> Any:
    """Views answer where a list goes on as its place; callers get it sealed."""
    place = getattr(answer, "next", None)
    return answer if place is None else replace(answer, next=request.sealed(place))


def all_routes(groups: Sequence[Api]) -> list[Route]:
    """Every declared route of the groups, in their order."""
    return [route for group in groups for route in group.routes]
