"""Checks a compose file as far as that goes without Docker. usage: check_compose.py COMPOSE_FILE OTELCOL"""
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

VALIDATE_SECONDS = 20


def main(compose_file, otelcol):
    compose_file = Path(compose_file)
    services = yaml.safe_load(compose_file.read_text())["services"]
    problems = []
    for name, service in services.items():
        found = [*image(service), *mounts(service, compose_file.parent), *ports(service), *health(service),
                 *dependencies(service, services), *collector_config(service, compose_file.parent, otelcol)]
        problems += [f"{name}: {problem}" for problem in found]
    for problem in problems:
        print(f"{compose_file}: {problem}", file=sys.stderr)
    print(f"{compose_file}: {len(services)} services, {len(problems)} problems")
    return 1 if problems else 0


def image(service):
    """A tag that moves makes yesterday's result unrepeatable."""
    if not re.fullmatch(r"[\w./-]+(:[\w.-]*\d[\w.-]*|@sha256:[0-9a-f]{64})", service.get("image", "")):
        yield f"image {service.get('image')!r} is not pinned to a version"


def bind_mounts(service):
    """Pairs of a path in the repository and a path in the container."""
    for volume in service.get("volumes", []):
        if isinstance(volume, str) and volume.startswith("."):
            source, target = volume.split(":")[:2]
            yield source, target
        elif isinstance(volume, dict) and volume.get("type") == "bind":
            yield volume["source"], volume["target"]


def mounts(service, root):
    """A missing file would be mounted as an empty folder. A run's result folder is made when it is first needed."""
    for source, _ in bind_mounts(service):
        if not (root / source).exists() and Path(source).suffix:
            yield f"mounts {source}, which does not exist"
    if "build" in service and not (root / service["build"] / "Dockerfile").is_file():
        yield "has no Dockerfile"


def ports(service):
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            yield f"publishes port {port} beyond loopback"


def health(service):
    """What stays up says whether it is well; what runs once says it with its exit code."""
    if service.get("restart") == "no":
        return
    test = service.get("healthcheck", {}).get("test")
    if not test:
        yield "has no health check"
    elif "retries" not in service["healthcheck"] or "timeout" not in service["healthcheck"]:
        yield "has a health check without timeout or retries"


def dependencies(service, services):
    for name, rule in service.get("depends_on", {}).items():
        if name not in services:
            yield f"depends on {name}, which is no service"
        elif rule.get("condition") == "service_healthy" and "healthcheck" not in services[name]:
            yield f"waits for {name} to be healthy, which has no health check"


def collector_config(service, root, otelcol):
    """Gives every `--config` of a collector to the real one."""
    if "collector" not in service.get("image", ""):
        return
    inside = {target: source for source, target in bind_mounts(service)}
    wanted = [word.partition("=")[2] for word in service.get("command", []) if word.startswith("--config=")]
    if not wanted:
        yield "starts a collector without --config="
    for path in wanted:
        if path not in inside:
            yield f"reads {path}, which nothing mounts"
            continue
        environment = {**os.environ, **{key: str(value) for key, value in service.get("environment", {}).items()}}
        run = subprocess.run([otelcol, "validate", f"--config={root / inside[path]}"], env=environment,
                             capture_output=True, text=True, timeout=VALIDATE_SECONDS)
        if run.returncode != 0:
            yield f"the collector refuses {inside[path]}: {run.stderr.strip()[-500:]}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
