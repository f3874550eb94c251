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
        document = json.load(answer) | {"timestamp": None}
        told.append((answer.status, answer.headers["Content-Type"], document))
    connection.close()
    assert told[0][:2] == (405, "application/json")
    assert str(told[0]).replace(method, "DELETE") == str(told[1])


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize(
    ("path", "status"), [("/api/v1/nothing", 404), ("/nothing", 404), ("/api/v1/tasks/x/plan", 405)]
)
def test_what_no_route_has_is_refused_in_the_envelope_and_the_connection_lives_on(
    live_api: LiveControlPlane, method: str, path: str, status: int
) -> None:
    connection = http.client.HTTPConnection(live_api.url.removeprefix("http://"), timeout=20)
    connection.request(method, path, headers={"Authorization": "Bearer plb_x_y"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/json")
    said = answer.read()
    if method != "HEAD":
        code, data = (json.loads(said)[key] for key in ("code", "data"))
        assert (code, data) in ((1004, None), (1001, None), (1004, {"request_id": "local"}))
    connection.request("GET", "/api/v1/health")
    assert connection.getresponse().status == 200
    connection.close()


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
