"""What a job runs, as whom, in which environment. Part of the supervisor: little is imported."""

import contextlib
import os
import signal
from typing import Any, NoReturn

INHERITED = ("PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME", "SHELL", "TMPDIR")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NICENESS = 5  # the agent and its heartbeats come first when the command takes all CPU
OOM_SCORE = 500  # of 1000: the kernel takes the command before the agent and the supervisor
SCRATCH = "/tmp"  # where another user's scripts lie while they run
NOT_EXECUTED = 127  # the exit code of a child that did not become the command


class CannotStart(Exception):
    """The command was not started; the message is for a person."""


def environment(job: dict[str, Any], inherited: dict[str, str]) -> dict[str, str]:
    """A clean environment: a few variables of the agent's, the product's own, and the step's."""
    kept = {
        name: value
        for name, value in inherited.items()
        if name in INHERITED or name.startswith("LC_")
    }
    own = {
        "PLUMBER_RUN_ID": job["run_id"],
        "PLUMBER_JOB_ID": job["job_id"],
        "PLUMBER_STEP": str(job["step"]),
        "PLUMBER_ATTEMPT": str(job["attempt"]),
    }
    return {"PATH": DEFAULT_PATH, **kept, **job["env"], **own}


def path_problem(path: str) -> str | None:
    """Why a command cannot run there, for a person; None when it can."""
    try:
        os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return f"the path {path} does not exist on this machine"
    except NotADirectoryError:
        return f"the path {path} leads through something that is not a directory"
    except OSError as error:
        return f"the path {path} cannot be used: {error.strerror}"
    if not os.path.isdir(path):  # noqa: PTH112
        return f"the path {path} is not a directory"
    if not os.access(path, os.X_OK):
        return f"the agent may not enter the path {path}"
    return None


class Account:
    """The user that a command runs as. Raises CannotStart when the agent cannot become it."""

    def __init__(self, name: str) -> None:
        import pwd  # most jobs need no other user

        try:
            entry = pwd.getpwnam(name)
        except KeyError as error:
            raise CannotStart(f"there is no user {name} on this machine") from error
        if os.geteuid() not in (0, entry.pw_uid):
            raise CannotStart(f"only an agent that runs as root or as {name} can run it as {name}")
        self.name, self.uid, self.gid = name, entry.pw_uid, entry.pw_gid
        self.variables = {
            "HOME": entry.pw_dir,
            "USER": name,
            "LOGNAME": name,
            "SHELL": entry.pw_shell,
        }

    def home(self) -> str:
        """Where a job that names no path runs."""
        home = self.variables["HOME"]
        return home if os.path.isdir(home) else "/"  # noqa: PTH112

    def become(self) -> None:
        """In the child, before the command."""
        if os.geteuid() == 0:
            os.initgroups(self.name, self.gid)
            os.setgid(self.gid)
            os.setuid(self.uid)


class Program:
    """A job's command or script, ready to be executed. Raises CannotStart.

    Where another user could have a hand in, this one does nothing: that user's own rights, in a
    process that has become it, enter the path, and make and remove the file of the script.
    """

    def __init__(self, job: dict[str, Any], directory: str) -> None:
        user = job.get("user")
        self._account = Account(user) if user else None
        self._becomes_other = self._account is not None and os.geteuid() == 0
        self.path: str = job["path"] or (self._account.home() if self._account else "/")
        as_user = self._account.variables if self._account else {}
        self._variables = environment(job, {**os.environ, **as_user})
        self._scratch: str | None = None  # a directory of the other user's
        self._script: tuple[str, str] | None = None  # the file that it makes there, and its text
        problem = None if self._becomes_other else path_problem(self.path)
        if problem is not None:
            raise CannotStart(problem)
        script = job.get("script")
        if script is None:
            self._file, self._arguments = "/bin/sh", ["sh", "-c", job["command"]]
        else:
            self._file, self._arguments = self._of_script(job, directory)

    def _of_script(self, job: dict[str, Any], directory: str) -> tuple[str, list[str]]:
        shell = job.get("shell") or "sh"
        name = os.path.basename(shell)  # noqa: PTH119
        file = self._find(shell)
        is_powershell = name == "pwsh"
        # The job's directory is closed to other users: their scripts get one of their own.
        if self._becomes_other:
            directory = self._scratch = f"{SCRATCH}/plumber-{os.urandom(8).hex()}"
        path = f"{directory}/script{'.ps1' if is_powershell else ''}"
        if self._becomes_other:
            self._script = path, job["script"]
        else:
            _write_new(path, job["script"])
        options = ["-NoLogo", "-NonInteractive", "-File"] if is_powershell else []
        return file, [name, *options, path]

    def _find(self, shell: str) -> str:
        places = [""] if shell.startswith("/") else self._variables["PATH"].split(":")
        for place in places:
            file = f"{place}/{shell}" if place else shell
            if os.path.isfile(file) and os.access(file, os.X_OK):  # noqa: PTH113
                return file
        raise CannotStart(f"the shell {shell} is not installed on this machine")

    def clean_up(self) -> None:
        """After the end. Is not waited for, and fails in silence: the directory is the other
        user's, who may have put anything there, and may stop whoever runs in its name."""
        if self._scratch is None or self._account is None:
            return
        with contextlib.suppress(OSError):
            if os.fork() == 0:
                self._remove_as_other(self._account, self._scratch)

    def _remove_as_other(self, account: Account, scratch: str) -> NoReturn:
        """In a process of its own, without the lock and whatever else the supervisor holds."""
        try:
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            import shutil  # while it may still read Python's own files

            os.setsid()
            signal.set_wakeup_fd(-1)
            account.become()
            os.chdir("/")
            shutil.rmtree(scratch, ignore_errors=True)
        finally:
            os._exit(0)

    def execute(self, out: int, err: int, complaints: int) -> NoReturn:
        """In the child: becomes the command, or writes why not into `complaints`."""
        problem = "it could not be started"
        try:
            os.setsid()
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            signal.set_wakeup_fd(-1)
            nothing = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((nothing, 0), (out, 1), (err, 2)):
                os.dup2(source, target, inheritable=True)
            _step_back()
            if self._account is not None:
                problem = f"it could not be run as {self._account.name}"
                self._account.become()
            problem = f"the path {self.path} cannot be entered"
            self._enter()
            if self._script is not None:
                problem = f"the script could not be written in {SCRATCH}"
                os.mkdir(os.path.dirname(self._script[0]), 0o700)  # noqa: PTH102, PTH120
                _write_new(*self._script)
            problem = f"{self._file} could not be started"
            os.execve(self._file, self._arguments, self._variables)
        except CannotStart as wrong:
            os.write(complaints, str(wrong).encode())
        except OSError as error:
            os.write(complaints, f"{problem}: {error.strerror}".encode())
        finally:
            os._exit(NOT_EXECUTED)

    def _enter(self) -> None:
        """Raises OSError, and CannotStart where there is more to say."""
        try:
            os.chdir(self.path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CannotStart(path_problem(self.path) or str(error)) from error


def _write_new(path: str, text: str) -> None:
    """Writes a file that nobody else may read, and never through what lies there already."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)  # noqa: PTH107
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _step_back() -> None:
    """Lets the agent and the supervisor go first for CPU, and last when memory runs out."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    with (
        contextlib.suppress(OSError),
        open("/proc/self/oom_score_adj", "w", encoding="ascii") as file,  # noqa: PTH123
    ):
        file.write(str(OOM_SCORE))
