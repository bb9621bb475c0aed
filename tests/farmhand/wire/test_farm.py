"""What a registry takes and what it refuses, by the types of its messages."""

from __future__ import annotations

import msgspec
import pytest
from fakes.foreign import FOREIGN

from farmhand.wire.farm import GrantAsk


def ask(name: str) -> GrantAsk:
    """A build by and of `name`, as it comes over the wire."""
    text = msgspec.json.encode({"user": name, "project": name, "host": "laptop", "want": 1})
    return msgspec.json.decode(text, type=GrantAsk)


@pytest.mark.parametrize("name", [told for told, shown in FOREIGN if told == shown])
def test_people_and_projects_may_be_called_what_can_be_shown(name: str) -> None:
    assert ask(name).user == name


@pytest.mark.parametrize("name", ["", "x" * 101, *(told for told, shown in FOREIGN if told != shown)])
def test_people_and_projects_are_not_called_what_a_terminal_obeys(name: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"`\$\.(user|project)`"):
        ask(name)


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize(
    "letter", "\x00\x1f\x7f\x80\x9f\xad\u061c\u200b\u200f\u2028\u202a\u202e\u2060\u2066\u206f\ufeff\ufff9\ufffb"
)
def test_a_name_is_refused_wherever_such_a_letter_stands(letter: str, place: int) -> None:
    with pytest.raises(msgspec.ValidationError):
        ask("ab"[:place] + letter + "ab"[place:])
