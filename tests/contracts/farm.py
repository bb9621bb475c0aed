"""What every farm keeps to. The test class that inherits from this has a fixture `farm`."""

from __future__ import annotations

import asyncio

from farmhand.lending.events import Joined
from farmhand_agent.farm import Farm, Offer

OFFER = Offer("127.0.0.1", 3632, slots=2, used=0, cores=4, others_cpu=0.1)


class FarmContract:
    """The promises."""

    async def test_who_offers_slots_is_joined(self, farm: Farm) -> None:
        answer = await farm.beat(OFFER)
        assert isinstance(answer, Joined)
        assert answer.renew_in > 0
        assert farm.trouble == ""

    async def test_the_next_beat_renews_the_same_lease(self, farm: Farm) -> None:
        first, second = await farm.beat(OFFER), await farm.beat(OFFER)
        assert isinstance(first, Joined)
        assert isinstance(second, Joined)
        assert first.lease == second.lease

    async def test_after_withdrawing_lending_again_works(self, farm: Farm) -> None:
        for _ in range(3):
            assert isinstance(await farm.beat(OFFER), Joined)
            farm.withdraw()

    async def test_withdrawing_what_was_never_joined_does_no_harm(self, farm: Farm) -> None:
        farm.withdraw()
        assert isinstance(await farm.beat(OFFER), Joined)

    async def test_looking_again_returns_at_once_and_changes_nothing_else(self, farm: Farm) -> None:
        began = asyncio.get_running_loop().time()
        farm.look_again()
        assert asyncio.get_running_loop().time() - began < 0.2
        assert isinstance(await farm.beat(OFFER), Joined)

    async def test_two_beats_at_once_are_both_answered(self, farm: Farm) -> None:
        answers = await asyncio.gather(farm.beat(OFFER), farm.beat(OFFER))
        assert all(isinstance(one, Joined) for one in answers)
