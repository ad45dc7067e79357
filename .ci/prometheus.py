#!/usr/bin/env python3
"""Tests the alerts and the dashboard with a real Prometheus.

Usage: .ci/prometheus.py BINARY [ALERT ...]

For each alert, Prometheus scrapes this service, an unrelated process (Prometheus itself), and a peer that exposes
rudder-transformer's metrics with alarming values. The script then triggers the cause of the alert in the service, and exactly
this alert must fire. The rules are a copy with short `for:` times and a lower memory threshold. Finally, every query of the
dashboard must return data.

Needs `prometheus` (Debian's package) and `openssl`.
"""

import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
DASHBOARD = ROOT / "deploy/grafana/dashboard.json"
#: Metrics that require a real rudder-transformer as upstream.
NEEDS_THE_REFERENCE = ["kafka_transformer_shadow_intended_differences_total"]
#: The number of seconds within which an alert must fire.
PATIENCE = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, condition, patience=PATIENCE):
    """Waits for a condition and returns its value."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise SystemExit(f"still waiting after {patience} s: {what}")
        time.sleep(0.2)


class Peer(http.server.BaseHTTPRequestHandler):
    """A rudder-transformer whose metrics look alarming, and whose responses differ from this service's."""

    protocol_version = "HTTP/1.1"
    scrapes = 0

    def do_GET(self):
        if self.path != "/metrics":
            return self.respond(b'{"supportSourceTransformV1":true}', "application/json")
        Peer.scrapes += 1
        count = 1000 * Peer.scrapes
        lines = ["process_resident_memory_bytes 9e12", "transformer_http_concurrent_requests 500"]
        for code in ["400", "500", "502", "504"]:
            labels = f'method="POST",code="{code}",route="/v0/destinations/kafka",destType="kafka"'
            lines += [
                f'transformer_http_request_duration_bucket{{{labels},le="10"}} 0',
                f'transformer_http_request_duration_bucket{{{labels},le="+Inf"}} {count}',
                f"transformer_http_request_duration_count{{{labels}}} {count}",
                f"transformer_http_request_duration_sum{{{labels}}} {count * 60}",
            ]
        lines.append(f'transformer_dest_transform_input_events_sum{{destination="kafka"}} {count * 1000000}')
        self.respond("\n".join(lines).encode() + b"\n", "text/plain; version=0.0.4")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.respond(b'[{"output":{"message":{},"userId":"someone else","topic":"t"},"metadata":{},"statusCode":200}]', "application/json")

    def respond(self, body, content_type):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("apiVersion", "2")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def peer():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    server.daemon_threads = True
    # A Prometheus that exits aborts its scrapes.
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


class Service:
    """A running instance of the service."""

    def __init__(self, binary, folder, flags=(), stderr=None):
        self.port, self.metrics = free_port(), free_port()
        command = [binary, "--host=127.0.0.1", f"--port={self.port}", f"--metrics-port={self.metrics}", "--workers=1", *flags]
        environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
        log = open(stderr or folder / "service.log", "ab")
        self.process = subprocess.Popen(command, env=environment, stderr=log)
        log.close()
        until("the service starts", lambda: self.get("/health") == 200)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}{path}", timeout=5) as response:
                return response.status
        except OSError:
            return None

    def post(self, path, events, status=None, **more):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        body = events if isinstance(events, bytes) else json.dumps(events).encode()
        connection.request("POST", path, body, {"Content-Type": "application/json", **more})
        response = connection.getresponse()
        response.read()
        connection.close()
        assert status in (None, response.status), f"{path}: {response.status}"

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


def event(user="u", topic="orders", **changed):
    config = {"topic": topic} if topic else {}
    metadata = {"jobId": 1, "destinationId": "d-1", "sourceId": "s-1", "workspaceId": "w-1"}
    return {"message": {"userId": user}, "metadata": metadata, "destination": {"ID": "d-1", "Config": config}, **changed}


KAFKA = "/v0/destinations/kafka"


def good(service):
    service.post(KAFKA, [event(f"u-{number}") for number in range(20)], 200)


def rejected(service):
    service.post(KAFKA, [event(), event(message=7)], 200)


def without_topic(service):
    service.post(KAFKA, [event(topic=None)], 200)


def empty_keys(service):
    service.post(KAFKA, [event(user="")], 200)


def malformed(service):
    service.post(KAFKA, b"[{", 400)


def unserved(service):
    service.post("/customTransform", [], 503)


