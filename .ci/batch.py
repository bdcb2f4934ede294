#!/usr/bin/env python3
"""Runs the batch example against its embedded API, and holds what it says to the promised bounds."""

import json
import subprocess
import sys

COMMAND = ["cargo", "run", "--quiet", "--release", "--example", "batch", "--", "--json"]
# The arguments, the most that the makespan may be above the best possible one, and the most
# refusals per 1,000 posts.
RUNS = [
    ([], 1.15, 30),
    (["--api", "rpm=600,burst=10", "--latency", "50ms"], 1.15, 30),
    (["--api", "window=100/5s", "--hints", "retry-after"], 1.15, 30),
]


def check(arguments, max_ratio, max_refused):
    run = subprocess.run(COMMAND + arguments, stdout=subprocess.PIPE, text=True, check=False)
    summary = json.loads(run.stdout.strip().splitlines()[-1])
    figures = {key: summary[key] for key in ("done", "failed", "refused_per_1000", "makespan_s", "best_s", "ratio")}
    print(" ".join(arguments) or "(default)", figures, flush=True)
    return (
        run.returncode == 0
        and summary["done"] == summary["jobs"]
        and summary["failed"] == 0
        and summary["ratio"] <= max_ratio
        and summary["refused_per_1000"] <= max_refused
    )


if not all([check(*run) for run in RUNS]):
    sys.exit("a bound was missed")
