"""The Gradio page: its components and which event calls what. The browser's own parts are in static/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from assistant.page.chat import Chat, mark, passed
from assistant.page.session import Sessions
from assistant.page.texts import LOCALES, text
from llm.types import Locale

STATIC = Path(__file__).resolve().parent / "static"
#: Gradio deletes its cached files after this many seconds; this page makes none (seconds between looks, age).
CACHE_S = (600, 600)
#: How many events run at once: streams wait for a model most of their time.
CONCURRENCY = 32
SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Noto Sans", "Noto Sans CJK SC", "sans-serif")


def theme() -> Any:
    """Gradio's plainest theme in the page's colours, with fonts of the system only (nothing is fetched)."""
    own = gr.themes.Base(
        primary_hue="teal", neutral_hue="stone", font=list(SYSTEM_FONTS), font_mono=["ui-monospace", "monospace"],
        radius_size="lg",
    )  # fmt: skip
    names = {
        "body_background_fill": "page", "background_fill_primary": "surface", "background_fill_secondary": "raised",
        "block_background_fill": "surface", "body_text_color": "ink", "body_text_color_subdued": "muted",
        "border_color_primary": "border", "input_background_fill": "surface", "block_label_text_color": "muted",
        "block_title_text_color": "muted", "color_accent": "accent", "color_accent_soft": "accent-soft",
    }  # fmt: skip
    both = {name: f"var(--b-{ours})" for name, ours in names.items()}
    return own.set(**both, **{f"{name}_dark": value for name, value in both.items() if name != "color_accent"})


def part(name: str, elem_id: str) -> Any:
    """A piece of HTML that the page's script fills with texts."""
    markup = (STATIC / name).read_text(encoding="utf-8")
    return gr.HTML(markup, elem_id=elem_id, js_on_load=None, apply_default_css=False, padding=False)


#: Gradio may be ready before the page's own script is.
RESUME = """async () => {
    while (!window.Beside) await new Promise((resolve) => setTimeout(resolve, 20));
    return await window.Beside.resume();
}"""

FOCUS_BOX = "() => document.querySelector('#message textarea').focus()"


