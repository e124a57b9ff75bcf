"""Kills a run in the middle with SIGKILL and looks whether what it had started is gone. Linux only.

usage: check_sigkill.py COMMAND...     a command that starts a target process and runs for a while
Exit 0: every process that the command had started ended; 1: one lived on, or none was ever started.
"""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

START_SECONDS = 60   # a run plans before it starts its target
STEADY_SECONDS = 2   # then it is in the middle of its load
GONE_SECONDS = 10


def main(command):
    # Without this, a polite end from outside would skip the cleaning up below.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started = {}
    try:
        started = wait_for_children(run)
        if not started:
            why = f"within {START_SECONDS} s" if run.poll() is None else f"and ended with {run.returncode}"
            print(f"check-sigkill: {command[0]} started no process {why}", file=sys.stderr)
            return 1
        time.sleep(STEADY_SECONDS)
        if run.poll() is not None:
            print(f"check-sigkill: the run ended by itself with {run.returncode}; nothing was tested", file=sys.stderr)
            return 1
        started |= descendants(run.pid)
    finally:
        run.kill()
        run.wait()
    return judge(started)


def judge(started):
    deadline = time.monotonic() + GONE_SECONDS
    while (living := {pid: birth for pid, birth in started.items() if birth_of(pid) == birth}):
        if time.monotonic() > deadline:
            print(f"check-sigkill: still alive {GONE_SECONDS} s later: {sorted(living)}", file=sys.stderr)
            for pid in living:
                os.kill(pid, signal.SIGKILL)
            return 1
        time.sleep(0.05)
    print(f"check-sigkill: {len(started)} processes started, all gone")
    return 0


def wait_for_children(run):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and run.poll() is None:
        if found := descendants(run.pid):
            return found
        time.sleep(0.02)
    return {}


def descendants(ancestor):
    """Process id and start time of everything below a process; the start time tells a process from a later namesake."""
    parents = {pid: stat[1] for pid in processes() if (stat := stat_of(pid))}
    below, grown = {ancestor}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        below |= more
        grown = bool(more)
    return {pid: birth_of(pid) for pid in below - {ancestor} if birth_of(pid) is not None}


def processes():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def birth_of(pid):
    """When a process started, in clock ticks since boot; None for one that is gone or only waits to be reaped."""
    stat = stat_of(pid)
    return None if stat is None or stat[0] == "Z" else stat[2]


def stat_of(pid):
    """State, parent and start time. The name before them may hold spaces and brackets, so it is cut at the last one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[1]), int(fields[19])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
