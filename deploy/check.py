"""Holds the deployment files to the schemas of what reads them. `.ci/run` runs it with the packages of check.txt.

What the files say about the service itself (settings, ports, paths) is compared with it by tests/integration/deploy.rs.
"""

import json
import sys
from pathlib import Path

import kubernetes_validate
import yaml
from compose_spec import PyCompose

HERE = Path(__file__).parent
KUBERNETES = HERE / "kubernetes"
# From an operator, so that its schema is not among those of Kubernetes.
FOREIGN = {"ServiceMonitor"}
VERSIONS = ["1.30", "1.37"]


def check_compose():
    compose = PyCompose.from_yaml((HERE / "compose.yaml").read_text())
    services = compose.service_names()
    assert {"rudder-server", "postgres", "kafka", "rudder-kafka-transformer", "rudder-transformer"} <= set(services)
    parsed = yaml.safe_load((HERE / "compose.yaml").read_text())["services"]
    for name, service in parsed.items():
        for other in service.get("depends_on", {}):
            assert other in parsed, f"{name} depends on {other}, which there is not"
            assert "healthcheck" in parsed[other], f"{name} waits for the health of {other}, which has no check"


def check_kubernetes():
    names = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    assert sorted(names) == sorted(path.name for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml")
    for name in names:
        for resource in yaml.safe_load_all((KUBERNETES / name).read_text()):
            if resource["kind"] in FOREIGN:
                continue
            for version in VERSIONS:
                kubernetes_validate.validate(resource, version, strict=True)


def check_workspace():
    workspace = json.loads((HERE / "workspaceConfig.json").read_text())
    for connection in workspace["connections"].values():
        source = next(source for source in workspace["sources"] if source["id"] == connection["sourceId"])
        assert any(destination["id"] == connection["destinationId"] for destination in source["destinations"])


def main():
    for check in (check_compose, check_kubernetes, check_workspace):
        check()
        print(f"{check.__name__}: ok")


sys.exit(main())
