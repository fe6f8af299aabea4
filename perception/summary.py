"""What a person at the terminal is told about a video: who was seen, how long, and how they seemed."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from perception.table import EXPRESSION_COLUMNS, Row
from perception.types import AUS

#: A unit is named when it is at least so active on average.
NAMED_UNIT = 0.2
#: What the reasons for not reading a face mean.
REASONS = {
    "no_face": "no face", "too_dark": "too dark", "too_far": "too far away", "turned_away": "turned away",
    "bad_frame": "picture too small",
}  # fmt: skip


@dataclass(slots=True)
class _Seen:
    """One face: when it was seen and the sums of its readings."""

    first_s: float
    last_s: float = 0.0
    frames: int = 0
    read: int = 0
    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class Summary:
    """Collects rows of `see` one by one, in constant memory for each face."""

    def __init__(self) -> None:
        self._faces: dict[str, _Seen] = {}
        self._problems: Counter[str] = Counter()
        self._times: tuple[float, float] | None = None
        self.frames = 0
        self._frame: object = None

    def add(self, row: Row) -> None:
        """Take one row."""
        t_s = float(str(row["timestamp"]))
        self._times = (self._times[0] if self._times else t_s, t_s)
        if row["frame"] != self._frame:
            self._frame, self.frames = row["frame"], self.frames + 1
        if row["quality"] != "ok":
            self._problems[str(row["quality"])] += 1
        if row["face_id"] == "":
            return
        seen = self._faces.setdefault(str(row["face_id"]), _Seen(t_s))
        seen.last_s, seen.frames = t_s, seen.frames + 1
        if row["success"] == 1:
            seen.read += 1
            for name in (*EXPRESSION_COLUMNS, "valence", "arousal", *(f"AU{au:02d}" for au in AUS)):
                seen.sums[name] += float(str(row[name]))

    def lines(self, name: str) -> list[str]:
        """The summary, one line a face, those seen longest first."""
        if self._times is None:
            return [f"{name}: no frames"]
        span = self._times[1] - self._times[0]
        faces = sorted(self._faces.items(), key=lambda item: -item[1].frames)
        counted = f"{len(faces)} face{'' if len(faces) == 1 else 's'}"
        said = [f"{name}: {self.frames} frame{'' if self.frames == 1 else 's'}, {span:.1f} s, {counted}"]
        said += [self._line(face, seen) for face, seen in faces]
        if self._problems:
            rows = ", ".join(f"{REASONS.get(kind, kind)} {count}" for kind, count in self._problems.most_common())
            said.append(f"  not read (rows): {rows}")
        return said

    @staticmethod
    def _line(face: str, seen: _Seen) -> str:
        text = f"  face {face}: {seen.first_s:.1f} to {seen.last_s:.1f} s, read in {seen.read} of {seen.frames} frames"
        if not seen.read:
            return text
        mean = {name: value / seen.read for name, value in seen.sums.items()}
        shares = sorted(EXPRESSION_COLUMNS, key=lambda name: -mean[name])[:2]
        text += "; " + ", ".join(f"{name} {100 * mean[name]:.0f} %" for name in shares)
        text += f"; valence {mean['valence']:+.2f}, arousal {mean['arousal']:+.2f}"
        units = [f"AU{au} {mean[f'AU{au:02d}']:.1f}" for au in AUS if mean[f"AU{au:02d}"] >= NAMED_UNIT]
        return text + (f"; {', '.join(units)}" if units else "")


def frames_per_second(frames: int, seconds: float) -> str:
    """How quick it was, for the end of a long command."""
    if not frames:
        return "nothing to do"
    return f"{frames} frame{'' if frames == 1 else 's'} in {seconds:.1f} s ({frames / max(seconds, 1e-6):.0f} a second)"