def overloaded(service):
    """Requires MAX_IN_FLIGHT_BYTES=200000. One request uses most of this memory while other requests arrive."""
    body = b'{"destType":"kafka","input":[' + b" " * 140_000 + b"]}"
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as first:
        head = f"POST /batch HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        first.sendall(head.encode() + body[:-1])
        for _ in range(10):
            service.post(KAFKA, b"[" + b" " * 60_000 + b"]")
        first.sendall(body[-1:])
        first.recv(100)


def unreachable(service):
    service.post("/v0/destinations/webhook", [event()], 502)


def slow(service):
    body = json.dumps([event()]).encode()
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        head = f"POST {KAFKA} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body[:10])
        time.sleep(3)
        connection.sendall(body[10:])
        assert b" 200 " in connection.recv(100)


def shadowed(service):
    service.post(KAFKA, [event()], 200)


class Connections:
    """Opens connections and keeps them idle."""

    def __init__(self):
        self.open = []

    def __call__(self, service):
        while len(self.open) < 19:
            self.open.append(socket.create_connection(("127.0.0.1", service.port)))


def dies(service):
    service.stop()


def certificate(folder, days=5):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x",
         "-days", str(days), "-keyout", folder / "tls.key", "-out", folder / "tls.crt"],
        check=True, capture_output=True,
    )
    return [f"--tls-cert-file={folder / 'tls.crt'}", f"--tls-key-file={folder / 'tls.key'}"]


def scenarios(folder, peer_port):
    """Returns for each alert the flags of the service, a function that triggers the alert, and optionally a file for stderr."""
    upstream = f"--upstream-transformer-url=http://127.0.0.1:{peer_port}"
    nowhere = f"--upstream-transformer-url=http://127.0.0.1:{free_port()}"
    return {
        "KafkaTransformerEventsRejected": ([], rejected),
        "KafkaTransformerEventsWithoutTopic": ([], without_topic),
        "KafkaTransformerEmptyPartitionKeys": ([], empty_keys),
        "KafkaTransformerRequestsRejected": ([], malformed),
        "KafkaTransformerUnserved": ([], unserved),
        "KafkaTransformerOverloaded": (["--max-in-flight-bytes=200000"], overloaded),
        "KafkaTransformerErrors": ([nowhere], unreachable),
        "KafkaTransformerSlow": ([], slow),
        "KafkaTransformerMemory": (["--max-in-flight-bytes=1000000"], good),
        "KafkaTransformerConnectionsNearLimit": (["--max-connections=20", "--keep-alive=3600"], Connections()),
        "KafkaTransformerCertificateExpires": (certificate(folder), None),
        "KafkaTransformerLogLost": (["--log-level=debug"], good, "/dev/full"),
        "KafkaTransformerShadowDifferences": ([upstream, "--shadow-percent=100"], shadowed),
        "KafkaTransformerDown": ([], dies),
    }


class Prometheus:
    """A Prometheus server that scrapes itself, the peer and the given instances."""

    def __init__(self, folder, services, peer_port, rules):
        self.port = free_port()
        scraped = [f"127.0.0.1:{service.metrics}" for service in services]
        configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "scrape_configs": [
                {"job_name": name, "static_configs": [{"targets": targets}]}
                for name, targets in [
                    ("kafka-routing", scraped),
                    ("rudder-transformer", [f"127.0.0.1:{peer_port}"]),
                    ("prometheus", [f"127.0.0.1:{self.port}"]),
                ]
            ],
        }
        # JSON is also YAML.
        (folder / "prometheus.yml").write_text(json.dumps(configuration))
        data = folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        log = open(folder / "prometheus.log", "ab")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={data}",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
            stdout=log, stderr=log,
        )
        log.close()
        until("Prometheus starts", lambda: self.query("up"))
        until("all targets are scraped", lambda: len([s for s in self.query("up == 1")]) == len(services) + 2)

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)["data"]

    def query(self, text):
        try:
            return self.ask("query", query=text)["result"]
        except (urllib.error.URLError, ConnectionError):
            return []

    def firing(self):
        alerts = self.ask("alerts")["alerts"]
        return {alert["labels"]["alertname"]: alert for alert in alerts if alert["state"] == "firing"}

    def stop(self):
        self.process.terminate()
        self.process.wait()


def short_rules(folder):
    """Writes two copies of the rules with shorter durations. The second copy also has a lower memory threshold."""
    text = ALERTS.read_text()
    text, count = re.subn(r"(?m)^( +for: ).*$", r"\g<1>2s", text)
    assert count >= 8, "the rules no longer have for: times"
    lowered = text.replace("+ 6e7", "+ 1e6")
    assert lowered != text, "the memory threshold has changed"
    rules, with_less_memory = folder / "rules.yaml", folder / "less-memory.yaml"
    rules.write_text(text)
    with_less_memory.write_text(lowered)
    return rules, with_less_memory


