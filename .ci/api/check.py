"""Verifies a running service against its OpenAPI document: the document is valid, and schemathesis finds no undocumented
response. Also checks that the pages work in a browser and are accessible.

check.py <binary> [<folder for screenshots>]
"""

import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

HERE = Path(__file__).resolve().parent
TOOLS = Path(sys.executable).parent
binary, *screenshots = sys.argv[1:]


def run(*command, **options):
    print("+", *command, flush=True)
    subprocess.run([str(part) for part in command], check=True, **options)


def schemathesis(address, *arguments):
    run(
        TOOLS / "schemathesis",
        "--config-file",
        HERE / "schemathesis.toml",
        "--no-color",
        "run",
        HERE.parent.parent / "openapi/openapi.json",
        "--url",
        address,
        *arguments,
        env={
            "HOME": scratch,
            "PATH": str(TOOLS),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"),
        },
        cwd=scratch,
    )


@contextmanager
def started(*flags):
    """Starts a service. Returns the addresses of its port and its metrics port."""
    service = subprocess.Popen(
        [binary, "serve", "--host=127.0.0.1", "--port=0", "--metrics-port=0", *flags], stderr=subprocess.PIPE, text=True
    )
    try:
        lines = (re.findall(r"http://127\.0\.0\.1:\d+", line) for line in service.stderr)
        announced = next((found for found in lines if found), None)
        assert announced, "the service has not started"
        # The pipe must be read: the service would block once it is full.
        Thread(target=shutil.copyfileobj, args=(service.stderr, sys.stderr), daemon=True).start()
        yield announced
        assert service.poll() is None, "the service has exited"
    finally:
        service.terminate()
        service.wait(60)


run(TOOLS / "openapi-spec-validator", HERE.parent.parent / "openapi/openapi.json")
# By default, requests that need an upstream get 503, so that rudder-server retries them.
with started("--unserved=reject") as (address, metrics):
    with tempfile.TemporaryDirectory() as scratch:
        schemathesis(address, "--exclude-path", "/metrics")
        schemathesis(metrics, "--include-path", "/metrics")
    run(sys.executable, HERE / "browser.py", address, *screenshots)
    run(sys.executable, HERE / "page.py", address, *screenshots)
with tempfile.NamedTemporaryFile("w") as file:
    token = "a-token-for-the-test-alone"
    file.write(token)
    file.flush()
    with started(f"--operator-token-file={file.name}", "--page=metrics") as (_, metrics):
        run(sys.executable, HERE / "page_token.py", metrics, token)
    # New services, because the live view must be empty at first.
    guard = f"--operator-token-file={file.name}"
    with started() as (open_one, _), started(guard) as (guarded, _), started("--page=off") as (off, _):
        run(sys.executable, HERE / "axe.py", open_one, guarded, token, off, *screenshots)
