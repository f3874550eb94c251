"""`make screenshots`: every picture under docs/images, made anew on a stack of its own.

`ALL=1` makes no picture for the documents, but one of every page, in both themes, both languages
and three widths, of an installation that is empty, small and large; they are for looking at, in
`.build/screenshots`. What the browser complains of meanwhile is said and fails the command.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page

from infra.local.environment import ROOT, base

IMAGES = ROOT / "docs" / "images"
LOOKED_AT = ROOT / ".build" / "screenshots"
WIDTHS = {390: 844, 1_280: 900, 2_560: 1_300}  # with their heights
THEMES = ("light", "dark")
LANGUAGES = {"en": "en-US", "zh": "zh-CN"}
TIMEOUT_MS = 120_000  # many stacks may be looked at on one machine
SETTLED_MS = 700  # what fades in has done so: for pictures, on which nothing depends

# Without `{…}` also of an empty installation.
PAGES = {
    "overview": "",
    "runs": "runs",
    "run": "runs/{run}",
    "tasks": "tasks",
    "new-task": "tasks/new",
    "task": "tasks/{task}",
    "agents": "agents",
    "agent": "agents/{agent}",
    "enrollments": "enrollments",
    "tokens": "tokens",
    "nowhere": "nowhere",
}
# The pictures of the documents, by their names.
DOCUMENTS = {"run": "runs/{run}"}


def main() -> None:
    """Fails if a page said something on the browser's console."""
    parser = argparse.ArgumentParser(prog="screenshots", description=__doc__)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--page", action="append", choices=PAGES, help="with --all: only this one")
    options = parser.parse_args()
    environment = base(os.environ)  # before the product is imported, which reads it once
    os.environ.clear()
    os.environ.update(environment)
    complaints = _all(options.page or list(PAGES)) if options.all else _documents()
    for each in complaints:
        sys.stderr.write(f"{each}\n")
    sys.exit(1 if complaints else 0)


def _documents() -> list[str]:
    from tests.screenshots import contents

    with _stack() as stack, _browser() as browser:
        addresses = contents.small(stack)
        said: list[str] = []
        with _signed_in(browser, stack, said, width=1_440, height=900) as page:
            for name, address in DOCUMENTS.items():
                _shoot(page, stack, addresses.of(address), IMAGES / f"{name}.png")
        return said


def _all(names: list[str]) -> list[str]:
    from tests.screenshots import contents

    said: list[str] = []
    with _browser() as browser:
        with _stack() as stack:
            plain = {name: PAGES[name] for name in names if "{" not in PAGES[name]}
            _every_look(browser, stack, "empty", plain, said)
            small = contents.small(stack)
            _every_look(browser, stack, "small", {n: small.of(PAGES[n]) for n in names}, said)
        with _stack() as stack:
            large = contents.large(stack.plane)
            _every_look(browser, stack, "large", {n: large.of(PAGES[n]) for n in names}, said)
    return said


def _every_look(
    browser: Browser, stack: Any, what: str, pages: Mapping[str, str], said: list[str]
) -> None:
    for theme, language, width in product(THEMES, LANGUAGES, WIDTHS):
        look: dict[str, Any] = {"color_scheme": theme, "locale": LANGUAGES[language]}
        with _signed_in(browser, stack, said, width, WIDTHS[width], **look) as page:
            for name, address in pages.items():
                _shoot(
                    page,
                    stack,
                    address,
                    LOOKED_AT / what / f"{name}-{theme}-{language}-{width}.png",
                )


def _shoot(page: Page, stack: Any, address: str, place: Path) -> None:
    page.goto(f"{stack.plane.url}/#/{address}")
    page.locator("main h1").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(SETTLED_MS)
    place.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=place)
    sys.stdout.write(f"{place.relative_to(ROOT)}\n")
    sys.stdout.flush()


def _note(said: list[str], url: str, message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        said.append(f"{url}: {message.text}")


@contextmanager
def _stack() -> Iterator[Any]:
    from tests.bench.stack import stack

    with stack() as found:
        yield found


@contextmanager
def _browser() -> Iterator[Browser]:
    from tests.browser.conftest import started

    with started() as browser:
        yield browser


@contextmanager
def _signed_in(
    browser: Browser, stack: Any, said: list[str], width: int, height: int, **look: Any
) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": height}, **look)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.on("console", lambda message: _note(said, page.url, message))
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    page.goto(stack.plane.url)
    page.get_by_test_id("signin-token").fill(stack.plane.token)
    page.get_by_test_id("signin-submit").click()
    page.get_by_test_id("signin-token").wait_for(state="hidden")
    yield page
    context.close()


if __name__ == "__main__":
    main()
