"""`hostler status`: what runs, where, in which isolation, and what serves.

Invariant: shows what it can learn, whatever is down: processes from the supervisor, readiness from
the health route, instances from their folders, endpoints from the API.
"""

from collections import defaultdict
from typing import Any

import typer
from rich.text import Text

from hostler.app import program, serving
from hostler.app.settings import Settings
from hostler.app.supervisor import desk, leftovers, place, readiness
from hostler.cli import signed
from hostler.cli.keyring import CredentialsError
from hostler.cli.output import (
    AsJson,
    CommandError,
    DataDir,
    connect,
    directory,
    document,
    fail,
    out,
    table,
)

NETWORK_NOTE = (
    "one machine is one network: VpcConfig is checked and echoed, EnableNetworkIsolation isolates"
)
READY = "ready"
_COLOURS = {
    READY: "green", "InService": "green", "Failed": "red", "not running": "red",
}  # fmt: skip


def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show the processes and the endpoints; exit 1 unless Hostler is ready."""
    settings = Settings.load(directory(data_dir))
    try:
        supervisor = desk.ask(settings.layout.supervisor_socket, {"op": "status"})
    except (OSError, ValueError):
        _not_running(settings, as_json=as_json)
    health = readiness.ask(settings.host, settings.port, tls=settings.has_tls) or {}
    facts = {
        "state": _state(supervisor, health),
        **supervisor,
        "ready": bool(health.get("ready")),
        "endpoint_url": settings.endpoint_url,
        "isolation": health.get("isolation", "unknown: control does not answer"),
        "warnings": health.get("warnings", []),
        "network": NETWORK_NOTE,
        "external_s3": settings.config.s3.endpoint or None,
        "builds": health.get("builds", {}),
        "init": health.get("init"),
        "endpoints": _endpoints(settings) if health.get("control") else None,
    }
    if as_json:
        document(facts)
    else:
        _show(settings, facts)
    if facts["state"] != READY:
        raise typer.Exit(1)


def _not_running(settings: Settings, *, as_json: bool) -> None:
    """Say so, and what a killed supervisor has left serving; exits 1."""
    root = settings.data_dir
    if (pid := place.holder(root)) is not None:
        raise CommandError(
            f"the supervisor, process {pid}, does not answer: `kill -9 {pid}`, then "
            f"`hostler up{program.option(root)}` takes over what it started"
        )
    left = len(leftovers.processes(settings.layout)) + len(leftovers.instances(settings.layout))
    if as_json:
        document({"state": "not running", "ready": False, "left_behind": left})
    serve_on = f"; {left} processes of a killed supervisor serve on" if left else ""
    fail(f"not running on {root}{serve_on}: start it with `hostler up{program.option(root)}`")


def _state(supervisor: dict[str, Any], health: dict[str, Any]) -> str:
    if supervisor.get("stopping"):
        return "stopping"
    if health.get("ready"):
        return READY
    return "degraded" if supervisor["ready"] else "starting"


def _endpoints(settings: Settings) -> list[dict[str, Any]] | None:
    """The account's endpoints in the region; None when they cannot be listed."""
    try:
        connection = connect(settings.data_dir)
    except CredentialsError:
        return None
    listed = signed.pages(connection, "ListEndpoints", "Endpoints")
    if listed is None:
        return None
    runtimes: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for instance in serving.instances(settings):
        if (instance.account, instance.region) == (connection.account, settings.region):
            counts = runtimes[instance.endpoint.lower()]
            counts[instance.runtime] = counts.get(instance.runtime, 0) + 1
    return [_endpoint(connection, each["EndpointName"], runtimes) for each in listed]


def _endpoint(connection: Any, name: str, runtimes: dict[str, dict[str, int]]) -> dict[str, Any]:
    described = signed.call(connection, "DescribeEndpoint", {"EndpointName": name}) or {}
    return {
        "name": name,
        "status": described.get("EndpointStatus", "unknown"),
        "reason": described.get("FailureReason", ""),
        "runtimes": sorted(runtimes.get(name.lower(), {})),
        "variants": [
            {
                "name": variant["VariantName"],
                "instances": variant.get("CurrentInstanceCount", 0),
                "desired": variant.get("DesiredInstanceCount", 0),
                "serverless": "CurrentServerlessConfig" in variant,
                "shadow": member.startswith("Shadow"),
                "reason": _reason(variant),
            }
            for member in ("ProductionVariants", "ShadowProductionVariants")
            for variant in described.get(member, [])
        ],
    }


