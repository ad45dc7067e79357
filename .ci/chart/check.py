"""Lints, renders and validates the Helm chart and the kustomize files, and runs the service like each rendered pod.

Usage: check.py BINARY HELM KUBECONFORM KUSTOMIZE
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml

HERE = pathlib.Path(__file__).parent
DEPLOY = HERE.parents[1] / "deploy"
CHART = DEPLOY / "helm/rudder-kafka-transformer"
VERSIONS = ["1.30.0", "1.37.0"]
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
# Values that the schema must reject, and a word that the error message must contain.
INVALID = {
    "settings.WORKRES=2": "WORKRES",
    "settings.DRAIN_DELAY=5sec": "DRAIN_DELAY",
    "autoscaling.minReplicas=0": "minReplicas",
    "networkPolicy.enabled=maybe": "enabled",
    "image.digest=latest": "digest",
    "tls.secret=x": "secret",
}
sys.path[:0] = [str(HERE), str(HERE.parent)]

import checks  # noqa: E402
import pod  # noqa: E402
from checks import check  # noqa: E402


def run(*command, stdin=None):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, input=stdin, timeout=300, check=False)


def crd_schemas(folder):
    """Writes JSON schemas of the Prometheus operator's CRDs, from its Go module."""
    module = json.loads(run("go", "mod", "download", "-json", OPERATOR).stdout)
    for kind in ("servicemonitors", "prometheusrules"):
        path = pathlib.Path(module["Dir"]) / f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml"
        definition = yaml.safe_load(path.read_text())["spec"]
        for version in definition["versions"]:
            schema = closed(version["schema"]["openAPIV3Schema"])
            name = f"{definition['names']['singular']}-monitoring-{version['name']}.json"
            (folder / name).write_text(json.dumps(schema))


def closed(schema):
    """Makes a schema reject unknown fields, like a strict API server."""
    if isinstance(schema, dict):
        schema = {name: closed(value) for name, value in schema.items()}
        if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
        if schema.get("properties", {}).get("metadata") == {"type": "object"}:
            schema["properties"]["metadata"] = {"type": "object", "additionalProperties": True}
    elif isinstance(schema, list):
        schema = [closed(value) for value in schema]
    return schema


def core_schemas(folder):
    """Writes JSON schemas of Kubernetes from a wheel. References become relative to the file, as kubeconform requires."""
    source = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    for version in VERSIONS:
        target = folder / f"v{version}"
        target.mkdir()
        for file in (source / f"v{version}-local-strict").glob("*.json"):
            text = file.read_text().replace('"/api/_definitions.json', '"_definitions.json').replace('"$id": "https', '"x-id": "https')
            (target / file.name).write_text(text)


class Validator:
    """kubeconform with the schemas of several Kubernetes versions."""

    def __init__(self, kubeconform, folder):
        self.kubeconform = kubeconform
        core_schemas(folder)
        crd_schemas(folder)
        name = "{{.ResourceKind}}{{.KindSuffix}}.json"
        self.locations = ["-schema-location", f"{folder}/{{{{.NormalizedKubernetesVersion}}}}/{name}", "-schema-location", f"{folder}/{name}"]

    def problems(self, text):
        """Returns the violations of the first Kubernetes version whose schemas reject the resources, or an empty text."""
        for version in VERSIONS:
            done = run(self.kubeconform, "-strict", "-summary", "-kubernetes-version", version, *self.locations, "-", stdin=text)
            if done.returncode != 0:
                return done.stdout + done.stderr
        return ""


def chart(helm, validator, binary, folder):
    files = sorted((HERE / "values").glob("*.yaml"))
    deployments = {}
    for file in files:
        linted = run(helm, "lint", "--strict", CHART, "--values", file)
        check(f"lint with {file.stem}", linted.returncode == 0, linted.stdout)
        for version in VERSIONS:
            rendered = run(helm, "template", "release", CHART, "--namespace", "data", "--values", file, "--kube-version", version)
            check(f"template with {file.stem} for {version}", rendered.returncode == 0, rendered.stderr)
        problems = validator.problems(rendered.stdout)
        check(f"{rendered.stdout.count('kind: ')} resources with {file.stem} fit the schemas of {' and '.join(VERSIONS)}", not problems, problems)
        resources = list(filter(None, yaml.safe_load_all(rendered.stdout)))
        deployments[file.stem] = next(resource for resource in resources if resource["kind"] == "Deployment")
    for name, seconds in {"defaults": 45, "small": 40, "large": 102}.items():
        grace = deployments[name]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        check(f"with the values {name}, the service has {seconds} s to stop", grace == seconds, grace)
    for value, word in INVALID.items():
        rendered = run(helm, "template", "release", CHART, "--kube-version", VERSIONS[0], "--set", value)
        check(f"the chart rejects {value}", rendered.returncode != 0 and word in rendered.stderr, rendered.stderr)
    check("the schemas reject an unknown field", validator.problems("apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {prots: []}\n"))
    packaged = run(helm, "package", CHART, "--destination", folder)
    check("helm packages the chart", packaged.returncode == 0, packaged.stderr)
    archive = next(folder.glob("*.tgz"))
    options = ["--kube-version", VERSIONS[0], "--values", HERE / "values/monitoring.yaml"]
    check("the package renders the same resources", run(helm, "template", "r", archive, *options).stdout == run(helm, "template", "r", CHART, *options).stdout)
    return deployments


