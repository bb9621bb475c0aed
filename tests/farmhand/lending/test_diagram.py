"""The picture of the lender shows its tables."""

from __future__ import annotations

from farmhand.lending.diagram import mermaid, table
from farmhand.lending.lender import ON_EVENT, ON_WANT


def test_the_table_names_every_move() -> None:
    lines = table().splitlines()
    assert lines[0].startswith("| state | box down | box up | drained |")
    assert "| **kept** |  |  |  |  |  |  | starting | starting |  |  |  |" in lines
    assert sum(cell.strip() != "" for line in lines[2:] for cell in line.split("|")[2:-1]) == len(ON_EVENT) + len(
        ON_WANT
    )


def test_the_diagram_has_an_arrow_for_every_row() -> None:
    arrows = mermaid().splitlines()[2:]
    assert len(arrows) == len(ON_EVENT) + len(ON_WANT)
    assert "    lent --> stopping: want keep now" in arrows
