"""The REST API, and the one judge of retrying."""

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from plumber_cli import __version__
from plumber_cli.config import Target
from plumber_cli.errors import NoAccess, Refused, from_answer

TIMEOUT_SECONDS = (5.0, 35.0)
ATTEMPTS = 4
PAGE = 100


class Client:
    """Calls of the control plane over one kept connection."""

    def __init__(self, target: Target) -> None:
        self._base = f"{target.url}/api/v1"
        self._url = target.url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {target.token}"
        self._session.headers["User-Agent"] = f"plumber-cli/{__version__}"

    def get(self, path: str, **query: str) -> Any:
        """The data of a GET."""
        return self._call("GET", path, query=query, repeatable=True)

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The data of a POST; repeated only under an idempotency key."""
        repeatable = "Idempotency-Key" in (headers or {})
        return self._call("POST", path, body=body, headers=headers, repeatable=repeatable)

    def put(self, path: str, body: Any) -> Any:
        """The data of a PUT: it names the revision that it replaces, so it may be repeated."""
        return self._call("PUT", path, body=body, repeatable=True)

    def delete(self, path: str) -> None:
        """A DELETE."""
        self._call("DELETE", path, repeatable=False)

    def pages(self, path: str, at_most: int | None, **query: str) -> tuple[list[Any], bool]:
        """Items of a list up to `at_most`, and whether there are more."""
        items: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            room = PAGE if at_most is None else min(PAGE, at_most - len(items))
            more = {"cursor": cursor} if cursor else {}
            page = self.get(path, limit=str(room), **more, **query)
            items += page["items"]
            cursor = page["next"]
            if at_most is not None and len(items) >= at_most:
                break
        return items, cursor is not None

    def download(self, path: str, stream: str) -> Iterator[bytes]:
        """A whole stream of a finished job, piece by piece."""
        found = self.get(path, stream=stream, redirect="false")
        try:
            with requests.get(found["url"], stream=True, timeout=TIMEOUT_SECONDS) as response:
                response.raise_for_status()
                yield from response.iter_content(1 << 16)
        except requests.RequestException as error:
            raise NoAccess(f"The log cannot be downloaded: {_reason(error)}.") from error

    def _call(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        for attempt in range(ATTEMPTS):
            is_last = attempt == ATTEMPTS - 1 or not repeatable
            try:
                response = self._session.request(
                    method,
                    self._base + path,
                    params=query,
                    json=body,
                    headers=headers,
                    timeout=TIMEOUT_SECONDS,
                )
            except requests.RequestException as error:
                if is_last:
                    message = f"{self._url} cannot be reached: {_reason(error)}."
                    raise NoAccess(message) from error
            else:
                if is_last or response.status_code not in (429, 500, 502, 503, 504):
                    return self._data(response)
            time.sleep(random.uniform(0.5, 1.0) * 0.3 * 2**attempt)
        raise AssertionError("the last attempt answers or raises")

    def _data(self, response: requests.Response) -> Any:
        try:
            envelope = response.json()
            code, message = envelope["code"], envelope["message"]
        except (ValueError, KeyError, TypeError) as error:
            raise NoAccess(
                f"{self._url} does not answer as a Plumber control plane does "
                f"(HTTP status {response.status_code})."
            ) from error
        if code != 0:
            raise from_answer(code, message, envelope.get("data"))
        return envelope["data"]

    # --- names instead of ids

    def task_id(self, given: str) -> str:
        """The id of the task with this id or exactly this name."""
        found = self.get("/tasks", name=given)["items"]
        return str(found[0]["id"]) if found else given

    def agent_id(self, given: str) -> str:
        """The id of the agent with this id or exactly this name. Raises Refused for two of them."""
        agents, _ = self.pages("/agents", None, text=given)
        named = [agent for agent in agents if given in (agent["name"], agent["id"])]
        if len(named) > 1:
            raise Refused(f"{len(named)} agents are named '{given}'. Give the id of one.")
        return str(named[0]["id"]) if named else given


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return str(error) or type(error).__name__
