"""Runs a test program and ends it at the first test that fails, which is all that scripts/mutants wants to know.

usage: fail_fast.py PROGRAM [ARG]...

cargo calls it as its runner. Exit 101, as the test program itself, where a test failed; else the program's own status.
"""
import subprocess
import sys

FAILED = b"... FAILED"


def main(command):
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        for line in program.stdout:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            if line.rstrip().endswith(FAILED):
                program.kill()
                return 101
        status = program.wait()
    # One that a signal ended has no status of its own.
    return status if status >= 0 else 101


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
