#!/usr/bin/env python3
"""Creates the initial inputs for fuzzing from test-fixtures, in one subfolder of FOLDER per target: seeds.py FOLDER."""

import base64
import gzip
import hashlib
import json
import pathlib
import shutil
import sys

FIXTURES = pathlib.Path(__file__).parent.parent / "test-fixtures"
# The maximum size of a seed, in bytes. Longer inputs slow down every run without reaching more code.
MAX_BYTES = 4096
# The number that stands for each destination type in the first byte of an `engine` or `oracle` input.
FAMILIES = {"kafka": 0, "azure_event_hub": 1, "confluent_cloud": 2}
COMPACTED = "json+compactedv1"


def requests():
    """Yields the method, path, headers and body of each case's request."""
    for folder in ["processor", "batch", "explain", "service"]:
        for file in sorted((FIXTURES / folder).glob("*.json")):
            case = json.loads(file.read_text())["input"]["request"]
            if "rawBodyHex" in case:
                body = bytes.fromhex(case["rawBodyHex"])
            elif "rawBody" in case:
                body = case["rawBody"].encode("utf-8", "surrogatepass")
            else:
                body = json.dumps(case["body"], separators=(",", ":")).encode() if "body" in case else b""
            path = case.get("path", "/v0/destinations/kafka")
            yield case.get("method", "POST"), path, case.get("headers", {}), body
    for file in sorted((FIXTURES / "recorded").glob("*.ndjson.gz")):
        with gzip.open(file, "rt") as lines:
            # A tenth of the cases reaches as much code as all cases.
            for line in list(lines)[::10]:
                case = json.loads(line)
                yield case["method"], case["path"], case["headers"], case["rawBody"].encode("utf-8", "surrogatepass")
    for file in sorted((FIXTURES / "tools").glob("*.json")):
        case = json.loads(file.read_text())
        messages = case["events"] if isinstance(case["events"], list) else [case["events"]]
        shared = {"metadata": {"destinationId": "d"}, "destination": {"ID": "d", "Config": case["destination"]}}
        events = [{"message": message, **shared} for message in messages]
        yield "POST", "/v0/destinations/kafka", {}, json.dumps(events, separators=(",", ":")).encode()


def strings(value):
    """Yields every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)


def on_one_line(text):
    return text.replace("\n", " ").encode("utf-8", "replace")


def of_requests():
    scalars = ["-0", "1e21", "1e-7", "0.1", "123456789012345680", "[[],[null,1.0],{}]", '"\\ufeff a "', "[1,[2,[3]]]"]
    yield from (("javascript", text.encode()) for text in scalars)
    for method, path, headers, body in requests():
        compacted = headers.get("X-Content-Format", "").strip().lower() == COMPACTED
        family = next((number for name, number in FAMILIES.items() if name in path.lower()), 0)
        endpoint = 2 if path.startswith("/batch") else 3 if path.lower().startswith("/routertransform") else 0
        yield "engine", bytes([int(compacted) | family << 1 | endpoint << 3]) + body
        yield "scan", body
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if "Content-Encoding" not in headers:
            line = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{head}"
            yield "http", f"{line}Content-Length: {len(body)}\r\n\r\n".encode() + body
            chunk = f"{len(body):x}\r\n".encode() + body
            yield "http", f"{line}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk + b"\r\n0\r\n\r\n"
        if compacted or endpoint:
            continue
        yield "oracle", bytes([family]) + body
        try:
            events = json.loads(body)
        except ValueError:
            continue
        for event in events if isinstance(events, list) else []:
            if not isinstance(event, dict) or not isinstance(event.get("destination"), dict):
                continue
            found = [text for text in strings(event["destination"].get("Config")) if "{{" in text]
            lines = (found + ["{{ event.type || x }}", "t", ""])[:3]
            message = json.dumps(event.get("message"), ensure_ascii=False).encode("utf-8", "replace")
            yield "templates", b"\n".join([*map(on_one_line, lines), message])
            yield "javascript", message


def of_checks():
    certificates = FIXTURES / "check" / "certificates"
    for file in sorted((FIXTURES / "check").glob("*.json")):
        value = json.dumps(json.loads(file.read_text()).get("input"))
        for certificate in certificates.iterdir():
            value = value.replace(f'"@certificates/{certificate.name}"', json.dumps(certificate.read_text()))
        yield "check", b"\0" + value.encode()
        yield "check", b"\1" + value.encode()
    for certificate in sorted(certificates.iterdir()):
        text = certificate.read_text()
        yield "check", b"\6" + text.encode()
        try:
            yield "check", b"\7" + base64.b64decode("".join(text.split("-----")[2].split()))
        except ValueError:
            pass


def of_typescript():
    for file in sorted((FIXTURES / "typescript").rglob("*.[tj]s")):
        text = file.read_text()
        yield "typescript", text.encode()
        # Each part of 20 lines is a seed as well, so that fuzzing also starts in the middle of files.
        lines = text.splitlines(keepends=True)
        for start in range(0, len(lines), 20):
            yield "typescript", ("export const data = [" + "".join(lines[start : start + 20])).encode()
    for _, _, _, body in requests():
        yield "typescript", body
        yield "typescript", b"export default " + body


def main(folder):
    shutil.rmtree(folder, ignore_errors=True)
    targets = {}
    for maker in [of_requests, of_checks, of_typescript]:
        for target, seed in maker():
            if 0 < len(seed) <= MAX_BYTES:
                into = pathlib.Path(folder) / target
                into.mkdir(parents=True, exist_ok=True)
                (into / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
                targets[target] = None
    print("seeds:", ", ".join(f"{target} {len(list((pathlib.Path(folder) / target).iterdir()))}" for target in targets))


if __name__ == "__main__":
    main(sys.argv[1])
