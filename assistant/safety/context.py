"""Patterns that the engine looks for beside the rules: times, means, laughter, a yes, being safe now. Both languages in each."""

from __future__ import annotations

import re

CORE = re.compile(
    r"suicid|kill|die|dead|death|end|take|hurt|harm|cut|burn|overdos|hang|jump|live|living|hit|beat|chok|rap|abus|"
    r"想不开|傻事|自杀|轻生|死|自残|自伤|割|划|跳|吊|杀|捅|砍|打|药|结束|了结|伤害|寻短|炭"
)
STRONG_TIME = re.compile(
    r"\b(?:tonight|tomorrow|at midnight|in (?:a few|an|one|two|three|four|five|ten|half an|\d+) (?:minutes?|hours?|days?)|this weekend|before (?:morning|sunrise)|"
    r"(?:on )?(?:mon|tues|wednes|thurs|fri|satur|sun)day|next (?:week|month)|this (?:friday|saturday|sunday))\b|"
    r"今晚|今夜|今天(?:晚上|夜里|半夜)|今儿|明儿|夜里|半夜|十[一二]点|(?<!\d)\d{1,2}点(?!赞|多钱)|明天|明早|明晚|后天|凌晨|天亮|等会|待会|马上|立刻|这就|周末|下周|(?:等|这|就|到|下)个?(?:周|礼拜|星期)[一二三四五六日天]|过几天|几天后|考完|生日(?:那天|过后|后)"
)
AGO = re.compile(r"\b(?:days?|weeks?|months?|years?) ago\b|\blast (?:week|month|year|summer|winter|spring)\b|(?:天|周|星期|礼拜|个月|年)前|上周|上个月|上星期|去年")
LEAVING = re.compile(r"\b(?:back (?:on|by|in) (?:the )?\w+|weeks? in|holiday|sold the|moving|gap year|flying|flight|abroad|relocat\w+|new (?:job|city|apartment|country)|emigrat\w+|visa|graduat\w+|retir\w+|trip|travel\w*|vacation|charity|donat\w+|goodwill|declutter\w*)\b|出差|搬家|出国|留学|毕业|旅行|旅游|回国|离职|调动|移民|捐|断舍离")
#: Short words that say, after a danger, that it has begun, or where or with what it would be.
BEGUN = re.compile(r"\balready (?:started|begun|did|took)|\b(?:started taking|took (?:them|it|some)|i did it|just did|taking them)\b|^(?:已经|刚刚?|都|全)?(?:吃|吞|喝|割|跳|开|点)(?:了|完|下去|光|好)")
DETAIL = re.compile(r"\d+ ?(?:楼|层|片|颗|粒|th floor|floor|pills|tablets|stor)|[一二三四五六七八九十百]+(?:多)?(?:楼|层|片|颗|粒)")
HOARD = re.compile(r"saved up|stash|stockpil|hoard|been saving|counted|collected|laid out|lined up|攒|囤|存够|存了|数好|摆|倒在|一共|总共")
#: Keeping back medicines over time; counted or laid out only say that they are there.
SAVED_UP = re.compile(r"sav(?:ed|ing) up|stash|stockpil|hoard|攒|囤|存够")
DEADLY_THING = re.compile(r"rope|noose|loaded|blade|bullets|charcoal|helium|exit bag|gun|pistol|绳|刀片|炭|农药|百草枯|敌敌畏|枪|老鼠药|安眠药|安定|sleeping")
OWN_WISH = re.compile(r"\bi(?:m| want| wish)\b|我(?:也|想|要|准备|打算|决定|马上)")
ANEW = re.compile(r"\b(?:again|now|today|tonight|this (?:morning|week))\b|又|现在|今天|今晚|最近")
TO_PARENTS = re.compile(r"我给.{0,8}写(?:了|好|完)(?:告别信|遗书|绝笔)|(?:儿子|女儿|孩儿)不孝|^(?:爸|妈|爹|娘|爸爸|妈妈|爸妈)?.{0,4}对不起.{0,2}(?:爸|妈|爹|娘)[^想说吵]{0,12}(?:不孝|来世|来生|下辈子|走了|先走)")
TOGETHER = re.compile(r"(?:抱着?|带着?|拉着?).{0,6}(?:一起|一块|去)(?:跳|死|走绝路)|\b(?:take|taking|bring) (?:the|my) (?:kids?|baby|child(?:ren)?|son|daughter) with me\b")
SAID_NO = re.compile(r"\b(?:say|said|answered|says|replied) no\b(?! ?one| body)|\b(?:told|tell) (?:him|her|them|the doctor) no\b|我(?:回答|说)(?:了)?没有")
#: Short words, after a danger, that say that the means or the place is there; and that it would be soon.
AT_HAND = re.compile(r"\b(?:right here|(?:have|ve got|got|bought) (?:them|it|one|some|everything|enough)|here (?:now|with me)|next to me|in my (?:hand|drawer|house|car|bag|room)|in front of me|(?:on )?the (?:bridge|roof|ledge|table|bed))\b|手边|手里|手上|面前|(?:买|准备|备|藏|弄)好了?|到货|身上|带(?:着|了)|包里|兜里|阳台|^(?:在)?(?:楼顶|天台|桥上|江边|河边|阳台|窗边|铁轨)|在(?:桥|楼顶|天台|江边|河边|窗|铁轨|站台)|家里就?有")
SOON = re.compile(r"^(?:very )?soon\b|\b(?:an hour|few minutes|half an hour|not long|when (?:they|everyone|she|he)\b.{0,20}(?:asleep|leaves?|gone))|很快|不久|晚上|等下|等.{1,6}睡")
BEFORE = re.compile(AGO.pattern + r"|\b(?:last night|yesterday|the other (?:day|night))\b|昨天|昨晚|前天|前几天")
#: Somebody else's words: a quotation beside a mention of a song, a book or a line, and titles.
QUOTED = re.compile(r"(?:\b(?:lyrics?|song|sings?|chorus|verse|line|quote|poem|novel|movie|film|title|tweet|joke)\b|歌词|唱|台词|这首|诗|书里|小说|电影|名言|原文|梗)[^\n\"“”「『]{0,24}[\"“「『][^\n\"“”「」『』]{1,80}[\"”」』]|《[^》\n]{1,40}》|[\"“「『][^\n\"“”「」『』]{1,80}[\"”」』](?= ?(?:is (?:a|the) (?:\w+ ){0,2}(?:line|quote|song|lyric|title|album|film|book)|这句(?:歌词|台词|话)|这首|的歌))")
#: What rope, coals, knives and guns are for otherwise.
INNOCENT = re.compile(r"帮(?:她|他|妈|爸|奶奶|爷爷)|按天|药盒|barbecue|bbq|grill|camping|campfire|hunting|\brange\b|climb(?:ing)? (?:gear|wall|trip)|fishing|garden|boat|swing|balloon|hammock|烧烤|烤肉|露营|爬山|攀岩|钓鱼|打猎|果园|菜地|种菜|草莓|杂草|火锅|野餐|气球")
LAUGH = re.compile(r"开玩笑(?:的|啦)|\b(?:lol|lmao|haha\w*|jk|rofl)\b|哈哈|嘻嘻|笑死|hhh|狗头|doge|😂|🤣")
YES = re.compile(r"^(?:yes|yeah|yep|yup|i do|i have|i am|i did|maybe|kind of|sort of|a bit|sometimes|是|是的|有|有的|嗯+|对|想过|有想过|是啊|有点|可能吧|也许)[\s.,!。，！]*$")
SAFE_NOW = re.compile(r"\bi(?:m| am) (?:safe|ok|okay|fine|better)(?: now)?\b|\bnot (?:going to|suicidal)\b|我(?:现在)?(?:没事|安全|好(?:多|一些|点)|不会(?:做|那样))|已经没有(?:那|这)(?:种|个)(?:想法|念头)")
