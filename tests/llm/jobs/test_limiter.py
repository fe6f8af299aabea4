"""The limiter: never more than the limit, first chains first, down with refusals and up again."""

from __future__ import annotations

import asyncio

from llm.jobs.limiter import Limiter


def test_never_more_than_the_limit_and_first_chains_first() -> None:
    async def go() -> tuple[int, list[int]]:
        limiter = Limiter(3, asyncio.get_running_loop().time)
        running = most = 0
        order: list[int] = []

        async def one(rank: int) -> None:
            nonlocal running, most
            await limiter.enter(rank)
            order.append(rank)
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            running -= 1
            limiter.leave()

        ranks = [0, 1, 2, *range(50, 20, -1)]
        await asyncio.gather(*(one(rank) for rank in ranks))
        return most, order

    most, order = asyncio.run(go())
    assert most == 3 and order[:3] == [0, 1, 2] and order[3:] == sorted(order[3:])


def test_a_full_refusal_halves_and_a_few_lower_it_by_little() -> None:
    async def go(refused_of_ten: int) -> float:
        limiter = Limiter(64, asyncio.get_running_loop().time)
        for n in range(64 * 6):
            if n % 10 < refused_of_ten:
                limiter.overloaded()
            else:
                limiter.succeeded()
        return limiter.limit

    assert asyncio.run(go(0)) == 64
    assert asyncio.run(go(10)) < 10
    assert 40 < asyncio.run(go(1)) < 64


def test_the_limit_rises_again() -> None:
    async def go() -> float:
        limiter = Limiter(16, asyncio.get_running_loop().time)
        for _ in range(200):
            limiter.overloaded()
        low = limiter.limit
        for _ in range(400):
            limiter.succeeded()
        assert low == 1
        return limiter.limit

    assert asyncio.run(go()) == 16


def test_a_wait_that_a_crowded_server_asks_for_holds_everybody_back() -> None:
    async def go() -> float:
        loop = asyncio.get_running_loop()
        limiter = Limiter(2, loop.time)
        for _ in range(20):
            limiter.overloaded(0.2)
        began = loop.time()
        await limiter.enter(0)
        return loop.time() - began

    assert asyncio.run(go()) >= 0.19


def test_a_cancelled_waiter_gives_its_place_back() -> None:
    async def go() -> bool:
        limiter = Limiter(1, asyncio.get_running_loop().time)
        await limiter.enter(0)
        waiting = asyncio.create_task(limiter.enter(1))
        await asyncio.sleep(0)
        limiter.leave()  # the place is given to the waiter, which is cancelled before it runs
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.wait_for(limiter.enter(2), 1)
        return waiting.cancelled()

    assert asyncio.run(go())
