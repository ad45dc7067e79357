"""Generates values.yaml and README.md from the chart's values.schema.json, and updates the list of settings in that schema.

Usage: document.py BINARY [--check]

With --check nothing is written; the exit code is 1 if a file differs.
"""

import json
import pathlib
import re
import subprocess
import sys
import textwrap

CHART = pathlib.Path(__file__).parents[2] / "deploy/helm/rudder-kafka-transformer"
# Settings that the chart sets itself, so they are not values.
OWN = {"HOST", "METRICS_HOST", "INSTANCE_ID", "TLS_CERT_FILE", "TLS_KEY_FILE", "METRICS_TLS", "OPERATOR_TOKEN_FILE", "NUM_PROCS"}
README = """# rudder-kafka-transformer

A Helm chart for [rudder-kafka-transformer](../../../README.md), which transforms RudderStack events for Apache Kafka, Azure Event Hubs
and Confluent Cloud. [docs/operations.md](../../../docs/operations.md) explains the installation, sizing, and use with the official
rudderstack chart.

```console
helm upgrade --install rudder-kafka-transformer deploy/helm/rudder-kafka-transformer \\
  --set image.repository=registry.example.com/rudder-kafka-transformer
helm test rudder-kafka-transformer
```

## Values

| value | default | |
| --- | --- | --- |
"""


def settings(binary):
    """Returns the names of the service's settings, in the order of its help."""
    text = subprocess.run([binary, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    return [name for name in re.findall(r"\[env: (\w+)[=\]]", text) if name not in OWN]


def with_settings(schema, names):
    types = {"type": ["string", "integer", "boolean", "null"]}
    # terminationGracePeriodSeconds is calculated from two of the settings. Templates can read only these units.
    durations = {"type": ["string", "integer", "null"], "pattern": "^([0-9]+|([0-9]+(ms|s|m|h))+)$"}
    schema["properties"]["settings"]["properties"] = {name: durations if name in ("DRAIN_DELAY", "SHUTDOWN_TIMEOUT") else types for name in names}
    return schema


def default_of(schema):
    if "properties" in schema and "default" not in schema:
        return {name: default_of(value) for name, value in schema["properties"].items()}
    return schema["default"]


def yaml_lines(value, indent):
    """Formats a value as YAML below its key: blocks for non-empty collections, JSON for scalars."""
    space = " " * indent
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from entry(name, one, indent)
    elif isinstance(value, list) and value:
        for one in value:
            lines = list(yaml_lines(one, indent + 2))
            yield f"{space}- {lines[0].lstrip()}"
            yield from lines[1:]
    else:
        yield space + scalar(value)


def scalar(value):
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w./-]*|\d+(m|Mi|s)", value) and value not in ("true", "false", "null")
    return value if plain else json.dumps(value)


def entry(name, value, indent):
    space = " " * indent
    if isinstance(value, (dict, list)) and value:
        yield f"{space}{name}:"
        yield from yaml_lines(value, indent + 2)
    else:
        yield f"{space}{name}: {scalar(value)}"


def values(schema):
    lines = ["# Generated from values.schema.json by .ci/chart/document.py."]
    for name, value in schema["properties"].items():
        if name == "global":
            continue
        lines.append("")
        lines += comment(value["description"], 0)
        if "default" in value:
            lines += entry(name, value["default"], 0)
            continue
        lines.append(f"{name}:")
        for inner, one in value["properties"].items():
            lines += comment(one["description"], 2)
            lines += entry(inner, one["default"], 2)
    return "\n".join(lines) + "\n"


def comment(text, indent):
    mark = " " * indent + "# "
    return textwrap.wrap(text.replace("`", ""), 100, initial_indent=mark, subsequent_indent=mark)


def rows(schema, prefix=""):
    for name, value in schema["properties"].items():
        if name == "global":
            continue
        if "default" not in value:
            yield from rows(value, f"{prefix}{name}.")
            continue
        default = json.dumps(value["default"]) if value["default"] != "" else ""
        yield f"| `{prefix}{name}` | {f'`{default}`' if default else ''} | {value['description']} |"


def main():
    binary, *options = sys.argv[1:]
    path = CHART / "values.schema.json"
    schema = with_settings(json.loads(path.read_text()), settings(binary))
    made = {
        path: json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
        CHART / "values.yaml": values(schema),
        CHART / "README.md": README + "\n".join(rows(schema)) + "\n",
    }
    stale = [file for file, text in made.items() if not file.exists() or file.read_text() != text]
    if "--check" in options:
        for file in stale:
            print(f"{file.name} is stale")
        return 1 if stale else 0
    for file in stale:
        file.write_text(made[file])
    return 0


if __name__ == "__main__":
    sys.exit(main())
