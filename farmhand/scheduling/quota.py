"""How much of what the registry remembers may come from one source, and how much from all: no sender fills it alone."""

from __future__ import annotations

from collections import Counter


class Quota:
    """What is held, by name.

    Args:
        most: of all names together.
        most_each: of the names of one source.
    """

    def __init__(self, most: int, most_each: int) -> None:
        self._most, self._most_each = most, most_each
        self._held: dict[str, tuple[str, int]] = {}
        self._all = 0
        self._each: Counter[str] = Counter()

    def __len__(self) -> int:
        """All that is held."""
        return self._all

    def source(self, name: str) -> str | None:
        """Whose a name is; None: it holds nothing."""
        return self._held[name][0] if name in self._held else None

    def fits(self, name: str, source: str, size: int) -> bool:
        """Tell whether `name` could hold `size` for `source`, instead of what it holds."""
        whose, held = self._held.get(name, (source, 0))
        mine = self._each[source] - (held if whose == source else 0)
        return self._all - held + size <= self._most and mine + size <= self._most_each

    def put(self, name: str, source: str, size: int) -> None:
        """Let `name` hold `size` for `source`, instead of what it holds."""
        self.drop(name)
        self._held[name] = source, size
        self._all += size
        self._each[source] += size

    def drop(self, name: str) -> None:
        """Let `name` hold nothing; it need not be known."""
        source, size = self._held.pop(name, ("", 0))
        self._all -= size
        self._each[source] -= size
        if not self._each[source]:
            del self._each[source]
