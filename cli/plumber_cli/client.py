"""The REST API over one kept connection, as `docs/wire.md` describes it."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import requests

from plumber_cli import __version__, names
from plumber_cli.config import Target
from plumber_cli.errors import NoAccess, from_answer
from plumber_cli.retrying import ONCE, SHORT, Patience, may_pass, waiting

TIMEOUT_SECONDS = (5.0, 35.0)  # to connect, to answer; a Lambda behind API Gateway has 29 s
PAGE = 100


class _Bearer(requests.auth.AuthBase):
    """The token. As a header alone, an entry in ~/.netrc would replace it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Nothing is added to a signed address: an entry in ~/.netrc would spoil the signature."""
    return request


class Client:
    """Calls of the control plane. Every call raises NoAccess, WrongUsage or Refused."""

    def __init__(self, target: Target) -> None:
        self._url = target.url
        self._reading = SHORT
        self._session = requests.Session()
        self._session.auth = _Bearer(target.token)
        self._session.headers["User-Agent"] = f"plumber-cli/{__version__}"

    # --- methods

    def endure(self, notice: Callable[[], None]) -> None:
        """From now on a GET waits while the control plane restarts; `notice` tells that it does."""
        self._reading = waiting(notice)

    def get(self, *path: str, **query: str) -> Any:
        """The data of a GET; `path` is quoted part by part."""
        return self._call("GET", path, self._reading, params=query)

    def post(self, *path: str, body: Any = None) -> Any:
        """The data of a POST that makes something: sent once."""
        return self._call("POST", path, ONCE, json=body)

    def post_again(self, *path: str, body: Any = None, idempotency_key: str | None = None) -> Any:
        """The data of a POST that may be repeated, by its nature or under a key."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else None
        return self._call("POST", path, SHORT, headers=headers, json=body)

    def put(self, *path: str, body: Any) -> Any:
        """The data of a PUT: it names the revision that it replaces, so it may be repeated."""
        return self._call("PUT", path, SHORT, json=body)

    def patch(self, *path: str, body: Any) -> Any:
        """The data of a PATCH: it sets what it names, so it may be repeated."""
        return self._call("PATCH", path, SHORT, json=body)

    def delete(self, *path: str, **query: str) -> None:
        """A DELETE, sent once: a repeated one would not find what the first has deleted."""
        self._call("DELETE", path, ONCE, params=query)

    def pages(self, *path: str, at_most: int | None, **query: str) -> tuple[list[Any], bool]:
        """Items of a list up to `at_most`, and whether there are more."""
        items: list[Any] = []
        more: dict[str, str] = {}
        while True:
            room = PAGE if at_most is None else min(PAGE, at_most - len(items))
            page = self.get(*path, limit=str(room), **more, **query)
            items += page["items"]
            more = {"cursor": page["next"]}
            if page["next"] is None or (at_most is not None and len(items) >= at_most):
                return items, page["next"] is not None

    def download(self, url: str) -> Iterator[bytes]:
        """What lies at a presigned address, which belongs to the log store: no token goes there.

        Raises NoAccess when it breaks off.
        """
        try:
            with requests.get(url, stream=True, timeout=TIMEOUT_SECONDS, auth=_nobody) as response:
                response.raise_for_status()
                yield from response.iter_content(1 << 20)
        except requests.RequestException as error:
            raise NoAccess(f"The log store cannot be read: {_reason(error)}.") from error

    # --- names instead of ids

    def task_id(self, given: str) -> str:
        """The id of the task with this id or exactly this name. Raises Refused for no such name."""
        return names.task_id(self, given)

    def agent_id(self, given: str) -> str:
        """The id of the agent with this id or exactly this name. Raises Refused when no agent has
        the name, or more than one."""
        return names.agent_id(self, given)

    def run_id(self, given: str) -> str:
        """The id of a run, see `names`. Raises Refused."""
        return names.run_id(self, given)

    def page_url(self, path: str) -> str:
        """Where the panel shows something."""
        return f"{self._url}/#/{path}"

    # --- one call

    def _call(self, method: str, path: tuple[str, ...], patience: Patience, **content: Any) -> Any:
        url = f"{self._url}/api/v1/" + "/".join(quote(part, safe="") for part in path)
        for failures in range(1, patience.attempts + 1):
            outcome = self._send(method, url, content)
            if failures == patience.attempts or not may_pass(outcome):
                break
            if failures == 2 and patience.notice is not None:
                patience.notice()
            time.sleep(patience.delay_seconds(failures))
        if isinstance(outcome, requests.Response):
            return self._data(outcome)
        raise NoAccess(f"{self._url} cannot be reached: {_reason(outcome)}.") from outcome

    def _send(
        self, method: str, url: str, content: Mapping[str, Any]
    ) -> requests.Response | requests.RequestException:
        try:
            return self._session.request(
                method, url, timeout=TIMEOUT_SECONDS, allow_redirects=False, **content
            )
        except requests.RequestException as error:
            return error

    def _data(self, response: requests.Response) -> Any:
        try:
            envelope = response.json()
            code, message, data = envelope["code"], envelope["message"], envelope["data"]
        except (ValueError, KeyError, TypeError) as error:
            moved = response.headers.get("Location")
            what = f"it moved to {moved}" if moved else f"HTTP status {response.status_code}"
            raise NoAccess(
                f"{self._url} does not answer as a Plumber control plane does ({what}). "
                "Is the address right?"
            ) from error
        if code != 0:
            raise from_answer(code, message, data)
        return data


def _reason(error: requests.RequestException) -> str:
    """What is wrong and what to do, without the names of any library."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted (REQUESTS_CA_BUNDLE names the file of your own CA)"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not answer (see HTTPS_PROXY and NO_PROXY)"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return _reason_of_connection(str(error))
    return str(error) or type(error).__name__


def _reason_of_connection(text: str) -> str:
    if "refused" in text:
        return "nothing listens there"
    if "resolve" in text or "Name or service" in text:
        return "its name is not known"
    return "the connection broke"
