"""Runs the services of the compose file as processes: their commands, environment, health checks and order.

Containers in a network find each other by name. Here, each name resolves to the loopback interface of a separate network
namespace, so that the compose file works unchanged.
"""

import os
import pathlib
import re
import shlex
import subprocess
import time

import yaml

# The main classes behind the scripts of the Kafka image.
KAFKA_TOOLS = {
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-broker-api-versions.sh": "org.apache.kafka.tools.BrokerApiVersionsCommand",
}
JAVA = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def interpolated(value, environment):
    """Substitutes variables as compose does: ${NAME}, ${NAME:-default}, ${NAME:+other}, ${NAME:?error}."""
    if isinstance(value, dict):
        return {name: interpolated(one, environment) for name, one in value.items()}
    if isinstance(value, list):
        return [interpolated(one, environment) for one in value]
    if not isinstance(value, str):
        return value

    def one(match):
        value = environment.get(match["name"], "")
        operator, word = match["operator"], match["word"]
        if operator == ":-":
            return value or word
        if operator == ":+":
            return word if value else ""
        if operator == ":?" and not value:
            raise SystemExit(f"{match['name']}: {word}")
        return value
    return re.sub(r"\$\{(?P<name>\w+)(?:(?P<operator>:[-+?])(?P<word>[^}]*))?\}", one, value)


class Service:
    """A service. Subclasses know how to run its image."""

    def __init__(self, name, definition, stack):
        self.name, self.definition, self.stack = name, definition, stack
        self.folder = stack.folder / name
        self.folder.mkdir(mode=0o755)
        self.log = self.folder / "log"
        self.environment = definition.get("environment", {})
        self.process = None

    def command(self):
        raise NotImplementedError

    def prepare(self):
        """Does what the entrypoint of the image does before it runs the command."""

    def start(self):
        self.prepare()
        environment = {"PATH": os.environ["PATH"], **self.environment}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def healthy(self):
        """Runs the service's health check once, and returns whether it succeeds."""
        kind, *arguments = self.definition["healthcheck"]["test"]
        command = ["sh", "-c", arguments[0]] if kind == "CMD-SHELL" else arguments
        environment = {"PATH": os.environ["PATH"], **self.environment}
        return subprocess.run(self.stack.translated(command), env=environment, capture_output=True, timeout=60, check=False).returncode == 0

    def wait(self, condition):
        deadline = time.monotonic() + 120
        while True:
            code = self.process.poll()
            if condition == "service_completed_successfully" and code == 0:
                return
            if code is not None and not (condition == "service_completed_successfully" and code == 0):
                raise SystemExit(f"{self.name} exited with {code}:\n{self.log.read_text()[-3000:]}")
            if condition == "service_healthy" and self.healthy():
                return
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.name}: not {condition} after 120 s:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.1)

    def stop(self, grace=40):
        """Sends SIGTERM and returns the exit code."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Transformer(Service):
    """This project's binary, which is the image's entrypoint."""

    def command(self):
        return self.stack.translated(["/rudder-kafka-transformer"])


class Kafka(Service):
    """The broker. Its properties are the variables KAFKA_… of the environment."""

    def prepare(self):
        properties = {name.removeprefix("KAFKA_").lower().replace("_", "."): value for name, value in self.environment.items()}
        properties["log.dirs"] = str(self.folder / "data")
        file = self.folder / "server.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        self.stack.java("kafka.tools.StorageTool", "format", "--cluster-id", "AAAAAAAAAAAAAAAAAAAAAQ", "--config", str(file))

    def command(self):
        return [*JAVA, "-cp", self.stack.classpath, "kafka.Kafka", str(self.folder / "server.properties")]


class KafkaCommand(Service):
    """A container of the Kafka image that runs another command."""

    def command(self):
        return self.stack.translated([*self.definition["entrypoint"], *self.definition["command"]])


class Postgres(Service):
    """PostgreSQL, which does not run as root."""

    def prepare(self):
        os.chmod(self.stack.folder, 0o755)
        subprocess.run(["chown", "nobody", self.folder], check=True)
        self.data = self.folder / "data"
        (self.folder / "password").write_text(self.environment["POSTGRES_PASSWORD"])
        self.as_nobody("initdb", "--no-sync", "--username", self.environment["POSTGRES_USER"], "--pwfile", str(self.folder / "password"),
                       "--auth=scram-sha-256", "--pgdata", str(self.data))
        single = subprocess.run([*self.prefix("postgres"), "--single", "-D", str(self.data), "postgres"], cwd=self.folder,
                                input=f"CREATE DATABASE {self.environment['POSTGRES_DB']}\n", text=True, capture_output=True, check=False)
        if single.returncode != 0:
            raise SystemExit(single.stderr)

    def prefix(self, program):
        found = next(iter(sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))))
        return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", str(found)]

    def as_nobody(self, program, *arguments):
        done = subprocess.run([*self.prefix(program), *arguments], cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stderr)

    def command(self):
        program, *arguments = self.definition["command"]
        return [*self.prefix(program), "-D", str(self.data), "-k", str(self.folder), *arguments]

    def healthy(self):
        # The image and the packages of this machine have different socket folders.
        self.environment = {**self.environment, "PGHOST": str(self.folder)}
        return super().healthy()


class Stack:
    """The services of a compose file, started in the order of their conditions."""

    def __init__(self, file, binary, libraries, folder, environment):
        self.binary, self.classpath, self.folder = str(binary), f"{libraries}/*", pathlib.Path(folder)
        self.source = yaml.safe_load(file.read_text())
        self.document = interpolated(self.source, environment)
        self.tools = self.folder / "kafka-bin"
        self.tools.mkdir(parents=True)
        for name, main in KAFKA_TOOLS.items():
            script = self.tools / name
            script.write_text(f'#!/bin/sh\nexec {" ".join(JAVA)} -cp "{self.classpath}" {main} "$@"\n')
            script.chmod(0o755)
        self.services = {}

    def translated(self, command):
        """Translates a container's command for this machine."""
        places = {"/opt/kafka/bin": str(self.tools), "/rudder-kafka-transformer": self.binary, "$$": "$"}
        for inside, outside in places.items():
            command = [part.replace(inside, outside) for part in command]
        return command

    def java(self, *arguments, **options):
        done = subprocess.run([*JAVA, "-cp", self.classpath, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=120, check=False, **options)
        if done.returncode != 0:
            raise SystemExit(f"{shlex.join(arguments)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def kind(self, definition):
        if "apache/kafka" in definition["image"]:
            return KafkaCommand if "entrypoint" in definition else Kafka
        return Postgres if "postgres" in definition["image"] else Transformer

    def start(self, name):
        """Starts the dependencies of a service, in order, and then the service."""
        if name in self.services:
            return self.services[name]
        definition = self.document["services"][name]
        self.start_dependencies(name)
        service = self.services[name] = self.kind(definition)(name, definition, self)
        service.start()
        return service

    def start_dependencies(self, name):
        for other, rule in self.document["services"][name].get("depends_on", {}).items():
            # An optional dependency belongs to an inactive profile.
            if not rule.get("required", True):
                continue
            began = time.monotonic()
            self.start(other).wait(rule["condition"])
            print(f"ok      {other}: {rule['condition']} after {time.monotonic() - began:.1f} s", flush=True)

    def stop(self):
        """Stops all services and returns their exit codes by name."""
        return {name: service.stop() for name, service in reversed(self.services.items())}
