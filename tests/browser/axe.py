"""What axe-core finds on a page: the rules of WCAG 2.2 A and AA, and its best practices."""

from functools import cache
from typing import Any

from playwright.sync_api import Page

from infra.local.environment import ROOT

SOURCE = ROOT / "frontend/node_modules/axe-core/axe.min.js"
RUN = "async () => await axe.run(document, { resultTypes: ['violations'] })"


@cache
def _source() -> str:
    return SOURCE.read_text("utf-8")


def violations(page: Page) -> list[str]:
    """Each as its rule and its elements. Evaluated, since the policy lets no script in."""
    page.evaluate(_source())
    found: dict[str, Any] = page.evaluate(RUN)
    return [
        f"{each['id']}: {each['help']}: "
        + "; ".join(
            f"{node['html'][:160]} ({node['failureSummary'][:200]})" for node in each["nodes"][:4]
        )
        for each in found["violations"]
    ]
