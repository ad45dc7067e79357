"""The page at / of a service that requires a token: it asks for the token and works with it, and no link contains it.

page_token.py <address of the service> <its token>
"""

import shutil
import sys

from playwright.sync_api import expect, sync_playwright

address, token = sys.argv[1:]
chromium = shutil.which("chromium") or shutil.which("google-chrome")
assert chromium, "there is no chromium"

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(address)
    status, field = page.get_by_role("status"), page.get_by_label("Operator's token")
    expect(status).to_have_text("This service asks for the operator's token.")
    field.fill("wrong")
    expect(status).to_have_text("This is not the operator's token.")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("no token: ☃")
    expect(status).to_have_text("This is not the operator's token.")
    field.fill(token)
    expect(status).to_have_text("Goes to topic orders, partition 1 (0–11).")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    page.get_by_label("Partitions").fill("3")
    page.wait_for_url("**/#v1.*")
    kept = page.evaluate("JSON.stringify([location.href, document.cookie, {...localStorage}, {...sessionStorage}])")
    assert token not in kept, kept
    page.reload()
    expect(status).to_have_text("This service asks for the operator's token.")
    browser.close()
print("/: the token is asked for, and forgotten")