class Page:
    """Builds the Blocks. `labels` remembers which component shows which text, so that the language can change."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.chat = Chat(sessions)
        self.labels: list[tuple[Any, dict[str, str]]] = []

    def labelled(self, component: Any, **keys: str) -> Any:
        """Note that `component`'s properties hold these texts."""
        self.labels.append((component, keys))
        return component

    def button(self, key: str, elem_id: str, **options: Any) -> Any:
        return self.labelled(gr.Button(text("en", key), elem_id=elem_id, **options), value=key)

    def build(self) -> Any:
        """The whole page."""
        with gr.Blocks(
            title=text("en", "app"), analytics_enabled=False, fill_width=True, delete_cache=CACHE_S
        ) as blocks:
            part("header.html", "header")
            part("dialogs.html", "dialogs")
            part("exercises.html", "exercise-dialogs")
            part("journal.html", "journal")
            token = gr.Textbox(visible=False)
            resume, language = gr.Textbox(visible=False), gr.Textbox(visible=False)
            boot = gr.JSON(visible=False)
            with gr.Row(elem_id="layout"):
                with gr.Column(scale=3, min_width=220, elem_id="side"):
                    part("shelf.html", "shelf")
                    part("places.html", "places")
                    part("history.html", "history")
                with gr.Column(scale=7, min_width=320, elem_id="main"):
                    outputs = self._conversation()
                with gr.Column(scale=5, min_width=300, elem_id="aside"):
                    part("panel.html", "panel")
            relabel = gr.Button("relabel", elem_id="relabel", elem_classes="tucked")
            self._events(token, outputs)
            shown = [*(component for component, _ in self.labels), outputs[0], outputs[3], outputs[4]]
            relabel.click(
                self._relabel, [token, language], shown, js="(token) => [token, window.Beside.language()]", **LATEST
            )
            blocks.load(self.chat.stay, None, resume, concurrency_limit=None, **EACH)
            blocks.load(self.chat.open_page, [resume, language], [token, boot], js=RESUME, **EACH).then(
                self._relabel, [token, language], shown, **EACH
            ).then(None, boot, None, js="(boot) => { window.Beside.boot(boot); }").then(
                self.chat.follow, token, list(outputs), **EACH
            )
            blocks.unload(self.chat.left_page)
        blocks.queue(max_size=128, default_concurrency_limit=CONCURRENCY)
        return blocks

    def _conversation(self) -> tuple[Any, ...]:
        chatbot = self.labelled(
            gr.Chatbot(
                elem_id="chat", show_label=False, buttons=[], sanitize_html=True,
                render_markdown=False, allow_tags=False, feedback_options=None, allow_file_downloads=False,
                layout="bubble", group_consecutive_messages=False, label=text("en", "chat_label"),
            ),
            label="chat_label", placeholder="chat_empty",
        )  # fmt: skip
        part("invitation.html", "invitation")
        passed_on = gr.HTML("", elem_id="passed", js_on_load=None, apply_default_css=False, padding=False)
        notice = gr.HTML("", elem_id="note", js_on_load=None, apply_default_css=False, padding=False)
        with gr.Row(elem_id="composer"):
            box = self.labelled(
                gr.Textbox(
                    elem_id="message", lines=1, max_lines=8, show_label=False, container=False, scale=8,
                    label=text("en", "message_label"), placeholder=text("en", "message_placeholder"),
                ),
                label="message_label", placeholder="message_placeholder",
            )  # fmt: skip
            send = self.button("send", "send", variant="primary", scale=1)
            stop = self.button("stop", "stop", scale=1)
            busy = gr.HTML("", elem_id="busy", js_on_load=None, apply_default_css=False, padding=False)
        with gr.Row(elem_id="tools"):
            self.tools = tuple(self.button(key, key, size="sm") for key in ("retry", "edit", "new"))
            # On a phone the side column lies far below; exercises.css shows this button there only.
            gallery = self.button("gallery_title", "exercises", size="sm")
            gallery.click(None, js="() => { window.Beside.gallery(); }")
        part("status.html", "status-row")
        self.buttons = (send, stop)
        return chatbot, box, notice, passed_on, busy

    def _events(self, token: Any, outputs: tuple[Any, ...]) -> None:
        chat, all_outputs, box = self.chat, list(outputs), outputs[1]
        (send, stop), (retry, edit, new) = self.buttons, self.tools
        answered = {"fn": None, "js": "() => { window.Beside.answered(); }"}
        gr.on([box.submit, send.click], chat.send, [token, box], all_outputs, **EACH).then(**answered)
        stop.click(chat.stop, token, all_outputs, **EACH).then(None, js=FOCUS_BOX)
        edit.click(chat.edit, token, all_outputs, **EACH).then(None, js=FOCUS_BOX)
        new.click(chat.new, token, all_outputs, **EACH).then(**answered)
        # What the page's script asks for with a click on a hidden button: which reply or conversation, it keeps ready.
        chosen, confirmed = gr.Textbox(visible=False), gr.Checkbox(visible=False)
        choose = "(token) => [token, window.Beside.chosen()]"
        retry.click(chat.retry, [token, chosen], all_outputs, js=choose, **EACH).then(**answered)
        tucked = {
            name: gr.Button(name, elem_id=f"do-{name}", elem_classes="tucked")
            for name in ("open", "delete", "delete-all")
        }
        tucked["open"].click(chat.reopen, [token, chosen], all_outputs, js=choose, **EACH).then(**answered)
        tucked["delete"].click(
            chat.delete, [token, chosen, confirmed], all_outputs, **EACH,
            js="async (token) => [token, window.Beside.chosen(), await window.Beside.confirm('history_delete_title')]",
        ).then(**answered)  # fmt: skip
        tucked["delete-all"].click(
            chat.delete_all, [token, confirmed], all_outputs, **EACH,
            js="async (token) => [token, await window.Beside.confirm('history_delete_all_title')]",
        ).then(**answered)  # fmt: skip

    def _relabel(self, token: str, language: str) -> list[Any]:
        """Every Gradio component in the session's language, which `language` sets when it is one of LOCALES."""
        session = self.sessions.find(token)
        if session is not None and language in LOCALES:
            session.locale = "zh" if language == "zh" else "en"
        locale: Locale = session.locale if session else "en"
        updates = [gr.update(**{prop: text(locale, key) for prop, key in keys.items()}) for _, keys in self.labels]
        now = (session.messages(), passed(session), mark(session)) if session else (gr.skip(),) * 3
        return [*updates, *now]


#: For every event: no progress overlay, not part of a public API, and no click dropped because the one before is still
#: on its way (Gradio's usual mode): the server says what cannot be done now.
EACH: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "multiple"}
#: For what shows the newest state: one at a time, and once more at the end.
LATEST: dict[str, Any] = EACH | {"trigger_mode": "always_last"}
