"""Generates the kustomize base and its components from the Helm chart, rendered with default values.

Usage: kustomize.py HELM [--check]

With --check nothing is written; the exit code is 1 if a file differs.
"""

import pathlib
import subprocess
import sys

import yaml

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"
CHART, TARGET = DEPLOY / "helm/rudder-kafka-transformer", DEPLOY / "kubernetes"
NAME = "rudder-kafka-transformer"
# The folder of each kind of resource. The pod of `helm test` is not included.
FOLDERS = {
    "Deployment": "base", "Service": "base", "HorizontalPodAutoscaler": "base", "PodDisruptionBudget": "base", "NetworkPolicy": "base",
    "ServiceMonitor": "components/service-monitor", "PrometheusRule": "components/prometheus-rule", "ConfigMap": "components/dashboard",
}
OPTIONAL = "serviceMonitor.enabled=true,prometheusRule.enabled=true,dashboard.enabled=true"
# Labels that refer to Helm or to the release.
HELM_ONLY = ["app.kubernetes.io/managed-by", "helm.sh/chart", "app.kubernetes.io/instance"]


class Dumper(yaml.SafeDumper):
    """Represents multi-line strings as block scalars."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def text(dumper, value):
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Dumper.add_representer(str, text)


def without_helm(value):
    """Removes the labels that only Helm sets, also from selectors."""
    if isinstance(value, dict):
        return {name: without_helm(one) for name, one in value.items() if name not in HELM_ONLY}
    if isinstance(value, list):
        return [without_helm(one) for one in value]
    return value


def without_tests(policy):
    """Removes the pod of `helm test` from the clients that a NetworkPolicy admits."""
    for rule in policy["spec"]["ingress"]:
        rule["from"] = [peer for peer in rule["from"] if NAME not in str(peer)]
    return policy


def rendered(helm):
    done = subprocess.run([helm, "template", NAME, CHART, "--kube-version", "1.30.0", "--skip-tests", "--set", OPTIONAL],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    for resource in filter(None, yaml.safe_load_all(done.stdout)):
        resource = without_helm(resource)
        if resource["kind"] == "NetworkPolicy":
            resource = without_tests(resource)
        header = "# Generated from the Helm chart by .ci/chart/kustomize.py.\n"
        path = TARGET / FOLDERS[resource["kind"]] / f"{resource['kind'].lower()}.yaml"
        yield path, header + yaml.dump(resource, Dumper=Dumper, sort_keys=False, width=1000)


def main():
    helm, *options = sys.argv[1:]
    stale = [(path, content) for path, content in rendered(helm) if not path.exists() or path.read_text() != content]
    if "--check" in options:
        for path, _ in stale:
            print(f"{path.relative_to(DEPLOY)} is stale")
        return 1 if stale else 0
    for path, content in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
