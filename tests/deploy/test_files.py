"""Every name in the files for containers exists: commands, paths, ports, variables, secrets, services."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.embedded import PROJECT
from config.serve import PARTS
from tests.deploy.manifests import (
    CADDYFILE,
    COMPOSE,
    DOCKERFILE,
    KUBERNETES,
    WORKFLOWS,
    compose,
    container,
    environment_of,
    given_secrets,
    image,
    own_services,
    resources,
    workloads,
)

VARIABLES = {"DOCENT_HOST": "docent.example.org"}
SERVICES = own_services(VARIABLES)
# Of every process; then what leads further, and to whom it is given.
APPLICATION = {"django_key", "task_key", "vault_key", "database_url", "redis_url"}
PLATFORM = {"audit_key", "database_owner_url", "database_ops_url"}
PROVISION = {"owner_password", "app_password", "ops_password", "database_admin_url"}
# Read before the settings are, or by Python and the system.
_WITHOUT_SETTINGS = {
    "DATABASE_OWNER_URL", "DATABASE_OPS_URL", "DATABASE_ADMIN_URL", "DJANGO_SETTINGS_MODULE", "HOME", "PATH",
    "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE",
}  # fmt: skip


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.compose-spec", COMPOSE),
        *(("vendor.github-workflows", file) for file in sorted(WORKFLOWS.glob("*.yml"))),
    ],
    ids=str,
)
def test_files_keep_to_their_published_schema(schema: str, file: Path) -> None:
    checked = tool("check-jsonschema", "--builtin-schema", schema, str(file))
    assert checked.returncode == 0, checked.stdout


def test_the_manifests_keep_to_their_published_schemas() -> None:
    files = [str(path) for path in sorted(KUBERNETES.glob("*.yaml")) if path.name != "kustomization.yaml"]
    checked = tool("kubernetes-validate", "--strict", "--kubernetes-version", "1.34", *files)
    assert checked.returncode == 0, checked.stdout
    assert len(re.findall("passed", checked.stderr + checked.stdout)) == len(resources())


def test_all_manifests_are_applied_but_those_that_come_before() -> None:
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    there = {path.name for path in KUBERNETES.glob("*.yaml")}
    assert there - set(listed) == {"kustomization.yaml", "secrets.template.yaml", "provision.yaml", "migrate.yaml"}
    assert set(listed) <= there


def test_the_dockerfile_is_without_faults() -> None:
    checked = tool("hadolint", str(DOCKERFILE))
    assert (checked.stdout, checked.returncode) == ("", 0)


def test_the_image_takes_all_of_the_application_and_nothing_else() -> None:
    apps = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"bench", "tests"}
    taken = set(image().sources)
    assert {name for name in taken if not (PROJECT / name).exists()} == set()
    wanted = apps | {"locale", "static", "templates", "manage.py", "LICENSE", "NOTICE"}
    assert taken == wanted | {"requirements/base.txt", "requirements/ocr.txt"}
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == wanted | {"requirements"}
    assert lines[1] == "*"


def test_the_image_runs_as_nobody_in_particular() -> None:
    settings = image().settings
    assert settings["USER"] == "10001:10001"
    assert [*settings["ENTRYPOINT"], *settings["CMD"]] == ["python", "manage.py", "serve", "web", "--host=0.0.0.0"]
    assert settings["CMD"] == SERVICES["web"]["command"] == container(workloads()["web"])["args"]


def test_every_process_is_there_in_both() -> None:
    named = {
        name: (service["command"][1] if service["command"][0] == "serve" else service["command"][0])
        for name, service in SERVICES.items()
    }
    assert named == {part: part for part in PARTS} | {"migrate": "init"}
    args = {name: container(workload)["args"] for name, workload in workloads().items()}
    serving = {name: words[1] for name, words in args.items() if words[0] == "serve"}
    assert serving == {part: part for part in PARTS}
    assert args["provision"] == ["init"]
    assert args["migrate"] == ["migrate", "--no-input"]


def known_variables() -> set[str]:
    """What the settings read, plain or from a file."""
    texts = [path.read_text() for path in (PROJECT / "config" / "settings").glob("*.py")]
    read = {name for text in texts for name in re.findall(r"env\.\w+\(\s*[\"']([A-Z_]+)", text)}
    known = read | _WITHOUT_SETTINGS
    return known | {f"{name}_FILE" for name in known}


def test_every_variable_is_one_that_docent_reads() -> None:
    known = known_variables()
    for service in SERVICES.values():
        assert set(environment_of(service)) - known == set()
    (settings,) = (one["data"] for one in resources() if one["kind"] == "ConfigMap")
    assert set(settings) - known == set()
    for workload in workloads().values():
        assert {variable["name"] for variable in container(workload).get("env", [])} - known == set()


@pytest.mark.parametrize("part", PARTS)
def test_each_process_is_given_the_secrets_that_it_needs_and_no_other(part: str) -> None:
    wanted = APPLICATION | (PLATFORM if part == "platform" else set())
    assert set(SERVICES[part]["secrets"]) == wanted
    assert given_secrets(workloads()[part]) == wanted
    assert files_named(SERVICES[part]["environment"]) <= wanted


def test_what_makes_roles_and_schema_is_given_what_leads_there() -> None:
    assert set(SERVICES["migrate"]["secrets"]) == APPLICATION | PROVISION
    assert given_secrets(workloads()["provision"]) == APPLICATION | PROVISION
    assert given_secrets(workloads()["migrate"]) == APPLICATION | PLATFORM


def files_named(environment: dict[str, str]) -> set[str]:
    """The secrets that variables name as files."""
    folder = environment["DOCENT_SECRETS"]
    paths = {value for name, value in environment.items() if name.endswith("_FILE")}
    assert all(path.startswith(f"{folder}/") for path in paths)
    return {Path(path).name for path in paths}


def test_make_secrets_makes_every_secret_and_keeps_what_is_there(tmp_path: Path) -> None:
    command = [str(PROJECT / "deploy" / "make-secrets"), str(tmp_path / "secrets")]
    subprocess.run(command, check=True, capture_output=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    declared = compose(VARIABLES)["secrets"]
    assert {name: f"deploy/secrets/{name}" for name in made} == {
        name: one["file"] for name, one in declared.items()
    }
    random = {name: text for name, text in made.items() if name.endswith(("_key", "_password"))}
    assert len(set(random.values())) == len(random) == 9
    assert {name: len(text) for name, text in random.items() if len(text) != 43} == {"django_key": 64}
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    subprocess.run(command, check=True, capture_output=True)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made
    assert made["valkey_password"] not in made["valkey_acl"]


def test_no_secret_stands_in_the_files() -> None:
    for one in resources():
        if one["kind"] == "Secret":
            assert set(one["stringData"].values()) == {""}
    assert "deploy/secrets/" in (PROJECT / ".gitignore").read_text()


def hardened(service: dict[str, Any]) -> bool:
    return bool(service["read_only"] and service["cap_drop"] == ["ALL"]) and service["security_opt"] == [
        "no-new-privileges:true"
    ]


def test_every_container_is_read_only_without_rights_and_limited() -> None:
    services = compose(VARIABLES)["services"]
    assert {name for name, service in services.items() if not hardened(service)} == set()
    added = {name: service["cap_add"] for name, service in services.items() if "cap_add" in service}
    assert added == {"proxy": ["NET_BIND_SERVICE"]}
    assert {
        name for name, one in services.items() if "memory" not in one["deploy"]["resources"]["limits"]
    } == set()
    assert {name for name, one in services.items() if "healthcheck" not in one} == {"web", "admin"}  # the image's
    for workload in (one for one in resources() if one["kind"] in {"Deployment", "Job"}):
        own = container(workload)
        assert own["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert workload["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
        assert "memory" in own["resources"]["limits"]


def test_only_the_proxy_is_reached_from_outside() -> None:
    services = compose(VARIABLES)["services"]
    assert {name: one["ports"] for name, one in services.items() if "ports" in one} == {
        "proxy": ["80:80", "443:443", "443:443/udp", "127.0.0.1:8443:8443"]
    }
    networks = {name: set(services[name]["networks"]) for name in ("postgres", "valkey")}
    assert networks == {"postgres": {"data"}, "valkey": {"data"}}
    assert compose(VARIABLES)["networks"]["data"] == {"internal": True}


def test_the_proxy_leads_to_services_and_ports_that_exist() -> None:
    upstreams = re.findall(r"dynamic a (\w+) (\d+)", CADDYFILE.read_text())
    assert upstreams == [("web", image().settings["EXPOSE"]), ("admin", image().settings["EXPOSE"])]
    assert {name for name, _ in upstreams} <= set(SERVICES)
    proxy = compose(VARIABLES)["services"]["proxy"]
    assert {path.split(":")[0] for path in proxy["volumes"] if path.startswith("./")} == {"./deploy/Caddyfile"}
    assert set(re.findall(r"\{\$(\w+)\}", CADDYFILE.read_text())) == set(proxy["environment"])


def test_probes_ask_for_the_health_at_the_port_that_is_served() -> None:
    for name in ("web", "admin"):
        own = container(workloads()[name])
        asked = {kind: own[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
        assert asked == {"startup": "/health/live", "liveness": "/health/live", "readiness": "/health/ready"}
        assert own["ports"] == [{"name": "http", "containerPort": int(image().settings["EXPOSE"])}]
    assert container(workloads()["worker"])["livenessProbe"]["exec"]["command"] == [
        *SERVICES["worker"]["healthcheck"]["test"][1:]
    ]


def test_processes_are_told_how_many_there_are() -> None:
    (settings,) = (one["data"] for one in resources() if one["kind"] == "ConfigMap")
    replicas = {name: str(workload["spec"].get("replicas")) for name, workload in workloads().items()}
    assert settings["DOCENT_WEB_PROCESSES"] == replicas["web"]
    assert settings["DOCENT_WORKERS"] == replicas["worker"]
    assert settings["DOCENT_EMBED_WORKERS"] == replicas["embedder"]
    environment = SERVICES["web"]["environment"]
    assert str(SERVICES["web"]["deploy"]["replicas"]) == str(environment["DOCENT_WEB_PROCESSES"])
    assert SERVICES["worker"]["command"] == ["serve", "worker", f"--processes={environment['DOCENT_WORKERS']}"]


def test_what_may_be_interrupted_says_how_much() -> None:
    budgets = {one["metadata"]["name"] for one in resources() if one["kind"] == "PodDisruptionBudget"}
    several = {name for name, one in workloads().items() if one["spec"].get("replicas", 1) > 1}
    assert budgets == several == {"web", "worker", "embedder"}


def test_the_documented_commands_put_in_every_secret_of_the_template() -> None:
    guide = (PROJECT / "docs" / "operations.md").read_text()
    commands = re.findall(r"create secret generic (\S+) (.+)$", guide, re.MULTILINE)
    documented = {name: set(re.findall(r"--from-file=(\w+)", rest)) for name, rest in commands}
    template = {one["metadata"]["name"]: set(one["stringData"]) for one in resources() if one["kind"] == "Secret"}
    assert documented == template
    files = {PROJECT / path for path in re.findall(r"(?:--filename|--kustomize)=(\S+)", guide)}
    assert len(files) == 5
    assert {path for path in files if not path.exists()} == set()


def test_every_variable_of_the_compose_file_is_described() -> None:
    guide = (PROJECT / "docs" / "operations.md").read_text()
    section = guide.split("## With Docker Compose")[1].split("\n## ")[0]
    read = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text())) - {"OLLAMA_NUM_PARALLEL"}
    assert {name for name in read if name not in section} == set()
