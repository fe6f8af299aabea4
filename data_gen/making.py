"""A run of chains into a folder: records.jsonl, rejected.jsonl, set_aside.jsonl, materials.jsonl, run.json.

Records stand in the order of their plans, whatever order they ended in, and hold nothing that depends on the clock: a
run that was killed and started again writes the same files as one that was not. Memory holds one place a record, not
its text.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeVar

from data_gen.cluster import run_on_ray
from data_gen.steps import Rejected
from data_gen.types import Material
from llm.files import commit_of, whole
from llm.jobs.progress import Counts
from llm.jobs.runner import Chain, run
from llm.jobs.types import ChainFailed, JobOptions

#: The reason under which a rejected chain is set aside for people to read, never tried again and never exported.
CRISIS = "crisis"


class _Planned(Protocol):
    @property
    def material(self) -> Material: ...

    @property
    def id(self) -> str: ...


PlanT = TypeVar("PlanT", bound=_Planned)


class Spool:
    """Lines kept on disk as they come, written out in the order of their places."""

    def __enter__(self) -> Spool:
        self._file = tempfile.TemporaryFile("w+b")
        self._places: dict[int, int] = {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    def add(self, place: int, row: Mapping[str, Any]) -> None:
        self._places[place] = self._file.seek(0, 2)
        self._file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")

    def write(self, path: Path) -> None:
        """Write the lines whole or not at all."""
        with whole(path) as part, part.open("wb") as out:
            for _, offset in sorted(self._places.items()):
                self._file.seek(offset)
                out.write(self._file.readline())


def make(
    plans: Iterable[PlanT],
    chain: Chain[PlanT, dict[str, Any]],
    jobs: JobOptions,
    out: Path,
    settings: Mapping[str, Any],
    *,
    finish: Callable[[], Mapping[str, Any]] = dict,
    ray_workers: int = 0,
    total: int | None = None,
    shown: bool | None = None,
) -> Counts:
    """Take `plans` through `chain` and write the folder. `finish` gives more for run.json at the end; `ray_workers`
    above 0 takes Ray Data with so many workers instead of this process.

    Raises llm.jobs' ServerBroken or JobError; what was answered until then is kept, and the same call goes on.
    """
    out.mkdir(parents=True, exist_ok=True)
    reasons: Counter[str] = Counter()
    attempts: Counter[str] = Counter()
    with Spool() as records, Spool() as rejected, Spool() as aside, Spool() as materials:

        def keep(place: int, plan: PlanT, found: dict[str, Any] | ChainFailed) -> None:
            if isinstance(found, ChainFailed):
                reasons[found.reason] += 1
                alone = {"id": plan.id, "reason": found.reason}
                row: Mapping[str, Any] = found.record if isinstance(found, Rejected) else alone
                (aside if found.reason == CRISIS else rejected).add(place, row)
                provenance: Mapping[str, Any] = row.get("provenance", {})
            else:
                records.add(place, found)
                materials.add(place, material_record(plan.material))
                provenance = found["provenance"]
            attempts.update(provenance.get("rejected_attempts", ()))

        if ray_workers:
            counts = run_on_ray(plans, chain, keep, jobs, out, workers=ray_workers, total=total, shown=shown)
        else:
            counts = run(plans, chain, keep, jobs, out / "journal.jsonl", total=total, shown=shown)
        for spool, name in ((records, "records"), (rejected, "rejected"), (aside, "set_aside")):
            spool.write(out / f"{name}.jsonl")
        materials.write(out / "materials.jsonl")
        said = {
            "settings": dict(settings), "server": jobs.url, "commit": commit_of(), "accepted": len(records),
            "rejected": dict(sorted(reasons.items())), "rejected_attempts": dict(sorted(attempts.items())),
            "faults": dict(counts.faults), "answers": dict(counts.kinds),
            "asked_in_this_run": counts.asked, "kept_from_before": counts.kept, "seconds": round(counts.seconds, 2),
            "tokens_of_this_run": {"prompt": counts.prompt_tokens, "completion": counts.completion_tokens},
            "cost_of_this_run": counts.cost(jobs.prices), **finish(),
        }  # fmt: skip
    with whole(out / "run.json") as part:
        part.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return counts


def material_record(material: Material) -> dict[str, str]:
    """The source's words as spans count them: kept beside the records, so that anybody can look a span up."""
    return {"id": material.id, "sha256": material.sha256, "lang": material.lang, "text": material.whole}
