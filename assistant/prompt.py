"""Words + state + risk + history -> Prompt, and `describe`: the one place where a state becomes words. Pure functions.

The wording follows two findings: descriptions of facial behaviour serve a model better than emotion labels
(Facial-Expression-Aware Prompting, arXiv 2604.15336), and a face is no reliable sign of a feeling (Barrett et al. 2019,
Psychological Science in the Public Interest 20(1)). So the sentence names behaviour, hedges, and is mostly absent.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from assistant.carried import to_text
from assistant.language import clean_text
from assistant.notices import without_notices
from assistant.types import Risk, RiskLevel, Turn
from llm.types import Locale, Message, Prompt
from perception.held import named
from perception.types import CLEAR, NOTEWORTHY, EmotionalState

PROMPTS = Path(__file__).resolve().parent / "prompts"
#: The prompts' files are {name}.{locale}.md. A change of wording gets a new version, so that a Turn can be replayed.
SYSTEM_PROMPT, OBSERVATION, RISK_NOTES = "support.v1", "observation.v1", "risk.v1"
REMEMBERED = "remembered.v1"

#: Longest part of one message that a model gets (characters); the head and the tail of a longer one. The risk
#: assessment always reads all of it.
MAX_TEXT_CHARS = 4000
HEAD_CHARS = 2800
#: The history that a model gets (estimated tokens): about 40 short exchanges, inside a 4096-token context with the
#: rest.
HISTORY_TOKENS = 2400

#: Of what is remembered at most this many lines are passed on, each cut at this length (characters). They take from
#: what the history may use.
MAX_REMEMBERED, MAX_REMEMBERED_CHARS = 12, 160

#: Below these nothing is said about a face. Stricter than perception's own bounds (0.5 and 0.35 before coverage
#: counts), because abstention is the default (thresholds are ours, not published).
MIN_COVERAGE = 0.6
MIN_CONFIDENCE = 0.3
#: "medium" certainty from here on; "high" is never claimed of a face.
MEDIUM_CONFIDENCE = 0.6
#: Voice: least share of the window with speech, largest share of clipped sound.
MIN_SPEAKING_SHARE = 0.15
MAX_CLIPPED_SHARE = 0.05
#: At most this many changes of the voice in the sentence.
MAX_VOICE_CHANGES = 2

# Behaviour -> its words; which are named, and whether as more or as less than usual, is `perception.held.named`'s
# business. Valence and arousal are missing on purpose: they are guesses about a feeling, not behaviour.
_FACE: dict[Locale, dict[str, str]] = {
    "en": {
        "brow_raise": "raised brows", "brow_lower": "lowered brows", "brow_oblique": "inner brows drawn up",
        "smile": "smiling", "lip_press": "pressed lips", "mouth_open": "an open mouth",
        "lip_corner_down": "lowered mouth corners", "eye_narrow": "narrowed eyes", "eyes_closed": "closed eyes",
        "blink_rate": "blinking", "head_down": "a lowered head", "movement": "movement of the head",
    },
    "zh": {
        "brow_raise": "眉毛抬起", "brow_lower": "眉头压低", "brow_oblique": "眉头内侧上提", "smile": "微笑",
        "lip_press": "嘴唇抿紧", "mouth_open": "嘴巴张开", "lip_corner_down": "嘴角向下", "eye_narrow": "眼睛眯起",
        "eyes_closed": "闭着眼睛", "blink_rate": "眨眼", "head_down": "低头", "movement": "头部活动",
    },
}  # fmt: skip
_VOICE: dict[Locale, dict[str, tuple[str, str]]] = {
    "en": {
        "level_dbfs": ("louder", "quieter"), "pitch_hz": ("higher", "lower"),
        "pitch_variation_st": ("more varied in pitch", "flatter"), "pauses_per_min": ("more broken by pauses", ""),
    },
    "zh": {
        "level_dbfs": ("更响", "更轻"), "pitch_hz": ("音调更高", "音调更低"),
        "pitch_variation_st": ("起伏更大", "更平"), "pauses_per_min": ("停顿更多", ""),
    },
}  # fmt: skip

_TONES: dict[Locale, dict[str, str]] = {
    "en": {
        "plain": "",
        "gentle": "For this reply: a gentle, quiet tone; stay close to what was said before offering anything.",
        "slow": "For this reply: slow down. Short sentences, one thing at a time; a pause may be offered.",
        "bright": "For this reply: a lighter tone is welcome, as long as the words call for it.",
    },
    "zh": {
        "plain": "",
        "gentle": "这次回复：语气轻柔、安静；先贴近对方说的话，再谈别的。",
        "slow": "这次回复：放慢节奏。句子短一些，一次只说一件事；可以提议停一停。",
        "bright": "这次回复：语气可以轻松一些，只要对方的话合适。",
    },
}

_LEFT_OUT: dict[Locale, str] = {"en": "[… part of a long message left out …]", "zh": "[……长消息的中间部分已省略……]"}

# What could pass for a turn of the conversation or for our own block once a chat template is applied.
_SPECIAL = re.compile(
    r"<\s*\|\s*([\w ./-]{1,40}?)\s*\|\s*>"
    r"|<\s*(/?\s*(?:observation|remembered|system|s|think|tool_call))\b[^<>\n]{0,60}>"
    r"|\[\s*(/?\s*INST)\s*\]|<<\s*(/?\s*SYS)\s*>>",
    re.I,
)
_ROLE_LINE = re.compile(r"(?im)^([\s#>*]*)(system|assistant|user|human|ai|系统|助手|用户)(\s*[:：])")


_REMEMBERED_LINES = re.compile(r"(?<=<remembered>\n).*?(?=\n</remembered>)", re.DOTALL)


def build_prompt(
    text: str,
    state: EmotionalState,
    risk: Risk,
    history: Sequence[Turn],
    locale: Locale,
    remembered: Sequence[str] = (),
) -> Prompt:
    """Everything that a model is sent. The system message holds our rules, the observation, and of the person's only
    the lines that they have had `remembered`; these stay out while the words point to danger (from a moderate risk on).

    `history` is oldest first; as much of its end as fits HISTORY_TOKENS is used. Raises ValueError for a blank `text`.
    """
    if not text.strip():
        raise ValueError("a prompt needs words; respond() answers an empty message itself")
    mood = tone(state, risk)
    known = remembered_block(remembered, locale) if risk.level < RiskLevel.MODERATE else ""
    parts = [prompt_file(SYSTEM_PROMPT, locale), known, _TONES[locale][mood], note_on(risk, locale)]
    if sentence := describe(state, locale):
        parts.append(prompt_file(OBSERVATION, locale).format(sentence=sentence))
    system = Message("system", "\n\n".join(part for part in parts if part))
    past = _window(history, HISTORY_TOKENS - (estimated_tokens(known) if known else 0))
    messages = _alternating((*past, Message("user", harmless(text, locale))))
    carried = to_text(history[-1].guided) if history else ""
    return Prompt((system, *messages), locale=locale, tone=mood, carried=carried)


def remembered_block(lines: Sequence[str], locale: Locale) -> str:
    """The first MAX_REMEMBERED lines as a model gets them, "" for none. A line stays one line, and nothing in it can
    end the block or pass for a turn."""
    shown = [line for words in lines if (line := _one_line(words, locale))][:MAX_REMEMBERED]
    return prompt_file(REMEMBERED, locale).format(lines="\n".join(f"- {line}" for line in shown)) if shown else ""


def without_remembered(prompt: Prompt) -> Prompt:
    """The prompt as it is recorded: the remembered lines are only counted there. They are kept in one place alone, so
    that what the person deletes or changes there is gone."""

    def counted(lines: re.Match[str]) -> str:
        return f"[{len(lines[0].splitlines())}]"

    system, *others = prompt.messages
    content = _REMEMBERED_LINES.sub(counted, system.content, count=1)
    return replace(prompt, messages=(Message(system.role, content), *others))


def _one_line(words: str, locale: Locale) -> str:
    line = harmless(" ".join(clean_text(words).split()), locale).replace("<", "‹").replace(">", "›")
    return line if len(line) <= MAX_REMEMBERED_CHARS else f"{line[: MAX_REMEMBERED_CHARS - 1]}…"


def note_on(risk: Risk, locale: Locale) -> str:
    """What a model is told about a danger that it may answer (below the fixed path), "" where there is none."""
    if risk.level < RiskLevel.MODERATE:
        return ""
    notes = _notes(locale)
    return "\n".join(notes[name] for name in ("always", risk.kind) if name in notes)


@cache
def _notes(locale: Locale) -> dict[str, str]:
    return tomllib.loads((PROMPTS / f"{RISK_NOTES}.{locale}.toml").read_text(encoding="utf-8"))


@cache
def prompt_file(name: str, locale: Locale) -> str:
    """The text of a versioned prompt. Raises FileNotFoundError for an unknown name."""
    return (PROMPTS / f"{name}.{locale}.md").read_text(encoding="utf-8").strip()


def describe(state: EmotionalState, locale: Locale) -> str:
    """One hedged sentence each about face and voice, or "" when there is nothing sure and unusual enough to say.

    The face is passed over when the state is unknown or the voice's alone, coverage or confidence is low, or no
    behaviour left the person's usual by NOTEWORTHY (people's usual, until the person's own is known); a held
    observation is worded as it was when it began. The voice is passed over when too little was spoken, the sound is
    clipped, or its baseline has not formed. What face or voice were taken to express is never said: those are guesses
    about a feeling.
    """
    return " ".join(part for part in (_describe_face(state, locale), _describe_voice(state, locale)) if part)


def tone(state: EmotionalState, risk: Risk) -> str:
    """How the reply should sound: plain, gentle, slow or bright. A risk in the words keeps it from being bright; a
    state never makes it brighter than the words allow, and never changes the risk."""
    level = gentleness = 0.0
    now = state.observation.behaviours
    if _seen_well(state):
        gentleness = max(now.lip_corner_down, now.brow_oblique, now.eyes_closed, -now.smile, -now.valence)
        level = max(now.brow_lower, now.lip_press, now.arousal) if now.smile < NOTEWORTHY else 0.0
    if level >= NOTEWORTHY and level >= gentleness:
        return "slow"
    if risk.level >= RiskLevel.LOW or gentleness >= NOTEWORTHY:
        return "gentle"
    if _seen_well(state) and min(now.smile, now.valence) >= NOTEWORTHY:
        return "bright"
    return "plain"


def harmless(text: str, locale: Locale = "en") -> str:
    """The person's words with an overlong middle left out, and without anything that a chat template or our own block
    could take for a turn or a tag: `<|im_start|>system` becomes `(im_start)system`, `System:` at a line's start
    `“System”:`."""
    if len(text) > MAX_TEXT_CHARS:
        text = f"{text[:HEAD_CHARS]}\n{_LEFT_OUT[locale]}\n{text[HEAD_CHARS - MAX_TEXT_CHARS :]}"
    text = _SPECIAL.sub(lambda match: f"({match[match.lastindex or 0]})", text)
    return _ROLE_LINE.sub(r"\1“\2”\3", text)


def estimated_tokens(text: str) -> int:
    """A rough count for budgets only: 0.7 tokens a Chinese character and a quarter a Latin one, as Qwen-type
    tokenizers do."""
    wide = sum(ch >= "\u2e80" for ch in text)
    return int(wide * 0.7 + (len(text) - wide) / 4) + 4


def _window(history: Sequence[Turn], budget: int) -> tuple[Message, ...]:
    newest_first: list[Message] = []
    for turn in reversed(history):
        pair = [Message("user", harmless(turn.user_text, turn.locale))] if turn.user_text.strip() else []
        if reply := without_notices(turn.reply).strip():
            pair.append(Message("assistant", harmless(reply, turn.locale)))
        budget -= sum(estimated_tokens(message.content) for message in pair)
        if budget < 0:
            break
        newest_first.extend(reversed(pair))
    return tuple(reversed(newest_first))


def _alternating(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Neighbours of one role become one message: a turn stopped before its reply leaves two of the person's in a row,
    and many chat templates refuse that."""
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1].role == message.role:
            message = Message(message.role, f"{joined.pop().content}\n\n{message.content}")
        joined.append(message)
    return tuple(joined)


