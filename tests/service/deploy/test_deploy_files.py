"""The files of deploy/ are valid, name what exists, and keep to its needs. No container engine runs here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from grader_service.core.variables import VARIABLES
from grader_service.queue import hosts

from ..support.rows import FACTS, REPORT

DEPLOY = Path(__file__).parents[3] / "deploy"
SCHEMAS = Path(__file__).parent / "schemas"
COMPOSE = sorted(DEPLOY.glob("compose/*.yaml"))
MANIFESTS = sorted(path for path in DEPLOY.glob("kubernetes/*.yaml") if path.name != "kustomization.yaml")
UNITS = sorted(DEPLOY.glob("systemd/deepgrade-*"))
KUBERNETES = json.loads((SCHEMAS / "kubernetes-1.31.json").read_text())

SPECIFICATION = jsonschema.Draft7Validator(json.loads((SCHEMAS / "compose-spec.json").read_text()))


def manifests(text: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(text) if one]


def all_manifests() -> list[dict[str, Any]]:
    return [one for path in MANIFESTS for one in manifests(path.read_text())]


def validate(manifest: dict[str, Any]) -> None:
    reference = {"$ref": f"#/definitions/{KUBERNETES['kinds'][manifest['kind']]}"}
    jsonschema.Draft7Validator({**reference, "definitions": KUBERNETES["definitions"]}).validate(manifest)


def containers() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, pod and container of each."""
    found = []
    for one in all_manifests():
        spec = one.get("spec", {}).get("jobTemplate", one).get("spec", {})
        if pod := spec.get("template", {}).get("spec"):
            found += [(one["metadata"]["name"], pod, container) for container in pod["containers"]]
    return found


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_a_compose_file_follows_the_compose_specification(path):
    content = yaml.safe_load(path.read_text())
    SPECIFICATION.validate(content)
    for name, service in content["services"].items():
        assert "mem_limit" in service, f"{name} has no limit of memory"
        assert service["restart"] == "unless-stopped"
        for other in service.get("depends_on", []):
            assert other in content["services"]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith((".", "/", "$")) or source in content["volumes"], volume
    scaled = path.name == "scaled.yaml"
    wanted = {"web", "proxy", "backup"} | ({"worker-1", "worker-2", "database", "broker"} if scaled else set())
    assert set(content["services"]) == wanted
    assert "ports" not in content["services"]["web"], "the proxy alone is reached from outside"


def test_a_compose_file_with_a_slip_is_refused():
    content = yaml.safe_load(COMPOSE[0].read_text())
    content["services"]["web"]["mem_limits"] = "8g"
    with pytest.raises(jsonschema.ValidationError, match="mem_limits"):
        SPECIFICATION.validate(content)


@pytest.mark.parametrize("manifest", all_manifests(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_a_manifest_follows_the_schema_of_its_kind(manifest):
    validate(manifest)


def test_a_manifest_with_a_slip_is_refused():
    manifest = next(one for one in all_manifests() if one["kind"] == "Deployment")
    manifest["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = {}
    with pytest.raises(jsonschema.ValidationError):
        validate(manifest)


@pytest.mark.parametrize("name, pod, container", containers(), ids=lambda one: one if isinstance(one, str) else "")
def test_a_container_has_limits_probes_and_no_rights(name, pod, container):
    assert {"cpu", "memory"} <= set(container["resources"]["limits"])
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["enableServiceLinks"] is False, "its variables DEEPGRADE_... would look like settings"
    if name != "backup":
        assert {"startupProbe", "readinessProbe"} & set(container)


def test_the_kustomization_names_every_manifest_and_renders(tmp_path):
    folder = Path(shutil.copytree(DEPLOY / "kubernetes", tmp_path / "kubernetes"))
    resources = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert sorted(resources) == sorted(path.name for path in MANIFESTS)
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed, so the manifests are not rendered")
    shutil.copy(folder / "secret.env.example", folder / "secret.env")
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True)
    rendered = manifests(done.stdout)
    for one in rendered:
        validate(one)
        assert one["kind"] == "Namespace" or one["metadata"]["namespace"] == "deepgrade"
    images = re.findall(r"image: (\S*deepgrade\S*)", done.stdout)
    assert set(images) == {"registry.example.edu/deepgrade:0.1.0"}


def test_every_setting_that_these_files_name_is_one():
    ours = {"DEEPGRADE_NAME", "DEEPGRADE_UPSTREAM", "DEEPGRADE_BACKUPS"}  # of the compose files and the Caddyfile
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            named = set(re.findall(r"\bDEEPGRADE_[A-Z_]+[A-Z]\b", path.read_text()))
            assert named - ours <= set(VARIABLES), path.name


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_in_the_units(tmp_path):
    for path in UNITS:
        text = (
            path.read_text().replace("/opt/deepgrade/bin/deepgrade", "/bin/true").replace("User=deepgrade", "User=root")
        )
        (tmp_path / path.name).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "deepgrade-" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_unit_reads_its_settings_and_delegates_its_cgroup(name):
    lines = (DEPLOY / f"systemd/deepgrade-{name}.service").read_text().splitlines()
    assert {"EnvironmentFile=/etc/deepgrade/deepgrade.env", "Delegate=yes", "User=deepgrade"} <= set(lines)
    assert not [line for line in lines if "DEEPGRADE_CGROUP" in line], "the service finds it by itself"


@pytest.fixture
def metrics(user, database, graded) -> set[str]:
    """The names of all series that /metrics has once something was graded."""
    user("ada").handed_in()
    graded(REPORT)
    with database.write() as session:
        hosts.beat(session, FACTS)
    user().get("/")
    text = user().get("/metrics").text
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


def expressions() -> list[str]:
    rules = yaml.safe_load((DEPLOY / "monitoring/alerts.yaml").read_text())["groups"][0]["rules"]
    panels = json.loads((DEPLOY / "monitoring/dashboard.json").read_text())["panels"]
    return [rule["expr"] for rule in rules] + [target["expr"] for panel in panels for target in panel["targets"]]


def test_alerts_and_the_dashboard_name_metrics_that_exist(metrics):
    for expression in expressions():
        named = set(re.findall(r"\bdeepgrade_\w+", expression))
        assert named <= metrics, f"{expression}: {named - metrics}"
        assert named or "up{" in expression


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_the_rules():
    subprocess.run(
        ["promtool", "check", "rules", str(DEPLOY / "monitoring/alerts.yaml")], check=True, capture_output=True
    )


def test_the_image_runs_as_an_ordinary_user_in_two_stages():
    steps = (DEPLOY / "container/Dockerfile").read_text()
    assert steps.count("\nFROM ") == 2
    assert "\nUSER 10001:10001\n" in steps
    for path in re.findall(r"^COPY (?!--)(\S+)", steps, re.M):
        assert (DEPLOY.parent / path).exists()
