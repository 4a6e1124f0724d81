"""The files of `deploy/` and `binder/`: that they agree with each other, and with the server that they start."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import shapelab.hosting.serve
from app.server import PATIENCE, environment, serving
from deploy.proxies import DEPLOY, FILES, found
from shapelab.cli import main
from shapelab.hosting.options import Options, visitors_in

ROOT = DEPLOY.parent
UNITS = {"Gi": 2**30, "g": 2**30, "Mi": 2**20, "m": 2**20}


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def documents(name: str) -> dict[str, Any]:
    return {each["kind"]: each for each in yaml.safe_load_all(text(name))}


def size(words: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(\w+)", words).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


KUBERNETES, COMPOSE = documents("kubernetes.yaml"), yaml.safe_load(text("compose.yaml"))
POD = KUBERNETES["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
SERVERS = {name: COMPOSE["services"][name] for name in ("one", "two")}


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line that a file gives, by where it stands."""
    for name in ("Dockerfile", "README.md"):
        for number, listed in enumerate(re.findall(r'\[("shapelab", .*?)\]', text(name))):
            yield f"{name} {number}", json.loads(f"[{listed}]")
    for name, service in SERVERS.items():
        yield f"compose {name}", service["command"]
    yield "kubernetes", CONTAINER["args"]
    written = re.search(
        r"<<'JSON'\n(.*?)\nJSON", (ROOT / "binder" / "postBuild").read_text(encoding="utf-8"), re.DOTALL
    )
    assert written, "postBuild writes no configuration"
    binder = json.loads(written[1])["ServerProxy"]["servers"]["shapelab"]["command"]
    yield "binder", [part.format(port=4321, base_url="/user/x/") for part in binder]


COMMANDS = dict(commands())


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """The options of every server that would have been started."""
    kept: list[Options] = []
    monkeypatch.setattr(shapelab.hosting.serve, "serve", kept.append)
    return kept


def options_of(where: str, started: list[Options]) -> Options:
    program, *arguments = COMMANDS[where]
    assert program == "shapelab"
    assert main(arguments) == 0
    return started.pop()


@pytest.mark.parametrize("where", COMMANDS)
def test_every_command_is_one_that_shapelab_takes(where: str, started: list[Options]) -> None:
    options = options_of(where, started)
    if where == "binder":
        assert (options.port, options.base_url) == (4321, "/user/x/shapelab/")
    else:
        assert options.public


