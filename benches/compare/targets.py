"""What the generators are aimed at: gander's demo server, and a server that does next to nothing.

A target counts the calls that it answered, so that every generator's work is counted by the same party.
"""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

from process import Pinned


class TargetError(Exception):
    """A target did not start, or does not count."""


class Target:
    """A running target. `paths` names its endpoints by the form of their answers: `json`, `sse`."""

    paths: dict[str, str]
    _count_path: str

    def __init__(self, argv: list[str], cores: set[int], output: Path):
        self.process = Pinned(argv, cores, output)
        self.url = self._announced(output)

    def calls(self) -> int:
        """Tool calls answered so far."""
        with urllib.request.urlopen(self.url + self._count_path, timeout=10) as answer:
            return self._count(answer.read().decode())

    def stop(self) -> None:
        self.process.stop()

    def _count(self, text: str) -> int:
        raise NotImplementedError

    def _announced(self, output: Path) -> str:
        give_up = time.monotonic() + 10
        while self.process.is_running() and time.monotonic() < give_up:
            line = output.read_text().partition("\n")
            if line[1]:
                return json.loads(line[0])["listening"]
            time.sleep(0.05)
        self.process.stop()
        raise TargetError(f"the target did not start: {output.read_text().strip()}")


class Demo(Target):
    """`gander demo`: the official Rust SDK with metrics around it. Slower than most generators."""

    paths = {"json": "/mcp/stateless", "sse": "/mcp"}
    _count_path = "/metrics"

    def __init__(self, gander: str, cores: set[int], output: Path):
        super().__init__([gander, "demo"], cores, output)

    def _count(self, text: str) -> int:
        total = 0.0
        for line in text.splitlines():
            name, _, rest = line.partition("{")
            labels, _, value = rest.rpartition("} ")
            if name == "mcp_requests_total" and 'method="tools/call"' in labels:
                total += float(value.split()[0])
        return int(total)


class Null(Target):
    """`gander demo --null`: a fixed answer with the request's id. Faster than most generators."""

    paths = {"json": "/mcp", "sse": "/sse"}
    _count_path = "/calls"

    def __init__(self, gander: str, cores: set[int], output: Path):
        super().__init__([gander, "demo", "--null"], cores, output)

    def _count(self, text: str) -> int:
        return int(text)
