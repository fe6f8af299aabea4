"""Turn <-> JSON. The schema number is the Turn's own; an older one is brought up to date on reading.

States are numbers and names only. Words are stored as they are, but for lone surrogates, which are not Unicode: "?".
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from assistant.carried import state_from
from assistant.store.errors import StoreDamaged, StoreNewer
from assistant.types import Risk, RiskLevel, RiskState, Turn
from llm.types import Message, Prompt, Sampling, Usage
from perception.types import Behaviours, EmotionalState, Observation

SCHEMA = 3
_MAPPINGS = ("expressions", "voice", "compound")
#: Behaviours that a stored state may name; others, of other versions, are left out.
_BEHAVIOURS = frozenset(Behaviours().as_dict())


def turn_to_dict(turn: Turn) -> dict[str, Any]:
    """A JSON-ready copy."""
    # asdict cannot copy the states' read-only mappings.
    shallow = {f.name: getattr(turn, f.name) for f in fields(turn)}
    state = {f.name: getattr(turn.state, f.name) for f in fields(turn.state)}
    for name in _MAPPINGS:
        state[name] = {str(key): float(value) for key, value in state[name].items()}
    state["change"] = _numbers(turn.state.change.as_dict())
    if (held := turn.state.held) is not None:
        state["held"] = {
            "t_s": float(held.t_s), "behaviours": _numbers(held.behaviours.as_dict()),
            "confidence": float(held.confidence), "coverage": float(held.coverage), "acquainted": held.acquainted,
        }  # fmt: skip
    for name, value in state.items():
        if not isinstance(value, str | bool | dict | None):
            state[name] = float(value)  # numpy's numbers are not JSON
    risk, risk_state, guided = asdict(turn.risk), asdict(turn.risk_state), asdict(turn.guided)
    prompt = None if turn.prompt is None else asdict(turn.prompt)
    return {
        **shallow, "state": state, "risk": risk, "risk_state": risk_state, "guided": guided,
        "prompt": prompt, "usage": asdict(turn.usage), "schema": SCHEMA,
    }  # fmt: skip


def turn_to_json(turn: Turn) -> str:
    """One line of JSON. Raises ValueError for a number that is not finite."""
    text = json.dumps(turn_to_dict(turn), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode("utf-8")


def turn_from_json(text: str) -> Turn:
    """Raises StoreNewer for a later schema, StoreDamaged for what is not a turn."""
    try:
        return turn_from_dict(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        what = f"a stored turn cannot be read ({type(error).__name__})"
        raise StoreDamaged(f"{what}; delete its conversation, or erase everything") from error


def turn_from_dict(row: dict[str, Any]) -> Turn:
    """The inverse of turn_to_dict."""
    if row["schema"] > SCHEMA:
        raise StoreNewer(f"a turn has schema {row['schema']}, this version reads up to {SCHEMA}; update the app")
    risk = _risk(row["risk"])
    carried = _risk_state(row["risk_state"]) if "risk_state" in row else RiskState(risk.level, risk.kind)
    return Turn(
        **{
            **row,
            "state": _state(row["state"]),
            "risk": risk,
            "risk_state": carried,
            "guided": state_from(row.get("guided", {})),
            "usage": Usage(**row["usage"]),
            "prompt": None if row["prompt"] is None else _prompt(row["prompt"]),
            "schema": SCHEMA,
        }
    )


def _numbers(values: dict[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if value}


def _behaviours(row: dict[str, float]) -> Behaviours:
    return Behaviours(**{name: value for name, value in row.items() if name in _BEHAVIOURS})


def _state(row: dict[str, Any]) -> EmotionalState:
    """A state; one that was stored before states named their modality said in `source` where a voice was alone."""
    held = row.get("held")
    old = "voice" if row["source"].endswith("(voice alone)") else "face" if row["known"] else "none"
    return EmotionalState(**{
        **row, "change": _behaviours(row["change"]), "modality": row.get("modality", old),
        "held": held and Observation(**{**held, "behaviours": _behaviours(held["behaviours"])}),
    })  # fmt: skip


def _risk(row: dict[str, Any]) -> Risk:
    """A Risk; those of schema 1 had `evidence` and `category`, and no score."""
    if "evidence" in row:
        return Risk(RiskLevel(row["level"]), row["category"], rules=tuple(row["evidence"]))
    level, alone = RiskLevel(row["level"]), RiskLevel(row["alone"])
    return Risk(level, row["kind"], row["score"], tuple(row["reasons"]), tuple(row["rules"]), alone)


def _risk_state(row: dict[str, Any]) -> RiskState:
    pairs = {name: tuple((topic, words) for topic, words in row[name]) for name in ("answers", "plan")}
    lists = {name: tuple(row[name]) for name in ("facts", "said")}
    return RiskState(**{**row, **pairs, **lists, "level": RiskLevel(row["level"])})


def _prompt(row: dict[str, Any]) -> Prompt:
    sampling = Sampling(**{**row["sampling"], "stop": tuple(row["sampling"]["stop"])})
    return Prompt(**{**row, "messages": tuple(Message(**m) for m in row["messages"]), "sampling": sampling})
