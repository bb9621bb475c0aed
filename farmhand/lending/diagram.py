"""Draws the lender from its own tables, so that the manual cannot disagree with the code."""

from __future__ import annotations

import re

from farmhand.lending.events import Urge
from farmhand.lending.lender import ON_EVENT, ON_WANT, State


def table() -> str:
    """Write both tables as one in Markdown: a row for each state, a column for each event and want."""
    events = sorted({event for _, event in ON_EVENT}, key=lambda event: event.__name__)
    head = ["state", *(_words(event.__name__) for event in events), *(f"want: {urge.value}" for urge in Urge)]
    lines = [head, ["---"] * len(head)]
    for state in State:
        by_event = [_name(ON_EVENT.get((state, event))) for event in events]
        by_want = [_name(ON_WANT.get((state, urge))) for urge in Urge]
        lines.append([f"**{state.value}**", *by_event, *by_want])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def mermaid() -> str:
    """Write both tables as a Mermaid state diagram."""
    arrows = [
        f"    {here.value} --> {there.value}: {_words(event.__name__)}" for (here, event), there in ON_EVENT.items()
    ]
    arrows += [f"    {here.value} --> {there.value}: want {urge.value}" for (here, urge), there in ON_WANT.items()]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {State.KEPT.value}", *arrows, ""])


def _words(name: str) -> str:
    """Take a class name apart: BoxUp becomes "box up"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


def _name(state: State | None) -> str:
    return state.value if state else ""
