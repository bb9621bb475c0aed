from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from farmhand.scheduling.deadlines import Deadlines


def test_what_is_due_comes_once_the_earliest_first() -> None:
    deadlines = Deadlines()
    deadlines.put("late", 3.0)
    deadlines.put("early", 1.0)
    assert deadlines.due(0.9) == []
    assert deadlines.due(3.0) == ["early", "late"]
    assert deadlines.due(9.0) == []


def test_when_to_wake() -> None:
    deadlines = Deadlines()
    assert deadlines.wake_at is None
    deadlines.put("late", 3.0)
    deadlines.put("early", 1.0)
    assert deadlines.wake_at == 1.0
    deadlines.put("early", 5.0)
    assert deadlines.due(1.0) == []
    assert deadlines.wake_at == 3.0


def test_a_deadline_that_was_put_off_comes_at_its_new_time() -> None:
    deadlines = Deadlines()
    deadlines.put("a", 1.0)
    deadlines.put("a", 5.0)
    assert deadlines.due(4.9) == []
    assert deadlines.due(5.0) == ["a"]


def test_a_deadline_that_was_brought_forward_comes_once() -> None:
    deadlines = Deadlines()
    deadlines.put("a", 5.0)
    deadlines.put("a", 1.0)
    assert deadlines.due(1.0) == ["a"]
    assert deadlines.due(9.0) == []


def test_a_dropped_deadline_never_comes() -> None:
    deadlines = Deadlines()
    deadlines.put("a", 1.0)
    deadlines.drop("a")
    deadlines.drop("never heard of")
    assert deadlines.due(9.0) == []


Steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abc"), st.integers(0, 20)),
        st.tuples(st.just("drop"), st.sampled_from("abc"), st.just(0)),
        st.tuples(st.just("due"), st.just(""), st.integers(0, 20)),
    )
)


@given(Steps)
def test_it_agrees_with_a_plain_table(steps: list[tuple[str, str, int]]) -> None:
    deadlines, table = Deadlines(), dict[str, int]()
    for verb, name, at in steps:
        if verb == "put":
            deadlines.put(name, at)
            table[name] = at
        elif verb == "drop":
            deadlines.drop(name)
            table.pop(name, None)
        else:
            due = [one for one, end in table.items() if end <= at]
            assert sorted(deadlines.due(at)) == sorted(due)
            for one in due:
                del table[one]


def test_a_thousand_renewals_leave_one_entry_in_the_heap() -> None:
    deadlines = Deadlines()
    for at in range(1000):
        deadlines.put("a", at)
    assert len(deadlines._heap) == 1
