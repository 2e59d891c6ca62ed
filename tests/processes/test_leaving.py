"""A process that is asked to leave leaves, also when the asking comes at a moment in which it is lost."""

import subprocess
import sys

LOST_ONCE = """
import os, signal, time
from app.core import supervisor
supervisor.AGAIN_SECONDS = 0.2
supervisor.leave_when_asked()
class Cleared:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
Cleared()
print("lost", flush=True)
time.sleep(20)
print("never")
"""


def test_a_request_to_leave_that_is_lost_while_an_object_is_cleared_away_is_heard_in_the_end() -> None:
    done = subprocess.run([sys.executable, "-c", LOST_ONCE], capture_output=True, text=True, timeout=15, check=False)
    assert (done.returncode, done.stdout) == (0, "lost\n"), done.stderr