def _reason(variant: dict[str, Any]) -> str:
    """Why the last instance ended of a variant that lacks some; nothing of one that is whole."""
    states = variant.get("VariantStatus", ())
    failed = [each.get("StatusMessage", "") for each in states if each["Status"] == "Creating"]
    return failed[-1] if failed else ""


def _show(settings: Settings, facts: dict[str, Any]) -> None:
    out.print(f"[bold]{settings.endpoint_url}[/]", _coloured(facts["state"]))
    lines = [
        ("account", f"{settings.account}, region {settings.region}"),
        ("data", str(settings.data_dir)),
        ("isolation", facts["isolation"]),
        *((("s3", f"external: {facts['external_s3']}"),) if facts["external_s3"] else ()),
        *(("warning", each) for each in facts["warnings"]),
        ("network", facts["network"]),
        *((f"building {name}", line) for name, line in facts["builds"].items()),
        *(("init", line) for line in _scripts(settings, facts["init"])),
    ]
    for name, text in lines:
        out.print(Text(f"  {name:<10} {text}"))
    out.print()
    _processes(facts["children"])
    out.print()
    if facts["endpoints"] is None and facts["state"] == READY:
        out.print("endpoints cannot be listed: root's key was deleted, a restart makes a new one")
    elif facts["endpoints"] is None:
        out.print("endpoints cannot be listed while control does not answer")
    elif not facts["endpoints"]:
        out.print(f"no endpoints in {settings.region} yet")
    else:
        _endpoint_table(facts["endpoints"])


def _scripts(settings: Settings, init: dict[str, Any] | None) -> list[str]:
    """How the init scripts are: those that failed or run by name, the others by number."""
    if init is None:
        return []
    of_state: dict[str, list[str]] = {}
    for each in init["scripts"]:
        of_state.setdefault(each["state"], []).append(each["name"])
    failed = of_state.get("failed", [])
    lines = [f"{init['state']}: {len(of_state.get('done', []))} of {len(init['scripts'])} scripts"]
    lines += [f"{name} runs" for name in of_state.get("running", ())]
    lines += [
        f"{each['name']} failed: {each['text']}"
        for each in init["scripts"]
        if each["name"] in failed
    ]
    if failed:
        lines.append(f"their output is in {settings.layout.process_log('init')}")
    return lines


def _processes(children: list[dict[str, Any]]) -> None:
    table(
        ("process", "pid", "up", "restarts", "last exit"),
        [
            (
                child["name"],
                str(child["pid"] or "-"),
                _uptime(child),
                str(child["restarts"] or ""),
                child["last_exit"],
            )
            for child in children
        ],
    )


def _uptime(child: dict[str, Any]) -> str:
    if child["uptime_s"] is not None:
        return _duration(child["uptime_s"])
    if child["starts_in_s"] is not None:
        return f"starts in {child['starts_in_s']:.0f} s"
    return "not kept"


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _endpoint_table(endpoints: list[dict[str, Any]]) -> None:
    rows = []
    for each in endpoints:
        counts = ", ".join(_count(variant) for variant in each["variants"])
        row = (each["name"], _coloured(each["status"]), counts, "; ".join(each["runtimes"]))
        rows.append(row)
    table(("endpoint", "status", "instances", "served by"), rows)
    for each in endpoints:
        if each["reason"]:
            out.print(Text(f"{each['name']}: {each['reason']}"))
        for variant in each["variants"]:
            if variant["reason"]:
                out.print(Text(f"{each['name']}, {variant['name']}: {variant['reason']}"))


def _count(variant: dict[str, Any]) -> str:
    if variant["serverless"]:
        return f"{variant['name']} serverless"
    shadow = " (shadow)" if variant["shadow"] else ""
    return f"{variant['name']}{shadow} {variant['instances']}/{variant['desired']}"


def _coloured(state: str) -> Text:
    return Text(state, style=_COLOURS.get(state, "yellow"))
