"""Checks the Markdown files: every relative link leads to a file, every anchor to a heading, every script named exists."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)[^)]*\)|!\[[^\]]*\]\(([^)\s]+)\)")
SCRIPT = re.compile(r"(?<![\w/.-])(?:scripts|\.ci)/[\w.-]+")


def main():
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                            check=True, capture_output=True, text=True).stdout.split("\n")
    pages = [ROOT / name for name in listed if name]
    problems = [problem for page in pages for problem in check(page)]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(pages)} pages, {len(problems)} problems")
    return 1 if problems else 0


def check(page):
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        place = f"{page.relative_to(ROOT)}:{number}"
        for match in LINK.finditer(line):
            link = match.group(1) or match.group(2)
            if not re.match(r"[a-z]+:", link) and (reason := broken(page, link)):
                yield f"{place}: {link}: {reason}"
        for script in SCRIPT.findall(line):
            if not (ROOT / script.rstrip(".")).exists():
                yield f"{place}: names {script}, which does not exist"


def broken(page, link):
    """Why a relative link leads nowhere, or None."""
    path, _, anchor = link.partition("#")
    target = (page.parent / path) if path else page
    if not target.exists():
        return "no such file"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return f"no heading #{anchor}"
    return None


def anchors(page):
    """Headings as the usual renderers name them: lower case, words joined by dashes, punctuation gone."""
    headings = re.findall(r"^#+\s+(.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


if __name__ == "__main__":
    sys.exit(main())
