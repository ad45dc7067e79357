"""Opens /docs in Chromium, tries out an endpoint, and checks that the page sends no requests to other hosts.

browser.py <address of the service> [<folder for screenshots>]
"""

import json
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import expect, sync_playwright

address, *folder = sys.argv[1:]
chromium = shutil.which("chromium") or shutil.which("google-chrome")
assert chromium, "chromium is not installed"
asked, wrong = [], []


def shoot(page, name):
    if folder:
        page.screenshot(path=Path(folder[0]) / f"{name}.png")


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": 1280, "height": 1400})
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: line.type == "error" and wrong.append(line.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    # Without the trailing slash, as users type it.
    page.goto(f"{address}/docs")
    assert urlsplit(page.url).path == "/docs", page.url
    operation = page.locator("#operations-transformation-transform")
    expect(operation).to_be_visible()
    shoot(page, "1-page")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    shoot(page, "2-try-it-out")
    with page.expect_response(f"{address}/v0/destinations/kafka") as answered:
        operation.get_by_role("button", name="Execute").click()
    answer = answered.value
    assert answer.status == 200, answer.status
    answers = answer.json()
    assert answers and all(event["statusCode"] == 200 for event in answers), answers
    live = operation.locator(".live-responses-table")
    expect(live.locator(".response .response-col_status").first).to_contain_text("200")
    expect(live.locator(".microlight").first).to_contain_text("statusCode")
    live.scroll_into_view_if_needed()
    shoot(page, "3-answer")
    browser.close()

elsewhere = [url for url in asked if not url.startswith(f"{address}/") and urlsplit(url).scheme not in ("data", "blob")]
assert not elsewhere, f"requests to other hosts: {elsewhere}"
assert not wrong, f"errors in the console: {wrong}"
print(f"/docs: {len(asked)} requests, all to {address}; tried out: {json.dumps(answers)[:100]}…")
