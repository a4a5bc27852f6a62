"""Processes that are measured: pinned to cores, watched while they run, reaped at the end.

CPU time is user and system time of the whole tree. Nothing here knows what the processes do.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Where a process's own CPU times and those of its reaped children stand in /proc/PID/stat, after the name.
CPU_FIELDS = slice(11, 15)
WATCH_EVERY = 0.1


@dataclass(frozen=True)
class Ended:
    """A process that is over."""

    code: int
    cpu_seconds: float


class Pinned:
    """A running process that may use `cores` alone, and whatever it starts."""

    def __init__(self, argv: list[str], cores: set[int], output: Path, env: dict[str, str] | None = None):
        with output.open("wb") as file:
            self._child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=output.parent,
                preexec_fn=lambda: os.sched_setaffinity(0, cores),
            )
        self._ended: Ended | None = None
        self._peaks: dict[int, int] = {}
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def is_running(self) -> bool:
        """False once it is over; its code and CPU time are then in `wait`."""
        if self._ended is None:
            pid, status, usage = os.wait4(self._child.pid, os.WNOHANG)
            if pid:
                self._end(status, usage)
        return self._ended is None

    def wait(self, seconds: float) -> Ended | None:
        """Waits for its end; `None` when it does not end in time."""
        give_up = time.monotonic() + seconds
        while self.is_running():
            if time.monotonic() > give_up:
                return None
            time.sleep(0.05)
        return self._ended

    def stop(self) -> None:
        """Ends it, kindly at first."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.is_running():
                os.kill(self._child.pid, number)
                self.wait(5)

    def cpu_seconds(self) -> float:
        """CPU time of the tree so far."""
        ticks = 0
        for pid in tree(self._child.pid):
            stat = read(f"/proc/{pid}/stat")
            if stat:
                ticks += sum(map(int, stat.rpartition(")")[2].split()[CPU_FIELDS]))
        return ticks / TICKS_PER_SECOND

    def peak_rss_mb(self) -> float:
        """The peak resident memory of each process of the tree, added up, in megabytes. Not `ru_maxrss`: that begins
        with the memory of the Python process that forked."""
        return sum(self._peaks.values()) * 1024 / 1e6

    def _watch(self) -> None:
        while not self._over.wait(WATCH_EVERY):
            for pid in tree(self._child.pid):
                for line in (read(f"/proc/{pid}/status") or "").splitlines():
                    if line.startswith("VmHWM:"):
                        self._peaks[pid] = int(line.split()[1])

    def _end(self, status: int, usage) -> None:
        self._over.set()
        self._watcher.join()
        code = os.waitstatus_to_exitcode(status)
        self._child.returncode = code
        self._ended = Ended(code, usage.ru_utime + usage.ru_stime)


def tree(root: int) -> list[int]:
    """`root` and all that descend from it."""
    found = [root]
    for pid in found:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for thread in threads:
            children = read(f"/proc/{pid}/task/{thread}/children") or ""
            found.extend(map(int, children.split()))
    return found


def read(path: str) -> str | None:
    """What is in a file of /proc; `None` when its process is gone."""
    try:
        return Path(path).read_text()
    except OSError:
        return None
