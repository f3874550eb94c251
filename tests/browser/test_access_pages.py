"""The pages of join tokens and of access tokens."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.stack.live import LiveControlPlane


def test_a_join_token_is_revoked_and_taken_from_the_list(
    page: Page, live_api: LiveControlPlane
) -> None:
    made = live_api.call("POST", "/enrollments", {"description": "for nobody", "group": "prod"})
    sign_in(page, live_api)
    page.goto(f"{live_api.url}/#/enrollments?state=open")
    found = page.get_by_test_id("enrollment-row").filter(has_text="for nobody")
    expect(found).to_contain_text("prod")
    expect(found).to_contain_text("0 of 1")
    found.get_by_role("button", name="Revoke").click()
    page.get_by_test_id("confirm").click()
    expect(found).to_have_count(0)
    listed = live_api.call("GET", "/enrollments")["items"]
    assert made["enrollment"]["id"] not in [each["id"] for each in listed]


def test_a_narrowed_admin_makes_tokens_that_are_no_wider(
    page: Page, live_api: LiveControlPlane
) -> None:
    body = {"name": "narrow", "role": "admin", "scope": {"groups": ["web"]}}
    token = live_api.call("POST", "/tokens", body)["secret"]
    page.goto(live_api.url + "/")
    page.get_by_test_id("signin-token").fill(token)
    page.get_by_test_id("signin-submit").click()
    page.get_by_test_id("nav-tokens").click()
    page.get_by_test_id("token-new").click()
    page.get_by_label("Name: who or what uses it").fill("narrower")
    groups = page.get_by_label("in one of the groups")
    expect(groups).to_have_value("web")
    groups.fill("")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("wider than itself")
    groups.fill("web")
    page.get_by_label("Agents with all labels").fill("env=prod")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_test_id("token-secret")).to_contain_text("plb_")
    page.get_by_role("button", name="Done").click()
    row = page.get_by_test_id("token-row").filter(has_text="narrower")
    expect(row).to_contain_text("env=prod, group web")
    expect(page.get_by_test_id("token-row")).to_have_count(2)  # of those that are no wider
