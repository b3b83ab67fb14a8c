#!/usr/bin/env python3
"""Checks docker-compose.yml, the Dockerfile and .env.example against each other and against the sources.

Without a Docker engine: every stage, path, port, volume, network and purpose of install.sh that one of them names exists,
every variable a service is given is one that something reads, and .env.example lists exactly what docker-compose.yml takes.
Prints what is wrong, one a line; exit 1 then.
"""

import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "deploy/docker"
# Read by the official images, not by us.
FOREIGN_VARIABLES = {"POSTGRES_PASSWORD_FILE", "POSTGRES_INITDB_ARGS"}

problems: list[str] = []


def expect(truth: object, problem: str) -> None:
    if not truth:
        problems.append(problem)


class Stage:
    """One stage of the Dockerfile."""

    def __init__(self, base: "Stage | None") -> None:
        self.ports: set[str] = set(base.ports) if base else set()
        self.has_healthcheck = base.has_healthcheck if base else False


def read_dockerfile() -> dict[str, Stage]:
    text = (DOCKER / "Dockerfile").read_text()
    lines = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.M)).splitlines()
    stages: dict[str, Stage] = {}
    stage = Stage(None)
    for word, rest in (line.split(None, 1) for line in lines if line.strip()):
        if word == "FROM":
            match = re.fullmatch(r"(\S+) AS (\S+)", rest)
            expect(match, f"Dockerfile: FROM {rest} has no name")
            if match:
                stage = stages[match[2]] = Stage(stages.get(match[1]))
        elif word == "EXPOSE":
            stage.ports.update(with_protocol(port) for port in rest.split())
        elif word == "HEALTHCHECK":
            stage.has_healthcheck = True
        elif word == "COPY":
            check_copy(rest.split(), stages)
        elif word == "RUN":
            check_purposes(rest)
    return stages


def check_copy(words: list[str], stages: dict[str, Stage]) -> None:
    origin = [word.removeprefix("--from=") for word in words if word.startswith("--from=")]
    if origin:
        expect(origin[0] in stages, f"Dockerfile: COPY from stage {origin[0]}, which does not exist above it")
        return
    for source in words[:-1]:
        # `name[d]` is the way to copy a file that may be absent.
        expect("[" in source or (ROOT / source).exists(), f"Dockerfile: COPY {source} does not exist")


def check_purposes(command: str) -> None:
    known = (ROOT / "deploy/scripts/install.sh").read_text()
    for purpose in re.findall(r"install\.sh ([a-z-]+)", command):
        expect(re.search(rf"^ +{purpose}\) echo", known, re.M), f"Dockerfile: install.sh has no purpose {purpose}")


def with_protocol(port: str) -> str:
    return port if "/" in port else f"{port}/tcp"


def known_variables() -> set[str]:
    """Every name in quotes in Swift, and every variable of the scripts that run in containers."""
    swift = [path for folder in ("Shared", "Services") for path in (ROOT / folder).rglob("*.swift")]
    scripts = [*DOCKER.glob("*.sh"), ROOT / "deploy/nginx/render.sh", ROOT / "deploy/turn/render.sh"]
    names = {name for path in swift for name in re.findall(r'"(ROOST_[A-Z_]+)"', path.read_text())}
    return names | {name for path in scripts for name in re.findall(r"\b[A-Z]+_[A-Z_]+\b", path.read_text())}


def check_service(name: str, service: dict, compose: dict, stages: dict[str, Stage], known: set[str]) -> None:
    target = service.get("build", {}).get("target")
    expect(target or "image" in service, f"{name}: neither image nor build target")
    expect(target is None or target in stages, f"{name}: the Dockerfile has no stage {target}")
    for variable in service.get("environment", {}):
        expect(variable in known | FOREIGN_VARIABLES, f"{name}: nothing reads {variable}")
    for port in service.get("ports", []):
        published = with_protocol(port.rsplit(":", 1)[-1])
        expect(target in stages and published in stages[target].ports, f"{name}: port {published} is not exposed")
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        exists = (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"]
        expect(exists, f"{name}: volume {source} does not exist")
    for network in service.get("networks", []):
        expect(network == "default" or network in compose["networks"], f"{name}: no network {network}")
    for other, rule in service.get("depends_on", {}).items():
        needed = compose["services"].get(other)
        expect(needed, f"{name}: depends on {other}, which does not exist")
        if needed and rule["condition"] == "service_healthy":
            stage = stages.get(needed.get("build", {}).get("target"))
            expect("healthcheck" in needed or (stage and stage.has_healthcheck), f"{name}: {other} has no health check")


def check_upstreams(compose: dict, stages: dict[str, Stage]) -> None:
    for variable in ("API_UPSTREAMS", "GATEWAY_UPSTREAMS"):
        service, port = compose["services"]["web"]["environment"][variable].split(":")
        expect(service in stages and f"{port}/tcp" in stages[service].ports, f"web: {variable} leads nowhere")
    media = compose["services"]["media"]
    ports = media["ports"][0].split("/")[0].split(":")
    expect(ports[-2] == ports[-1], "media: ports must be the same inside and outside")
    expect(ports[-1].split("-")[0] == media["environment"].get("ROOST_MEDIA_PORT"), "media: publishes other ports")


def main() -> int:
    text = (ROOT / "docker-compose.yml").read_text()
    compose = yaml.safe_load(text)
    stages = read_dockerfile()
    known = known_variables()
    for name, service in compose["services"].items():
        check_service(name, service, compose, stages, known)
    check_upstreams(compose, stages)
    taken = set(re.findall(r"\$\{([A-Z_]+)", text))
    offered = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    for variable in taken ^ offered:
        expect(False, f".env.example {'lacks' if variable in taken else 'has unused'} {variable}")
    used = {volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", [])}
    for volume in compose["volumes"].keys() - used:
        expect(False, f"volume {volume} is unused")
    for problem in problems:
        print(f"check_compose: {problem}", file=sys.stderr)
    return 1 if problems else 0


sys.exit(main())
