"""Tests the page at / in Chromium as a user would use it: types, reads messages, uses only the keyboard, follows links.

page.py <address of the service> [<folder for screenshots>]
"""

import base64
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

TRACK = '{"type": "track", "event": "Paid", "userId": "u-42"}'
CONFIG = """{
  "topic": "events",
  "enableMultiTopic": true,
  "eventToTopicMap": [{ "from": "Paid", "to": "money" }]
}"""


def shoot(page, name):
    if folder:
        page.screenshot(path=Path(folder[0]) / f"page-{name}.png", full_page=True)


def open_page(browser, path="/", **options):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
    page = context.new_page()
    page.on("request", lambda request: asked.append((request.method, request.url)))
    # Chromium also reports violations of the Content Security Policy here.
    page.on("console", lambda line: line.type in ("error", "warning") and wrong.append(line.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{address}{path}")
    expect(page.get_by_role("status")).not_to_be_empty()
    return page


def says(page, text):
    expect(page.get_by_role("status")).to_have_text(text)


def fragment_of(state):
    return "#v1." + base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")


def state_of(url):
    text = urlsplit(url).fragment.removeprefix("v1.")
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def typing(browser):
    page = open_page(browser)
    event, destination = page.get_by_label("Event", exact=True), page.get_by_label("Destination", exact=True)
    says(page, "Goes to topic orders, partition 1 (0–11).")
    shoot(page, "light")
    assert not urlsplit(page.url).fragment, "the address has no fragment before the user changes anything"

    event.fill(TRACK)
    destination.fill(CONFIG)
    says(page, "Goes to topic money, partition 1 (0–11).")
    expect(page.get_by_label("Sample")).to_have_value("")
    steps = page.locator(".steps li")
    expect(steps).to_have_count(3)
    expect(steps.nth(0)).to_contain_text("the message has no integrations")
    expect(steps.nth(1)).to_contain_text('message.type is "track"')
    expect(steps.nth(2)).to_contain_text("Config.eventToTopicMap")

    # With one more character, the map has no entry for the event.
    event.press("Control+End")
    for _ in range(len('", "userId": "u-42"}')):
        event.press("ArrowLeft")
    event.press_sequentially("!")
    says(page, "Goes to topic events, partition 1 (0–11).")
    expect(steps).to_have_count(4)
    expect(steps.nth(2)).to_contain_text('eventToTopicMap has no entry for "Paid!"')
    expect(page.get_by_label("Response", exact=True)).to_contain_text('"topic": "events"')

    page.get_by_label("Partitions").fill("3")
    says(page, "Goes to topic events, partition 1 (0–2).")
    page.get_by_label("Partitions").fill("0")
    says(page, "The number of partitions is invalid.")
    page.get_by_label("Partitions").fill("")
    says(page, "Goes to topic events.")
    page.get_by_label("Destination type").select_option("azure_event_hub")
    expect(steps.nth(1)).to_contain_text("not for azure_event_hub")
    page.context.close()


def errors(browser):
    page = open_page(browser)
    event, destination = page.get_by_label("Event", exact=True), page.get_by_label("Destination", exact=True)
    event.fill('{\n  "type": "track"\n  "userId": "u"\n}')
    says(page, "The event is not valid JSON.")
    error = page.locator("#event-error")
    expect(error).to_contain_text('Line 3, column 3: expected a comma or }, not ".')
    expect(event).to_have_attribute("aria-invalid", "true")
    shoot(page, "error")
    error.get_by_role("button", name="Go to error").click()
    expect(event).to_be_focused()
    event.press("ArrowLeft")
    event.press_sequentially(",")
    expect(error).to_be_hidden()
    says(page, "Goes to topic events, partition 8 (0–11).")

    event.fill('{"message": {"userId": "<img src=x onerror=alert(1)>"}, "metadata": null}')
    says(page, "Rejected: the event has no metadata.")
    expect(page.locator(".rejection")).to_contain_text("metadata_missing")
    shoot(page, "rejected")
    # Input is never interpreted as markup.
    event.fill('{"userId": "<img src=x onerror=alert(1)>", "event": "<b>"}')
    expect(page.locator(".fact.key .big")).to_have_text("<img src=x onerror=alert(1)>")
    assert page.locator("img").count() == 0

    event.fill(f"[{','.join(['{}'] * 101)}]")
    says(page, "the request has more than 100 events.")
    event.fill('{"id": 12345678901234567890, "n": 1.0, "s": "\\ud800"}\n{"userId": "second"}')
    says(page, "2 events: 2 produced, 0 rejected.")
    expect(page.get_by_label("Response", exact=True).first).to_contain_text('"id": 12345678901234567890, "n": 1.0, "s": "\\ud800"')
    expect(page.locator("details.event")).to_have_count(2)
    event.fill("")
    says(page, "Paste an event, or pick a sample.")

    event.fill(TRACK)
    destination.fill('{"topic": "t", "password": "hunter2", "Config": {"apiSecret": "hunter3"}}')
    expect(page.locator("#destination-note")).to_contain_text("password, Config.apiSecret: not needed here")
    page.context.close()


SECRET_EVENT = {
    "message": {
        "type": "track",
        "context": {"headers": {"Authorization": "Bearer hunter-a", "X-Session": "hunter-b"}},
        "properties": {
            "body": json.dumps({"password": "hunter-c", "kept": 1}),
            "list": [{"name": "api_key", "value": "hunter-d"}, {"name": "color", "value": "red"}],
            "url": "https://bob:hunter-e@example.com/",
        },
    },
    "metadata": {"secret": {"access_token": "hunter-f", "nested": [{"x": "hunter-g"}]}, "rudderId": "r"},
}
SECRET_DESTINATION = {
    "ID": "d",
    "Config": {
        "topic": "money",
        "password": "hunter-h",
        "sshPrivateKey": "-----BEGIN hunter-i",
        "caCertificate": "hunter-j",
        "customKey": "-----BEGIN PRIVATE KEY----- hunter-k",
    },
}


def sharing(browser):
    page = open_page(browser)
    event, destination = page.get_by_label("Event", exact=True), page.get_by_label("Destination", exact=True)
    event.fill(json.dumps(SECRET_EVENT))
    destination.fill(json.dumps(SECRET_DESTINATION))
    says(page, "Goes to topic money, partition 5 (0–11).")
    assert page.url == f"{address}/", "typing does not change the address"
    page.locator("#copy-link").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("event: metadata.secret.access_token")
    expect(dialog).to_contain_text("destination: Config.sshPrivateKey")
    assert page.url == f"{address}/", "opening the dialog does not change the address"
    shoot(page, "link")
    dialog.get_by_role("button", name="Copy link").click()
    expect(page.locator("#share-copy")).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url == page.locator("#share-link").input_value(), link
    state = state_of(link)
    assert "hunter" not in json.dumps(state), state
    kept = json.loads(state["e"])
    assert kept["message"]["properties"]["list"][1]["value"] == "red", kept
    assert json.loads(kept["message"]["properties"]["body"]) == {"password": "", "kept": 1}, kept
    assert json.loads(state["d"])["Config"]["topic"] == "money", state
    # The dialog shows exactly what the link contains.
    shown = dialog.locator("pre").all_text_contents()
    assert shown == [state["e"], state["d"]], shown
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    before = page.url
    destination.fill("kind: destination\nspec:\n  type: kafka\n  config:\n    topic: t\n    password: hunter-l\n")
    says(page, "Goes to topic t, partition 5 (0–11).")
    assert page.url == before
    page.locator("#copy-link").click()
    expect(dialog).to_contain_text("the whole destination: it is not JSON")
    assert state_of(page.locator("#share-link").input_value())["d"] == ""
    page.get_by_role("button", name="Close").click()
    event.fill('{"password": "hunter-m"')
    page.locator("#copy-link").click()
    expect(page.get_by_role("alert")).to_contain_text("The event is not valid JSON")
    event.fill(json.dumps({"x": "y" * 60_000}))
    page.locator("#copy-link").click()
    expect(page.get_by_role("alert")).to_have_text("The input is too long for a link.")
    page.context.close()


def stale(browser):
    page = open_page(browser)
    says(page, "Goes to topic orders, partition 1 (0–11).")
    held = []
    page.route("**/explain", lambda route: held.append(route))
    event = page.get_by_label("Event", exact=True)
    event.press("Control+End")
    event.press(" ")
    expect(page.locator("body")).to_have_class("stale")
    expect(page.locator("#results")).to_have_attribute("aria-busy", "true")
    page.unroute("**/explain")
    event.fill("{")
    says(page, "The event is not valid JSON.")
    assert page.locator("#results > *").count() == 0, "the result of the previous input is removed"
    event.fill(TRACK)
    expect(page.locator("#results > *")).to_have_count(1)
    expect(page.locator("body")).not_to_have_class("stale")
    page.context.close()


def overview(browser):
    page = open_page(browser)
    event, destination = page.get_by_label("Event", exact=True), page.get_by_label("Destination", exact=True)
    destination.fill(CONFIG)
    event.fill(f'[{TRACK}, {TRACK}, {{"message": {{}}, "metadata": null}}, {{"event": "<b>"}}]')
    says(page, "4 events: 3 produced, 1 rejected.")
    tables = page.locator(".overview table")
    expect(tables).to_have_count(5)
    rows = tables.evaluate_all("tables => tables.map(table => [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent).join(' ')))")
    assert rows[0] == ["rejected: metadata_missing 1 25%"], rows
    assert rows[1] == ["money 2 50%", "events 1 25%"], rows
    assert rows[4] == ["1 2 50%", "5 1 25%"], rows

    findings = page.locator("#findings")
    expect(findings).to_contain_text("host/missing")
    destination.fill('{"topic": "t", "hostName": "kafka.example.com", "port": "9092"}')
    expect(findings).to_contain_text("No problems found")
    event.fill(json.dumps({"userId": "u" * 5000}))
    more = page.get_by_role("button", name="Show all 5,000 characters").first
    more.click()
    expect(page.locator(".fact.key .big code, .fact.key .big span").first).to_have_text("u" * 5000)
    expect(page.get_by_role("button", name="Show less")).to_be_focused()
    links = page.get_by_label("Service").get_by_role("link")
    assert links.all_text_contents()[:2] == ["Live view", "API"] and "Metrics (port " in links.last.text_content()
    expect(page.get_by_label("Service")).to_contain_text("Version ")
    page.context.close()


def dropped(browser):
    page = open_page(browser)
    event, destination = page.get_by_label("Event", exact=True), page.get_by_label("Destination", exact=True)
    status = page.get_by_role("status")
    page.get_by_label("Sample").select_option("Topic name that Kafka does not allow")
    expect(status).to_contain_text("Does not reach Kafka: Kafka does not allow the name of the topic")
    expect(status).to_have_class("undeliverable")
    expect(page.locator(".problems")).to_contain_text("topic_illegal")
    right = page.evaluate("getComputedStyle(document.querySelector('.fact.key .big')).color")
    wrong_topic = page.evaluate("getComputedStyle(document.querySelector('.fact.topic .big')).color")
    assert right != wrong_topic
    shoot(page, "dropped")
    event.fill(TRACK)
    destination.fill("{}")
    expect(status).to_contain_text("Config.topic is empty")

    fields = [{"name": "total", "type": "double"}, {"name": "integrations", "type": {"type": "map", "values": {"type": "map", "values": "string"}}}]
    schema = json.dumps({"type": "record", "name": "E", "fields": fields})
    destination.fill(json.dumps({"topic": "t", "convertToAvro": True, "avroSchemas": [{"schemaId": "1", "schema": schema}]}))
    event.fill('{"total": null, "coupon": "x", "integrations": {"kafka": {"schemaId": "1"}}}')
    expect(page.locator(".problems")).to_contain_text("message/coupon")
    expect(page.locator(".warnings")).to_contain_text("avro_null_is_nan")
    event.fill('{"total": null, "integrations": {"kafka": {"schemaId": "1"}}}')
    says(page, "Goes to topic t, partition 5 (0–11).")
    expect(page.locator(".warnings")).to_contain_text("message/total")

    one = '{"id": "%s", "name": "%s", "type": "KAFKA", "config": {"topic": "%s"}}'
    destination.fill(f"[{one % ('a', 'A', 'first')}, {one % ('b', 'B', 'second')}]")
    says(page, "There are 2 destinations: choose one.")
    page.get_by_label("Which destination").select_option("1")
    says(page, "Goes to topic second, partition 5 (0–11).")
    shoot(page, "choice")
    destination.fill("kind: destination\nspec:\n  type: kafka\n  config:\n    topic: from-yaml\n")
    says(page, "Goes to topic from-yaml, partition 5 (0–11).")
    expect(page.get_by_label("Which destination")).to_be_hidden()
    page.context.close()


def keyboard(browser):
    page = open_page(browser)
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        if seen[-1] == "copy-link":
            break
    # Focus moves in visual order, and a text field does not trap it.
    assert seen == ["Live view", "API", "sample", "event", "family", "partitions", "destination", "copy-link"], seen
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", outline
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.locator("#share-copy").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#share-copy")).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url and urlsplit(link).fragment, link
    page.keyboard.press("Escape")
    expect(page.locator("#copy-link")).to_be_focused()
    for _ in range(5):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowDown")
    says(page, "Goes to topic people, partition 1 (0–11).")
    page.get_by_label("Sample").focus()
    page.get_by_label("Sample").select_option("Several complete events, one of them rejected")
    says(page, "3 events: 2 produced, 1 rejected.")
    second = page.locator("details.event").nth(1)
    second.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(second.locator(".fact.topic .big")).to_have_text("views")
    shoot(page, "several")
    page.context.close()


def links(browser):
    state = {"e": '{"userId":"ü😀"}', "d": '{"topic":"linked"}', "f": "confluent_cloud", "p": "7"}
    page = open_page(browser, f"/{fragment_of(state)}")
    expect(page.locator(".fact.topic .big")).to_have_text("linked")
    expect(page.locator(".fact.key .big")).to_have_text("ü😀")
    expect(page.get_by_label("Destination type")).to_have_value("confluent_cloud")
    expect(page.get_by_label("Partitions")).to_have_value("7")
    # Typing does not change the address. Another address changes the fields.
    page.get_by_label("Partitions").fill("8")
    expect(page.locator(".fact.partition")).to_contain_text("of 0–7")
    assert state_of(page.url) == state, page.url
    page.evaluate("fragment => { location.hash = fragment }", fragment_of({**state, "d": '{"topic":"other"}'}))
    expect(page.locator(".fact.topic .big")).to_have_text("other")
    page.context.close()
    garbage = ["#", "#v1.", "#v1.%%%", "#v1.AAAA", "#v2.e30", "#<script>", "#v1." + "A" * 100_000, fragment_of([1]), fragment_of({"e": 1})]
    for fragment in garbage:
        page = open_page(browser, f"/{fragment}")
        says(page, "Goes to topic orders, partition 1 (0–11).")
        page.context.close()
    page = open_page(browser, f"/{fragment_of({**state, 'f': 'kinesis', 'p': 'x', 'e': 'not json'})}")
    says(page, "The event is not valid JSON.")
    page.context.close()


def looks(browser):
    light = open_page(browser, color_scheme="light", viewport={"width": 1360, "height": 900})
    dark = open_page(browser, color_scheme="dark", viewport={"width": 1360, "height": 900})
    ground = "getComputedStyle(document.body).backgroundColor"
    assert light.evaluate(ground) != dark.evaluate(ground)
    shoot(dark, "dark")
    narrow = open_page(browser, viewport={"width": 360, "height": 740})
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 360, "a narrow screen scrolls horizontally"
    assert narrow.get_by_role("status").bounding_box()["y"] < 740, "the result is not visible while typing"
    shoot(narrow, "narrow")
    for page in (light, dark, narrow):
        assert page.evaluate(CONTRAST) == [], page.evaluate(CONTRAST)
        page.context.close()


# Returns text whose contrast with its background is below 4.5 to 1.
CONTRAST = """() => {
  const channel = (value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = (rgb) => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = numbers(getComputedStyle(node).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *")) {
    const hasText = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim() !== "");
    if (!hasText || node.closest("noscript, option")) continue;
    const [one, other] = [luminance(numbers(getComputedStyle(node).color)), luminance(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) faint.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)}: ${node.textContent.slice(0, 40)}`);
  }
  return faint;
}"""

# Checks that the page's JSON scanner accepts the same texts as the browser's parser, and that formatting keeps the value.
READER = """async () => {
  const { scan, tidy } = await import("/page/json.js");
  const parts = ["{", "}", "[", "]", ",", ":", '"a"', "1", "true", '"\\\\u0041"', '"\\\\x"', " ", "-", "0", ".5", "e3", "null", "\\n", '"'];
  let seed = 7;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const differ = [];
  let valid = 0;
  for (let round = 0; round < 200000; round += 1) {
    const text = Array.from({ length: 1 + random(9) }, () => parts[random(parts.length)]).join("");
    let value;
    let isValid = true;
    try { value = JSON.parse(text); } catch { isValid = false; }
    const { error, values } = scan(text);
    const taken = error === null && values.length === 1;
    if (taken !== isValid && !(error === null && values.length !== 1)) differ.push(text);
    if (isValid) {
      valid += 1;
      if (JSON.stringify(JSON.parse(tidy(text))) !== JSON.stringify(value)) differ.push(tidy(text));
    }
  }
  return { differ, valid };
}"""


def reader(browser):
    page = open_page(browser)
    result = page.evaluate(READER)
    assert result["valid"] > 1000 and not result["differ"], result
    page.context.close()


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    for part in (typing, errors, sharing, stale, overview, dropped, keyboard, links, looks, reader):
        part(browser)
        print(f"/: {part.__name__} works", flush=True)
    browser.close()

elsewhere = [url for _, url in asked if not url.startswith(f"{address}/") and urlsplit(url).scheme != "data"]
assert not elsewhere, f"requests to other hosts: {elsewhere}"
assert all("v1." not in url.split("#")[0] for _, url in asked), "the state in a link was sent to a server"
# The browser reports rejected requests in the console. Rejections with 400 and 413 are expected.
complaints = [line for line in wrong if "413" not in line and "400" not in line]
assert not complaints, f"errors in the console: {complaints}"
print(f"/: {len(asked)} requests, all to {address}, {sum(method == 'POST' for method, _ in asked)} of them to explain")
