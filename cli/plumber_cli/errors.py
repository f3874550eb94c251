"""What can go wrong, and the exit code of each."""

from typing import Any

SUCCEEDED, FAILED, USAGE, NO_ACCESS, STOPPED, INTERRUPTED = 0, 1, 2, 3, 4, 130


class CliError(Exception):
    """Something that a person should read. `code` is the control plane's own, where it has one;
    `more` are further lines."""

    exit_code = FAILED
    more: tuple[str, ...] = ()

    def __init__(self, message: str, code: int | None = None, details: Any = None) -> None:
        self.message, self.code, self.details = message, code, details
        super().__init__(message)


class WrongUsage(CliError):
    """The command or what it was given is wrong."""

    exit_code = USAGE


class NoAccess(CliError):
    """The control plane cannot be reached, or does not let the caller in."""

    exit_code = NO_ACCESS


class Refused(CliError):
    """The control plane did not do what was asked."""


# The control plane's codes that this program tells apart; all of them are in docs/wire.md.
BAD_PARAMETER, NOT_AUTHENTICATED, NOT_ALLOWED = 1001, 1002, 1003
NOT_FOUND, CONFLICT, AGENT_NOT_FOUND = 1004, 1005, 2001

_BY_CODE: dict[int, type[CliError]] = {
    BAD_PARAMETER: WrongUsage,
    NOT_AUTHENTICATED: NoAccess,
    NOT_ALLOWED: NoAccess,
}
_WHAT_TO_DO = {NOT_AUTHENTICATED: " 'plumber-cli set-config' stores another one."}


def from_answer(code: int, message: str, details: Any = None) -> CliError:
    """The error that the server raised, as this side knows it."""
    return _BY_CODE.get(code, Refused)(message + _WHAT_TO_DO.get(code, ""), code, details)
