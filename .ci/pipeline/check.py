"""Sends events through the compose file's services, with a client instead of rudder-server. PostgreSQL and Kafka start, topics
are created, events are transformed and produced, and the consumed records are compared with `explain`.

Usage: check.py BINARY KAFKA_LIBRARIES, in a separate network namespace (see run).
"""

import base64
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
DEPLOY = HERE.parents[1] / "deploy"
sys.path[:0] = [str(HERE), str(HERE.parent)]

import checks  # noqa: E402
import client  # noqa: E402
import compose  # noqa: E402
from checks import check  # noqa: E402

EVENTS = 20_000
PARTITIONS = 3


def event(number):
    """Returns an event. Together, the events of all numbers cover every topic rule, kind of key and unusual content."""
    message = {"messageId": f"m-{number}", "userId": f"u-{number % 317}", "properties": {"number": number, "ünï": "κλειδί", "nested": [{"a": None}, 1.5, True]}}
    kinds = [{"type": "identify", "traits": {"plan": "pro"}}, {"type": "track", "event": "Order Completed"}, {"type": "track", "event": "Cart Viewed"},
             {"type": "page", "name": "Home"}, {"type": "track", "event": "Order Completed", "integrations": {"Kafka": {"topic": "users"}}}]
    message |= kinds[number % len(kinds)]
    if number % 7 == 0:
        message["anonymousId"] = message.pop("userId")
    if number % 101 == 0:
        message.pop("userId", None)
        message.pop("anonymousId", None)
    return message


def database(stack):
    """Connects to the database with rudder-server's settings."""
    environment = stack.document["services"]["rudder-server"]["environment"]
    command = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--host", environment["JOBS_DB_HOST"], "--port", environment["JOBS_DB_PORT"],
               "--username", environment["JOBS_DB_USER"], "--dbname", environment["JOBS_DB_DB_NAME"], "--command", "SHOW max_connections"]
    done = subprocess.run(command, env={"PATH": os.environ["PATH"], "PGPASSWORD": environment["JOBS_DB_PASSWORD"]}, capture_output=True, text=True, check=False)
    check("rudder-server's settings reach the database", done.stdout.strip() == "200", done.stderr)


def explained(binary, workspace_file, destination, messages):
    """Yields the topic, partition, key and message of each event according to `explain`."""
    done = subprocess.run([binary, "explain", "--format", "json", "--partitions", str(PARTITIONS), "--destination", str(workspace_file),
                           "--destination-id", destination, "-"], input="\n".join(map(json.dumps, messages)), capture_output=True, text=True, timeout=120, check=False)
    check("explain reports that every event would be delivered", done.returncode == 0, done.stderr[:2000])
    for line in done.stdout.splitlines():
        one = json.loads(line)
        if "summary" not in one:
            output = json.loads(one["response"])["output"]
            yield one["topic"]["value"], one["key"]["partition"], one["key"]["value"], json.dumps(output["message"], sort_keys=True)


def arrived(stack, servers, topics):
    for line in stack.java(str(HERE / "Records.java"), "consume", servers, *topics).splitlines():
        topic, partition, key, value = line.split("\t")
        yield topic, int(partition), base64.b64decode(key).decode(), json.dumps(json.loads(base64.b64decode(value)), sort_keys=True)


def restart(transformer):
    """Restarts the service under load, as an upgrade does."""
    code = transformer.stop()
    time.sleep(0.5)
    transformer.start()
    transformer.wait("service_healthy")
    return code


def settings(stack, binary):
    """Checks the names of the variables, because the service ignores a variable that is not a setting."""
    text = subprocess.run([binary, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    given = set(stack.document["services"]["rudder-kafka-transformer"]["environment"])
    check("every variable of the service is a setting", given <= set(re.findall(r"\[env: (\w+)[=\]]", text)), given)


def run(stack, binary):
    settings(stack, binary)
    stack.start_dependencies("rudder-server")
    database(stack)
    server = stack.document["services"]["rudder-server"]
    mounted = next(volume.split(":")[0] for volume in server["volumes"] if volume.split(":")[1] == server["environment"]["RSERVER_BACKEND_CONFIG_CONFIG_JSONPATH"])
    workspace_file = DEPLOY / mounted
    workspace = json.loads(workspace_file.read_text())
    rudder_server = client.Client(server["environment"]["DEST_TRANSFORM_URL"], workspace)
    features = rudder_server.wait_for_features()
    check("/features announces compacted bodies", features["supportDestTransformCompactedPayloadV1"] is True, features)

    config = rudder_server.destination["config"]
    connect = subprocess.run([binary, "check", "--connect", str(workspace_file)], capture_output=True, text=True, timeout=60, check=False)
    check("check --connect finds no problem with the destination", connect.returncode == 0 and "3 partitions" in connect.stdout, connect.stdout)

    messages = [event(number) for number in range(EVENTS)]
    codes, began = [], time.monotonic()
    answers = rudder_server.send(messages, lambda: codes.append(restart(stack.services["rudder-kafka-transformer"])))
    took = time.monotonic() - began
    check(f"{len(answers)} events transformed in {took:.1f} s, during a restart: {rudder_server.retries} retries, {rudder_server.uncounted} after a 503",
          len(answers) == EVENTS and codes == [0] and all(answer["statusCode"] == 200 for answer in answers), codes)

    servers = f"{config['hostName']}:{config['port']}"
    stack.java(str(HERE / "Records.java"), "produce", servers, input="\n".join(client.records(answers, PARTITIONS)) + "\n")
    topics = ["events", "users", "orders"]
    wanted = collections.Counter(explained(binary, workspace_file, rudder_server.destination["id"], messages))
    got = collections.Counter(arrived(stack, servers, topics))
    by_topic = collections.Counter(topic for topic, *_ in got.elements())
    check(f"each event arrived once, with the topic, partition and key that explain shows: {dict(by_topic)}", got == wanted and len(by_topic) == 3,
          (list((wanted - got).items())[:3], list((got - wanted).items())[:3]))
    codes = stack.stop()
    check("all services exit cleanly", codes["rudder-kafka-transformer"] == 0 and codes["kafka"] in (0, 143) and codes["postgres"] == 0, codes)


def main():
    binary, libraries = (pathlib.Path(path).resolve() for path in sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pipeline-"))
    stack = compose.Stack(DEPLOY / "compose.yaml", binary, libraries, folder, {"RUDDER_SERVER_TAG": "none"})
    try:
        for profiles, url in (("upstream", "http://rudder-transformer:9090"), ("", "")):
            document = compose.interpolated(stack.source, {"RUDDER_SERVER_TAG": "none", "COMPOSE_PROFILES": profiles})
            set_to = document["services"]["rudder-kafka-transformer"]["environment"]["UPSTREAM_TRANSFORMER_URL"]
            check(f"profile {profiles or 'none'}: upstream {url or 'none'}", set_to == url, set_to)
        run(stack, str(binary))
        checks.summary()
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
