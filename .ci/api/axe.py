"""Runs the accessibility checker axe on every page in Chromium, in each of its states, light and dark, on a phone and on a
desktop. Also checks the size of touch targets, and that no page scrolls horizontally.

axe.py <address> <address of a service that requires a token> <its token> <address where the page is off> [<folder for screenshots>]
"""

import json
import shutil
import sys
import urllib.request
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

address, guarded, token, off, *folder = sys.argv[1:]
chromium = shutil.which("chromium") or shutil.which("google-chrome")
assert chromium, "chromium is not installed"
axe = Axe()
faults = []

DESKTOP = {"viewport": {"width": 1360, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}

# Returns controls that are smaller than `least`. Links within a sentence are exempt, because their height is that of the line.
SMALL = """(least) => [...document.querySelectorAll("button, select, input, summary, nav a, a.button")]
  .filter((node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest("p"))
  .map((node) => [node, node.getBoundingClientRect()])
  .filter(([, { width, height }]) => width > 0 && (width < least || height < least))
  .map(([node, { width, height }]) => `${node.tagName} "${node.textContent.trim().slice(0, 30) || node.id}" ${Math.round(width)}x${Math.round(height)}`)"""


def status(page, text):
    expect(page.get_by_role("status")).to_contain_text(text)


def explained(page):
    status(page, "Goes to topic orders")


def several(page):
    page.get_by_label("Sample").select_option("Several complete events, one of them rejected")
    status(page, "3 events: 2 produced, 1 rejected.")
    page.locator("details.event").nth(1).locator("summary").click()


def found(page):
    page.get_by_label("Destination", exact=True).fill(
        '{"topic": "a b", "hostName": "localhost", "port": "x", "sslEnabled": false, "useSASL": true, "password": "hunter2"}'
    )
    status(page, "Does not reach Kafka")
    expect(page.locator(".findings li").first).to_be_visible()


def wrong(page):
    page.get_by_label("Event", exact=True).fill('{"type": "track",,}')
    page.get_by_label("Partitions").fill("0")
    status(page, "The event is not valid JSON.")


def rejected(page):
    page.get_by_label("Event", exact=True).fill('{"message": {}, "metadata": null}')
    status(page, "Rejected: ")


def long(page):
    page.get_by_label("Event", exact=True).fill(json.dumps({"userId": "u" * 5000, "integrations": {"Kafka": {"topic": "t" * 5000}}}))
    status(page, "Does not reach Kafka")
    expect(page.get_by_role("button", name="Show all 5,000 characters").first).to_be_visible()


def choice(page):
    one = '{"id": "%s", "name": "%s", "type": "KAFKA", "config": {"topic": "t"}}'
    page.get_by_label("Destination", exact=True).fill(f"[{one % ('a', 'A')}, {one % ('b', 'B')}]")
    status(page, "There are 2 destinations: choose one.")


def shared(page):
    page.get_by_label("Destination", exact=True).fill('{"topic": "t", "password": "hunter2"}')
    page.locator("#copy-link").click()
    expect(page.locator("#share")).to_be_visible()
    expect(page.locator("#share-left-out")).to_have_text("destination: password")


def unreachable(page):
    page.route("**/explain", lambda route: route.abort())
    page.get_by_label("Partitions").fill("3")
    status(page, "The service is unreachable.")


def asks(page):
    status(page, "This service requires the operator token.")
    expect(page.get_by_label("Operator token")).to_be_focused()


def unauthorized(page):
    asks(page)
    page.get_by_label("Operator token").fill("a-token-that-is-wrong")
    page.get_by_label("Operator token").press("Enter")
    status(page, "This is not the operator token.")


def authorized(page):
    asks(page)
    page.get_by_label("Operator token").fill(token)
    explained(page)


def empty(page):
    status(page, "No events yet.")


def live(page):
    status(page, "destinations.")
    page.get_by_role("button", name="Pause").click()
    for card in page.locator("details.card").all()[:2]:
        card.locator("summary").first.click()


def nothing_found(page):
    live(page)
    page.get_by_label("Filter").fill("no-such-destination")
    status(page, "0 of ")


def lost(page):
    live(page)
    page.route("**/destinations?*", lambda route: route.abort())
    page.get_by_role("button", name="Resume").click()
    status(page, "The service is unreachable.")


def documented(page):
    expect(page.locator("#operations-transformation-transform")).to_be_visible()


def tried_out(page):
    documented(page)
    operation = page.locator("#operations-status-health")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response .response-col_status").first).to_contain_text("200")
    elsewhere = page.locator("#operations-status-metrics")
    elsewhere.locator(".opblock-summary-control").click()
    expect(elsewhere.locator(".opblock-body")).to_be_visible()
    assert elsewhere.get_by_role("button", name="Try it out").count() == 0, "metrics are on another port"
    page.locator("#operations-transformation-transform .opblock-summary-control").click()
    expect(page.locator("#operations-transformation-transform .opblock-body")).to_be_visible()


def without_document(page):
    expect(page.get_by_text("Failed to load API definition")).to_be_visible()


def authorizes(page):
    documented(page)
    page.get_by_role("button", name="Authorize", exact=True).first.click()
    expect(page.locator(".modal-ux")).to_be_visible()


# The name, address, path and action of each state. The states run in this order, because the live view must first be empty.
STATES = [
    ("live-empty", address, "/live", empty),
    ("explain", address, "/", explained),
    ("explain-several", address, "/", several),
    ("explain-findings", address, "/", found),
    ("explain-invalid", address, "/", wrong),
    ("explain-rejected", address, "/", rejected),
    ("explain-long", address, "/", long),
    ("explain-choice", address, "/", choice),
    ("explain-link", address, "/", shared),
    ("explain-unreachable", address, "/", unreachable),
    ("explain-token", guarded, "/", asks),
    ("explain-token-wrong", guarded, "/", unauthorized),
    ("explain-token-right", guarded, "/", authorized),
    ("live-token", guarded, "/live", asks),
    ("live-token-wrong", guarded, "/live", unauthorized),
    ("docs", address, "/docs", documented),
    ("docs-tried-out", address, "/docs", tried_out),
    ("docs-failed", address, "/docs", without_document),
    ("docs-authorize", guarded, "/docs", authorizes),
    ("docs-page-off", off, "/docs", documented),
    ("live", address, "/live", live),
    ("live-nothing-found", address, "/live", nothing_found),
    ("live-lost", address, "/live", lost),
]


def event(destination, number, rest):
    metadata = {"jobId": number, "destinationId": destination, "sourceId": f"s-{number % 3}", "workspaceId": "w-1"}
    return {"message": {"userId": f"u-{number % 7}"}, "metadata": metadata, "destination": {"Config": {"topic": "orders"}}, **rest}


def traffic():
    """Sends events of several destinations, with rejected events, many topics, empty keys and a hot key."""
    events = [event("2Mn5wZx1", number, {}) for number in range(150)]
    events += [event("2Mn5wZx1", number, {"message": 7}) for number in range(9)]
    events += [event("3Pq7yRt2", number, {"message": {}}) for number in range(40)]
    events += [event("3Pq7yRt2", number, {"destination": {"Config": {"topic": f"topic-{number}-{'x' * 80}"}}}) for number in range(40)]
    events += [event("4Ab9cDe3", number, {"destination": {"Config": {}}}) for number in range(5)]
    events += [event(f"other-{number}", number, {}) for number in range(20)]
    request = urllib.request.Request(f"{address}/v0/destinations/kafka", json.dumps(events).encode())
    assert len(json.load(urllib.request.urlopen(request))) == len(events)


def visit(browser, name, url, act, device, scheme):
    options = PHONE if device == "phone" else DESKTOP
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce", **options)
    page = context.new_page()
    if act is without_document:
        page.route("**/openapi.json", lambda route: route.fulfill(status=503))
    page.goto(url)
    act(page)
    where = f"{name}-{scheme}-{device}"
    if folder:
        page.screenshot(path=Path(folder[0]) / f"{where}.png", full_page=True)
    for violation in axe.run(page).response["violations"]:
        nodes = violation["nodes"]
        summary = nodes[0].get("failureSummary", "").replace("\n", " ")
        faults.append(f"{where}: {violation['id']} ({len(nodes)}): {nodes[0]['html'][:200]} {summary[:300]}")
    # Swagger UI's controls have the minimum size of WCAG 2.2.
    least = 44 if device == "phone" and "/docs" not in url else 24
    faults.extend(f"{where}: smaller than {least}: {small}" for small in page.evaluate(SMALL, least))
    width, screen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    if width > screen:
        faults.append(f"{where}: {width} pixels wide on a screen of {screen} pixels")
    if not page.title() or page.evaluate("document.documentElement.lang") != "en":
        faults.append(f"{where}: no title or language")
    context.close()


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    has_traffic = False
    for name, base, path, act in STATES:
        if name == "live" and not has_traffic:
            traffic()
            has_traffic = True
        for scheme in ("light", "dark"):
            for device in ("desktop", "phone"):
                visit(browser, name, f"{base}{path}", act, device, scheme)
    browser.close()

for fault in faults:
    print(fault)
assert not faults, f"{len(faults)} faults"
print(f"axe: {len(STATES)} states of the pages, light and dark, on a phone and on a desktop: no violations")
