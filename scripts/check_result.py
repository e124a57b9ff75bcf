"""Holds figures of a finished run against what they must be.

usage: check_result.py DIR 'PATH OP VALUE'...     as in: check_result.py runs/a 'verdict == pass' 'ledger.spans.sent >= 1000'
PATH is a path in result.json; OP one of == != < <= >= >. Exit 0: all hold; 1: one does not; 2: the result cannot be read.
"""
import json
import operator
import sys
from pathlib import Path

OPERATORS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">=": operator.ge,
             ">": operator.gt}


def main(folder, *claims):
    try:
        result = json.loads((Path(folder) / "result.json").read_text())
    except (OSError, ValueError) as error:
        print(f"check-result: {folder}: cannot be read: {error}", file=sys.stderr)
        return 2
    failed = [claim for claim in claims if not holds(result, claim)]
    return 1 if failed else 0


def holds(result, claim):
    """Whether one claim holds; says what was found either way. A path that leads nowhere never holds."""
    path, sign, wanted = claim.split(maxsplit=2)
    found = result
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if found is None:
        print(f"check-result: FAIL {claim}: there is no {path}", file=sys.stderr)
        return False
    good = OPERATORS[sign](found, type(found)(wanted))
    print(f"check-result: {'ok  ' if good else 'FAIL'} {claim}: found {found}", file=sys.stdout if good else sys.stderr)
    return good


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 2 else __doc__)
