"""The link that signs in, which `make up` prints, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from infra.local.control_plane import ControlPlane
from tests.browser.conftest import sign_in
from tests.stack.live import LiveControlPlane


def is_remembered(page: Page, token: str) -> bool:
    """Whether the token stands in the address, or in an entry of the tab's history."""
    tab = page.context.new_cdp_session(page)
    entries = tab.send("Page.getNavigationHistory")["entries"]
    return any(token in address for address in [page.url, *(each["url"] for each in entries)])


def test_a_link_signs_in_and_leaves_no_token_behind(page: Page, live_api: LiveControlPlane) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.goto(live_api.way_in.sign_in_link)
    expect(page.get_by_test_id("nav-tokens")).to_be_visible()
    expect(page.get_by_text("The link signed you in as")).to_be_visible()
    assert page.url == f"{live_api.url}/#/"
    assert not is_remembered(page, live_api.token)
    # The fragment is no part of what is asked of the server; the browser's events show it once.
    assert [url for url in sent if live_api.token in url.partition("#")[0]] == []
    page.reload()
    expect(page.get_by_test_id("nav-tokens")).to_be_visible()


@pytest.mark.parametrize("token", ["plb_x_" + "0" * 64, "nonsense", "%E2%98%83", ""])
def test_a_link_that_is_no_good_leads_to_the_sign_in_page(
    page: Page, live_api: LiveControlPlane, token: str
) -> None:
    page.goto(ControlPlane(live_api.url, token).sign_in_link)
    reason = page.get_by_test_id("signin-reason")
    expect(reason).to_contain_text("The token of this link is not known, has expired")
    expect(page.get_by_test_id("signin-token")).to_be_visible()
    assert "token=" not in page.url
    assert not is_remembered(page, "token=")


def test_a_link_does_not_switch_who_is_signed_in_without_asking(
    page: Page, live_api: LiveControlPlane
) -> None:
    asked = {"name": "somebody else", "role": "viewer"}
    other = live_api.call("POST", "/tokens", asked)["secret"]
    link = ControlPlane(live_api.url, other).sign_in_link
    sign_in(page, live_api)
    page.get_by_test_id("nav-tasks").click()
    expect(page.get_by_role("heading", level=1, name="Tasks")).to_be_visible()

    page.goto(link)  # in the same tab: only the fragment changes
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("signs in as somebody else (viewer)")
    assert page.url == f"{live_api.url}/#/tasks"
    assert not is_remembered(page, other)
    question.get_by_role("button", name="Keep as it is").click()
    expect(page.get_by_text("You are still signed in as")).to_be_visible()
    expect(page.get_by_test_id("nav-tokens")).to_be_visible()

    page.goto("about:blank")
    page.goto(link)  # as from a mail: the page is loaded anew
    expect(question).to_be_visible()
    page.get_by_test_id("confirm").click()
    expect(page.get_by_role("banner").get_by_text("somebody else")).to_be_visible()
    expect(page.get_by_test_id("nav-tokens")).to_be_hidden()
    assert page.url == f"{live_api.url}/#/"
    assert not is_remembered(page, other)
