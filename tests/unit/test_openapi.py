"""The API's description says what the API does."""

import msgspec

from chalicelib.api import openapi
from chalicelib.api.routing import PREFIX, all_routes

DOCUMENT = openapi.document()
ROUTES = all_routes([*openapi.GROUPS, openapi.api])


def test_the_description_itself_comes_without_the_envelope() -> None:
    answered = DOCUMENT["paths"][f"{PREFIX}/openapi.json"]["get"]["responses"]["200"]
    assert answered["content"] == {"application/json": {"schema": {"type": "object"}}}


def test_a_body_may_be_left_out_exactly_where_nothing_in_it_is_needed() -> None:
    for route in ROUTES:
        if route.takes is None:
            continue
        described = DOCUMENT["paths"][PREFIX + route.path][route.method.lower()]["requestBody"]
        try:
            route.takes.json(b"{}")
        except msgspec.ValidationError:
            assert described["required"], route.path
        else:
            assert not described["required"], route.path


def test_what_is_taken_may_leave_out_what_has_a_default_and_what_is_answered_never_does() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["NewScope"]["required"] == []
    assert schemas["NewToken"]["required"] == ["name", "role"]
    assert schemas["Scope"]["required"] == ["groups", "labels", "tasks"]
    assert schemas["Agent"]["required"] == sorted(schemas["Agent"]["properties"])
