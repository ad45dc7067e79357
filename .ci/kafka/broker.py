"""A real Apache Kafka broker in KRaft mode, with a listener for each kind of correct or incorrect connection."""

import pathlib
import signal
import socket
import subprocess
import time

import certificates

HERE = pathlib.Path(__file__).parent
JAVA = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
START_SECONDS = 90

# The name, protocol and special options of each listener. All listen on 127.0.0.1, on ports that are chosen at run time.
LISTENERS = {
    "PLAIN": ("PLAINTEXT", {}),
    "TLS": ("SSL", {}),
    "MUTUAL": ("SSL", {"ssl.client.auth": "required"}),
    "SASL": ("SASL_SSL", {"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"}),
    "SCRAM": ("SASL_SSL", {"sasl.enabled.mechanisms": "SCRAM-SHA-256"}),
    "STEPS": ("SSL", {"pem": "steps"}),
    "EXPIRED": ("SSL", {"pem": "expired"}),
    "NOTYET": ("SSL", {"pem": "notyet"}),
    "OTHERNAME": ("SSL", {"pem": "othername"}),
    "CNONLY": ("SSL", {"pem": "cnonly"}),
    # A CA has signed the broker's certificate, but caCertificate contains the broker's certificate instead of the CA's.
    "PINNED": ("SSL", {"pem": "pinned"}),
    "TLS13": ("SSL", {"ssl.enabled.protocols": "TLSv1.3"}),
    # The advertised address of this listener is unreachable, which is the most common mistake.
    "ASTRAY": ("PLAINTEXT", {}),
}
PLAIN_LOGIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_rudder="plain-secret";'
SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
SCRAM_USERS = ["SCRAM-SHA-256=[name=rudder,password=secret-256]", "SCRAM-SHA-512=[name=rudder,password=secret-512]"]


def free_ports(count):
    """Returns free ports. Each stays bound until all are found."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Broker:
    """A broker that runs for the duration of a `with` block."""

    def __init__(self, libraries, folder):
        self.classpath = f"{libraries}/*"
        self.folder = pathlib.Path(folder)
        self.certificates = self.folder / "certificates"
        self.log = self.folder / "broker.log"
        self.process = None
        *ports, self.controller = free_ports(len(LISTENERS) + 1)
        # Bound without listening: connections are refused, and no other process can take the port.
        self.held = socket.socket()
        self.held.bind(("127.0.0.1", 0))
        self.closed = self.held.getsockname()[1]
        self.ports = dict(zip(LISTENERS, ports))

    def properties(self):
        stores = self.certificates
        advertised = {name: f"localhost:{port}" for name, port in self.ports.items()}
        advertised["ASTRAY"] = f"localhost:{self.closed}"
        lines = [
            "process.roles=broker,controller",
            "node.id=1",
            f"controller.quorum.voters=1@127.0.0.1:{self.controller}",
            "controller.listener.names=CONTROLLER",
            "inter.broker.listener.name=PLAIN",
            "listeners=" + ",".join([f"{name}://127.0.0.1:{port}" for name, port in self.ports.items()]
                                    + [f"CONTROLLER://127.0.0.1:{self.controller}"]),
            "advertised.listeners=" + ",".join(f"{name}://{where}" for name, where in advertised.items()),
            "listener.security.protocol.map=" + ",".join([f"{name}:{protocol}" for name, (protocol, _) in LISTENERS.items()]
                                                         + ["CONTROLLER:PLAINTEXT"]),
            f"log.dirs={self.folder / 'data'}",
            "offsets.topic.replication.factor=1",
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "auto.create.topics.enable=false",
            "num.network.threads=1",
            "num.io.threads=2",
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found=true",
            "super.users=User:ANONYMOUS",
            "ssl.truststore.type=PKCS12",
            f"ssl.truststore.location={stores / 'kafka.server.truststore.p12'}",
            f"ssl.truststore.password={certificates.PASSWORD}",
        ]
        for name, (protocol, options) in LISTENERS.items():
            own = f"listener.name.{name.lower()}."
            if "pem" in options:
                lines += [f"{own}ssl.keystore.type=PEM", f"{own}ssl.keystore.location={stores / options['pem']}.pem"]
            else:
                lines += [
                    f"{own}ssl.keystore.type=PKCS12",
                    f"{own}ssl.keystore.location={stores / 'kafka.server.keystore.p12'}",
                    f"{own}ssl.keystore.password={certificates.PASSWORD}",
                    f"{own}ssl.key.password={certificates.PASSWORD}",
                ]
            lines += [f"{own}{key}={value}" for key, value in options.items() if key != "pem"]
            for mechanism in options.get("sasl.enabled.mechanisms", "").split(","):
                if mechanism:
                    login = PLAIN_LOGIN if mechanism == "PLAIN" else SCRAM_LOGIN
                    lines.append(f"{own}{mechanism.lower()}.sasl.jaas.config={login}")
        return "\n".join(lines) + "\n"

    def java(self, *arguments):
        return subprocess.run([*JAVA, "-cp", self.classpath, *arguments], cwd=self.folder, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=START_SECONDS)

    def __enter__(self):
        certificates.make(self.certificates)
        settings = self.folder / "server.properties"
        settings.write_text(self.properties())
        formatted = self.java("kafka.tools.StorageTool", "format", "--cluster-id", "AAAAAAAAAAAAAAAAAAAAAQ", "--config",
                              str(settings), *[part for user in SCRAM_USERS for part in ("--add-scram", user)])
        if formatted.returncode != 0:
            raise SystemExit(f"the storage was not formatted:\n{formatted.stdout}{formatted.stderr}")
        self.process = subprocess.Popen(
            [*JAVA, "-Dorg.slf4j.simpleLogger.defaultLogLevel=info", "-cp", self.classpath, "kafka.Kafka", str(settings)],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log.open("wb"))
        try:
            self.wait()
            made = self.java(str(HERE / "Setup.java"), f"localhost:{self.ports['PLAIN']}")
            if made.returncode != 0:
                raise SystemExit(f"the topics were not created:\n{made.stdout}{made.stderr}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait(self):
        """Polls until the broker reports that it has started, with a deadline."""
        deadline = time.monotonic() + START_SECONDS
        while "Kafka Server started" not in self.log.read_text(errors="replace"):
            ended = self.process.poll()
            if ended is not None or time.monotonic() > deadline:
                why = "does not start" if ended is None else f"exited with {ended}"
                raise SystemExit(f"the broker {why}:\n{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.1)

    def __exit__(self, *_):
        self.held.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
