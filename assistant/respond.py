"""The spine: words and a state come in, a checked reply streams out, and a Turn is recorded before and after."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from assistant.carried import from_text, interrupted
from assistant.guided import Guided, is_companion
from assistant.language import SentenceBuffer, clean_text, language_of
from assistant.meaning.base import Judges, Reader, understanding
from assistant.notices import NOTICES
from assistant.prompt import build_prompt, describe, without_remembered
from assistant.safety import crisis_reply, follow, is_asked_about, is_fixed, question_beside, state_of
from assistant.safety.doses import asks_for_dose, dose_reply
from assistant.safety.helplines import Line, lines_for
from assistant.safety.reply import check_sentence, clean_markup
from assistant.script import Script, in_script, script_of
from assistant.types import GuidedState, Risk, RiskState, Turn
from llm.base import ChatModel, ModelError
from llm.types import FinishReason, Locale, Prompt, Reply, Usage
from perception.types import EmotionalState

#: A model's reply is ended at the first sentence beyond this (characters): a wall of text helps nobody in distress.
MAX_REPLY_CHARS: dict[Locale, int] = {"en": 1200, "zh": 450}

Record = Callable[[Turn], object]


def respond(
    text: str,
    state: EmotionalState,
    history: Sequence[Turn],
    model: ChatModel,
    *,
    locale: Locale | None = None,
    conversation_id: str = "",
    record: Record | None = None,
    fallback: ChatModel | None = None,
    lines: Sequence[Line] | None = None,
    reader: Reader | None = None,
    remembered: Sequence[str] = (),
) -> Generator[str, None, Turn]:
    """Stream the reply to `text`; the generator's return value is the Turn.

    `history` is oldest first. `locale` is the page's language, used where the message does not show its own. `record`
    is called with the pending Turn before any model is asked, and with the final one at the end, also when the
    generator is closed early ("stopped"). When `model` fails, `fallback` (default: Guided) carries on in the same
    reply. `lines` are the crisis lines to name (default: those of the locale). `record` must not raise;
    `assistant.store`'s Saver.save does not. Risk comes from the words alone (by rules, and by `reader` where there is
    one), so that neither `state` nor a model can change it. A question about a dose is answered in fixed words. From
    `high` on no model is asked; at `moderate` a language model answers and the next question of the path stands below,
    and where only the companion is there, the path answers. A reader that judges sentences also reads what a language
    model says, and one that understands messages helps the fallback. What the companion carries on (`Turn.guided`) goes
    from turn to turn, whoever answers. `remembered` are lines that the person has had remembered: a model gets them,
    the record does not.
    """
    text = clean_text(text)
    locale = language_of(text, locale or (history[-1].locale if history else "en"))
    risk, carried = follow(text, state_of(history[-1:]), reader)
    asks = is_asked_about(risk, carried)
    fixed = is_fixed(risk) or (asks and is_companion(model))
    dose = not fixed and asks_for_dose(text)
    prompt = None if fixed or dose or not text else build_prompt(text, state, risk, history, locale, remembered)
    turn = Turn(
        turn_id=uuid4().hex, conversation_id=conversation_id, at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        locale=locale, user_text=text, state=state, risk=risk, prompt=prompt and without_remembered(prompt), reply="",
        finish_reason="stopped",
        model=model.name if prompt else "fixed", affect_sentence=describe(state, locale) if prompt else "",
        risk_state=carried, guided=history[-1].guided if history else GuidedState(),
    )  # fmt: skip
    if record:
        record(turn)
    # An answer that comes later is to a later question.
    script = script_of([text, *(turn.user_text for turn in reversed(history))]) if locale == "zh" else ""
    said = _Said(replace(carried, asked=""), interrupted(turn.guided), script)
    judge = reader if isinstance(reader, Judges) else None
    path = _Path(text, risk, carried, locale, lines_for(locale) if lines is None else lines, asks, judge)
    try:
        if fixed:
            yield from path.answers(said)
            said.finish_reason = "crisis" if risk.is_crisis else "stop"
        elif prompt is None:
            said.risk_state = carried
            yield said.add(dose_reply(locale) if dose else NOTICES["empty"][locale])
            yield from path.asks(said)
            said.finish_reason = "stop"
        else:
            yield from _answer(prompt, path, model, fallback or Guided(reader=understanding(reader)), said)
    except GeneratorExit:
        said.finish_reason = "stopped"
        raise
    except BaseException as error:
        said.failed(f"{type(error).__name__}: {error}")
        raise
    finally:
        turn = said.into(turn)
        if record:
            record(turn)
    return turn


class _Said:
    """What the person has been shown so far, how it came about, and what it leaves of the risk and to the companion.
    Everything shown passes `add`, which writes it in the person's script."""

    def __init__(self, risk_state: RiskState, guided: GuidedState, script: Script = "") -> None:
        self._script = script
        self.risk_state = risk_state
        self.guided = guided
        self._started = time.monotonic()
        self._parts: list[str] = []
        self._first_s = 0.0
        self._errors: list[str] = []
        self._models: list[str] = []
        self.finish_reason: FinishReason = "stopped"
        self.usage = Usage()

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def add(self, piece: str) -> str:
        if not self._parts:
            self._first_s = time.monotonic() - self._started
        piece = in_script(piece, self._script)
        self._parts.append(piece)
        return piece

    def asked(self, model: ChatModel) -> None:
        self._models.append(model.name)

    def noted(self, error: str) -> None:
        self._errors.append(error)

    def failed(self, error: str) -> None:
        self.noted(error)
        self.finish_reason = "error"

    def into(self, turn: Turn) -> Turn:
        return replace(
            turn, reply=self.text, finish_reason=self.finish_reason, usage=self.usage, error="; ".join(self._errors),
            model="+".join(self._models) or turn.model, first_token_s=self._first_s,
            latency_s=time.monotonic() - self._started, risk_state=self.risk_state, guided=self.guided,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Path:
    """The prepared words for this message, in full or as one question below a model's reply. `leads`: they answer
    where no language model does. `judge` reads a language model's sentences."""

    text: str
    risk: Risk
    state: RiskState
    locale: Locale
    lines: Sequence[Line]
    leads: bool
    judge: Judges | None

    def answers(self, said: _Said) -> Generator[str, None, None]:
        """The fixed reply."""
        reply, said.risk_state = crisis_reply(self.text, self.risk, self.state, self.locale, self.lines)
        if said.risk_state.asked == "thoughts":
            said.guided = interrupted(said.guided, "dark")
        elif self.risk.kind == "panic":
            said.guided = interrupted(said.guided, "panic", "panic")
        yield said.add(reply)

    def asks(self, said: _Said) -> Generator[str, None, None]:
        """The next question of a moderate danger."""
        note, said.risk_state = question_beside(self.risk, self.state, self.locale, self.lines)
        if note:
            yield said.add(f"\n\n{note}")


def _answer(
    prompt: Prompt, path: _Path, model: ChatModel, fallback: ChatModel, said: _Said
) -> Generator[str, None, None]:
    """The model's checked reply; where it fails or leaves nothing, a plain notice and the fallback's, or the path's
    words while a danger lasts."""
    notice = "nothing_usable"
    try:
        reply = yield from _checked(prompt, path, model, said)
        said.finish_reason, said.usage = reply.finish_reason, reply.usage
        if said.text.strip() or reply.finish_reason == "stopped":  # Stop before the first word needs no other answer
            yield from path.asks(said)
            return
        said.failed(f"{model.name}: nothing usable in the reply ({reply.finish_reason})")
    except ModelError as error:
        said.failed(f"{model.name}: {type(error).__name__}: {error}")
        notice = "model_broke_off" if said.text.strip() else "model_silent"
    gap = "\n\n" if said.text.strip() else ""
    yield said.add(f"{gap}{NOTICES[notice][prompt.locale]}\n\n")
    if path.leads and is_companion(fallback):
        yield from path.answers(said)
    else:
        yield from _checked(prompt, path, fallback, said)


def _checked(prompt: Prompt, path: _Path, model: ChatModel, said: _Said) -> Generator[str, None, Reply]:
    """The model's reply, let out sentence by sentence after its check, within MAX_REPLY_CHARS. Raises ModelError, after
    what had arrived was let out."""
    said.asked(model)
    buffer = SentenceBuffer()
    limit = len(said.text) + MAX_REPLY_CHARS[prompt.locale]

    def passed(sentence: str) -> str:
        return _passed(sentence, path, model, said)

    with closing(model.stream(prompt)) as stream:
        while True:
            try:
                ready = buffer.feed(next(stream))
            except StopIteration as stop:
                reply: Reply = stop.value
                break
            except ModelError:
                if rest := passed(buffer.rest()):
                    yield said.add(rest)
                raise
            for sentence in ready:
                if shown := passed(sentence):
                    yield said.add(shown)
                if len(said.text) > limit:
                    return Reply(said.text, model.name, "length")
    if rest := passed(buffer.rest()):
        yield said.add(rest)
    if reply.carried:
        said.guided = from_text(reply.carried)
    return reply


def _passed(sentence: str, path: _Path, model: ChatModel, said: _Said) -> str:
    """What of a sentence may be shown: itself, its replacement, or ""."""
    body = sentence.rstrip()
    if not body:
        return sentence
    judge = None if is_companion(model) else path.judge  # its sentences are ours, read before they were shipped
    checked = check_sentence(clean_markup(body), path.risk, path.locale, judge)
    if checked.reason:
        said.noted(f"{model.name}: reply check: {checked.reason}")
        if checked.text in said.text:  # the same replacement once is enough
            return ""
    return checked.text + sentence[len(body) :] if checked.text else ""
