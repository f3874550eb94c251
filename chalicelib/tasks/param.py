"""Parameters of a task: checked before anything starts, variables of the command then. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from enum import Enum

import msgspec

from chalicelib.errors import BadParameter
from chalicelib.patterns import Pattern

MAX_PARAMS = 64
MAX_VALUE_BYTES = 8_192
MAX_ALL_BYTES = 64 << 10  # names and values: a run stands in one item of at most 400 KB
MAX_PATTERN_CHARACTERS = 256
MASK = "***"  # what is shown in place of a secret, in logs too
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
MAX_INTEGER = 2**63 - 1  # in both directions: what shells reckon with
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,18})")  # a leading zero would make it octal
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?")


class ParamType(str, Enum):
    """What a value must look like. All values are text on the way."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


_FORMS = {
    ParamType.INTEGER: (_INTEGER, "a whole number without leading zeros"),
    ParamType.NUMBER: (_NUMBER, "a number"),
    ParamType.BOOLEAN: (re.compile(r"true|false"), "true or false"),
}


class Param(msgspec.Struct, frozen=True):
    """One `[Params.name]`. Required when it has no default, or when it says so. The value of a
    secret one is not shown, and masked in logs."""

    name: str
    description: str = ""
    type: ParamType = ParamType.STRING
    default: str | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    secret: bool = False

    def problem(self, value: str) -> str | None:
        """Why a value is refused, for a person; None when it is right."""
        problem = self._problem(value)
        return "is not what the task allows." if problem and self.secret else problem

    def _problem(self, value: str) -> str | None:
        form, words = _FORMS.get(self.type, (None, ""))
        if "\0" in value:
            return "must not contain NUL characters."
        if len(value.encode("utf-8", "surrogatepass")) > MAX_VALUE_BYTES:
            return f"must have at most {MAX_VALUE_BYTES} bytes."
        if form is not None and not form.fullmatch(value):
            return f"must be {words}, not '{value[:40]}'."
        if self.type is ParamType.INTEGER and abs(int(value)) > MAX_INTEGER:
            return f"must be from {-MAX_INTEGER} to {MAX_INTEGER}."
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}, not '{value[:40]}'."
        if self.pattern is not None and not Pattern(self.pattern).fits(value):
            return f"'{value[:40]}' does not match the pattern {self.pattern}."
        return None


# Variables that decide what runs or how text is read, or that a shell keeps for itself.
_TAKEN = frozenset(
    ("_", "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "LANG", "LANGUAGE", "TZ",
     "TZDIR", "TERM", "TERMINFO", "TMPDIR", "IFS", "ENV", "CDPATH", "PS0", "PS1", "PS2", "PS3",
     "PS4", "PROMPT_COMMAND", "OPTIND", "OPTARG", "OPTERR", "REPLY", "PPID", "UID", "EUID",
     "GROUPS", "SHLVL", "SHELLOPTS", "RANDOM", "SRANDOM", "SECONDS", "LINENO", "FUNCNAME",
     "FUNCNEST", "PIPESTATUS", "DIRSTACK", "COLUMNS", "LINES", "HOSTTYPE", "MACHTYPE", "OSTYPE",
     "EPOCHSECONDS", "EPOCHREALTIME", "GLOBIGNORE", "EXECIGNORE", "POSIXLY_CORRECT", "TMOUT",
     "ZDOTDIR", "FPATH", "NULLCMD", "READNULLCMD", "INPUTRC", "HOSTALIASES", "RES_OPTIONS",
     "LOCALDOMAIN", "LOCPATH", "NLSPATH", "GCONV_PATH", "GETCONF_DIR", "EDITOR", "VISUAL",
     "PAGER", "MANPAGER", "BROWSER", "AWKPATH", "AWKLIBPATH", "MAKEFLAGS", "TAR_OPTIONS",
     "RSYNC_RSH", "CLASSPATH", "PSModulePath", "CC", "CXX")
)  # fmt: skip
_TAKEN_PREFIXES = (
    "PLUMBER_", "LD_", "DYLD_", "LC_", "BASH", "COMP_", "HIST", "MALLOC_", "GLIBC_", "PYTHON",
    "PERL", "RUBY", "GEM_", "NODE_", "NPM_", "npm_", "JAVA_", "JDK_", "_JAVA_", "DOTNET_", "COR_",
    "CORECLR_", "COMPlus_", "LUA_", "PHP", "GIT_", "SSH_", "SUDO_", "LESS", "SYSTEMD_", "OPENSSL_",
    "SSL_", "CURL_", "GREP_", "DBUS_", "XDG_",
)  # fmt: skip


def name_problem(name: str) -> str | None:
    """Why a parameter cannot be called so, for a person; None when it can."""
    if not NAME.fullmatch(name):
        return (
            "is no name of a parameter: letters, digits and _, at most 64, not beginning with a "
            "digit."
        )
    prefix = next((each for each in _TAKEN_PREFIXES if name.startswith(each)), None)
    if name not in _TAKEN and prefix is None:
        return None
    which = f"variables that begin with {prefix} are" if prefix else "that variable is"
    return (
        f"cannot be a parameter: {which} the system's or a program's own, and could decide what "
        f"runs. Take another name, such as {name.lower().strip('_') or 'it'}_."
    )


class InvalidParameters(BadParameter):
    """Parameters that a trigger was given are wrong. `details` maps each name to its reason."""


def fill(params: Sequence[Param], given: Mapping[str, str]) -> dict[str, str]:
    """The values of all parameters: those given, and defaults. Raises InvalidParameters."""
    known = {param.name for param in params}
    wrong = {
        name: f"is not known. The task has {', '.join(sorted(known)) or 'no parameters'}."
        for name in given
        if name not in known
    }
    values: dict[str, str] = {}
    for param in params:
        value = given.get(param.name, None if param.required else param.default)
        if value is None:
            wrong[param.name] = "is required."
        elif (problem := param.problem(value)) is not None:
            wrong[param.name] = problem
        else:
            values[param.name] = value
    if wrong:
        text = " ".join(f"{name}: {reason}" for name, reason in wrong.items())
        raise InvalidParameters(f"Parameters: {text}", parameters=wrong)
    size = sum(
        len(f"{name}{value}".encode("utf-8", "surrogatepass")) for name, value in values.items()
    )
    if size > MAX_ALL_BYTES:
        raise InvalidParameters(
            f"Parameters: all of them together have {size} bytes, and may have {MAX_ALL_BYTES}. "
            "Put what is larger where the command can fetch it."
        )
    return values


def split(
    values: Mapping[str, str], secrets: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Those that anybody may read, and the secret ones."""
    plain = {name: value for name, value in values.items() if name not in secrets}
    return plain, {name: value for name, value in values.items() if name in secrets}


def hidden(values: Mapping[str, str], secrets: Collection[str]) -> dict[str, str]:
    """The values for people to read: secret ones as `MASK`."""
    return {name: MASK if name in secrets else value for name, value in values.items()}
