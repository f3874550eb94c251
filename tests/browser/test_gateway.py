"""The panel as a browser gets it from API Gateway, below a stage's name."""

import pytest
from playwright.sync_api import Page, expect

from app import app
from tests.stack.gateway import served


@pytest.mark.parametrize("slash", ["/", ""])
def test_the_panel_comes_up_below_a_stage(page: Page, slash: str) -> None:
    with served(app) as stage:
        page.goto(stage + slash)
        expect(page.get_by_test_id("signin-token")).to_be_visible()
        expect(page).to_have_url(f"{stage}{slash}#/sign-in")
        page.get_by_test_id("signin-token").fill("plb_wrong")
        with page.expect_request(lambda asked: "/v1/me" in asked.url) as asking:
            page.get_by_test_id("signin-token").press("Enter")
        assert asking.value.url == f"{stage}/api/v1/me"
        page.goto("about:blank")
