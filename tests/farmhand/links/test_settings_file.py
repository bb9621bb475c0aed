"""The owner's file: read, told apart from other sources, and changed without being spoiled."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from farmhand.errors import OwnerError
from farmhand.links.settings_file import load_settings, load_usable, sources, write_setting

OWNERS = """\
# for the night
idle_after = 60   # a minute
allow = [
    "10.0.0.0/8",  # the office
]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("FARMHAND_IDLE_AFTER", "FARMHAND_SLOTS"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "farmhand"
    folder.mkdir()
    return folder / "farmhand.toml"


def test_where_values_come_from(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(OWNERS)
    monkeypatch.setenv("FARMHAND_SLOTS", "3")
    told = sources()
    assert (told["idle_after"], told["slots"], told["grace"]) == (str(file), "FARMHAND_SLOTS", "default")


def test_a_change_leaves_the_rest_of_the_file_alone(file: Path) -> None:
    file.write_text(OWNERS)
    assert write_setting("idle_after", "120") == file
    assert write_setting("slots", "2") == file
    assert file.read_text() == OWNERS.replace("60 ", "120.0 ") + "slots = 2\n"
    assert (load_settings().idle_after, load_settings().slots) == (120, 2)


@pytest.mark.parametrize(
    ("name", "text"),
    [("allow", "10.1.0.0/16,::1"), ("record", "false"), ("schedule", "18:00-08:00"), ("busy_above", "0.5")],
)
def test_every_kind_of_value_can_be_written(file: Path, name: str, text: str) -> None:
    file.unlink(missing_ok=True)
    write_setting(name, text)
    assert load_settings() == load_settings(**{name: text})


def test_a_file_and_its_folder_are_made_when_missing(file: Path) -> None:
    file.parent.rmdir()
    write_setting("slots", "2")
    assert file.read_text() == "slots = 2\n"


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    dotfile = tmp_path / "dotfile.toml"
    dotfile.write_text(OWNERS)
    file.symlink_to(dotfile)
    write_setting("slots", "2")
    assert file.is_symlink()
    assert dotfile.read_text().endswith("slots = 2\n")


@pytest.mark.parametrize(
    ("before", "name", "text"),
    [(OWNERS, "slots", "many"), (OWNERS, "colour", "red"), ("slots = ", "slots", "2"), ("slots = 'x'\n", "grace", "x")],
)
def test_nothing_wrong_is_written_and_no_broken_file_touched(file: Path, before: str, name: str, text: str) -> None:
    file.write_text(before)
    with pytest.raises(OwnerError):
        write_setting(name, text)
    assert file.read_text() == before
    assert [one.name for one in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    "before",
    ["slots = 'many'\n", "slots = -1\n", "slots = [1]\n", "slots = {x = 1}\n", "[slots]\nx = 1\n", "slots.x = 1\n"],
)
def test_a_wrong_value_can_be_mended(file: Path, before: str) -> None:
    file.write_text(f"grace = 5.0\n{before}")
    write_setting("slots", "2")
    assert (load_settings().slots, load_settings().grace) == (2, 5.0)


@pytest.mark.parametrize("other", ["grace = 'long'\n", "colour = 1\n", "[colour]\nx = 1\n", "[[colour]]\nx = 1\n"])
def test_of_several_mistakes_each_can_be_mended_alone(file: Path, other: str) -> None:
    file.write_text(f"slots = 'many'\n{other}")
    write_setting("slots", "2")
    written = tomllib.loads(file.read_text())
    assert written == {**tomllib.loads(other), "slots": 2}
    file.write_text(other)
    write_setting("slots", "2")
    assert tomllib.loads(file.read_text()) == written


def test_what_is_no_utf8_cannot_be_written(file: Path) -> None:
    with pytest.raises(OwnerError, match="is no text of UTF-8"):
        write_setting("calendar", b"/a\xff.ics".decode(errors="surrogateescape"))
    assert not file.exists()


@pytest.mark.parametrize("before", ["slots = 'x'\n", "slots = ", "colour = 1\n"])
def test_a_mistake_is_told_with_the_file_that_it_is_in(file: Path, before: str) -> None:
    file.write_text(before)
    with pytest.raises(OwnerError) as told:
        load_settings()
    assert str(told.value).endswith(f" ({file})")


def test_a_mistake_elsewhere_is_told_without(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARMHAND_SLOTS", "x")
    with pytest.raises(OwnerError, match="FARMHAND_SLOTS") as told:
        load_settings()
    assert str(file) not in str(told.value)


def test_a_file_that_is_no_toml_has_no_sources(file: Path) -> None:
    file.write_text("slots = ")
    with pytest.raises(OwnerError, match="is not valid TOML"):
        sources()


def test_a_file_that_cannot_be_read_or_written_is_told(file: Path) -> None:
    file.mkdir()
    with pytest.raises(OwnerError, match="cannot read"):
        load_settings()
    file.rmdir()
    file.parent.rmdir()
    file.parent.write_text("not a folder")
    with pytest.raises(OwnerError, match=r"cannot (read|write)"):
        write_setting("slots", "2")


def test_what_is_usable_comes_from_file_environment_and_command_line(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(f"{OWNERS}slots = 'many'\n")
    monkeypatch.setenv("FARMHAND_GRACE", "5")
    usable, problems = load_usable(name="ws1", registry=None)
    assert (usable.idle_after, usable.slots, usable.grace, usable.name) == (60.0, 0, 5.0, "ws1")
    assert len(problems) == 1


@pytest.mark.parametrize("content", [b"slots = ", b"name = '\xff'\n", None], ids=["no TOML", "no UTF-8", "a folder"])
def test_a_file_that_cannot_be_used_is_done_without(file: Path, content: bytes | None) -> None:
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    usable, problems = load_usable(slots="2")
    assert (usable.slots, usable.idle_after, len(problems)) == (2, 300.0, 1)


def test_a_wrong_flag_is_no_setting_that_can_be_done_without(file: Path) -> None:
    with pytest.raises(OwnerError, match="--slots"):
        load_usable(slots="many")