def _seen_well(state: EmotionalState) -> bool:
    if not state.known or state.modality == "voice":  # coverage and confidence are then the voice's
        return False
    observation = state.observation
    return observation.coverage >= MIN_COVERAGE and observation.confidence >= MIN_CONFIDENCE


def _joined(words: Sequence[str], locale: Locale) -> str:
    return ("、" if locale == "zh" else " and ").join(words)


def _describe_face(state: EmotionalState, locale: Locale) -> str:
    observation = state.observation
    found = named(observation.behaviours) if _seen_well(state) else {}
    if not found:
        return ""
    clear = max(map(abs, found.values())) >= CLEAR
    more = _joined([_FACE[locale][name] for name, value in found.items() if value > 0], locale)
    less = _joined([_FACE[locale][name] for name, value in found.items() if value < 0], locale)
    visible = round(100 * observation.coverage)
    if locale == "zh":
        certainty = "中等" if observation.confidence >= MEDIUM_CONFIDENCE else "较低"
        degree = "明显" if clear else "略"
        usual = "此人平时" if observation.acquainted else "一般平静的脸"
        parts = (more and f"{more}，{degree}多于{usual}", less and f"{less}，{degree}少于{usual}")
        said = "；".join(part for part in parts if part)
        return f"摄像头（可选，把握{certainty}）：刚才几秒，{said}；{visible}% 的时间看得到脸。"
    certainty = "medium" if observation.confidence >= MEDIUM_CONFIDENCE else "low"
    degree = "clearly" if clear else "somewhat"
    usual = "is usual for this person" if observation.acquainted else "faces at rest usually do"
    said = " and ".join(part for part in (
        more and f"showed {more}, {degree} more than {usual}{',' if less else ''}",
        less and f"showed {less} {degree} less than {usual}",
    ) if part)  # fmt: skip
    return (
        f"Camera (optional, {certainty} certainty): in the last few seconds the face {said}; "
        f"visible {visible}% of the time."
    )


def _describe_voice(state: EmotionalState, locale: Locale) -> str:
    voice = state.voice
    if voice.get("speaking_share", 0.0) < MIN_SPEAKING_SHARE or voice.get("clipped_share", 0.0) > MAX_CLIPPED_SHARE:
        return ""
    changes = {name: voice.get(f"{name}_change", 0.0) for name in _VOICE[locale]}
    apart = sorted(changes.items(), key=lambda item: -abs(item[1]))
    found = [_VOICE[locale][name][value < 0] for name, value in apart if abs(value) >= NOTEWORTHY]
    if not (found := [words for words in found if words][:MAX_VOICE_CHANGES]):
        return ""
    words = _joined(found, locale)
    share = round(100 * voice["speaking_share"])
    if locale == "zh":
        return f"麦克风（可选，把握较低）：最近约 10 秒，说话声比此人平时{words}；{share}% 的时间在说话。"
    return (
        f"Microphone (optional, low certainty): over the last ~10 s the voice was {words} than is usual for this "
        f"person; speaking {share}% of the time."
    )