def test_ports_agree(started: list[Options]) -> None:
    (exposed,) = map(int, re.findall(r"(?m)^EXPOSE (\d+)", text("Dockerfile")))
    (probed,) = map(int, re.findall(r"127\.0\.0\.1:(\d+)/healthz", text("Dockerfile")))
    by_proxies = {int(port) for file in FILES.values() for port in re.findall(r"10\.88\.66\.1\d:(\d+)", text(file))}
    (named,) = CONTAINER["ports"]
    scraped = KUBERNETES["Deployment"]["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"]
    (published,) = SERVERS["one"]["ports"]
    (opened,) = KUBERNETES["NetworkPolicy"]["spec"]["ingress"][0]["ports"]
    ports = {exposed, probed, *by_proxies, named["containerPort"], int(scraped), int(published.split(":")[-1])}
    served = {options_of(where, started).port for where in ("Dockerfile 0", "compose one", "compose two", "kubernetes")}
    assert ports | served | {opened["port"]} == {8866}
    probes = [CONTAINER[f"{probe}Probe"]["httpGet"]["port"] for probe in ("startup", "readiness", "liveness")]
    (service,) = KUBERNETES["Service"]["spec"]["ports"]
    (rule,) = KUBERNETES["Ingress"]["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert {*probes, service["targetPort"]} == {named["name"]}
    assert path["backend"]["service"] == {"name": "shapelab", "port": {"name": service["name"]}}


def test_who_is_asked_to_end_is_given_the_time(started: list[Options]) -> None:
    docker = options_of("Dockerfile 0", started).drain_seconds
    assert 0 < docker <= 5, "docker stop kills after ten seconds"
    for name, service in SERVERS.items():
        grace = int(service["stop_grace_period"].removesuffix("s"))
        assert grace >= options_of(f"compose {name}", started).drain_seconds + 10
    before = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    grace = POD["terminationGracePeriodSeconds"]
    assert grace >= before + options_of("kubernetes", started).drain_seconds + 20


def test_no_more_visitors_are_taken_than_memory_holds(started: list[Options]) -> None:
    limits = {f"compose {name}": size(service["mem_limit"]) for name, service in SERVERS.items()}
    limits["kubernetes"] = size(CONTAINER["resources"]["limits"]["memory"])
    for where, limit in limits.items():
        assert 0 < options_of(where, started).most_visitors <= visitors_in(limit), where
    scaler = KUBERNETES["HorizontalPodAutoscaler"]["spec"]
    most = options_of("kubernetes", started).most_visitors
    (metric,) = scaler["metrics"]
    assert 0.5 * most < int(metric["pods"]["target"]["averageValue"]) < 0.9 * most, "pods come too early, or too late"
    assert scaler["maxReplicas"] * most >= 300


def test_readers_of_the_table_are_told_what_the_server_does() -> None:
    rows = re.findall(r"(?m)^\| (\d+) GiB \| (\d+) \|$", text("README.md"))
    assert len(rows) >= 3
    assert [int(n) for _, n in rows] == [visitors_in(int(gib) * 2**30) for gib, _ in rows]


def test_hosts_and_labels_agree(started: list[Options]) -> None:
    ingress, deployment = KUBERNETES["Ingress"]["spec"], KUBERNETES["Deployment"]["spec"]
    host = ingress["rules"][0]["host"]
    assert (host,) == options_of("kubernetes", started).allowed_hosts
    assert ingress["tls"][0]["hosts"] == [host]
    labels = deployment["template"]["metadata"]["labels"]
    selectors = [deployment["selector"]["matchLabels"], KUBERNETES["Service"]["spec"]["selector"]]
    selectors += [KUBERNETES[kind]["spec"]["selector"]["matchLabels"] for kind in ("PodDisruptionBudget",)]
    selectors += [KUBERNETES["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]]
    assert all(selector == labels for selector in selectors)
    assert KUBERNETES["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == "shapelab"
    addresses = {service["networks"]["inside"]["ipv4_address"] for service in SERVERS.values()}
    assert addresses == set(re.findall(r"(?m)^ +server \w+ ([\d.]+):", text("haproxy.cfg")))


def test_containers_can_do_little() -> None:
    assert POD["automountServiceAccountToken"] is False
    assert POD["securityContext"]["runAsNonRoot"] is True
    for container in (*POD["initContainers"], CONTAINER):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"]["drop"] == ["ALL"]
    for service in COMPOSE["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert size(service["mem_limit"]) > 0
    user = re.findall(r"(?m)^USER (\d+)", text("Dockerfile"))
    assert user == [str(POD["securityContext"]["runAsUser"])]


def test_the_pod_s_server_answers_what_a_cluster_asks(tmp_path: Path) -> None:
    """By the pod's address, which no list of names holds."""
    probes = {CONTAINER[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")}
    scraped = KUBERNETES["Deployment"]["spec"]["template"]["metadata"]["annotations"]["prometheus.io/path"]
    asked = {*probes, scraped, *re.findall(r"httpchk GET (\S+)", text("haproxy.cfg"))}
    asked |= set(re.findall(r"8866(/\w+)'", text("Dockerfile")))
    options = [option for option in CONTAINER["args"][2:] if not option.startswith(("--host", "--port"))]
    with serving(tmp_path, options=options) as server:
        deadline = time.monotonic() + PATIENCE
        while server.get("/readyz", Host="10.1.2.3:8866")[0].status != 200:
            assert time.monotonic() < deadline, "the server does not become ready"
            time.sleep(0.1)
        statuses = {path: server.get(path, Host="10.1.2.3:8866")[0].status for path in asked}
        counts = server.get(scraped, Host="10.1.2.3:8866")[1].decode()
    assert statuses == dict.fromkeys(asked, 200)
    (metric,) = KUBERNETES["HorizontalPodAutoscaler"]["spec"]["metrics"]
    (rule,) = yaml.safe_load(text("prometheus-adapter.yaml"))["rules"]["custom"]
    name = metric["pods"]["metric"]["name"]
    assert re.search(rf"(?m)^{name} \d", counts), counts
    assert rule["name"]["as"] == name
    assert rule["seriesQuery"].startswith(f"{name}{{")


def test_the_image_is_given_all_that_the_wheel_is_made_of(tmp_path: Path) -> None:
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line.startswith("!"):
            source = ROOT / line[1:]
            (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / line[1:])
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {"shapelab/app/dashboard.ipynb", "shapelab/cli.py"} <= set(archive.namelist())


@pytest.mark.parametrize("name", FILES)
def test_the_proxy_itself_finds_its_file_in_order(name: str) -> None:
    file = str(DEPLOY / FILES[name])
    arguments = {"haproxy": ["-c", "-q", "-f", file], "nginx": ["-t", "-q", "-c", file]}
    checked = subprocess.run([found(name), *arguments[name]], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
