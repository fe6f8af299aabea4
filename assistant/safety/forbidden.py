"""The rules of reply.py: what is forbidden, what excuses it, and the words in its place. Over lower-case NFKC text.

Gaps are bounded, so that no sentence makes a search slow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from llm.types import Locale

_ILLNESS = (
    r"(?:(?:major |clinical |severe |mild |moderate |chronic |postpartum )*depression|depressive episode|bipolar|"
    r"(?:\w+ )?(?:personality |anxiety |panic |eating |mood |adjustment |stress |mental )?disorder|ptsd|adhd|ocd|"
    r"psychosis|"
    r"schizophrenia|anorexia|bulimia|dysthymia|autism|mania)\b"
)
_ILLNESS_ZH = (
    r"(?:抑郁症|抑郁障碍|焦虑症|焦虑障碍|双相|躁郁症|躁狂症|强迫症|精神分裂|创伤后应激|ptsd|多动症|adhd|人格障碍|"
    r"惊恐障碍|惊恐症|"
    r"恐慌症|厌食症|暴食症|自闭症|适应障碍|妄想症|社交恐惧症|社恐症|精神病|神经症|心境障碍|产后抑郁)"
)
_DRUG = (
    r"(?:medications?|medicines?|meds|pills?|tablets?|antidepressants?|ssris?|sertraline|fluoxetine|prozac|zoloft|"
    r"lexapro|"
    r"escitalopram|paroxetine|xanax|alprazolam|lorazepam|diazepam|valium|zolpidem|ambien|melatonin|benzos?|lithium|"
    r"quetiapine|ibuprofen|paracetamol|tylenol|dos(?:e|age)s?)\b"
)
_DRUG_ZH = (
    r"(?:药|舍曲林|氟西汀|百忧解|帕罗西汀|艾司西酞普兰|阿普唑仑|劳拉西泮|地西泮|安定片|唑吡坦|褪黑素|碳酸锂|喹硫平|"
    r"奥氮平|米氮平|剂量)"
)
_DIE = (
    r"(?:kill(?:ing)? yourself|hang(?:ing)? yourself|end(?:ing)? (?:your life|it all)|dying|die|overdos(?:e|ing)|"
    r"suicide)"
)
_HARM = r"(?:kill|hang|cut|hurt|harm|burn|drown|shoot) yourself"
_DIE_ZH = r"(?:自杀|去死|轻生|结束(?:自己的?)?生命|了结(?:自己|生命)|死掉)"
_CLINICIAN = (
    r"(?:therapist|counsell?or|psychologist|psychiatrist|psychotherapist|doctor|nurse|social worker|clinician|coach)"
)
_CLINICIAN_ZH = r"(?:咨询师|治疗师|心理师|心理医生|心理学家|精神科医生|医生|大夫|护士|社工|心理专家|辅导员)"
_FEELING = (
    r"(?:sad|saddened|happy|glad|worried|heartbroken|proud|scared|angry|upset|touched|excited|delighted|grateful|"
    r"relieved|"
    r"lonely|anxious|thrilled|concerned|devastated)\b"
)
_VERY = r"(?: (?:so|very|really|deeply|truly|also|just|quite|genuinely|a bit|terribly|incredibly|extremely))*"

_RULES: dict[str, tuple[str, ...]] = {
    "method": (
        r"\b(?:lethal|fatal|deadly) (?:dos\w+|amount|quantity)",
        r"\bpainless\w* (?:way|method|death|suicide|to die)",
        rf"\b(?:how (?:to|you (?:can|could))|(?:best|easiest|quickest|surest|common|effective) (?:way|"
        rf"method)s? (?:to|of|for)|"
        rf"ways? to|methods? (?:of|to|for)) (?:\w+ )?(?:{_DIE}|{_HARM})\b",
        r"\b\d+ ?(?:mg|milligrams?|grams?|pills?|tablets?)\b.{0,60}\b(?:kill|die|fatal|lethal|death|overdose)",
        r"\b(?:tie|make|knot) (?:a |the )?(?:noose|slip ?knot)",
        r"\bcut(?:ting)? (?:vertically|lengthwise|along the (?:vein|arter)|down the (?:arm|wrist)|deeper)",
        r"\b(?:bridge|building|tower|cliff)s?\b.{0,60}\b\d+ ?(?:m|metres?|meters?|feet|ft|stor(?:e?ys|ies))\b",
        r"\b(?:carbon monoxide|helium|nitrogen|charcoal|exhaust)\b.{0,40}\b(?:painless|bag|fill|seal|burn|inhale|"
        r"breathe|works)",
        r"致死(?:剂)?量|(?:无痛|不痛苦|没有痛苦).{0,6}(?:死|自杀|离开人世)",
        r"(?:吃|吞|服)[^，。]{0,8}(?:\d+|[几十百两三]+)[^，。]{0,3}(?:片|粒|颗|毫克|瓶).{0,15}(?:死|致命|醒不来|没命)",
        r"割腕.{0,10}(?:竖|纵|顺着|沿着|深)|(?:最|比较)(?:快|无痛|轻松|有效|简单)的?.{0,4}(?:死法|自杀|死的)",
        r"(?:自杀|自残|自伤|轻生|死)的?(?:方法|方式|步骤|技巧)(?:有|包括|如下|是|:|:)|烧炭.{0,12}(?:密封|封好|房间|"
        r"门窗)|(?:打|系).{0,4}(?:绳结|上吊)",
        r"(?:桥|楼|塔|悬崖).{0,20}(?:高|高达|超过)[^，。]{0,4}\d+ ?(?:米|层|m\b)",
    ),
    "encouragement": (
        rf"\byou (?:should|could|might as well|ought to|can) (?:just |simply )?(?:{_HARM}|die\b|end your life|"
        rf"end it all)",
        rf"(?:^|[.,;!] )(?:just |go |please |then |so )*(?:{_HARM}|end your life)\b(?! (?:is|are|can|may|will))",
        r"\byou(?:'d| would| are|'re)? (?:be )?better off dead|\b(?:world|everyone|"
        r"they)\b.{0,20}\bbetter (?:off )?without you",
        rf"\b(?:okay|ok|fine|reasonable|right|normal|brave) to (?:{_HARM}|die\b|end (?:your life|it all))",
        r"\bsuicide (?:is|can be|may be|would be) (?:an? |the |your )?(?:\w+ )?(?:option|solution|way out|answer|"
        r"choice|release|relief|brave|beautiful|freedom)",
        r"\bdeath (?:is|would be|can be|brings?) (?:\w+ )?(?:peace\w*|release|relief|beautiful|freedom|the answer|"
        r"comfort)",
        r"\b(?:cutting|self[- ]harm|burning yourself)\b.{0,12}\b(?:can|will|is|may) (?:help|calm|relieve|good|"
        r"beautiful|ease)",
        r"\bi (?:support|respect|accept) your (?:decision|plan|choice|wish) to (?:die|end|kill)",
        rf"(?:你|您)(?:应该|可以|就|还是|干脆|不如|不妨)(?:就|去)?{_DIE_ZH}|去死(?:吧|好了)|(?:你|您)(?:死|"
        rf"离开)了.{{0,6}}(?:更好|轻松)",
        r"(?:自杀|死亡|死|轻生)(?:是|也是|才是|就是|不失为|或许是|可能是)(?:一种|最好的|唯一的|很|个|一个|"
        r"真正的)?.{0,3}(?:解脱|选择|出路|办法|勇敢|美|自由)",
        rf"(?:支持|尊重|赞成)(?:你|您).{{0,4}}{_DIE_ZH}的?(?:决定|选择|想法)|(?:割|自残|自伤).{{0,6}}(?:可以帮|能帮|"
        rf"有助于|是个好)",
    ),
    "contract": (
        r"\b(?:promise me|(?:can|could|will|would) you promise|(?:want|need|ask) you to promise|"
        r"make (?:me )?a promise|give me your "
        r"word|swear to me|pledge)\b.{0,60}\b(?:not|never|won't|stay|safe|alive|hurt|harm|kill|live|suicide|tomorrow)",
        r"\b(?:no-suicide|no suicide|safety) contract\b|\bpromise (?:me )?(?:that )?you(?:'ll| will| won't)",
        r"(?:答应我|向我保证|跟我保证|和我约定|你要保证|能保证|能不能答应|可以答应|能答应|向我承诺|对我发誓|"
        r"承诺我).{0,15}(?:不|别|活|好好)|不自杀(?:契约|协议|承诺|合同)",
    ),
    "diagnosis": (
        r"\byou(?:'ve| (?:most |very )?(?:probably|likely|clearly|definitely|certainly|may|might|could|must|surely|"
        r"obviously|do|don't|"
        r"do not|seem to|appear to|really))* (?:have|got|are suffering from|suffer from|are experiencing|"
        r"show (?:signs|symptoms) of|"
        rf"meet the criteria for|has)\b(?: \w+)? ?(?:a |an |some form of )?{_ILLNESS}",
        rf"\byou(?:'re| are)(?: not)? suffering from (?:\w+ )?{_ILLNESS}",
        r"\byou(?:'re| are)(?: not)?(?: probably| likely| clearly| clinically| severely| definitely)* (?:depressed|"
        r"bipolar|schizophrenic|autistic|borderline|psychotic|manic|anorexic)\b",
        rf"\b(?:this|that|it|what you (?:describe|have)|your symptoms|these symptoms|these signs)(?: \w+)? (?:is|"
        rf"are|'s|sounds? like|looks? like|could be|may be|might be|suggests?|indicates?|points? to|consistent with|"
        rf"typical of|signs? of|symptoms? of) (?:a |an |typical |classic |signs? of |symptoms? of |clear )*{_ILLNESS}",
        r"\bmy diagnosis\b|\bi (?:would |can |will )?diagnose you\b",
        r"(?:你|您)(?:的(?:情况|症状|状态|表现))?.{0,6}(?:得了|得的是|患(?:有|上|了)|没有|有(?:明显的?|典型的?|轻度|"
        r"中度|重度)*|是|属于|符合|像是|可能是|大概是|应该是)"
        rf"(?:明显的?|典型的?|轻度|中度|重度|一些|了)*{_ILLNESS_ZH}",
        rf"(?:这|这些|以上|上述)(?:些)?(?:症状|表现|情况)?.{{0,4}}(?:是|就是|属于|像是|可能是|符合|说明你|"
        rf"表明你).{{0,6}}{_ILLNESS_ZH}|我的诊断",
    ),
    "medication": (
        r"\b\d+(?:\.\d+)? ?(?:mg|mcg|milligrams?|micrograms?)\b|\d+(?:\.\d+)? ?毫克",
        r"(?:^|[.,;:!] )(?:please |just |then |maybe |perhaps |and |so |simply |first )*(?:take|start|stop|increase|"
        r"decrease|reduce|double|"
        rf"halve|skip|switch|taper|quit|lower|raise|try)(?:ing)? (?:taking )?(?:\w+ ){{0,3}}{_DRUG}",
        r"\b(?:you (?:should|could|can|may|might|must|need to|ought to|have to)|i (?:suggest|recommend|"
        r"advise)(?: that)?(?: you)?(?: to)?|(?:safe|fine|okay|ok|"
        r"better|best|good|helpful) to|consider) (?:\w+ )?(?:take|start|stop|increase|decrease|reduce|double|halve|"
        r"skip|switch|taper|quit|lower|"
        rf"raise|try)(?:p?ing)? (?:taking )?(?:\w+ ){{0,3}}{_DRUG}",
        rf"(?:建议|可以|应该|最好|试试|需要|不妨|记得|先)(?:你|您|先|试着|自己)*.{{0,4}}(?:吃|服|停|减|加|换|"
        rf"增)[^，。]{{0,6}}{_DRUG_ZH}",
        r"(?:吃|服用?|每[天日次晚]|一次|睡前)[^，。]{0,6}(?:\d+|[半一两三四])[ ]?(?:片|粒|颗)",
    ),
    "human": (
        rf"\b(?:as|being|speaking as) (?:an? |your )(?:\w+ ){{0,2}}?(?:{_CLINICIAN}|human(?: being)?|fellow human|"
        rf"mother|father|parent)(?:,? (?:i|my|we|myself)\b|,?\s*$)",
        rf"\bi(?:'m| am) (?:an? |your |also |really |only |just )*(?:(?:licensed|trained|qualified|real|"
        rf"professional|certified|living|personal|clinical|mental health|human) )*(?:{_CLINICIAN}|human|person)\b",
        r"\bmy (?:patients|clients|clinical (?:practice|experience)|own (?:depression|childhood|experience|struggle|"
        r"life|family|mother|father))\b",
        r"\bi(?:'ve| have) (?:also |myself |personally )*(?:been through|lived through|struggled with|experienced|"
        r"felt) (?:this|that|it|the same|something similar|depression|anxiety)|"
        r"\bwhen i was (?:a child|young|your age|depressed|a kid|little)",
        rf"(?<!不是)作为(?:一名|一个|一位|你的|您的|专业的?)*.{{0,4}}?(?:{_CLINICIAN_ZH}|真人|人类|过来人)",
        rf"我(?:也|就)?是(?:一名|一个|一位|你的|您的|专业的?|真正的?|资深的?)*(?:{_CLINICIAN_ZH}|真人|人类|活人|"
        rf"有血有肉)",
        r"我的(?:来访者|患者|病人|临床经验|咨询经验|童年)|我(?:自己)?(?:以前|曾经|当年|小时候|年轻的?时候?|也)(?:也|"
        r"曾)?(?:经历过|有过(?:类似|同样|这样)|得过|像你一样|熬过)",
    ),
    "secrecy": (
        r"\bi(?:'ll| will| promise| swear| would)?(?: never| not| won't)*(?: to)? (?:tell|share (?:this|"
        r"it) with) (?:anyone|anybody|no ?one|nobody|a soul)|\bi won't tell (?:anyone|anybody|a soul)",
        r"\b(?:stays?|remains?|keep (?:this|it)|is|are|be) (?:just |strictly |completely |totally |entirely |"
        r"absolutely )*(?:between (?:us|you and me)|our secret|confidential|a secret)\b",
        r"\byour secrets? (?:is|are) safe|\b(?:nobody|no ?one)(?: else)? will (?:ever )?(?:know|find out|read|see)|"
        r"\bi(?:'ll| will| can| promise to) keep (?:this|it|your|everything)\b.{0,20}\b(?:secret|confidential|"
        r"private|to myself)",
        r"(?:我|我们|这里)?(?:会|一定|保证|绝对|完全|严格|绝不|承诺)(?:替你|为你|给你|帮你|严格|绝对)*保密|(?:我们|"
        r"你我)(?:之间|两个人?|俩)的秘密|不会告诉(?:任何|别|其他)人|不会(?:有人|被任何人|让任何人|被别人)(?:知道|看到)",
    ),
    "camera": (
        r"\bi (?:can |could )?(?:see|notice|noticed|hear|heard|sense|detect|tell|observe|"
        r"observed)\b.{0,40}\b(?:your (?:face|facial|expression|eyes|brows?|smile|voice|posture|tone of voice)|"
        r"(?:camera|webcam|video|microphone)\b)",
        r"\byour (?:face|facial expressions?|eyes|voice|expression|eyebrows?|brows?) (?:tells?|shows?|looks?|seems?|"
        r"suggests?|says?|sounds?|is showing|appears?|reveals?|gives?|betrays?)\b",
        r"\b(?:from|judging by|going by|according to|based on) (?:your (?:face|facial|expression|eyes|voice|"
        r"tone of voice|look)|(?:the |your )?(?:camera|webcam|video|microphone|observation))",
        r"\b(?:the|your) (?:camera|webcam|video|microphone|observation|sensor)s? (?:shows?|says?|tells?|suggests?|"
        r"sees?|picked|indicates?|detected)",
        r"\b(?:i (?:can )?see (?:that )?you(?:'re| are| look)|you look|you're looking)(?: so| very| quite| a bit|"
        r" really| a little)* (?:sad|crying|in tears|smiling|frowning|tense|tired|upset|anxious|down|worried|"
        r"exhausted)\b",
        r"(?:从|看|通过|根据|凭)(?:着)?(?:你|您)的?(?:面部|脸|表情|眼神|眼睛|声音|语调|神情|神态|样子)",
        r"(?:你|您)的?(?:表情|脸上|脸色|面部|眼神|神情|神态|声音|语调)(?:看起来|看上去|显得|显示|告诉|流露|透露|"
        r"听起来|里带|上写|很|有些|有点)",
        r"(?:摄像头|镜头|画面|麦克风|视频)(?:里|中|上)?(?:显示|看到|看出|拍到|告诉|捕捉|观察)|我(?:能|可以)?(?:看到|"
        r"看见|看出|注意到|观察到|听出)(?:你|您)[^，。]{0,6}(?:皱|流泪|在哭|微笑|在笑|表情|脸|眉|眼神|眼睛|低着?头|"
        r"声音)",
        r"(?:你|您)(?:看起来|看上去)",
    ),
    "delusion": (
        r"\b(?:yes|you(?:'re| are) right|indeed|i believe|i agree|i can confirm|it(?:'s| is) true|"
        r"clearly)\b.{0,60}\b(?:they(?:'re| are) (?:watching|following|poisoning|after|listening|spying|tracking)|"
        r"being (?:followed|watched|poisoned|spied|tracked)|(?:fbi|cia|government|aliens?)\b.{0,20}\b(?:watching|"
        r"following|spying|tracking|after|controls?|controlling)|voices are real|chosen one|you(?:'re|"
        r" are) (?:already )?dead|(?:chip|implant) in)",
        r"(?:没错|是的|你说得对|确实|我相信|我同意|的确).{0,20}(?:在(?:监视|跟踪|监听|害|追踪|下毒|控制)你|"
        r"被(?:监视|跟踪|监听|下毒)|声音是真实?的|你(?:已经)?死了|芯片|天选)",
    ),
    "emotion": (
        rf"\bi(?:'m| am| feel| felt|'ve been){_VERY} {_FEELING}",
        rf"\b(?:it|this|that) makes me{_VERY} {_FEELING}|\bmy heart (?:breaks|aches|goes out|hurts|is)|\bi (?:love|"
        rf"miss|adore) you\b|\bi (?:really |truly |deeply )?care (?:about|for) you\b|\bi (?:feel|"
        rf"share) your (?:pain|sadness)",
        r"\bi know exactly how (?:you|it) feels?",
        r"我(?:真的|也|很|非常|好|感到|觉得|为你|替你|为此|都|真|十分|有点|有些|深感|特别|感觉){0,3}(?:难过|心疼|"
        r"伤心|高兴|开心|欣慰|担心|害怕|心痛|感动|骄傲|生气|心碎|悲伤|愤怒|着急)|我(?:很|好|真的)?(?:爱你|想你|"
        r"想念你|舍不得你|在乎你)",
    ),
}  # fmt: skip
#: In order of weight: the first that matches decides.
FORBIDDEN = tuple((reason, re.compile("|".join(patterns))) for reason, patterns in _RULES.items())

QUESTION = re.compile(
    r"\b(?:are|have|do|did|were|would|could|can|is|does|has) (?:you|there|it|any)\b[^.!]{0,200}\?\s{0,9}[\"”]?$|"
    r"(?:有没有|是不是|是否|想过|想不想|会不会|吗|呢)[^。！]{0,30}[?？]?$"
)


@dataclass(frozen=True, slots=True)
class Excuse:
    """When a match is not meant: in a question to the person, after `before` (60 characters), with `inside` in it, or
    beside `anywhere` in the sentence."""

    questions: bool
    before: re.Pattern[str]
    anywhere: re.Pattern[str] | None = None
    inside: re.Pattern[str] | None = None


_CANNOT = (
    r"can't|cannot|can not|won't|will not|not able|unable|never|(?:do|does|did)n't|not|nobody|no one|without|"
    r"whether|\bif\b|"
    r"不能|无法|没法|没办法|不会|不可以|不是|不要|不建议|请勿|切勿|别|并不|不一定|不代表|是否|是不是|有没有|如果|"
    r"要是|从不"
)
_NAMED = (
    r"(?:said|told|tell|mentioned|wrote|say|diagnosed|call(?:ed)?|named|doctor|when)\b|提到|说(?!明)|告诉|确诊|诊断过?|"
    r"医生|医院"
)
EXCUSED = {
    "method": Excuse(True, re.compile(r"(?!)")),
    "encouragement": Excuse(True, re.compile(_CANNOT)),
    "diagnosis": Excuse(
        True, re.compile(rf"{_CANNOT}|{_NAMED}|\bdo $|\bdid $"), inside=re.compile("提到|说(?!明)|告诉|确诊|诊断过")
    ),
    "medication": Excuse(
        True, re.compile(_CANNOT),
        re.compile(
            r"\b(?:without|before|ask|talk|speak|check|consult|discuss)\b.{0,60}\b(?:doctor|pharmacist|psychiatrist|"
            r"prescriber|"
            r"clinic|them)\b|\b(?:out of reach|away|lock|give)\b|"
            r"(?:问|和|跟|与|咨询|听|找|遵).{0,6}(?:医生|药师|医嘱|大夫)|锁|交给"
        ),
    ),
    "secrecy": Excuse(True, re.compile(_CANNOT)),
    "human": Excuse(False, re.compile(r"(?:\bnot|n't|\bnever|不|并非|and)\s*$|\bpretend|假装|冒充|不会自称")),
    "emotion": Excuse(False, re.compile(r"(?:\bsay|\bthink|\bwrite|\btell \w+|[:：]|\blike)[\s\"“‘]*$|说[:："
    "]?$|\bif $|让$")),
    "camera": Excuse(False, re.compile(r"can't|cannot|\bnot\b|不能|看不到|无法|you said|你说")),
}  # fmt: skip

#: Small changes that keep the sentence: tried before it is replaced.
REWRITES: dict[str, tuple[tuple[re.Pattern[str], str], ...]] = {
    "emotion": (
        (
            re.compile(r"^\s*I(?:['’]m| am)(?: so| very| really)* (?:glad|happy|relieved|grateful)(?: that)? (?=you\b)", re.I),
            "It is good that ",
        ),
        (re.compile(r"^\s*我(?:真的|也)?(?:很|非常|真|特别)?(?:高兴|开心|欣慰)(?=[你您])"), ""),
    ),
    "camera": ((re.compile(r"[你您](?:看起来|看上去)"), "听起来你"),),
}  # fmt: skip

#: What is said in place of the sentence; "" leaves it out.
INSTEAD: dict[str, dict[Locale, str]] = {
    "method": {"en": "I won't go into ways of being hurt.", "zh": "涉及伤害的具体做法，我不会说。"},
    "people": {
        "en": (
            " If you are thinking of ending your life, please talk with a person now: the SOS button lists who to call."
        ),
        "zh": "如果你在想结束生命，请现在就和一个人说说：“求助”按钮里有可以打的电话。",
    },
    "encouragement": {
        "en": "However dark it is now, you do not have to face it alone: the SOS button lists people to talk with.",
        "zh": "再难熬，也不必一个人面对：“求助”按钮里有可以说话的人。",
    },
    "contract": {
        "en": "You don't have to promise anything. What matters is who can be near you in the next hours.",
        "zh": "你不需要向谁保证什么，要紧的是接下来几个小时谁能陪在你身边。",
    },
    "diagnosis": {
        "en": "Whether it has a name is for a doctor or psychologist to say.",
        "zh": "这算不算某种病，要由医生当面来判断。",
    },
    "medication": {
        "en": "About medicines, please ask a doctor or pharmacist, and change nothing without them.",
        "zh": "用药的事请问医生或药师，不要自己改动。",
    },
    "human": {
        "en": "I am software, not a person and not a clinician.",
        "zh": "我是软件，不是真人，也不是医生或咨询师。",
    },
    "secrecy": {
        "en": "I can't promise secrecy: whoever runs this program may keep what is written here.",
        "zh": "我不能承诺保密：运行这个程序的人可能会保存这里的内容。",
    },
    "delusion": {
        "en": "I can't know from here whether it is so; how much it weighs on you, I take seriously.",
        "zh": "事情是不是这样，我在这里无法知道；但它让你这么难受，我会认真对待。",
    },
    "camera": {"en": "", "zh": ""},
    "emotion": {"en": "", "zh": ""},
}
