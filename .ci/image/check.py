"""Runs the image. Checks its health check, requests, metrics, shutdown, tools and CA certificates.

Usage: check.py ARCHIVE KAFKA_LIBRARIES
"""

import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "kafka")]

import broker  # noqa: E402
import checks  # noqa: E402
import container  # noqa: E402
from checks import check  # noqa: E402

LARGEST = 25_000_000
ROOTS = "/etc/ssl/certs/ca-certificates.crt"
EVENT = {
    "message": {"type": "track", "event": "Order Completed", "userId": "u-42"},
    "metadata": {"jobId": 1, "rudderId": "r-1", "destinationId": "d-1"},
    "destination": {"ID": "d-1", "Config": {"topic": "orders"}},
}


def fetch(url, body=None):
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"} if body else {})
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read().decode()


def contents(image):
    """Checks the files of the image and its configuration."""
    size = sum(image.files.values())
    others = set(image.files) - {"rudder-kafka-transformer", ROOTS[1:]}
    check(f"the image contains the binary, the CA certificates and {len(others)} libraries", len(image.files) == len(others) + 2
          and all(re.fullmatch(r"lib(64)?(/[^/]*)?/(ld-linux|lib(c|gcc_s|m)\.so)[^/]*", name) for name in others), list(image.files))
    check(f"the image has {size / 1e6:.1f} MB, at most 25", size <= LARGEST, size)
    roots = ssl.create_default_context(cafile=image.root / ROOTS[1:]).get_ca_certs()
    check(f"the image has {len(roots)} CA certificates", len(roots) > 100)
    config = image.config
    check("user 65532", config["User"] == "65532:65532", config["User"])
    check("ports", set(config["ExposedPorts"]) == {"9090/tcp", "9091/tcp"}, config["ExposedPorts"])
    check("stop signal", config["StopSignal"] in ("SIGTERM", "15"), config["StopSignal"])
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    missing = {"title", "description", "licenses", "version", "revision"} - {name for name, value in labels.items() if value}
    check("OCI labels", not missing, missing)
    printed = image.run(["--version"])
    check(f"version {labels['version']}", printed.stdout.split()[-1:] == [labels["version"]], printed)


def service(image):
    """Checks the service from startup to SIGTERM."""
    port, metrics = broker.free_ports(2)
    environment = {"PORT": str(port), "METRICS_PORT": str(metrics), "HOST": "127.0.0.1", "LOG_FORMAT": "json"}
    check("unhealthy before it starts", image.health(environment).returncode == 1)
    running = image.start(environment)
    try:
        began, healthy = time.monotonic(), None
        while time.monotonic() < began + 30:
            healthy = image.health(environment)
            if healthy.returncode == 0:
                break
        check("healthy according to the image's health check", healthy.returncode == 0, healthy.stderr)
        status = running.status()
        check("runs as 65532 without privileges", (status["Uid"].split()[1], status["Gid"].split()[1], int(status["CapEff"], 16),
              status["NoNewPrivs"], status["Groups"]) == ("65532", "65532", 0, "1", ""), status)
        check("the root file system is read-only", "ro" in running.root_options(), running.root_options())
        commit = json.loads(fetch(f"http://127.0.0.1:{port}/health")).get("gitCommitSha")
        check("reports its commit", commit == image.config["Labels"]["org.opencontainers.image.revision"], commit)
        answer = json.loads(fetch(f"http://127.0.0.1:{port}/v0/destinations/kafka", json.dumps([EVENT]).encode()))
        check("transforms an event", (answer[0]["statusCode"], answer[0]["output"]["topic"]) == (200, "orders"), answer)
        lines = fetch(f"http://127.0.0.1:{metrics}/metrics").splitlines()
        counted = [line for line in lines if line.startswith("kafka_transformer_events_by_topic_rule_total") and line.endswith(" 1")]
        resident = next(float(line.split()[1]) for line in lines if line.startswith("process_resident_memory_bytes"))
        check(f"counts the event; {resident / 1e6:.1f} MB resident", len(counted) == 1, counted)
        code, output = running.stop(signal.SIGTERM)
        check("exits with code 0 after SIGTERM", code == 0, f"{code}\n{output}")
        logged = [json.loads(line) for line in output.splitlines()]
        check(f"{len(logged)} log lines, all JSON, none above info", logged and all(line["level"] == "INFO" for line in logged), output)
    finally:
        running.kill()


def tools(image):
    """Checks the tools in the image, as run by `docker run -i`."""
    explained = image.run(["explain"], stdin=json.dumps([EVENT]))
    check("explains an event from stdin", explained.returncode == 0 and "orders" in explained.stdout, explained)
    invalid = image.run([], {"PORT": "none"})
    check("reports which setting is invalid", invalid.returncode in (2, 78) and "PORT" in invalid.stderr.upper(), invalid)


def connect(image, libraries, folder):
    """Runs `check --connect` with a broker whose certificate is signed by one of the system's CAs."""
    with broker.Broker(libraries, folder / "broker") as kafka:
        config = {"hostName": "localhost", "port": str(kafka.ports["TLS"]), "topic": "orders", "sslEnabled": True}
        document = json.dumps({"ID": "d-1", "DestinationDefinition": {"Name": "KAFKA"}, "Config": config})
        arguments = ["check", "--connect", "--format", "json", "-"]
        roots = folder / "roots.crt"
        roots.write_text((image.root / ROOTS[1:]).read_text() + (kafka.certificates / "ca-cert").read_text())
        trusted = image.run(arguments, stdin=document, binds=[(roots, ROOTS)])
        check("connects to a broker whose CA is in the system's CA certificates", trusted.returncode == 0 and '"ok"' in trusted.stdout, trusted)
        public = image.run(arguments, stdin=document)
        check("rejects a broker whose CA is not in the system's CA certificates", public.returncode == 1 and "connect/unknown-issuer" in public.stdout, public)


def main():
    archive, libraries = (pathlib.Path(path).resolve() for path in sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="image-", dir=archive.parent))
    # The service's user must be able to enter the folder.
    os.chmod(folder, 0o755)
    try:
        image = container.Image(archive, folder)
        contents(image)
        service(image)
        tools(image)
        (folder / "broker").mkdir()
        connect(image, libraries, folder)
        checks.summary()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
