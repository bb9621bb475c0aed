"""The page on when a machine is lent lists the rules that there are."""

from __future__ import annotations

import re
from pathlib import Path

from farmhand.lending.rules import RULES

PAGE = Path(__file__).parents[2] / "docs/policy.md"


def test_the_table_names_every_rule_in_its_order() -> None:
    table = PAGE.read_text().partition("|---|")[2].partition("\n\n")[0]
    assert re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE) == [rule.name for rule in RULES]
