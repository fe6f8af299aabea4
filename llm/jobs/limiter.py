"""How many requests may be under way: additive increase, multiplicative decrease, in order.

The decrease follows the share of refused requests, as in DCTCP (Alizadeh et al. 2010): a server that refuses everything
halves the limit, one that refuses a few in a hundred lowers it by as little.

Who waits is served by rank: the chain that started first goes on first, so that chains finish instead of all being half
done.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

#: Weight of the newest window in the running share of refused requests.
NEWEST = 0.5
#: From this share on, a wait that the server asks for holds everybody back, not only the refused request.
CROWDED = 0.5


class Limiter:
    """At most `limit` at once, 1 <= limit <= most. Belongs to one event loop."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self.most, self.limit, self.running = most, float(most), 0
        self._clock = clock
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._ticket = 0
        self._pause_until = 0.0
        self._window, self._refused, self.share = 0, 0, 0.0
        self._wake: asyncio.TimerHandle | None = None

    async def enter(self, rank: int) -> None:
        """Wait for a place."""
        if self._waiting or not self._free():
            self._ticket += 1
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (rank, self._ticket, place))
            self._let_in()
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self.leave()  # the place had been given already
                raise
        else:
            self.running += 1

    def leave(self) -> None:
        self.running -= 1
        self._let_in()

    def succeeded(self) -> None:
        self.limit = min(self.most, self.limit + 1 / self.limit)
        self._count(refused=False)

    def overloaded(self, wait_s: float = 0.0) -> None:
        """A request was refused for load. The server asked to wait for `wait_s`."""
        self._count(refused=True)
        if self.share >= CROWDED:
            self._pause_until = max(self._pause_until, self._clock() + wait_s)

    def _count(self, refused: bool) -> None:
        """Once per window of `limit` requests, the limit falls by half of the running share of refused ones."""
        self._window += 1
        self._refused += refused
        if self._window >= int(self.limit):
            self.share += NEWEST * (self._refused / self._window - self.share)
            if self._refused:
                self.limit = max(1.0, self.limit * (1 - self.share / 2))
            self._window = self._refused = 0

    def _free(self) -> bool:
        return self.running < int(self.limit) and self._clock() >= self._pause_until

    def _let_in(self) -> None:
        while self._waiting and self._free():
            place = heapq.heappop(self._waiting)[2]
            if not place.done():
                self.running += 1
                place.set_result(None)
        paused_s = self._pause_until - self._clock()
        if self._waiting and paused_s > 0 and self._wake is None:
            self._wake = asyncio.get_running_loop().call_later(paused_s + 0.001, self._resume)

    def _resume(self) -> None:
        self._wake = None
        self._let_in()
