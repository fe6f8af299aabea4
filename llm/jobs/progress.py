"""What a run counts, and the one line that shows it while it goes on."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from tqdm import tqdm

from llm.jobs.types import Answer, Fault


@dataclass(slots=True)
class Counts:
    """`done` and `failed` are chains (failed by reason); `asked` requests that a server answered in this run, `kept`
    those found in the journal; `kinds` what answers turned out to be; tokens as the server counted them."""

    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    kept: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0

    def answered(self, answer: Answer) -> None:
        self.asked += 1
        self.prompt_tokens += answer.usage.prompt_tokens or 0
        self.completion_tokens += answer.usage.completion_tokens or 0

    def cost(self, prices: tuple[float, float]) -> float:
        return (self.prompt_tokens * prices[0] + self.completion_tokens * prices[1]) / 1e6


class Progress:
    """A tqdm bar over chains; silent where stderr is no terminal, unless `shown`."""

    def __init__(self, total: int | None, prices: tuple[float, float], shown: bool | None = None) -> None:
        self.counts = Counts()
        self._prices = prices
        self._began = time.monotonic()
        self._bar = tqdm(total=total, unit="chain", disable=None if shown is None else not shown, mininterval=0.5)

    def fault(self, fault: Fault) -> None:
        self.counts.faults[fault] += 1

    def finished(self, reason: str = "") -> None:
        """One chain has ended; `reason` says why it failed."""
        if reason:
            self.counts.failed[reason] += 1
        else:
            self.counts.done += 1
        if not self._bar.disable:
            self._bar.set_postfix_str(self.line(), refresh=False)
        self._bar.update()

    def line(self) -> str:
        counts = self.counts
        ended = counts.done + counts.failed.total()
        seconds = max(1e-9, time.monotonic() - self._began)
        parts = [
            f"{counts.asked / seconds:.1f} requests/s",
            f"{counts.completion_tokens / seconds:.0f} tokens/s",
            f"accepted {counts.done / ended:.0%}" if ended else "",
            f"cost {counts.cost(self._prices):.2f}" if any(self._prices) else "",
            " ".join(f"{name} {n}" for name, n in sorted(counts.faults.items())),
        ]
        return ", ".join(part for part in parts if part)

    def close(self) -> Counts:
        self._bar.close()
        self.counts.seconds = time.monotonic() - self._began
        return self.counts
