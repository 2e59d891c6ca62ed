"""Several processes are counted as one service, also after one of them has ended."""

import subprocess
import sys

SCRIPT = """
import os, sys, tempfile
from pathlib import Path
from prometheus_client.multiprocess import mark_process_dead
from app.core import metrics

with tempfile.TemporaryDirectory() as shared:
    metrics.share(Path(shared))
    for count in (1, 2):
        child = os.fork()
        if not child:
            for _ in range(count):
                metrics.refused()
            metrics.instruments().in_progress.inc()
            metrics.instruments().memory.set(count)
            os._exit(0)
        os.waitpid(child, 0)
    print(metrics.text([]).decode())
    mark_process_dead(child)
    print(metrics.text([]).decode())
"""
FIGURES = ("requests_refused_total", "requests_in_progress", "memory_bytes")


def test_what_several_processes_count_is_added_up_and_one_that_has_ended_is_no_longer_busy() -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    found = [line.split() for line in told.splitlines() if line.startswith(tuple(f"peer_support_{f}" for f in FIGURES))]
    numbers = {name: [float(value) for other, value in found if other == name] for name, _ in found}
    assert numbers == {
        "peer_support_requests_refused_total": [3, 3],
        "peer_support_requests_in_progress": [2, 1],
        "peer_support_memory_bytes": [2, 1],
    }
