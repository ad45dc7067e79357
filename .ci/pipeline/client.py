"""A client that sends requests and produces records as rudder-server does."""

import base64
import concurrent.futures
import http.client
import json
import threading
import time
import urllib.parse

HEADERS = {
    "Content-Type": "application/json", "X-Content-Format": "json+compactedv1", "X-Feature-Gzip-Support": "?1",
    "X-Feature-Filter-Code": "?1", "Connection": "close",
}
# The maximum number of parallel requests, and the maximum number of events in a request.
CONNECTIONS, BATCH = 100, 100
ATTEMPTS = 30
TIMEOUT_SECONDS = 600


def partition(key, partitions):
    """The balancer of rudder-server's producer: 32-bit FNV-1a without its sign bit."""
    state = 0x811C9DC5
    for byte in key:
        state = ((state ^ byte) * 0x01000193) & 0xFFFFFFFF
    return (state & 0x7FFFFFFF) % partitions


class Client:
    """Sends events of one source to one destination of a workspace."""

    def __init__(self, url, workspace):
        self.address = urllib.parse.urlsplit(url)
        self.workspace = workspace
        self.source = workspace["sources"][0]
        self.destination = self.source["destinations"][0]
        self.retries, self.uncounted = 0, 0
        self.lock = threading.Lock()

    def ask(self, method, path, body=None):
        """Sends one request on a new connection."""
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, HEADERS if body else {"Connection": "close"})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def wait_for_features(self, deadline_seconds=60):
        """Waits for a response to /features. rudder-server's gateway opens only after this response."""
        deadline = time.monotonic() + deadline_seconds
        while True:
            try:
                status, _, body = self.ask("GET", "/features")
                if status == 200:
                    return json.loads(body)
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise SystemExit("no response to /features")
            time.sleep(0.2)

    def body(self, events, first_job):
        destination = self.destination
        entry = {"ID": destination["id"], "Name": destination["name"], "Config": destination["config"], "Enabled": True,
                 "DestinationDefinition": {"ID": destination["destinationDefinition"]["id"], "Name": destination["destinationDefinition"]["name"]},
                 "WorkspaceID": self.workspace["workspaceId"], "hasDynamicConfig": False}
        metadata = [{"sourceId": self.source["id"], "destinationId": destination["id"], "jobId": first_job + at, "messageId": event.get("messageId", ""),
                     "rudderId": f"<<>>{event.get('anonymousId', '')}<<>>{event.get('userId', '')}", "workspaceId": self.workspace["workspaceId"]}
                    for at, event in enumerate(events)]
        connections = {f"{self.source['id']}:{destination['id']}": {"sourceId": "", "destinationId": ""}}
        return json.dumps({"input": [{"message": event, "metadata": one} for event, one in zip(events, metadata)],
                           "destinations": {destination["id"]: entry}, "connections": connections}).encode()

    def transformed(self, path, body):
        """Returns the response to one request, after any retries."""
        attempt = 0
        while True:
            try:
                status, headers, text = self.ask("POST", path, body)
            except (OSError, http.client.HTTPException):
                status, headers, text = 0, {}, b""
            if status == 200:
                return json.loads(text)
            if status == 503 and headers.get("X-Rudder-Should-Retry") == "true":
                with self.lock:
                    self.uncounted += 1
            elif status in (0, 408, 429) or status >= 500:
                attempt += 1
                with self.lock:
                    self.retries += 1
                if attempt == ATTEMPTS:
                    raise SystemExit(f"rudder-server would panic: {ATTEMPTS} attempts, last status {status}")
            else:
                raise SystemExit(f"every event of a request would be lost: {status} {text[:200]}")
            time.sleep(min(0.1 * 2 ** min(attempt, 5), 2))

    def send(self, events, while_sending):
        """Returns the responses to all events, in order. Calls `while_sending` once, halfway through."""
        path = f"/v0/destinations/{self.destination['destinationDefinition']['name'].lower()}"
        bodies = [self.body(events[at:at + BATCH], at) for at in range(0, len(events), BATCH)]
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            half = len(bodies) // 2
            sent = [pool.submit(self.transformed, path, body) for body in bodies[:half]]
            disturbance = pool.submit(while_sending)
            sent += [pool.submit(self.transformed, path, body) for body in bodies[half:]]
            disturbance.result()
            return [answer for future in sent for answer in future.result()]


def records(answers, partitions):
    """Returns the records that rudder-server would produce, as lines for Records.java."""
    for answer in answers:
        if answer["statusCode"] == 200 and answer["output"]["topic"]:
            output = answer["output"]
            key = output["userId"].encode()
            value = json.dumps(output["message"]).encode()
            yield "\t".join([output["topic"], str(partition(key, partitions)), base64.b64encode(key).decode(), base64.b64encode(value).decode()])
