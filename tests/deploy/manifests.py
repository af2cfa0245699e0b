"""The files that describe an installation in containers, as an engine would read them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from config.embedded import PROJECT

COMPOSE = PROJECT / "docker-compose.yml"
DOCKERFILE = PROJECT / "Dockerfile"
CADDYFILE = PROJECT / "deploy" / "Caddyfile"
KUBERNETES = PROJECT / "deploy" / "kubernetes"
WORKFLOWS = PROJECT / ".github" / "workflows"
# What nothing else runs: engines' own servers stand under these names.
OURS = "docent:"
_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})")


def compose(variables: Mapping[str, str]) -> dict[str, Any]:
    """The compose file with these variables put in, as `docker compose config` does it."""

    def put_in(match: re.Match[str]) -> str:
        name, operator, word = match.groups()
        if name is None:
            return "$"
        if value := variables.get(name):
            return value
        if operator == "?":
            raise KeyError(f"{name}: {word}")
        return word or ""

    def walk(node: Any) -> Any:
        match node:
            case str():
                return _VARIABLE.sub(put_in, node)
            case list():
                return [walk(one) for one in node]
            case dict():
                return {name: walk(one) for name, one in node.items()}
        return node

    loaded: dict[str, Any] = walk(yaml.safe_load(COMPOSE.read_text()))
    return loaded


def own_services(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The services of the compose file that run Docent's image."""
    services = compose(variables)["services"]
    return {name: service for name, service in services.items() if service["image"].startswith(OURS)}


def resources() -> list[dict[str, Any]]:
    """Every resource of the cluster's manifests."""
    files = [path for path in sorted(KUBERNETES.glob("*.yaml")) if path.name != "kustomization.yaml"]
    return [resource for path in files for resource in yaml.safe_load_all(path.read_text())]


def workloads() -> dict[str, dict[str, Any]]:
    """The deployments and jobs that run Docent's image, by name."""
    return {
        resource["metadata"]["name"]: resource
        for resource in resources()
        if resource["kind"] in {"Deployment", "Job"} and container(resource)["image"].startswith(OURS)
    }


def container(workload: Mapping[str, Any]) -> dict[str, Any]:
    """A workload's one container."""
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    return dict(only)


def given_secrets(workload: Mapping[str, Any]) -> set[str]:
    """The names of the secrets, files in the end, that a workload's processes find."""
    content = {one["metadata"]["name"]: set(one["stringData"]) for one in resources() if one["kind"] == "Secret"}
    volumes = workload["spec"]["template"]["spec"]["volumes"]
    sources = [source for volume in volumes for source in volume.get("projected", {}).get("sources", [])]
    return {name for source in sources for name in content[source["secret"]["name"]]}


@dataclass(frozen=True, slots=True)
class Image:
    """What the last stage of the Dockerfile makes."""

    sources: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


def image() -> Image:
    """The Dockerfile, read: what it takes from the project, its environment, and what it starts."""
    made = Image()
    for line in _instructions():
        word, _, rest = line.partition(" ")
        match word:
            case "COPY" if not rest.startswith("--from"):
                made.sources.extend(shlex.split(rest)[:-1])
            case "ENV":
                pairs = (pair.partition("=") for pair in shlex.split(rest))
                made.variables.update({name: value for name, _, value in pairs})
            case "HEALTHCHECK":
                made.settings[word] = json.loads(rest.partition("CMD ")[2])
            case "ENTRYPOINT" | "CMD":
                made.settings[word] = json.loads(rest)
            case _:
                made.settings[word] = rest
    return made


def _instructions() -> list[str]:
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    return [line.strip() for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line.strip()]


def environment_of(service: Mapping[str, Any]) -> dict[str, str]:
    """What a process of the service finds in its environment: the image's and its own."""
    return image().variables | {name: str(value) for name, value in service["environment"].items()}
