"""What a person allows."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Consents:
    """What the person allows, each on its own. All off until allowed."""

    chat: bool = False
    store: bool = False
    camera: bool = False
    microphone: bool = False
    affect: bool = False
    memory: bool = False

    def changed(self, name: str, on: bool) -> Consents:
        """With one of them set. Raises ValueError for a name that is none."""
        names = [f.name for f in dataclasses.fields(self)]
        if name not in names:
            raise ValueError(f"there is no consent called {name!r}; choose from {', '.join(names)}")
        return dataclasses.replace(self, **{name: on})

    def as_dict(self) -> dict[str, bool]:
        return dataclasses.asdict(self)
