"""Who is at fault, and what is said of it."""

from __future__ import annotations

import pytest
from fakes.foreign import FOREIGN

from farmhand.errors import FarmhandError, OwnerError, PeerError, Refused, Unreachable
from farmhand.text import MAX_SENTENCE


@pytest.mark.parametrize("kind", [OwnerError, PeerError, Refused, Unreachable])
@pytest.mark.parametrize(("told", "shown"), FOREIGN)
def test_an_error_may_quote_others_without_doing_what_they_want(
    kind: type[FarmhandError], told: str, shown: str
) -> None:
    assert str(kind(f"it said {told}")) == f"it said {shown}"


def test_what_others_say_is_bounded() -> None:
    assert len(str(PeerError("x" * 9999))) == MAX_SENTENCE