def notes(helm, folder):
    """Checks the notes of an installation. `helm template` omits them, so a copy of the chart renders them as a ConfigMap."""
    copy = folder / "notes"
    shutil.copytree(CHART, copy)
    text = (copy / "templates/NOTES.txt").read_text()
    (copy / "templates/notes.yaml").write_text(f'{{{{- define "notes" }}}}{text}{{{{ end }}}}\nkind: ConfigMap\nnotes: {{{{ include "notes" . | quote }}}}\n')
    printed = {}
    for name in ("defaults", "tls", "upstream", "small"):
        rendered = run(helm, "template", "release", copy, "--namespace", "data", "--kube-version", VERSIONS[0], "--values", HERE / f"values/{name}.yaml",
                       "--show-only", "templates/notes.yaml")
        printed[name] = yaml.safe_load(rendered.stdout)["notes"]
    check("notes: the URL for rudder-server", "DEST_TRANSFORM_URL=http://release-rudder-kafka-transformer.data.svc:9090" in printed["defaults"], printed["defaults"])
    check("notes: with TLS, an https URL and the CA", "DEST_TRANSFORM_URL=https://" in printed["tls"] and "SSL_CERT_FILE" in printed["tls"], printed["tls"])
    check("notes: the advice to set an upstream appears only without one", "There is no upstream" in printed["tls"] and "There is no upstream" not in printed["upstream"], printed)
    check("notes: the NetworkPolicy is mentioned only if it is enabled", "NetworkPolicy" in printed["defaults"] and "NetworkPolicy" not in printed["small"], printed)


def kustomize(binary, validator):
    for name in ("base", "example"):
        built = run(binary, "build", DEPLOY / "kubernetes" / name)
        check(f"kustomize builds {name}", built.returncode == 0, built.stderr)
        problems = validator.problems(built.stdout)
        check(f"{built.stdout.count(chr(10) + 'kind: ')} resources of {name} fit the schemas", not problems, problems)
    resources = list(yaml.safe_load_all(built.stdout))
    kinds = {resource["kind"] for resource in resources}
    check("the example includes the components", {"ServiceMonitor", "PrometheusRule", "ConfigMap"} <= kinds, kinds)
    return next(resource for resource in resources if resource["kind"] == "Deployment")


def official_chart(helm):
    """Checks the post-renderer with a chart that renders its own DEST_TRANSFORM_URL after the user's variables."""
    url = "http://rudder-kafka-transformer:9090"
    recipe = ["--post-renderer", DEPLOY / "helm/official-chart/post-render", "--post-renderer-args"]
    for model in ("set", "overridden"):
        options = ["--values", HERE / "official/overridden.yaml"] if model == "overridden" else []
        rendered = run(helm, "template", "rudderstack", HERE / "official/chart", "--kube-version", VERSIONS[0],
                       *recipe, url, *options)
        check(f"the post-renderer succeeds if the variable is {model}", rendered.returncode == 0, rendered.stderr)
        resources = {(resource["kind"], resource["metadata"]["name"]): resource for resource in yaml.safe_load_all(rendered.stdout)}
        container = resources["StatefulSet", "rudderstack"]["spec"]["template"]["spec"]["containers"][0]
        values = [variable["value"] for variable in container["env"] if variable["name"] == "DEST_TRANSFORM_URL"]
        check(f"rudder-server gets this service's URL if the variable is {model}", set(values) == {url}, values)
        check("everything else stays the same", len(resources) == 4 and any(variable["name"] == "JOBS_DB_HOST" for variable in container["env"]), resources)


    lost = run(helm, "template", "r", CHART, "--kube-version", VERSIONS[0], *recipe, url)
    check("the post-renderer reports that there is nothing to replace", "no DEST_TRANSFORM_URL" in lost.stderr, lost.stderr)


def main():
    binary, helm, kubeconform, kustomize_binary = sys.argv[1:]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="chart-"))
    try:
        for script, argument in (("document.py", binary), ("kustomize.py", helm)):
            done = run(sys.executable, HERE / script, argument, "--check")
            check(f"the files of {script} are up to date", done.returncode == 0, f"run .ci/chart/update {binary}\n{done.stdout}{done.stderr}")
        (folder / "schemas").mkdir()
        validator = Validator(kubeconform, folder / "schemas")
        deployments = chart(helm, validator, binary, folder)
        notes(helm, folder)
        deployments["kustomize"] = kustomize(kustomize_binary, validator)
        official_chart(helm)
        for name, seen in pod.run_all(binary, deployments, folder).items():
            check(f"the service runs like the pod of {name}: starts, is live and ready, stops", not seen, seen)
        checks.summary()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
