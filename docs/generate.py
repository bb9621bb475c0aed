"""Writes the generated parts of the manual, each between two marks, from the code that they describe.

python docs/generate.py            rewrite what is out of date
python docs/generate.py --check    only say what is; exit 1 if anything is
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from farmhand import settings
from farmhand.cli.main import make_parser
from farmhand.lending import diagram

DOCS = Path(__file__).parent


def settings_table() -> str:
    """Every setting with default, unit and meaning."""
    rows = ["| setting | default | unit | meaning | allowed |", "|---|---|---|---|---|"]
    for name in settings.names():
        told = settings.meaning(name)
        value = f"`{settings.spell(settings.default(name))}`" if settings.spell(settings.default(name)) else "empty"
        rows.append(f"| `{name}` | {value} | {told.unit} | {told.text} | {told.allowed} |")
    return "\n".join(rows) + "\n"


def lending_diagram() -> str:
    """The lender's states as a picture."""
    return f"```mermaid\n{diagram.mermaid()}```\n"


def command_list() -> str:
    """The commands with one line each; argparse breaks lines where the terminal ends."""
    os.environ["COLUMNS"] = "200"
    lines = re.findall(r"^    (\w+) +(.+)$", make_parser().format_help(), flags=re.M)
    return "| command | what it does |\n|---|---|\n" + "".join(
        f"| `farmhand {name}` | {text} |\n" for name, text in lines
    )


PARTS: Mapping[str, Callable[[], str]] = {
    "commands": command_list,
    "lending table": diagram.table,
    "lending diagram": lending_diagram,
    "settings": settings_table,
}


def refresh(text: str) -> str:
    """Return `text` with every generated part in it renewed."""
    for name, make in PARTS.items():
        begin, end = f"<!-- generated: {name} -->\n", "<!-- end -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
        text = pattern.sub(lambda _, begin=begin, end=end, make=make: f"{begin}{make()}{end}", text)
    return text


def main() -> int:
    """Carry out the command line."""
    stale = []
    for file in sorted((*DOCS.glob("*.md"), DOCS.parent / "README.md")):
        fresh = refresh(file.read_text())
        if fresh != file.read_text():
            stale.append(file.name)
            if "--check" not in sys.argv:
                file.write_text(fresh)
    if stale:
        print(f"{'out of date' if '--check' in sys.argv else 'rewritten'}: {', '.join(stale)}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
