"""What can go wrong, and the exit code of each."""

from typing import Any

SUCCEEDED, FAILED, USAGE, NO_ACCESS, STOPPED, INTERRUPTED = 0, 1, 2, 3, 4, 130


class CliError(Exception):
    """Something that a person should read. `code` is the control plane's own, where it has one."""

    exit_code = FAILED

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


_BY_CODE: dict[int, type[CliError]] = {1001: WrongUsage, 1002: NoAccess, 1003: NoAccess}
_WHAT_TO_DO = {1002: " 'plumber-cli set-config' stores another one."}


def from_answer(code: int, message: str, details: Any = None) -> CliError:
    """The error that the server raised, as this side knows it."""
    return _BY_CODE.get(code, Refused)(message + _WHAT_TO_DO.get(code, ""), code, details)
