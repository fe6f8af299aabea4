"""Every text on the page, in one table: key -> (English, Chinese). `{name}` marks what is filled in."""

from __future__ import annotations

from llm.types import Locale

LOCALES: tuple[Locale, ...] = ("en", "zh")

_TABLE: dict[str, tuple[str, str]] = {
    # The frame of the page
    "app": ("Beside", "在旁"),
    "tagline": (
        "Software to think aloud with. Not a human, not a clinician.",
        "陪你整理思绪的软件。不是真人，也不是医生。",
    ),
    "skip": ("Skip to the message box", "跳到输入框"),
    "language": ("Language", "语言"),
    "theme": ("Switch between light and dark", "切换浅色和深色"),
    "close": ("Close", "关闭"),
    "cancel": ("Keep as it is", "保持不变"),
    "yes_delete": ("Yes, delete", "是的，删除"),
    # Urgent help
    "sos": ("SOS", "求助"),
    "sos_label": ("Urgent help: open the crisis lines", "紧急求助：打开求助热线"),
    "sos_title": ("Urgent help", "紧急求助"),
    "sos_lead": (
        "If you or someone else is in danger right now, call {emergency} or go to the nearest emergency department. "
        "If you can, stay with someone, or ask someone to come to you.",
        "如果你或身边的人此刻有危险，请马上拨打 {emergency}，或前往最近的医院急诊。可以的话，"
        "请待在别人身边，或请一个人来陪你。",
    ),
    "sos_region": ("Region", "地区"),
    "sos_checked": (
        "Numbers last checked: {date}. Hours can change.",
        "号码最后核对日期：{date}。服务时间可能有变动。",
    ),
    "sos_stale": (
        "This list is older than its expiry date. Please check a number before you rely on it.",
        "这份列表已超过有效期，使用前请先核对号码。",
    ),
    "sos_after": (
        "You can keep writing here as long as you like. Calling a person does not end this conversation.",
        "你可以一直在这里写下去。给真人打电话不会结束这段对话。",
    ),
    # First use
    "welcome_title": ("Before you start", "开始之前"),
    "welcome_lead": (
        "Beside listens, asks, and can lead you through short exercises. Please know what it is:",
        "“在旁”会倾听、提问，也可以带你做一些简短的练习。请先了解它是什么：",
    ),
    "welcome_software": (
        "It is software. No human reads along or answers.",
        "它是软件。没有真人在看，也没有真人在回答。",
    ),
    "welcome_clinician": (
        "It is not a clinician. It does not diagnose or treat, and it can be wrong.",
        "它不是医生或咨询师，不做诊断和治疗，也可能出错。",
    ),
    "welcome_emergency": (
        "It is not for emergencies. The SOS button, always at the top, shows people you can call.",
        "它不能用于紧急情况。页面顶部的“求助”按钮随时可以找到能打电话的人。",
    ),
    "welcome_adult": ("It is for adults, 18 or older.", "它面向 18 岁及以上的成年人。"),
    "welcome_work": (
        "It must not be used at work or in education, nor to judge anybody else.",
        "不得用于职场或学校，也不得用来评判他人。",
    ),
    "welcome_private": (
        "It runs on this computer. No picture and no sound is kept, and nothing is sent elsewhere "
        "unless its owner set a "
        "model server that is elsewhere.",
        "它在这台电脑上运行，不保存任何画面和声音；除非搭建者设置了别处的模型服务器，否则不会把内容发往别处。",
    ),
    "welcome_confirm": (
        "I am 18 or older, I am not using this at work or in education, and I want to chat with software.",
        "我已满 18 岁，不是在职场或学校使用，并愿意与软件对话。",
    ),
    "welcome_store": (
        "Keep my conversations on this computer, so that I can reopen them. (You can change this at any time.)",
        "把我的对话保存在这台电脑上，方便以后再打开。（随时可以更改。）",
    ),
    "welcome_start": ("Start", "开始"),
    "welcome_minor": ("I am under 18", "我未满 18 岁"),
    "minor_title": ("This is not for you yet", "这个软件暂时不适合你"),
    "minor_lead": (
        "Beside is made for adults, so the chat stays closed. What you feel still matters. Please "
        "tell an adult you trust: "
        "a parent, a relative, a teacher, a doctor. The people below listen to young people as well.",
        "“在旁”是为成年人设计的，所以对话不会开放。但你的感受同样重要。请告诉一位你信任的大人：父母、亲戚、老师或医生。"
        "下面这些人也会倾听年轻人的心声。",
    ),
    "again_title": ("Good to know again", "再次说明"),
    # Consents
    "consents_title": ("What you allow", "你允许什么"),
    "consents_lead": (
        "Each switch stands alone. You can take any of them back at any time.",
        "每一项都是独立的，随时可以收回。",
    ),
    "consent_chat": ("Chat", "对话"),
    "consent_chat_info": (
        "Your words go to what answers here: {model}. Off: nothing can be sent.",
        "你写的话会交给这里负责回答的程序：{model}。关闭后不能发送。",
    ),
    "consent_store": ("Keep conversations", "保存对话"),
    "consent_store_info": (
        "In the data folder of this computer. Off: everything is forgotten when this page closes.",
        "保存在这台电脑的数据文件夹里。关闭后，离开页面即全部忘记。",
    ),
    "consent_camera": ("Camera", "摄像头"),
    "consent_camera_info": (
        "Pictures are turned into numbers at once and thrown away. This is emotion recognition, and it is often wrong.",
        "画面会立刻变成数字，随即丢弃。这属于情绪识别，经常会出错。",
    ),
    "consent_microphone": ("Microphone", "麦克风"),
    "consent_microphone_info": (
        "Loudness, pitch, pauses and tone of voice. This is emotion recognition, too, and it is often wrong. "
        "Nothing is transcribed, no sound is kept.",
        "看音量、音高、停顿和语气。这也属于情绪识别，经常会出错。不转写文字，不保存声音。",
    ),
    "consent_affect": ("Use it for replies", "用于回复"),
    "consent_affect_info": (
        "One careful sentence about how you seem, which you can read here, goes along with your message.",
        "发送消息时附上一句谨慎的描述，说明你看起来如何；这句话你在这里看得到。",
    ),
    "consent_off_store": ("Conversations are no longer kept", "不再保存对话"),
    "consent_off_store_ask": (
        "From now on nothing is saved. Do you also want to delete what is already stored on this computer?",
        "从现在起不再保存。要把这台电脑上已保存的内容也一并删除吗？",
    ),
    "consent_off_store_keep": ("No, keep the old ones", "不，保留以前的"),
    "consent_failed": ("This change could not be saved. Please try again.", "这项更改没有保存成功，请再试一次。"),
    "store_disabled": (
        "Storing is switched off by whoever started this app (--no-store).",
        "启动此程序的人已关闭保存功能（--no-store）。",
    ),
    # Camera and microphone
    "camera_title": ("Camera and microphone", "摄像头和麦克风"),
    "camera_lead": ("Off. The chat works fully without them.", "目前关闭。不用它们，对话功能也完整。"),
    "camera_need": (
        "To use the camera, first allow it under “What you allow”.",
        "要使用摄像头，请先在“你允许什么”里打开它。",
    ),
    "camera_start": ("Start camera", "打开摄像头"),
    "camera_stop": ("Stop camera", "关闭摄像头"),
    "microphone_start": ("Start microphone", "打开麦克风"),
    "microphone_stop": ("Stop microphone", "关闭麦克风"),
    "pause": ("Pause", "暂停"),
    "resume": ("Go on", "继续"),
    "forget": ("Delete what was kept", "删除已留下的数据"),
    "forget_title": ("Delete what was kept?", "删除已留下的数据？"),
    "forget_ask": (
        "This deletes the numbers from your camera and microphone: what is in memory, and what is stored with your "
        "conversations. Your words stay.",
        "将删除来自摄像头和麦克风的数字：包括内存里的，以及随对话保存的。你写的话会保留。",
    ),
    "forgotten": (
        "Deleted. Nothing from camera or microphone is kept.",
        "已删除。没有留下任何来自摄像头或麦克风的数据。",
    ),
    "camera_on": ("Camera is on", "摄像头已开启"),
    "microphone_on": ("Microphone is on", "麦克风已开启"),
    "both_on": ("Camera and microphone are on", "摄像头和麦克风已开启"),
    "paused": ("Paused: nothing is looked at", "已暂停：不再读取画面和声音"),
    "video_label": ("Your camera picture, only on this screen", "你的摄像头画面，只在此屏幕显示"),
    "quality_ok": ("Face in view", "能看清脸"),
    "quality_no_face": ("No face in view", "画面里没有脸"),
    "quality_several_faces": ("More than one face: nothing is read", "画面里不止一张脸：暂不读取"),
    "quality_too_dark": ("Too dark: try a lamp or a window in front of you", "光线太暗：试试面对灯或窗户"),
    "quality_too_far": ("Too far away: come a little closer", "离得太远：请靠近一点"),
    "quality_turned_away": ("Turned away: nothing is read", "脸转开了：暂不读取"),
    "quality_bad_frame": ("This picture could not be read", "这一帧画面无法读取"),
    "err_nodevice": (
        "No camera was found. Connect one, or carry on without it; then press the button again.",
        "没有找到摄像头。请接上一个再按按钮；不用它也可以继续。",
    ),
    "err_nomicrophone": (
        "No microphone was found. Connect one, or carry on without it; then press the button again.",
        "没有找到麦克风。请接上一个再按按钮；不用它也可以继续。",
    ),
    "err_denied": (
        "The browser did not allow it. Click the symbol left of the address, allow camera or "
        "microphone for this page, and "
        "press the button again.",
        "浏览器没有允许。请点击地址栏左侧的图标，为此页面允许摄像头或麦克风，再按一次按钮。",
    ),
    "err_busy": (
        "The device is in use by another program, or its driver failed. Close the other program (a "
        "video call?) and press the "
        "button again.",
        "设备正被其他程序占用，或驱动出错。请关闭其他程序（例如视频通话），再按一次按钮。",
    ),
    "err_insecure": (
        "Browsers open camera and microphone only on https or on http://localhost. Open this page "
        "under one of these, or "
        "ask whoever runs it to add TLS.",
        "浏览器只允许在 https 或 http://localhost 下使用摄像头和麦克风。请换用这样的地址，或请搭建者加上 TLS。",
    ),
    "err_socket": (
        "The connection to the app broke, so nothing is being read. Check that the app still runs, "
        "and press the button "
        "again. The chat may still work.",
        "与程序的连接断了，目前没有读取任何内容。请确认程序仍在运行，再按一次按钮。对话可能仍可使用。",
    ),
    "err_vision": (
        "The part that reads faces could not start (report number {id}). The chat works without it.",
        "读取面部的部分无法启动（报告编号 {id}）。对话不受影响。",
    ),
    "err_nosound": (
        "No sound arrives from the microphone, so it was switched off. Press the button again; if that does not help, "
        "reload the page and press it first.",
        "没有收到麦克风的声音，因此已关闭。请再按一次按钮；如果不行，请重新加载页面后先按它。",
    ),
    "err_origin": (
        "The proxy in front of this app changes the address, so camera and microphone are refused: the browser says "
        "Origin {origin}, the app was told Host {host}. Whoever runs the proxy can mend it by passing on the Host "
        "header unchanged (nginx: proxy_set_header Host $http_host;), or by starting the app with --allow-host.",
        "程序前面的代理改动了地址，摄像头和麦克风因此被拒绝：浏览器的 Origin 是 {origin}，程序收到的 Host 是 {host}。"
        "请搭建者让代理原样转发 Host 头（nginx：proxy_set_header Host $http_host;），或用 --allow-host 启动程序。",
    ),
    "err_idle": (
        "Nothing arrived for a while, so camera and microphone were stopped. Press the button to go on.",
        "有一段时间没有收到内容，摄像头和麦克风已停止。按按钮可以继续。",
    ),
    "err_session": (
        "One sitting lasts at most {minutes} minutes, so the camera was stopped. Take a breath, and "
        "start it again if you like.",
        "每次最多持续 {minutes} 分钟，摄像头已停止。歇一会儿，愿意的话再打开。",
    ),
    "err_consent": ("This is not allowed at the moment, see “What you allow”.", "目前未获允许，请看“你允许什么”。"),
    "err_unknown": (
        "The device could not be opened ({name}). Try again, or carry on without it.",
        "设备无法打开（{name}）。可以再试一次，不用它也能继续。",
    ),
    # What is read, and what is passed on
    "level_title": ("Microphone level", "麦克风音量"),
    "state_title": ("Estimate now", "当前估计"),
    "state_unknown": ("No estimate: {reason}", "没有估计：{reason}"),
    "state_soon": ("No estimate yet: looking a little longer", "还没有估计：再看一会儿"),
    "state_known": (
        "Most like {expression} ({share} %). Valence {valence}, arousal {arousal}, confidence {confidence}.",
        "最接近{expression}（{share}%）。效价 {valence}，唤醒度 {arousal}，把握程度 {confidence}。",
    ),
    "state_weak": (
        "Estimated from your face or voice, and often wrong. It is a weak hint, and your words always count more.",
        "根据面部或声音粗略推测，经常不准，只是一个微弱的线索，你的话永远更重要。",
    ),
    "reason_paused": ("paused", "已暂停"),
    "reason_no_frames": ("no picture in the last seconds", "最近几秒没有画面"),
    "reason_no_face": ("no face in view", "画面里没有脸"),
    "reason_several_faces": ("more than one face", "不止一张脸"),
    "reason_too_dark": ("too dark", "光线太暗"),
    "reason_too_far": ("too far away", "离得太远"),
    "reason_turned_away": ("turned away", "脸转开了"),
    "reason_low_confidence": ("the reading is too unsure", "读数把握太小"),
    "reason_off": ("camera and microphone are off", "摄像头和麦克风都关着"),
    "reason_warming_up": ("getting to know your neutral face", "正在熟悉你平时的表情"),
    "reason_low_coverage": ("seen too little in the last seconds", "最近几秒看到得太少"),
    "reason_little_voice": ("too little speech so far", "听到的说话声还太少"),
    "reason_unsure_voice": ("the voice alone is too unsure", "只凭声音，把握太小"),
    "reason_voice_broken": ("the voice cannot be read; the program's log says why", "读不了声音，原因见程序日志"),
    "reason_other": ("not enough to go by", "依据不足"),
    "sentence_title": ("Would be passed with your next message", "下一条消息会附上的话"),
    "sentence_none": ("Nothing would be passed on.", "不会附上任何内容。"),
    "sentence_blocked": ("Nothing: “Use it for replies” is off.", "不附上：“用于回复”已关闭。"),
    "passed_title": ("Passed with your last message", "上一条消息附上的话"),
    "passed_none": ("Nothing about how you look or sound was passed on.", "没有附上任何关于你样子或声音的内容。"),
    "timeline_title": ("The last minute", "最近一分钟"),
    "timeline_empty": ("Nothing to show yet.", "还没有可显示的内容。"),
    "timeline_alt": (
        "Valence {valence} and arousal {arousal} on a scale from -1 to 1; strongest expressions: {expressions}.",
        "效价 {valence}，唤醒度 {arousal}（范围 -1 到 1）；最强的表情：{expressions}。",
    ),
    "valence": ("valence (unpleasant to pleasant)", "效价（不愉快到愉快）"),
    "arousal": ("arousal (calm to stirred)", "唤醒度（平静到激动）"),
    "Neutral": ("a neutral face", "平静"),
    "Anger": ("anger", "愤怒"),
    "Disgust": ("disgust", "厌恶"),
    "Fear": ("fear", "害怕"),
    "Happiness": ("happiness", "高兴"),
    "Sadness": ("sadness", "悲伤"),
    "Surprise": ("surprise", "惊讶"),
    # Chat
    "chat_label": ("Conversation", "对话"),
    "chat_empty": ("Write what is on your mind. There is no wrong way to begin.", "写下此刻想说的。怎么开头都可以。"),
    "disclosure": (
        "You are talking with software. It is not a human and not a clinician, and not for emergencies: the SOS button "
        "shows people you can call.",
        "你正在和软件对话。它不是真人，也不是医生，不能用于紧急情况：“求助”按钮里有可以打电话的人。",
    ),
    "message_label": ("Your message", "你的消息"),
    "message_placeholder": (
        "Write here.",
        "在这里写。",
    ),
    "waiting": ("Writing", "正在写"),
    "thinking": ("Thinking", "正在思考"),
    "seconds": ("{seconds} s", "{seconds} 秒"),
    "copy": ("Copy", "复制"),
    "copied": ("Copied", "已复制"),
    "save": ("Save", "保存"),
    # The first screen
    "invitation_title": ("What would help right now?", "此刻，什么会对你有帮助？"),
    "invitation_lead": (
        "Choose a way to begin, or just write below. There is no wrong way.",
        "选一个开头，或直接在下面写。怎么开始都可以。",
    ),
    "starter_talk": ("Just talk", "随便聊聊"),
    "starter_mood": ("Mood check-in", "看看心情"),
    "starter_mood_says": ("I would like a mood check-in.", "想给心情打个分。"),
    "starter_calm": ("Calm down now", "现在平静下来"),
    "starter_calm_says": ("Help me calm down right now, please.", "请帮我现在平静下来。"),
    "starter_sleep": ("Sleep", "睡眠"),
    "starter_sleep_says": ("I cannot sleep well at the moment.", "我最近睡不好。"),
    "starter_exercise": ("An exercise", "做个练习"),
    "starter_exercise_says": ("What exercises are there?", "有什么练习？"),
    "starter_how": ("How this works", "这里怎么用"),
    "starter_how_says": ("How does this work?", "你能做什么？"),
    # Keys
    "keys_hint": ("Enter sends, Shift+Enter starts a new line. Keys: ?", "回车发送，Shift+回车换行。按键说明：?"),
    "keys_title": ("Keys", "按键"),
    "keys_enter": ("send the message", "发送消息"),
    "keys_line": ("start a new line", "换行"),
    "keys_escape": ("stop the reply, or close a dialog", "停止回复，或关闭对话框"),
    "keys_box": ("go to the message box", "跳到输入框"),
    "keys_help": ("show this list", "显示这份说明"),
    "keys_tab": ("go on to the next control; urgent help is among the first", "跳到下一个控件；“求助”排在最前面几个"),
    "keys_on": ("Single keys work (“/” and “?”)", "启用单个按键（“/”和“?”）"),
    "send": ("Send", "发送"),
    "stop": ("Stop", "停止"),
    "retry": ("Ask again", "重新回答"),
    "edit": ("Edit my last message", "修改上一条"),
    "new": ("New conversation", "新对话"),
    "note_empty": ("There is nothing to send yet.", "还没有可发送的内容。"),
    "note_long": (
        "This is {length} characters long; at most {limit} fit in one message. Your text is still in "
        "the box: send it in parts.",
        "这段话有 {length} 个字符，一条消息最多 {limit} 个。文字还在输入框里，请分几次发送。",
    ),
    "note_busy": ("The reply is still coming. Wait, or press Stop.", "回复还在进行中。请稍等，或按“停止”。"),
    "note_chat_off": (
        "Chat is switched off under “What you allow”. Your text is still in the box.",
        "“你允许什么”里的对话已关闭。文字还在输入框里。",
    ),
    "note_session": (
        "This page was left open too long and is no longer connected. Please reload it.",
        "页面打开太久，连接已失效，请重新加载。",
    ),
    "note_stopped": ("Stopped.", "已停止。"),
    "note_none_to_retry": ("There is no message to go back to yet.", "还没有可以返回的消息。"),
    "note_editing": (
        "Your last message is back in the box. Sending it replaces the old one.",
        "上一条消息已放回输入框，发送后会替换原来的内容。",
    ),
    "note_error": (
        "Something went wrong in this app (report number {id}). Your words are still here. Please "
        "try again; whoever runs "
        "the app finds the details in its log.",
        "程序出了点问题（报告编号 {id}）。你的话还在。请再试一次；搭建者可以在日志里看到详情。",
    ),
    "note_unsaved": (
        "This could not be saved (is the disk full?). It stays visible until you close the page.",
        "没能保存（磁盘满了吗？）。关闭页面前仍会显示在这里。",
    ),
    "note_break": (
        "You have been here for a long while. A glass of water or a few steps outside can help; this stays open.",
        "你已经在这里很久了。喝杯水，或出去走几步也许有帮助；这里会一直开着。",
    ),
    # Where replies come from
    "model_guided": ("the built-in guided companion, no language model", "内置的引导式陪伴，不用语言模型"),
    "status_guided": ("Answers come from the built-in guided companion.", "由内置的引导式陪伴回答。"),
    "status_up": ("Connected to {model}.", "已连接 {model}。"),
    "status_unnamed": ("Connected to the model server.", "已连接模型服务器。"),
    "model_server": ("a model server", "模型服务器"),
    "status_test": (
        "Connected to {model}: a test article that understands nothing. Never for anybody in need.",
        "已连接 {model}：这只是用来测试的模型，它什么都不懂，绝不能给需要帮助的人使用。",
    ),
    "status_down": (
        "The model server does not answer; the guided companion carries on until it does.",
        "模型服务器没有响应；恢复之前由引导式陪伴继续。",
    ),
    # The small model that can be fetched while the companion answers
    "status_small": (
        "Answers come from {model}, a small language model on this computer. It can be wrong; it is no counsellor.",
        "由本机上的小型语言模型 {model} 回答。它会出错，也不是咨询师。",
    ),
    "small_offered": (
        "A small language model can answer instead. It stays on this computer. {what}.",
        "也可以改由一个小型语言模型回答，它只在这台电脑上运行。{what}。",
    ),
    "small_fetching": ("Fetching the small model: {share} %.", "正在获取小模型：{share}%。"),
    "small_starting": ("Starting and checking the small model ...", "正在启动并检查小模型……"),
    "small_running": ("", ""),
    "small_failed": ("The small model could not be started: {problem}", "小模型没能启动：{problem}"),
    "small_get": ("Get it", "获取"),
    "small_cancel": ("Cancel", "取消"),
    "small_back": ("Back to the companion", "换回陪伴模式"),
    "status_lost": ("This page has lost the app. Is it still running?", "页面与程序失去了联系。程序还在运行吗？"),
    # Earlier conversations
    "history_title": ("Conversations", "对话记录"),
    "history_none": ("None are kept.", "没有保存的对话。"),
    "history_new": ("+ New", "+ 新建"),
    "history_search": ("Search conversations", "搜索对话"),
    "history_not_found": ("Nothing found.", "没有找到。"),
    "history_more": ("More", "更多"),
    "history_rename": ("Rename", "改名"),
    "history_pin": ("Pin", "置顶"),
    "history_unpin": ("Unpin", "取消置顶"),
    "history_pinned": ("Pinned", "已置顶"),
    "history_untitled": ("Untitled", "未命名"),
    "history_not_changed": ("This could not be changed. Please try again.", "没能更改，请再试一次。"),
    "history_json": ("Export JSON", "导出 JSON"),
    "history_html": ("Export to read", "导出为网页"),
    "history_delete": ("Delete", "删除"),
    "history_delete_all": ("Delete all", "全部删除"),
    "history_delete_title": ("Delete this conversation?", "删除这段对话？"),
    "history_delete_all_title": ("Delete everything that is stored?", "删除所有已保存的内容？"),
    "history_delete_ask": ("It cannot be brought back.", "删除后无法恢复。"),
    "history_deleted": ("Deleted, and checked that it is gone.", "已删除，并确认不再存在。"),
    "history_unproved": (
        "Deleted. It could not be proved that no trace is left in the file; the app's log says what to do.",
        "已删除，但无法证明文件里没有留下痕迹；该怎么办，请看程序日志。",
    ),
    "history_failed": (
        "This did not work (report number {id}). Nothing else was changed.",
        "没有成功（报告编号 {id}）。其他内容没有变化。",
    ),
    "history_choose_first": ("Choose a conversation first.", "请先选择一段对话。"),
    "export_failed": ("The export did not work. Please try again.", "导出没有成功，请再试一次。"),
}

TEXTS: dict[Locale, dict[str, str]] = {
    locale: {key: pair[i] for key, pair in _TABLE.items()} for i, locale in enumerate(LOCALES)
}


def text(locale: Locale, key: str, **values: object) -> str:
    """The text called `key`, filled in. Raises KeyError for an unknown key."""
    return TEXTS[locale][key].format(**values) if values else TEXTS[locale][key]


def locale_of(accept_language: str) -> Locale:
    """The first language of an Accept-Language header (RFC 9110) that the page speaks; English when none is.

    `zh-CN,zh;q=0.9,en;q=0.8` gives zh. Weights are honoured, malformed entries are skipped.
    """
    ranked: list[tuple[float, int, Locale]] = []
    for position, part in enumerate(accept_language.split(",")[:20]):
        tag, _, parameter = part.strip().partition(";")
        primary = tag.split("-")[0].strip().lower()
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        for locale in LOCALES:
            if primary == locale and weight > 0:
                ranked.append((-weight, position, locale))
    return min(ranked)[2] if ranked else "en"
