"""Runs the service as the container of a Deployment: with its environment, files, probes and grace period."""

import concurrent.futures
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "kafka"))

import broker  # noqa: E402

NAME = "rudder-kafka-transformer"
MOUNTS = "/etc/rudder-kafka-transformer"
INSECURE = ssl.create_default_context()
INSECURE.check_hostname, INSECURE.verify_mode = False, ssl.CERT_NONE


def secrets(folder):
    """Creates the files of the mounted secrets."""
    (folder / "tls").mkdir()
    (folder / "operator").mkdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=transformer",
                    "-keyout", folder / "tls/tls.key", "-out", folder / "tls/tls.crt"], check=True, capture_output=True)
    for key in ("token", "operator-token"):
        (folder / "operator" / key).write_text("0123456789abcdef" * 2)


class Pod:
    """A running service."""

    def __init__(self, binary, deployment, folder):
        spec = deployment["spec"]["template"]["spec"]
        self.grace = spec["terminationGracePeriodSeconds"]
        self.container = spec["containers"][0]
        # All pods share this machine's network, so each needs its own ports.
        self.ports = dict(zip((port["name"] for port in self.container["ports"]), broker.free_ports(2)))
        environment = {variable["name"]: variable.get("value", "a-pod") for variable in self.container["env"]
                       if "configMapKeyRef" not in variable.get("valueFrom", {})}
        self.drain = int(environment.get("DRAIN_DELAY", "0").removesuffix("s"))
        self.ports_given = [(environment.get(name), port) for name, port in (("PORT", 9090), ("METRICS_PORT", 9091))]
        environment |= {"PORT": str(self.ports["http"]), "METRICS_PORT": str(self.ports["metrics"]), "HOST": "127.0.0.1"}
        environment = {name: value.replace(MOUNTS, str(folder)) for name, value in environment.items()}
        self.log = open(folder / f"{self.ports['http']}.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen([binary], env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def probe(self, name, expected=200, timeout=1):
        """Returns whether a probe gets the expected status."""
        get = self.container[name]["httpGet"]
        url = f"{get.get('scheme', 'HTTP').lower()}://127.0.0.1:{self.ports[get['port']]}{get['path']}"
        try:
            with urllib.request.urlopen(url, timeout=timeout, context=INSECURE) as response:
                return response.status == expected
        except urllib.error.HTTPError as error:
            return error.code == expected
        except OSError:
            return False

    def problem(self):
        """Runs the service from start to stop. Returns the first failure, or an empty text."""
        declared = [port["containerPort"] for port in self.container["ports"]]
        if declared != [int(given or default) for given, default in self.ports_given]:
            return f"declares the wrong ports: {declared}"
        allowed = self.container["startupProbe"]["failureThreshold"] * self.container["startupProbe"]["periodSeconds"]
        deadline = time.monotonic() + allowed
        while not self.probe("startupProbe"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                return "does not start"
            time.sleep(0.05)
        for name in ("livenessProbe", "readinessProbe"):
            if not self.probe(name, timeout=self.container[name]["timeoutSeconds"]):
                return f"{name} fails"
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        if self.drain and not (self.becomes_unready() and self.probe("livenessProbe")):
            return "does not drain"
        code = self.process.wait(timeout=self.grace)
        took = time.monotonic() - began
        return "" if code == 0 and took >= self.drain else f"exit code {code} after {took:.1f} s"

    def becomes_unready(self):
        deadline = time.monotonic() + self.drain
        while not self.probe("readinessProbe", 503):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.seek(0)
        text = self.log.read()
        self.log.close()
        return text


def run_all(binary, deployments, folder):
    """Returns the failure of each Deployment. All run in parallel, because draining takes most of the time."""
    secrets(folder)
    pods, problems = {}, {}
    try:
        for name, deployment in deployments.items():
            pods[name] = Pod(os.path.abspath(binary), deployment, folder)
        with concurrent.futures.ThreadPoolExecutor(len(pods)) as pool:
            problems = {name: pool.submit(pod.problem) for name, pod in pods.items()}
    finally:
        logs = {name: pod.close() for name, pod in pods.items()}
    return {name: problem.result() and f"{problem.result()}\n{logs[name]}" for name, problem in problems.items()}
