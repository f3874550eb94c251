"""The local API server beside what Chalice's own does."""

import gzip
import http.client
import json

import pytest

from tests.stack.live import LiveControlPlane


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "GOT"])
def test_an_unknown_method_is_refused_like_one_that_a_path_does_not_have(
    live_api: LiveControlPlane, method: str
) -> None:
    connection = http.client.HTTPConnection(live_api.url.removeprefix("http://"), timeout=20)
    told = []
    for each in (method, "DELETE"):
        connection.request(each, "/api/v1/health")
        answer = connection.getresponse()
        told.append((answer.status, answer.headers["Content-Type"], json.load(answer)))
    connection.close()
    assert told[0][:2] == (405, "application/json")
    assert str(told[0]).replace(method, "DELETE") == str(told[1])


def test_pages_are_compressed_for_who_takes_it_and_json_is_not(live_api: LiveControlPlane) -> None:
    connection = http.client.HTTPConnection(live_api.url.removeprefix("http://"), timeout=20)

    def get(path: str, accepts: str) -> tuple[str | None, bytes]:
        connection.request("GET", path, headers={"Accept-Encoding": accepts})
        answer = connection.getresponse()
        return answer.headers["Content-Encoding"], answer.read()

    encoding, packed = get("/api/v1/docs-assets/docs.js", "gzip, deflate, br")
    assert encoding == "gzip"
    assert (None, gzip.decompress(packed)) == get("/api/v1/docs-assets/docs.js", "br")
    assert get("/api/v1/openapi.json", "gzip")[0] is None
    connection.close()
