"""Settings: four sources, one table, and a clear word about every wrong value."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.errors import OwnerError
from farmhand.settings import Settings, change, default, from_toml, load, load_usable, meaning, names, spell


def test_without_sources_the_defaults_hold() -> None:
    assert load() == Settings()


def test_the_later_source_wins() -> None:
    toml = 'lend = "never"\nidle_after = 60\nslots = 3'
    chosen = load(toml, {"FARMHAND_IDLE_AFTER": "90", "FARMHAND_SLOTS": "4"}, {"slots": "5", "name": None})
    assert (chosen.lend, chosen.idle_after, chosen.slots, chosen.name) == ("never", 90.0, 5, "")


def test_the_environment_may_hold_other_things() -> None:
    assert load("", {"FARMHAND_COLOUR": "red", "IDLE_AFTER": "1", "PATH": "/bin"}) == Settings()


def test_a_list_is_written_with_commas_or_as_a_toml_array() -> None:
    assert load("", {"FARMHAND_ALLOW": " 10.0.0.0/8, ::1 ,"}).allow == ("10.0.0.0/8", "::1")
    assert from_toml('allow = ["10.0.0.0/8"]').allow == ("10.0.0.0/8",)


@pytest.mark.parametrize("name", names())
def test_every_setting_is_explained_and_its_default_is_allowed(name: str) -> None:
    told = meaning(name)
    assert told.text.endswith(".")
    assert told.allowed or told.check is None
    assert change(Settings(), name, spell(default(name))) == Settings()


WRONG = [
    ("lend", "sometimes"),
    ("idle_after", "0.5"),
    ("idle_after", "nan"),
    ("idle_after", "inf"),
    ("idle_after", "soon"),
    ("busy_above", "0"),
    ("busy_above", "1.01"),
    ("slots", "-1"),
    ("slots", "513"),
    ("slots", "2.5"),
    ("memory_per_job", "1"),
    ("name", "a b"),
    ("name", "user@host"),
    ("registry", "hub:3680"),
    ("registry", "http://"),
    ("registry", "ftp://hub"),
    ("registry", "http://hub:99999"),
    ("registry", "http://user@hub"),
    ("registry", "http://hub:0"),
    ("registry", "http://hu\nb"),
    ("registry", "http://h\tub"),
    ("registry", "http://hub\x9b"),
    ("registry", "http://hub/a b"),
    ("gate", "3632"),
    ("gate", "0.0.0.0:x"),
    ("allow", "10.0.0.0/33"),
    ("allow", "everybody"),
    ("toolchains", "opt/gcc"),
    ("toolchains", "/opt/../etc"),
    ("dwell", "-1"),
    ("vpn", "sometimes"),
    ("on_battery", "60"),
    ("on_battery", "0%"),
    ("on_battery", "101%"),
    ("on_battery", "60.5%"),
    ("on_battery", "full"),
    ("schedule", "mon-fri"),
    ("holidays", "christmas"),
    ("warn_before", "601"),
    ("record", "perhaps"),
    ("queue_wait", "61"),
    ("job_lifetime", "0"),
    ("grace", "-1"),
    ("scratch", "1"),
]


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_a_wrong_value_names_key_value_source_and_what_is_allowed(name: str, text: str) -> None:
    with pytest.raises(OwnerError) as caught:
        load("", {f"FARMHAND_{name.upper()}": text})
    told = str(caught.value)
    assert f"FARMHAND_{name.upper()}" in told
    assert repr(text) in told
    assert meaning(name).allowed in told


@pytest.mark.parametrize(
    "toml",
    [
        "slots = true",
        "record = 1",
        'record = "true"',
        'slots = "2"',
        "slots = 2.0",
        "lend = 1",
        'allow = "::1"',
        "allow = [1]",
        'idle_after = "60"',
    ],
)
def test_a_toml_value_of_the_wrong_type_is_refused(toml: str) -> None:
    with pytest.raises(OwnerError, match=r"the settings file sets .* wrong type"):
        from_toml(toml)


def test_a_file_that_is_no_toml_is_refused() -> None:
    with pytest.raises(OwnerError, match="not valid TOML"):
        load("lend = ")


def test_an_unknown_setting_is_refused_with_the_known_ones() -> None:
    with pytest.raises(OwnerError, match="names 'idle', which is no setting; known are: lend, idle_after"):
        from_toml("idle = 3")
    with pytest.raises(OwnerError, match="'idle' is no setting"):
        change(Settings(), "idle", "3")


def test_a_flag_is_named_as_it_was_typed() -> None:
    with pytest.raises(OwnerError, match="--idle-after sets idle_after to 'x'"):
        load(flags={"idle_after": "x"})


def test_yes_and_no_are_true_and_false() -> None:
    assert not load("record = false").record
    assert not load("", {"FARMHAND_RECORD": "False"}).record
    assert change(Settings(record=False), "record", " true ").record
    assert spell(True) == "true"


@pytest.mark.parametrize("hours", ["", "18:00-08:00", "mon-fri 12:00-13:00 18:00-08:00, sat sun all"])
def test_hours_that_are_allowed(hours: str) -> None:
    assert change(Settings(), "schedule", hours).schedule == hours
    assert change(Settings(), "holidays", "12-25, 2026-12-27..2027-01-02").holidays == (
        "12-25",
        "2026-12-27..2027-01-02",
    )


@pytest.mark.parametrize("url", ["", "http://hub:3680", "https://hub", "http://[::1]:3680", "http://10.0.0.7/farm"])
def test_urls_that_are_allowed(url: str) -> None:
    assert change(Settings(), "registry", url).registry == url


@pytest.mark.parametrize("gate", ["", "0.0.0.0:3632", "[::]:3632", "ws1:0"])
def test_gates_that_are_allowed(gate: str) -> None:
    assert change(Settings(), "gate", gate).gate == gate


@given(st.sampled_from(names()), st.text())
def test_whatever_is_typed_is_taken_or_explained(name: str, text: str) -> None:
    with suppress(OwnerError):
        chosen = change(Settings(), name, text)
        assert change(Settings(), name, spell(getattr(chosen, name))) == chosen


def test_what_is_usable_is_what_is_right() -> None:
    assert load_usable() == (Settings(), ())
    toml, variables, flags = 'lend = "never"\nslots = 3', {"FARMHAND_SLOTS": "4"}, {"name": "ws1", "slots": None}
    assert load_usable(toml, variables, flags) == (load(toml, variables, flags), ())


def test_each_mistake_is_left_out_alone_and_told() -> None:
    toml = 'slots = "many"\ncolour = "red"\nidle_after = 60\nlend = "sometimes"'
    variables = {"FARMHAND_GRACE": "long", "FARMHAND_DWELL": "5", "FARMHAND_COLOUR": "red"}
    usable, problems = load_usable(toml, variables)
    assert usable == load("idle_after = 60\ndwell = 5")
    assert [problem.partition(":")[0] for problem in problems] == [
        "the settings file sets slots to 'many'",
        "the settings file names 'colour', which is no setting; known are",
        "the settings file sets lend to 'sometimes'",
        "the environment variable FARMHAND_GRACE sets grace to 'long'",
    ]


def test_a_later_source_comes_before_a_wrong_earlier_one() -> None:
    usable, problems = load_usable('registry = "hub"', {"FARMHAND_REGISTRY": "ftp://hub"}, {"registry": "http://hub"})
    assert (usable.registry, len(problems)) == ("http://hub", 2)


def test_a_file_that_is_no_toml_is_left_out_as_a_whole() -> None:
    usable, problems = load_usable("slots = 3\nlend = ", {"FARMHAND_DWELL": "5"})
    assert (usable, len(problems)) == (load("dwell = 5"), 1)
    assert problems[0].startswith("the settings file is not valid TOML: ")


def test_a_wrong_flag_is_the_users_mistake_all_the_same() -> None:
    with pytest.raises(OwnerError, match="--registry sets registry to 'hub'"):
        load_usable(flags={"registry": "hub"})
