"""What can go wrong, as callers see it: one family, one table to API code, HTTP status and the code
of the agents' protocol. A kind that says nothing of one of them has that of its parent."""

from typing import Any, ClassVar


class PlumberError(Exception):
    """Something went wrong. The docstring of a subclass is its message when none is given."""

    code: ClassVar[int] = 5000
    http_status: ClassVar[int] = 500
    rpc_code: ClassVar[int] = -32602  # JSON-RPC's invalid parameters: what was asked for cannot be

    def __init__(self, message: str = "", **details: Any) -> None:
        self.message = message or (self.__doc__ or "").strip()
        self.details = details
        super().__init__(self.message)


class BadParameter(PlumberError):
    """A parameter is wrong."""

    code, http_status = 1001, 400


class NotAuthenticated(PlumberError):
    """Sign in with an access token. Programs send it as 'Authorization: Bearer <token>'."""

    code, http_status, rpc_code = 1002, 401, -32001


class NotAllowed(PlumberError):
    """The token's role does not allow this."""

    code, http_status, rpc_code = 1003, 403, -32002


class NotFound(PlumberError):
    """There is no such thing."""

    code, http_status = 1004, 404


class NoSuchPath(NotFound):
    """There is no such path. What there is stands at /api/v1/docs."""


class NoSuchMethod(BadParameter):
    """This path does not take this method."""

    http_status = 405


class NoSuchMediaType(BadParameter):
    """The body is sent as something that is not read here. Send application/json."""

    http_status = 415


class Conflict(PlumberError):
    """Something else changed this first."""

    code, http_status = 1005, 409


class AgentNotFound(PlumberError):
    """There is no such agent."""

    code, http_status = 2001, 404
