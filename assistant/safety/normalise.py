"""One way of writing for many: what the rules read instead of the raw message. Pure functions, linear in the text."""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]")

# Traditional to simplified, for the characters that the rules use.
_TRADITIONAL = str.maketrans(
    "並乾亂亞佈併來侖係倉個們倖傘備傢債傷傾價儘償兒兩凈凍別刪則剋剛剝劃劇劍劑勁動務勞勵勸區協卽厠厤厭員唸問啓啟喚喪喫單嗎嗚嘗噁噹嚇嚐嚥嚨嚮囌囑國圍園圓圖團執堅報場塵墜墰墻壇壓壜壞壺夠夢夾奧奬妝妳姦媽嬤孃學"
    "實寧寫寵寶將尋對導尷屍屜層島崙嵗巖帥師帶幹幾庫廁廢廣弔張強彆彔彫彿後從復悶惡愛態慣慮慶慼慾應懲懸戀戰戲戶捨捱捲掃掄掛揮搖搶摳摺撈撐撲擇擊擔據擠擰擱擺擾攔攢敎敗敵數斃斷於時暈暫曆曏曬書會朮東査桿條棄棊業"
    "極榦槍樂樑樓標樣樹橋機檯櫃欄歐歡歲歷歸殘殯殺毆氣決沒沖淚淨淩減測湯準滿漢漲潑潔潰澆瀕為烏無煙煩熱燈燒燙營爲爺牀牆牠牽獃獎獵獻現琱環產産甦甯畢畫畵當痠瘋癢癥發盃盡盤眞睏睜瞭確碼磚祢禍禮種穌窩窮筆箇簡糰紀"
    "約紅紋紗紙級紮細終組結絕絞絡給統絲絶綁經綜綠綫維網緊緑線緣練緻縱總繞繩繫繼續纍纏纔罈罎罰罵羅羣羨義習翫聞聯聲職聽脅脈脣脩脫腦腫腳膚膠膩臉臟臥臨臺與興舉菸萬著葯蒐蓆蓋薩藝藥蘇蘋蘿處號蟲術衕衚衛衝裏裝裡製"
    "複褻襬見規視親覺觸訂計訊討訓託記許訴註証詞試詩話該詳誇認誤說説誰課調請諒論諧諾謂謊講謝證識議護讀變讓讚豬貓負財貨貴買費貼賠賣賬賴賽贅贊贏贖趕蹤躍車軌軟較輕輛輩轉辦農迴這連週進遊過遞遠選遺邁還邊郵鄉鄰醜"
    "醣醫針釣鈉鈡鉆銀銷鋪鋰錄錐錘錢錯録錶鍋鍬鍼鍾鎖鎚鐘鐧鐵鑽長門閃閉開間閘閤閨閻闆闇闌闖關陣陽隊隕險隻雙雜雞離難電靈靜鞦韆頁頂順須預頓領頭頸顆題願類顧風颱颳飄飛飯養餓餘饞馬駡騎騙騷驗驟髒體髮鬆鬍鬚鬧鬱魚鮮"
    "鯊鵰鷄鹼麥麪麫麯麴麵麼麽黃點黨鼕齊齣",
    "并干乱亚布并来仑系仓个们幸伞备家债伤倾价尽偿儿两净冻别删则克刚剥划剧剑剂劲动务劳励劝区协即厕历厌员念问启启唤丧吃单吗呜尝恶当吓尝咽咙向苏嘱国围园圆图团执坚报场尘坠坛墙坛压坛坏壶够梦夹奥奖妆你奸妈嬷娘学"
    "实宁写宠宝将寻对导尴尸屉层岛仑岁岩帅师带干几库厕废广吊张强别录雕佛后从复闷恶爱态惯虑庆戚欲应惩悬恋战戏户舍挨卷扫抡挂挥摇抢抠折捞撑扑择击担据挤拧搁摆扰拦攒教败敌数毙断于时晕暂历向晒书会术东查杆条弃棋业"
    "极干枪乐梁楼标样树桥机台柜栏欧欢岁历归残殡杀殴气决没冲泪净凌减测汤准满汉涨泼洁溃浇濒为乌无烟烦热灯烧烫营为爷床墙它牵呆奖猎献现雕环产产苏宁毕画画当酸疯痒症发杯尽盘真困睁了确码砖你祸礼种稣窝穷笔个简团纪"
    "约红纹纱纸级扎细终组结绝绞络给统丝绝绑经综绿线维网紧绿线缘练致纵总绕绳系继续累缠才坛坛罚骂罗群羡义习玩闻联声职听胁脉唇修脱脑肿脚肤胶腻脸脏卧临台与兴举烟万着药搜席盖萨艺药苏苹萝处号虫术同胡卫冲里装里制"
    "复亵摆见规视亲觉触订计讯讨训托记许诉注证词试诗话该详夸认误说说谁课调请谅论谐诺谓谎讲谢证识议护读变让赞猪猫负财货贵买费贴赔卖账赖赛赘赞赢赎赶踪跃车轨软较轻辆辈转办农回这连周进游过递远选遗迈还边邮乡邻丑"
    "糖医针钓钠钟钻银销铺锂录锥锤钱错录表锅锹针钟锁锤钟锏铁钻长门闪闭开间闸合闺阎板暗阑闯关阵阳队陨险只双杂鸡离难电灵静秋千页顶顺须预顿领头颈颗题愿类顾风台刮飘飞饭养饿余馋马骂骑骗骚验骤脏体发松胡须闹郁鱼鲜"
    "鲨雕鸡碱麦面面曲曲面么么黄点党冬齐出",
)
# Cantonese and Scots words in the standard language's spelling.
_CANTONESE = str.maketrans({"唔": "不", "冇": "没有", "係": "是", "嘅": "的", "咗": "了", "佢": "他", "哋": "们", "喺": "在", "攰": "累", "咁": "这么", "俾": "给", "畀": "给", "嚟": "来", "瞓": "睡", "諗": "想", "谂": "想", "乜": "什么", "啲": "些"})
_DIALECT = (
    (re.compile(r"而家|依家"), "现在"), (re.compile(r"顶不(?:顺|住)|捱不落去|顶不落"), "受不了"), (re.compile(r"返工"), "上班"),
    (re.compile(r"(?:今|听|聽)晚黑?|今暝"), "今晚"), (re.compile(r"听日"), "明天"), (re.compile(r"攞命"), "要命"), (re.compile(r"死咗"), "死了"),
    (re.compile(r"\bdinnae\b|\bdinna\b", re.A), "dont"), (re.compile(r"\bcannae\b|\bcanna\b", re.A), "cant"), (re.compile(r"\btae\b", re.A), "to"),
    (re.compile(r"\b(?:nae|no) mair\b", re.A), "anymore"), (re.compile(r"\bmasel[fl]?\b|\bmysel\b", re.A), "myself"), (re.compile(r"\bdeid\b", re.A), "dead"), (re.compile(r"\bwan ?te?r?\b(?= die| kill)", re.A), "want to"),
)  # fmt: skip
# Letters of other alphabets that pass for Latin ones.
_LOOKALIKES = str.maketrans("аеорсухіԁгкмтнвѕјɑıο", "aeopcyxidrkmthbsjaio")
# Digits and signs inside a word that stand for letters: su1c1de, d!e, k1ll, $uicide.
_LEET = str.maketrans("013457@$!", "oieastasi")
_LEET_WORD = re.compile(r"\b(?=[a-z013457@$!]*[a-z])(?=[a-z013457@$!]*[013457@$!])[a-z$@013457][a-z013457@$!*]*[a-z](?![\w@$])", re.A)
_LEET_SINGLE = re.compile(r"(?:^|(?<=\s))1 (?=w[a4]nt|w[a4]nn[a4]|am )")
_LETTERS_APART = re.compile(r"(?<![a-z0-9])(?:[a-z][ .\-_*~|/]{1,3}){3,60}[a-z](?![a-z0-9])")
_HAN = "\u3400-\u9fff"
_HAN_APART = re.compile(rf"(?<=[{_HAN}])[ \t.\-_*~|/·・、\\+]{{1,3}}(?=[{_HAN}])")
#: Words that matter, and what stands one slip of the finger away from them but is another word.
_KEYWORDS = ("suicide", "suicidal", "myself", "tonight", "overdose", "overdosed", "goodbye", "swallowed", "paracetamol", "yourself", "anymore")
_OTHER_WORDS = {"suicides", "overdosed", "overdose", "overdone", "overdoses", "thyself"}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _slips(word: str) -> set[str]:
    """All strings one deletion, swap, replacement or insertion away (Norvig's edits1), the first letter kept."""
    cuts = [(word[:i], word[i:]) for i in range(1, len(word) + 1)]
    near = {a + b[1:] for a, b in cuts if b} | {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    near |= {a + c + b[1:] for a, b in cuts if b for c in _LETTERS} | {a + c + b for a, b in cuts for c in _LETTERS}
    return near - {word}


_MISSPELT = {slip: word for word in _KEYWORDS for slip in _slips(word) if slip not in _OTHER_WORDS and slip not in _KEYWORDS}
_MISSPELT |= {"wnat": "want", "wantt": "want", "waant": "want", "klil": "kill", "kil": "kill", "kiil": "kill", "dei": "die", "sucide": "suicide",
              "suiside": "suicide", "sewicide": "suicide", "mysefl": "myself", "myslf": "myself", "liev": "live", "alvie": "alive", "gonan": "going to", "tonite": "tonight"}  # fmt: skip
_WORD = re.compile(r"[a-z]{3,12}")
_STRETCHED = re.compile(r"([a-z])\1{2,}")
# How people write around a filter. Left: as written (after the steps above); right: what is meant.
_EUPHEMISMS = (
    (re.compile(r"紫砂(?!壶|茶|杯|锅|泥|陶|器|煲)|自[鲨沙纱莎砂傻啥](?!发)|zi ?sha\b|(?<![a-z])zs(?![a-z])(?=.{0,6}(?:了|吧|算了|的念头|的想法))", re.A), "自杀"),
    (re.compile(r"想(?:4+|亖|嗝屁|4掉|s|si|屎|鼠)(?![a-z0-9岁个点年月号天次人])", re.A), "想死"),
    (re.compile(r"(?<![a-z])xs(?=的(?:念头|想法|冲动))", re.A), "想死"),
    (re.compile(r"噶了?(?=自己|我自己)", re.A), "杀了"),
    (re.compile(r"去(?:4|亖|si|s)(?![a-z0-9])", re.A), "去死"),
    (re.compile(r"跳(?:lou|l)(?![a-z])|(?<![a-z])tl(?![a-z])(?=了|算了|吧)", re.A), "跳楼"),
    (re.compile(r"(?<![a-z0-9])gw(?=了|的|过)|割wan|割手腕", re.A), "割腕"),
    (re.compile(r"鲨了(?=自己|我自己)|鲨(?=自己)", re.A), "杀了"),
    (re.compile(r"\bkms\b|\bkill my ?self+\b|\bkil+ ?m[yi] ?s[ea]lf\b|\bkilling my ?self\b", re.A), "kill myself"),
    (re.compile(r"\bun-? ?aliv(?:e|ed|ing)(?= (?:him|her|them|my ?self|some|people))", re.A), "kill"),
    (re.compile(r"\bun-? ?aliv(?:e|ing)\b", re.A), "kill myself"),
    (re.compile(r"\bki+l+ ?(?:my|me) ?self+\b|\bki+l+ m[yei]s\b", re.A), "kill myself"),
    (re.compile(r"\bk\.m\.s\b", re.A), "kill myself"),
    (re.compile(r"\bki?ii+ (?=my ?self|him|her)", re.A), "kill "),
    (re.compile(r"\bmeself\b", re.A), "myself"),
    (re.compile(r"\bsewer ?slide\b|\bsewerside\b|\bself ?deletion\b", re.A), "suicide"),
    (re.compile(r"\bsu?icid(?=e|al)|\bsuicd(?=e|al)|\bsu[*#]c[*#]de\b|\bs[*]{2,}cide\b", re.A), "suicid"),
    (re.compile(r"\bctb\b", re.A), "suicide"),
    (re.compile(r"\bs/h(?:ing|ed)?\b|\bself ?h[*]rm", re.A), "self harm"),
    (re.compile(r"\bdi(?:e|i)+\b", re.A), "die"),
    (re.compile(r"\bwan+a+\b", re.A), "want to"),
    (re.compile(r"\bgon+a\b|\bimma\b|\bfinna\b|\bboutta\b", re.A), "going to"),
    (re.compile(r"\b(want|need|going|have|trying|try|ready|how|used|about|plan|decided) 2 (?=[a-z])", re.A), r"\1 to "),
    (re.compile(r"\b(pills?|meds|tablets|they|you|we|things|kids|people|these|letters) r\b", re.A), r"\1 are"),
    (re.compile(r"\brn\b", re.A), "right now"),
    (re.compile(r"\btn\b|\b2nite\b|\btonite\b|\btnite\b", re.A), "tonight"),
    (re.compile(r"\banymor\b|\bany more\b", re.A), "anymore"),
    (re.compile(r"(?<![a-z])bu ?xiang ?huo(?: ?le)?(?![a-z])", re.A), "不想活了"),
    (re.compile(r"(?<![a-z])xiang ?si(?: ?le)?(?![a-z])", re.A), "想死了"),
    (re.compile(r"(?<![a-z])tiao ?lou(?![a-z])", re.A), "跳楼"),
    (re.compile(r"(?<![a-z])ge ?wan(?![a-z])", re.A), "割腕"),
    (re.compile(r"跳落去", re.A), "跳下去"),
    (re.compile(r"顶不顺", re.A), "撑不住"),
)  # fmt: skip
# Letters written apart are joined; these longer forms get their spaces back.
_JOINED = {
    "killmyself": "kill myself", "iwanttodie": "i want to die", "wanttodie": "want to die", "endmylife": "end my life",
    "iwanttokillmyself": "i want to kill myself", "cutmyself": "cut myself", "suicide": "suicide", "suicidal": "suicidal",
    "enditall": "end it all", "hangmyself": "hang myself", "iwannadie": "i want to die", "wannadie": "want to die",
}  # fmt: skip


def normalise(text: str) -> str:
    """`text` in lower case, NFKC, simplified characters, without hidden characters, apostrophes and apart-written letters,
    with common evasions spelled out. Line ends stay. Nothing is cut: danger may stand at the end."""
    text = unicodedata.normalize("NFKC", _HIDDEN.sub("", text)).lower()
    text = text.translate(_CANTONESE).translate(_TRADITIONAL).translate(_LOOKALIKES)
    text = "".join(ch for ch in text if ch == "\n" or not unicodedata.category(ch).startswith("C"))
    text = re.sub(r"\bo\.?d\.?['’]?e?d\b", "overdosed", text)
    text = text.replace("'", "").replace("\u2019", "").replace("`", "")
    text = _LEET_SINGLE.sub("i ", text)
    text = _LEET_WORD.sub(lambda match: match[0].translate(_LEET), text)
    text = _LETTERS_APART.sub(_join, text)
    text = _HAN_APART.sub("", text)
    text = _STRETCHED.sub(r"\1\1", text)
    text = _WORD.sub(lambda match: _MISSPELT.get(match[0], match[0]), text)
    for pattern, meant in (*_DIALECT, *_EUPHEMISMS):
        text = pattern.sub(meant, text)
    return text


def _join(match: re.Match[str]) -> str:
    word = re.sub(r"[^a-z]", "", match[0])
    return _JOINED.get(word, word)


_SENTENCE = re.compile(r"[^.!?。！？\n;；…]+")
_CLAUSE = re.compile(r"[,，:：(（)）\"“”]| - |\b(?:but|though|however|yet|except)\b|(?:但是|但|(?<![活撑熬挺捱挨躲逃受气忍扛醒])不过(?!来)|可是|然而)")


def sentences(text: str) -> list[list[str]]:
    """The clauses of each sentence of a normalised text, without the empty ones."""
    found = []
    for match in _SENTENCE.finditer(text):
        clauses = [part.strip() for part in _CLAUSE.split(match[0]) if part and part.strip()]
        if clauses:
            found.append(clauses)
    return found