def prove(name, scenario, binary, folder, peer_port, rules):
    flags, cause, *stderr = scenario
    service = Service(binary, folder, flags, *stderr)
    prometheus = Prometheus(folder, [service], peer_port, rules)
    try:
        quiet = name in ("KafkaTransformerCertificateExpires", "KafkaTransformerMemory", "KafkaTransformerLogLost")
        if not quiet:
            # Several evaluations before the cause of this alert is triggered.
            time.sleep(4)
            assert not prometheus.firing(), f"{name}: {sorted(prometheus.firing())} fire before the cause is triggered"
        deadline = time.monotonic() + PATIENCE
        while name not in prometheus.firing():
            assert time.monotonic() < deadline, f"{name} does not fire; firing: {sorted(prometheus.firing())}"
            if cause:
                cause(service)
            time.sleep(0.5)
        time.sleep(3)
        firing = prometheus.firing()
        assert set(firing) == {name}, f"{name}: {sorted(firing)} fire"
        annotations = firing[name]["annotations"]
        assert "<no value>" not in json.dumps(annotations), annotations
        print(f"ok   {name}: {annotations['summary']}", flush=True)
    finally:
        prometheus.stop()
        service.stop()


def panels(binary, folder, peer_port, rules):
    """Runs every query of the dashboard while the services handle all kinds of requests."""
    upstream = f"--upstream-transformer-url=http://127.0.0.1:{peer_port}"
    alone = Service(binary, folder, ["--max-in-flight-bytes=200000", "--destination-metrics=10"])
    behind = Service(binary, folder, [upstream, "--shadow-percent=100"])
    encrypted = Service(binary, folder, certificate(folder, 90))
    services = [alone, behind, encrypted]
    prometheus = Prometheus(folder, services, peer_port, rules)
    try:
        template = "{{ message.type || t }}"
        for _ in range(15):
            for cause in [good, rejected, without_topic, empty_keys, malformed, unserved, overloaded]:
                cause(alone)
            alone.post(KAFKA, [event(topic=template)], 200)
            behind.post("/v0/destinations/webhook", [event()], 200)
            behind.post(KAFKA, [event()], 200)
            time.sleep(0.7)
        time.sleep(2)
        values = {
            "$__rate_interval": "60s",
            "$job": "|".join(sorted({one["metric"]["job"] for one in prometheus.query("kafka_transformer_build_info")})),
            "$instance": "|".join(one["metric"]["instance"] for one in prometheus.query("kafka_transformer_build_info")),
        }
        assert values["$job"] == "kafka-routing", values
        failed = []
        queries = 0
        for panel in json.loads(DASHBOARD.read_text())["panels"]:
            for target in panel.get("targets", []):
                text = target["expr"]
                for name, value in values.items():
                    text = text.replace(name, value.replace("\\", "\\\\"))
                queries += 1
                result = prometheus.query(text)
                labels = re.findall(r"{{(\w+)}}", target["legendFormat"])
                blank = [label for label in labels for one in result if label not in one["metric"]]
                if not result and any(metric in text for metric in NEEDS_THE_REFERENCE):
                    continue
                if not result or blank:
                    failed.append(f"{panel['title']}: {'no label ' + blank[0] if blank else 'no data'}: {text}")
        assert not failed, "\n".join(failed)
        print(f"ok   {queries} queries of the dashboard return data", flush=True)
    finally:
        prometheus.stop()
        for service in services:
            service.stop()


def main():
    binary, *names = sys.argv[1:]
    if not shutil.which("prometheus"):
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "prometheus"], check=True)
    listed = re.findall(r"- alert: (\w+)", ALERTS.read_text())
    with tempfile.TemporaryDirectory() as temporary, peer() as peer_port:
        folder = pathlib.Path(temporary)
        rules, with_less_memory = short_rules(folder)
        all_of_them = scenarios(folder, peer_port)
        assert set(listed) == set(all_of_them), f"alerts and scenarios differ: {set(listed) ^ set(all_of_them)}"
        failed = []
        for name, scenario in all_of_them.items():
            if names and name not in names:
                continue
            try:
                own_rules = with_less_memory if name == "KafkaTransformerMemory" else rules
                prove(name, scenario, binary, folder, peer_port, own_rules)
            except AssertionError as problem:
                failed.append(f"{problem}")
                print(f"FAIL {problem}", flush=True)
        if not names or "panels" in names:
            try:
                panels(binary, folder, peer_port, rules)
            except AssertionError as problem:
                failed.append(f"{problem}")
                print(f"FAIL {problem}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
