"""The builder's command: build."""

from __future__ import annotations

import argparse
from pathlib import Path

from farmhand.cli.context import agents_registry, note
from farmhand.cli.parsers import Commands, add_command, add_registry
from farmhand.driver.build import run
from farmhand.links.settings_file import load_usable

EXAMPLES = """  farmhand build make                       -j is filled in
  farmhand build --registry http://hub:3680 ninja -C out
  farmhand build cmake --build out -j 40    a -j of yours is left alone
"""


def add_commands(commands: Commands) -> None:
    """Describe the builder's command."""
    parser = add_command(
        commands, "build", "run a build command with the farm's help; its exit status is returned", _build, EXAMPLES
    )
    add_registry(parser)
    parser.add_argument(
        "--local-jobs", type=int, metavar="N", help="compiles to run on this machine at once (default: cores)"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="name every reason that kept files on this machine"
    )
    parser.add_argument("--quiet", action="store_true", help="no summary at the end")
    parser.add_argument("--json-summary", type=Path, metavar="FILE", help="write the summary to FILE as JSON")
    parser.add_argument(
        "build_command", nargs=argparse.REMAINDER, metavar="CMD", help="the build command and its arguments"
    )
    parser.set_defaults(parser=parser)


def _build(options: argparse.Namespace) -> int:
    words: list[str] = options.build_command
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        parser: argparse.ArgumentParser = options.parser
        parser.error("say what to build with, for example: farmhand build make")
    if options.local_jobs is not None and options.local_jobs < 0:
        options.parser.error("--local-jobs takes 0 or more")
    settings, problems = load_usable(registry=options.registry)
    for problem in problems:
        note(f"{problem}; building without it")
    registry = settings.registry or agents_registry()
    return run(
        words,
        registry,
        options.local_jobs,
        options.quiet,
        options.json_summary,
        settings.name,
        verbose=options.verbose,
    )
