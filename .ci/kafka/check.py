"""Runs `check --connect` with a real Apache Kafka broker: each listener with correct and incorrect settings.

Usage: check.py BINARY LIBRARIES
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import broker

# The timeout of a check.
PATIENCE_SECONDS = 60
SECRETS = {"PLAIN": "plain-secret", "SCRAM-SHA-256": "secret-256", "SCRAM-SHA-512": "secret-512"}
SASL_TYPES = {"PLAIN": "plain", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
WRONG = "a-wrong-secret"


class Checks:
    """Runs the binary repeatedly and counts results."""

    def __init__(self, binary, kafka, folder):
        self.binary, self.kafka, self.folder = str(binary), kafka, folder
        self.passed, self.failed = 0, 0

    def certificate(self, name):
        return (self.kafka.certificates / name).read_text()

    def tls(self, ca="ca-cert", **others):
        return {"sslEnabled": True, "caCertificate": self.certificate(ca) if ca else "", **others}

    def sasl(self, mechanism, password=None, username="rudder"):
        return self.tls(useSASL=True, saslType=SASL_TYPES[mechanism], username=username,
                        password=password or SECRETS[mechanism])

    def run(self, listener, config, topics=(), client=(None, None), format="json", options=()):
        port = self.kafka.closed if listener is None else self.kafka.ports[listener]
        config = {"hostName": "localhost", "port": str(port), "topic": "orders", **config}
        file = self.folder / "destination.json"
        file.write_text(json.dumps({"ID": "d-1", "Name": "Kafka", "DestinationDefinition": {"Name": "KAFKA"}, "Config": config}))
        names = ("KAFKA_SSL_CERTIFICATE_FILE_PATH", "KAFKA_SSL_KEY_FILE_PATH")
        environment = {name: str(self.kafka.certificates / file) for name, file in zip(names, client) if file}
        environment |= {name: value for name, value in os.environ.items() if name not in names}
        options = [*options, *(option for topic in topics for option in ("--topic", topic))]
        return subprocess.run(
            [self.binary, "check", "--connect", "--timeout", "20", "--format", format, *options, str(file)],
            env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_SECONDS)

    def expect(self, what, listener, config, codes=(), words=(), topics=(), client=(None, None), options=(), warned=()):
        """Expects failures and warnings with exactly these codes, and each of these words in a text or detail."""
        done = self.run(listener, config, topics, client, options=options)
        problems, wrong_by_itself = [], False
        try:
            document = json.loads(done.stdout)
            wrong_by_itself = document["errors"] > 0
            connection = document["inputs"][0]["destinations"][0]["connection"]
            if codes is None:
                # If the configuration has errors, `check` does not connect.
                if connection["tried"] or done.returncode != 1:
                    problems.append("`check` tried to connect")
                return self.report(what, problems, done)
            steps = [step for section in connection["sections"] for step in section["steps"]]
            found = [step["code"].removeprefix("connect/") for step in steps if step["outcome"] == "failed"]
            if found != list(codes):
                problems.append(f"failed with {found}, not with {list(codes)}")
            warnings = [step["code"].removeprefix("connect/") for step in steps if step["outcome"] == "warning"]
            if warnings != list(warned):
                problems.append(f"warned with {warnings}, not with {list(warned)}")
            texts = "\n".join(line for step in steps
                              for line in (step["text"], step.get("advice", ""), *step["details"], *step["cautions"]))
            problems += [f"no text contains {word!r}" for word in words if word not in texts]
        except (ValueError, LookupError, TypeError) as error:
            problems.append(f"the output is unreadable: {error!r}")
        if done.returncode != (1 if codes or wrong_by_itself else 0):
            problems.append(f"exit code {done.returncode}")
        for secret in (*SECRETS.values(), WRONG, "PRIVATE KEY"):
            if secret in done.stdout + done.stderr:
                problems.append("a secret is shown")
        self.report(what, problems, done)

    def report(self, what, problems, done):
        if problems:
            self.failed += 1
            print(f"FAILED  {what}: {'; '.join(problems)}\n{done.stdout}{done.stderr}", flush=True)
        else:
            self.passed += 1
            print(f"ok      {what}", flush=True)


def all_checks(checks):
    """Checks each listener with correct and incorrect settings."""
    expect, tls, sasl = checks.expect, checks.tls, checks.sasl
    written = ["writable", "cluster AAAAAAAAAAAAAAAAAAAAAQ of 1 broker"]

    expect("plaintext", "PLAIN", {}, words=["3 partitions, 1 replica", *written], topics=["users"])
    expect("no such topic", "PLAIN", {"topic": "nowhere"}, ["topic-missing"], ["it does not exist"])
    expect("closed port", None, {}, ["connection-refused"], [f"127.0.0.1:{checks.kafka.closed} refused the connection"])
    expect("no such host", "PLAIN", {"hostName": "no-such-host.invalid"}, ["name-not-found"], ["does not resolve"])
    expect("unreachable advertised address", "ASTRAY", {}, ["connection-refused"], ["advertised.listeners"])
    expect("two brokers", "PLAIN", {"hostName": "localhost,127.0.0.1"}, words=written)
    expect("a space after the only host", "PLAIN", {"hostName": "localhost "}, ["name-not-found"], ["the spaces are part of the name"])
    expect("a space before one of two hosts", "PLAIN", {"hostName": "localhost, localhost"}, words=["another broker", *written],
           warned=["name-not-found"])
    expect("one of two hosts that does not exist", "PLAIN", {"hostName": "no-such-host.invalid,localhost"}, words=written,
           warned=["name-not-found"])
    expect("a topic with a smaller batch limit", "PLAIN", {}, words=["max.message.bytes is 500000", "--entity-name small", *written],
           topics=["small"], warned=["topic-batch-too-large"])
    expect("--batch-bytes within the topic's limit", "PLAIN", {}, words=written, topics=["small"], options=["--batch-bytes", "500000"])

    expect("TLS", "TLS", tls(), words=["TLS 1.2", "names localhost, 127.0.0.1", *written])
    expect("two CAs, one of which is correct", "TLS", {
        "sslEnabled": True, "caCertificate": checks.certificate("otherca-cert") + checks.certificate("ca-cert")}, words=written)
    expect("the broker's own certificate as CA", "PINNED", tls("pinned.crt"), words=written)
    expect("TLS to a plaintext port", "PLAIN", tls(), ["not-tls"], ["plaintext Kafka listener"])
    expect("plaintext to a TLS port", "TLS", {}, ["tls-expected"], ["expects TLS on this port"])
    expect("wrong CA", "TLS", tls("otherca-cert"), ["unknown-issuer"], ["signed by CN=Example CA"])
    expect("the system's roots", "TLS", tls(None), ["unknown-issuer"], ["the CA certificates of this machine"])
    expect("expired certificate", "EXPIRED", tls(), ["certificate-expired"], ["expired on 2024-02-01"])
    expect("certificate that is not yet valid", "NOTYET", tls(), ["certificate-not-yet-valid"], ["not valid before 2098-01-01"])
    expect("another host's certificate", "OTHERNAME", tls(), ["name-mismatch"], ["is for broker.example.com, not for localhost"])
    expect("certificate with CN only", "CNONLY", tls(), ["certificate-without-names"], ["CN=localhost"])
    expect("certificate of RudderStack's unmodified steps", "STEPS", tls(), ["certificate-version-1"], ["X.509 version 1"])
    expect("TLS 1.3 only", "TLS13", tls(), ["tls-version"])

    insecure = ["--tls-insecure-skip-verify"]
    expect("any certificate: wrong CA", "TLS", tls("otherca-cert"), words=["not verified", "signed by CN=Example CA", *written],
           options=insecure)
    expect("any certificate: another host's", "OTHERNAME", tls(), words=["not verified", "not for localhost", *written], options=insecure)
    expect("any certificate: expired", "EXPIRED", tls(), words=["not verified", *written], options=insecure)
    expect("any certificate: X.509 version 1", "STEPS", tls(), words=["not verified", *written], options=insecure)
    expect("any certificate: a valid one", "TLS", tls(), words=["verification is off", *written], options=insecure)
    expect("any certificate: no certificate in caCertificate", "TLS", {"sslEnabled": True, "caCertificate": "\n"}, None, options=insecure)

    expect("client certificate of X.509 version 1", "MUTUAL", tls(), words=["accepted this one: subject CN=rudder", *written], client=("old.crt", "old.key"))
    expect("client certificate without caCertificate", "MUTUAL", tls(None), ["client-certificate-required"],
           ["only if caCertificate is set"], client=("client.crt", "client.key"), options=insecure)
    expect("client certificate", "MUTUAL", tls(), words=["accepted this one: subject CN=rudder", *written], client=("client.crt", "client.key"))
    expect("no client certificate", "MUTUAL", tls(), ["client-certificate-required"], ["signed by CN=Example CA"])
    expect("client certificate of another CA", "MUTUAL", tls(), ["client-certificate-rejected"], ["signed by a different CA"],
           client=("stranger.crt", "stranger.key"))
    expect("expired client certificate", "MUTUAL", tls(), ["client-certificate-rejected"], ["the client certificate expired on 2024-02-01"],
           client=("late.crt", "late.key"))
    expect("key of another certificate", "MUTUAL", tls(), ["client-key-mismatch", "client-certificate-required"],
           client=("client.crt", "late.key"))
    expect("key with a passphrase", "MUTUAL", tls(), ["client-file-invalid", "client-certificate-required"],
           ["passphrase"], client=("client.crt", "encrypted.key"))
    expect("missing file", "MUTUAL", tls(), ["client-file-unreadable", "client-certificate-required"],
           ["nowhere.crt cannot be read"], client=("nowhere.crt", "client.key"))
    expect("only one of two files", "MUTUAL", tls(), ["client-files-incomplete", "client-certificate-required"],
           client=("client.crt", None))
    expect("a client certificate that the broker does not request", "TLS", tls(), words=written, client=("client.crt", "client.key"))

    for mechanism in SECRETS:
        expect(mechanism, "SASL", sasl(mechanism), words=[f"{mechanism}: user and password accepted", *written])
        expect(f"{mechanism}, wrong password", "SASL", sasl(mechanism, WRONG), ["authentication-failed"], ["rejects this user or password"])
        expect(f"{mechanism}, unknown user", "SASL", sasl(mechanism, username="nobody"), ["authentication-failed"])
    expect("mechanism not enabled", "SCRAM", sasl("PLAIN"), ["mechanism-not-enabled"], ["enabled: SCRAM-SHA-256"])
    expect("login to a listener without SASL", "TLS", sasl("PLAIN"), ["sasl-not-offered"])
    expect("no login to a listener with SASL", "SASL", tls(), ["sasl-required"])
    expect("login without TLS", "PLAIN", {"useSASL": True, "saslType": "plain", "username": "rudder", "password": WRONG},
           words=["useSASL", *written])
    expect("topics without permissions for this user", "SASL", sasl("PLAIN"),
           ["topic-not-writable", "topic-not-authorized", "topic-missing"], topics=["read-only", "private", "nowhere"])
    expect("advice with topic and user", "SASL", sasl("PLAIN"), ["topic-not-writable"],
           [f"--bootstrap-server localhost:{checks.kafka.ports['SASL']} --add --producer --topic read-only --allow-principal User:rudder"],
           topics=["read-only"])

    text = checks.run("SASL", sasl("SCRAM-SHA-512", WRONG), format="text")
    wanted = ["tls      ok", "sasl     failed", "connect/authentication-failed", "→ fix username and password"]
    problems = [f"the output does not contain {words!r}" for words in wanted if words not in text.stdout]
    problems += ["there are escape sequences in a pipe"] if "\x1b" in text.stdout else []
    problems += [f"exit code {text.returncode}"] if text.returncode != 1 else []
    checks.report("text output", problems, text)


def main():
    binary, libraries = (pathlib.Path(path).resolve() for path in sys.argv[1:])
    # A signal to this script also stops the broker.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="broker-", dir=libraries.parent))
    try:
        with broker.Broker(libraries, folder) as kafka:
            checks = Checks(binary, kafka, folder)
            all_checks(checks)
            print(f"{checks.passed} passed, {checks.failed} failed", flush=True)
            return 1 if checks.failed else 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
