"""Tests the page at / of a service that requires a token: the page asks for the token, works with it, and puts it into no link.

page_token.py <address of the service> <its token>
"""

import shutil
import sys

from playwright.sync_api import expect, sync_playwright

address, token = sys.argv[1:]
chromium = shutil.which("chromium") or shutil.which("google-chrome")
assert chromium, "chromium is not installed"

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: request.method == "POST" and asked.append(request.url))
    page.goto(address)
    status, field = page.get_by_role("status"), page.get_by_label("Operator token")
    expect(status).to_have_text("This service requires the operator token.")
    # The token field is the first field, and has the focus.
    expect(field).to_be_focused()
    assert page.evaluate("document.querySelector('form input, form select, form textarea').id") == "token"
    assert asked == [], "nothing is sent without a token"
    field.fill("wrong")
    expect(status).to_have_text("This is not the operator token.")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("no token: ☃")
    expect(status).to_have_text("This is not the operator token.")
    field.fill(token)
    expect(status).to_have_text("Goes to topic orders, partition 1 (0–11).")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    page.locator("#copy-link").click()
    page.locator("#share-copy").click()
    page.wait_for_url("**/#v1.*")
    assert token not in page.locator("#share").inner_text()
    kept = page.evaluate("JSON.stringify([location.href, document.cookie, {...localStorage}, {...sessionStorage}])")
    assert token not in kept, kept
    page.reload()
    expect(status).to_have_text("This service requires the operator token.")
    browser.close()
print("/: the page asks for the token and does not keep it")
