#!/usr/bin/env python3
"""Runs gander and other load generators against the same target, and prints what each call cost them.

The generator has one core to itself and the target another. What counts is CPU time per call, in the middle of a run,
with the calls counted by the target; `README.md` tells how to read the table. Python's standard library is enough.
"""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from generators import Generator, Load, Missing, generators
from process import Pinned
from table import Figures, table
from targets import Demo, Null, Target, TargetError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# From the first call to the beginning of the window: all users are there, nothing is new to any cache.
SETTLE_SECONDS = 2
# From the end of the window to the end of the load.
SLACK_SECONDS = 2
START_SECONDS = 30
END_SECONDS = 30
TARGETS: dict[str, type[Demo] | type[Null]] = {"null": Null, "demo": Demo}


class RunFailed(Exception):
    """A run that says nothing about its generator."""


def main() -> int:
    options = arguments()
    build = functools.cache(functools.partial(cargo_build, options.build_folder))
    options.gander = options.gander or build(ROOT)
    chosen = present(generators(options.gander, lambda: build(HERE / "plain-goose")), options.only)
    # Neither this nor what it looks up in /proc may disturb the generator.
    os.sched_setaffinity(0, {options.target_core})
    return 0 if all([compare(name, chosen, options) for name in options.targets]) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--targets", nargs="+", choices=list(TARGETS), default=list(TARGETS))
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these generators, and gander")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="length of the window that is measured")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--generator-core", type=int, default=0)
    parser.add_argument("--target-core", type=int, default=1)
    parser.add_argument("--gander", metavar="PATH", help="a release build of gander; else one is made")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser.add_argument("--build-folder", type=Path, default=cache / "gander-compare" / "target")
    return parser.parse_args()


def cargo_build(folder: Path, package: Path) -> str:
    """Builds a package for release, outside this tree; the path of its program."""
    name = "gander" if package == ROOT else package.name
    print(f"building {name}", file=sys.stderr)
    target = folder / name
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", str(target)]
    subprocess.run(command, cwd=package, check=True)
    return str(target / "release" / name)


def present(all_of_them: list[Generator], only: list[str] | None) -> list[Generator]:
    """Those that are wanted and can be run. Says why the others are left out."""
    chosen = []
    for generator in all_of_them:
        if only and generator is not all_of_them[0] and generator.name not in only:
            continue
        try:
            generator.find()
        except (Missing, subprocess.CalledProcessError) as reason:
            print(f"left out: {generator.name}: {reason}", file=sys.stderr)
        else:
            chosen.append(generator)
    return chosen


def compare(target_name: str, chosen: list[Generator], options: argparse.Namespace) -> bool:
    """All rounds against one target, and their table."""
    rounds: list[dict[str, Figures]] = []
    load_before = os.getloadavg()
    for number in range(options.rounds):
        order = chosen if number % 2 == 0 else chosen[::-1]
        rounds.append({})
        for generator in order:
            try:
                figures = one_run(target_name, generator, options)
            except (RunFailed, TargetError) as reason:
                print(f"{target_name}, round {number + 1}, {generator.name}: {reason}", file=sys.stderr)
                continue
            rounds[-1][generator.name] = figures
            print(
                f"{target_name}, round {number + 1}, {generator.name}: {figures.calls_per_second:,.0f} calls/s, "
                f"{figures.cpu:.3f} CPU s / 100k",
                file=sys.stderr,
            )
    print(
        f"\nTarget `{target_name}`, {options.connections} connections, {options.rounds} rounds of {options.seconds} s, "
        f"medians. Load of the machine over 15 min: {load_before[2]:.1f} before, {os.getloadavg()[2]:.1f} after.\n"
    )
    print(table({generator.name: generator.checks for generator in chosen}, rounds))
    return all(len(figures) == len(chosen) for figures in rounds)


def one_run(target_name: str, generator: Generator, options: argparse.Namespace) -> Figures:
    """Starts a target and the generator, and takes the generator's CPU time over a window."""
    with tempfile.TemporaryDirectory(prefix="gander-compare-") as name:
        folder = Path(name)
        cores = {options.target_core}
        target: Target = TARGETS[target_name](options.gander, cores, folder / "target.txt")
        try:
            seconds = SETTLE_SECONDS + options.seconds + SLACK_SECONDS
            path = target.paths[generator.answers]
            load = Load(target.url, path, options.connections, seconds, folder)
            return measured(target, generator, load, options)
        finally:
            target.stop()


def measured(target: Target, generator: Generator, load: Load, options: argparse.Namespace) -> Figures:
    output = load.folder / "generator.txt"
    cores = {options.generator_core, options.target_core} if generator.both_cores else {options.generator_core}
    process = Pinned(generator.command(load), cores, output, load.environment)
    try:
        give_up = time.monotonic() + START_SECONDS
        while target.calls() == 0:
            if not process.is_running() or time.monotonic() > give_up:
                raise RunFailed(f"made no calls: {output.read_text().strip()}")
            time.sleep(0.05)
        time.sleep(SETTLE_SECONDS)
        begin = moment(process, target)
        time.sleep(options.seconds)
        end = moment(process, target)
        if not process.is_running():
            raise RunFailed("ended within the window")
        ended = process.wait(END_SECONDS)
        if ended is None:
            raise RunFailed("did not end in time")
    finally:
        process.stop()
    fault = generator.fault(ended.code, output.read_text())
    if fault:
        raise RunFailed(f"{fault}: {output.read_text().strip()[-2000:]}")
    seconds, cpu, calls = (late - early for early, late in zip(begin, end, strict=True))
    return Figures(
        calls_per_second=calls / seconds,
        cpu=cpu / calls * 100_000,
        whole_cpu=ended.cpu_seconds / target.calls() * 100_000,
        peak_rss_mb=process.peak_rss_mb(),
    )


def moment(process: Pinned, target: Target) -> tuple[float, float, int]:
    """The time, the generator's CPU time and the target's count of calls, as near to each other as can be."""
    calls = target.calls()
    return time.monotonic(), process.cpu_seconds(), calls


if __name__ == "__main__":
    sys.exit(main())
