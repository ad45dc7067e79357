"""Holds a running service against its OpenAPI document: the document is valid, schemathesis finds no answer that it does
not describe, and the page that shows it and the one at / work in a browser.

check.py <binary> [<folder for screenshots>]
"""

import re
import shutil
import subprocess
import sys
import tempfile
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


run(TOOLS / "openapi-spec-validator", HERE.parent.parent / "openapi/openapi.json")
service = subprocess.Popen(
    [binary, "serve", "--host=127.0.0.1", "--port=0", "--metrics-port=0"], stderr=subprocess.PIPE, text=True
)
try:
    announced = next((found for line in service.stderr if (found := re.findall(r"http://127\.0\.0\.1:\d+", line))), None)
    assert announced, "the service has not started"
    address, metrics = announced
    # Nobody reading it would stop the service once the pipe is full.
    Thread(target=shutil.copyfileobj, args=(service.stderr, sys.stderr), daemon=True).start()
    with tempfile.TemporaryDirectory() as scratch:
        schemathesis(address, "--exclude-path", "/metrics")
        schemathesis(metrics, "--include-path", "/metrics")
    run(sys.executable, HERE / "browser.py", address, *screenshots)
    run(sys.executable, HERE / "page.py", address, *screenshots)
    assert service.poll() is None, "the service has died"
finally:
    service.terminate()
    service.wait(60)
