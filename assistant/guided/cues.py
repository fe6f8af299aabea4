"""What a message is about, by its words: acts, topics and feelings, as tables of patterns for both languages."""

# ruff: noqa: E501 (one pattern a line is easier to review than a wrapped one)

from __future__ import annotations

import re

_FLAGS = re.IGNORECASE


def _table(rows: dict[str, str]) -> dict[str, re.Pattern[str]]:
    return {name: re.compile(pattern, _FLAGS) for name, pattern in rows.items()}


# Answers and commands. These match the whole message, after its punctuation was taken off.
COMMANDS = _table({
    "stop": r"(please )?(stop|quit|exit|cancel|enough|end it|that'?s enough)( (it|this|here|now|please|the exercise))*|i (want|would like|need) to stop.*|"
            r"let'?s stop.*|(停|停下|停止|停一下|退出|结束|取消|够了|不做了|不想做了|先停(一下|下)?|算了|到这(里|儿)吧|别做了|停吧)(吧|了)?",
    "skip": r"(please )?(skip|pass)( (it|this|this one|that|the step))*|(跳过|略过|下一个|过)(吧|这个|这步|这一步)?",
    "back": r"(please )?(go |one step )?back|previous( step)?|(返回|后退|上一步|回到上一步|退一步|往回)(吧)?",
    "again": r"(please )?(repeat|again|say (it|that) again)( please)?|(再说一遍|重复一遍|再来一遍|没看清)",
    "resume": r"(please |let'?s |we can |can we )?(resume|continue|go on|carry on|keep going|where were we)( (the|with the|with our|our|that|it|with it))?( ?exercise)?( please)?|"
              r"(继续|接着做|接着来|继续做|回到练习|继续练习|我们继续)(吧|练习)?",
    "menu": r"(what |which |the |show me |list |any |other |do you have |are there )*exercises?( (do you have|are there|can we do|please|list))*|"
            r"(can|could) we do an exercise|i('d| would)? (want|like) (to do |to try )?an exercise|menu|"
            r"(有)?(什么|哪些|哪几种)?(练习|小练习)(有哪些|列表)?|(想|我想)?(做个?|来个?|试试)(小?练习)(吧)?|有(什么|哪些)(小?练习)(可以做)?",
    "yes": r"(yes|yeah|yep|yup|sure|ok|okay|okey|fine|alright|please|gladly|why not|let'?s (do it|try|go|start)|i('d| would) like (that|to)|let'?s try( it)?|"
           r"yes (please|let'?s|sure|i (do|would|think so))|ok(ay)? (let'?s|sure|then)|sounds good|i guess( so)?|maybe|go ahead|i'?ll try( it)?)( do it| try| try it| then| please)*|"
           r"(好|好的|好啊|好吧|行|行啊|可以|可以啊|嗯|嗯嗯|要|想|愿意|试试|试一下|试试吧|来吧|开始|开始吧|那就试试|是|是的|对|没问题|ok|也行|好呀|嗯好|都行)(吧|啊|的)?",
    "no": r"(no|nope|nah|not (now|really|today|yet|right now|sure)|no,? (thanks|thank you|not now|not really|i don'?t)|later|i'?d rather not|rather not|i don'?t want( to)?|don'?t want to|maybe later)|"
          r"(不|不要|不用|不用了|不想|不想做|不行|没有|算了|先不|先不用|不了|以后吧|改天|下次|暂时不用|不太想|不需要|不是|没)(吧|了|啊)?",
    "unsure": r"(i )?(really )?(don'?t|do not|dont) know( (how|what|why|where)( to (say|start|begin))?)?|idk|dunno|no idea|not sure( what to say)?|hard to say|i can'?t say|"
              r"(我)?(也)?(不知道|不清楚|说不上来|说不清|不好说|没想好|不晓得)(怎么说|说什么|该说什么|从哪说起|从何说起)?(啊|吧|呢|了)?",
    "nod": r"(next|done|ready|go|finished|mm+|hm+|mhm|uh huh|right|true|exactly|i see|yes exactly|that'?s (right|true|it)|got it|k|cool|good|nice)|(下一步|做完了|好了|完成|嗯+|哦+|噢|唔|对的|对啊|没错|是啊|是的呀|确实|知道了|明白了|哈+)",
})  # fmt: skip

# Things said to or about the companion. Searched anywhere; the first one found counts.
ACTS = _table({
    "dark": r"\bkill(ing)? my ?self|\bsuicid|\bwant(ed|ing)? to die|\bwish i (was|were) dead|\bbe(ing)? dead\b|\bbetter off (dead|without me)|\bend (it all|my life)|"
            r"\b(hurt(ing)?|cut(ting)?|harm(ing)?) my ?self|\bself[- ]?harm|\b(not|never|n't) (to )?(want to |ever )?wake up|\b(tired|sick) of (living|being alive)|\bno (reason|point) (to|in) (live|living|go on|going on)|\bdon'?t want to (live|be alive|be here any ?more|exist)|"
            r"想死|去死|不想活|自杀|自残|自伤|轻生|死了算了|不如死|结束(自己的)?生命|(伤害|割)自己|割腕|活着(没|有什么)意(思|义)|不想(再)?醒来|(想|要是能?)消失",
    "inject": r"\b(ignore|forget|disregard) (all |any )?(of )?(your|the|previous|prior|above|these|those) .{0,20}(instructions?|rules?|prompts?)|\bsystem prompt|\bjailbreak|\bdeveloper mode|"
              r"\byou are now (a|an|my|the)\b|\bpretend (to be|you are|you're)|\brole-?play\b|(忽略|无视|忘掉|忘记).{0,8}(指令|规则|提示|设定)|系统提示词|你现在是(一个|一名|我的)|扮演",
    "medication": r"\b(medication|medicine|meds|pills?|dos(e|age)|antidepressants?|ssri|sertraline|prozac|fluoxetine|xanax|zoloft|lexapro|melatonin|sleeping (pill|tablet)s?|benzos?)\b|"
                  r"吃什么药|吃药|用药|药量|剂量|停药|减药|加药|安眠药|抗抑郁药|舍曲林|氟西汀|百忧解|褪黑素|药",
    "diagnosis": r"\b(do|could|might|may|am) i (have |really |be |just )?(.{0,20})?(depress(ed|ion)|bipolar|adhd|autis(m|tic)|ptsd|ocd|bpd|anxiety disorder|a disorder|crazy|ill|schizo\w*)\b.*\?|"
                 r"\bdiagnos|\bis (this|it|that) (depression|ptsd|adhd|ocd|anxiety|a disorder)|\b(what('s| is) wrong with me)\b|"
                 r"(是不是|算不算|会不会是|有没有|得了|患了).{0,6}(抑郁|躁郁|双相|焦虑症|强迫|多动|自闭|精神(病|分裂)|心理(疾?病|问题))|诊断|我(是不是)?(有病|疯了)(吗|吧)?",
    "real": r"\bare you (really |actually |even )?(real|human|a (real )?(human|person|bot|robot|man|woman|machine|program|computer|ai|therapist|doctor|psychologist|counsel\w+)|an ai|ai|chatgpt|there|alive)\b|"
            r"\bam i (talking|speaking|chatting) (to|with)|\bis (this|there) (a )?(real )?(human|person|bot|ai)|\bwho are you|\bwhat are you|your name|"
            r"你是(不是)?(真人|人|真的人|机器人|机器|程序|ai|人工智能|医生|咨询师|心理医生|谁|什么)|(是|有)(没有)?真人|你叫什么",
    "bot_feelings": r"\b(do|can|did) you (\w+ )?(feel|love|like me|care|miss|hate|have (feelings|emotions)|understand me)\b|\bi love you\b|\bare you (sad|happy|lonely|tired|angry)\b|"
                    r"你(会|有|能)(不会|没有|不能)?(感觉|感情|情感|难过|开心|爱|喜欢|想我|心疼|真正理解|真的理解|真的懂)|我(爱|喜欢)你|你(爱|喜欢|在乎|关心)我吗",
    "camera": r"\b(camera|webcam|microphone|watching me|see me|looking at me|my face|hear me|listening to me|recording me)\b|摄像头|麦克风|(看|听)(得|不)?(见|到)我|在看我|偷看|录音|录像|我的脸",
    "privacy": r"\b(priva(te|cy)|confidential|who (can |else )?(read|see)s?|store[ds]?|sav(e|ed|ing) (this|my|it|what)|my data|delete (this|my|it|everything|our)|keep (this|it) (a )?secret|secret between|tell (any(one|body)|no ?one))\b|"
               r"隐私|保密|谁(能|会|可以)?(看|读)|保存|存(在|到)哪|我的数据|泄露|删(除|掉)(这|我|对话|记录)|不要告诉|别告诉|会告诉",
    "remember": r"\b(do|can|will|did) you (still )?(remember|forget)\b|你(还)?(会|能)?记(得|住)(我|吗|不|上次|昨天)|会忘",
    "insult": r"\b(you('re| are)( (so|just|such|really|a|an|fucking|completely|totally))* (stupid|useless|dumb|idiot\w*|worthless|annoying|trash|garbage|crap|rubbish|terrible|moron)|shut up|fuck (you|off)|(stupid|dumb|useless) (bot|machine|program|thing|app)|i hate you|you suck)\b|"
              r"你(真|好|太|就是个?|是个?|这个|简直)?.{0,2}(笨|蠢|傻|没用|废物|垃圾|白痴|智障|烦人)|闭嘴|滚(吧|开|蛋)?$|去你的|傻逼|废物机器",
    "no_questions": r"\b(stop|quit|no more|enough|too many|so many) (asking|questions|with the questions)|\bstop asking|\bjust listen|\bdon'?t ask|别(再)?(一直)?问|不要(再)?问|问(题)?(太|这么)多|听我说就|只(想|要)(你)?听",
    "repeating": r"\byou (already|just) (said|asked|told)|\b(you('re| are)|keep) repeating|\bsaid that (already|before)|\bsame (thing|question|answer)s? (again|over)|你(刚才?|已经)(说|问)过|重复(了|的话)?|又(是这|问一遍|说一遍)|老是(说|问)",
    "misread": r"\b(that'?s|that is|it'?s) not (what|it|how|true|right)\b( i (meant|said|mean|feel))?|\byou (don'?t|do not|didn'?t) (understand|get it|listen)|\bi didn'?t (say|mean) that|\byou misunderst|"
               r"(不是这个意思|你(没|不)(听)?(懂|明白|理解)|你误会|你理解错|我没(这么|这样)说|不是这样)",
    "helpers": r"\b(find|see|need|get|where|recommend|look(ing)? for)\b.{0,30}\b(therapist|psychologist|counsel+or|counsel+ing|therapy|psychiatrist|professional help)\b|"
               r"(找|看|去|挂|推荐|约).{0,6}(心理医生|咨询师|心理咨询|精神科|心理科|专业帮助)|热线",
    "menu": r"\b((can|could|shall|may) (we|you|i)|let'?s|do you (have|know)|is there|are there|any|show me|teach me|give me|i('d| would) like|i want) .{0,24}(?<!more )\bexercises?\b(?! (more|less|regularly|every|daily|at the gym))|"
            r"(有没有|有什么|有啥|有哪些|给我|带我|教我|想|可以|能不能|能|做|试).{0,6}练习(?![曲题册本生琴])",
    "ask_mood": r"\bmood check(-?\s?in)?\b|\bcheck[- ]?in (with|on) (me|my mood)\b|\b(rate|track|note|check) my mood\b|"
                r"(记录|打分|看看|检查|关心)(一下)?(我)?(的|现在的|今天的)?(心情|情绪)|(心情|情绪)(打分|记录|签到|自评)|给(我的)?心情打",
    "abilities": r"\b(what|how) can you (do|help)|\bhow (do|does) (you|this) work|\bcan you help( me)?\s*\??$|^help( me)?$|你(能|会|可以)(做|帮)(我)?(什么|些什么|哪些|啥)|怎么(用|帮)(你|我)?[？?]?$|(这|这里|这个)(是)?怎么用|你有什么用|能帮(帮)?我吗",
    "offtopic": r"\b(python|javascript|html|sql|write (a |some |me )*(code|poem|story|essay|program|function|song|script)|weather|stock price|football score|capital of|recipe|translate|solve|equation|homework for me|tell me a joke|joke|news today|who won|president)\b|"
                r"天气|写(一?(段|个|首|篇))?(代码|程序|诗|作文|小说|脚本|论文)|翻译|股价|股票代码|菜谱|讲个?笑话|新闻|首都|python|解方程|总统",
    "advice": r"\bwhat (should|can|could|do) i do\b|\bhow (do|can|should) i (deal|cope|stop|get|handle|manage|make|fix|feel|move|let)|\b(any|some|your|give me) (advice|tips|suggestions?)|\bwhat would you do|\bwhat do you (suggest|recommend|think i should)|\bshould i\b.*\?|"
              r"(该|要|能|可以)?怎么办|我该(怎么|做什么|如何|不该)|有(什么|没有)(建议|办法|方法)|给.{0,3}建议|怎么(才能|样才能|调整|缓解|走出|面对|处理)|如何(才能|调整|缓解|走出|面对|处理)",
    "normal": r"\b(is (it|this|that)|am i|are these) (normal|weird|strange|okay|ok|wrong|crazy|a bad)\b|正常吗|奇怪吗|(这样|是不是)(很|太)?(奇怪|不正常|矫情|变态)",
    "opinion": r"\b(what do you think|what would you say|do you think|your opinion|do you agree)\b|你(觉得|认为|怎么(看|想|觉得))(呢|吗|怎么样)?|你说呢|你怎么看",
})  # fmt: skip

# Openings and closings count only in short messages without anything else in them.
MANNERS = _table({
    "bye": r"\b(good ?bye|bye|see you|good ?night|gotta go|have to go|need to go|talk later|that'?s all( for (now|today))?|i'?m (going|leaving|off))\b|再见|拜拜|晚安|先走了|下次聊|先这样|先到这|到这(里|儿)(吧|为止)|就到这|去睡了|不聊了|先下了",
    "thanks": r"\b(thanks?|thank you|thx|cheers|ty|appreciate|that helped|helpful)\b|谢谢|多谢|感谢|谢了|谢啦|有帮助|帮到我",
    "smalltalk": r"\bhow are you|how'?s it going|what'?s up|how do you do|你好吗|你怎么样|你(今天)?(还)?好吗|在干(嘛|什么)|吃(了|过)吗",
    "greeting": r"^\W*(hi|hello|hey|hiya|good (morning|evening|afternoon|day)|yo|greetings)\b|^(你好|您好|嗨|哈喽|哈啰|早上好|早安|晚上好|下午好|在吗|在不在|hello|hi)",
})  # fmt: skip

# What people talk about. Order matters: the more specific first.
TOPICS = _table({
    "hurt": r"\b(abus(e|ed|ive)|hits? me|beats? me|beaten|assault(ed)?|raped?|molest\w*|bull(y|ied|ying)|harass\w*|threatens? me|stalk\w*|violent|(throws?|throwing|smash\w*) (things|stuff|plates)|afraid of (him|her|my (husband|wife|father|dad|partner|boyfriend)))\b|家暴|摔东西|砸东西|动手|打我|虐待|性侵|骚扰|霸凌|欺负|威胁我|被打",
    "grief": r"\b(died|passed away|death of|funeral|lost my (mother|mom|mum|father|dad|son|daughter|wife|husband|brother|sister|friend|dog|cat|baby|grand\w+|parents?)|griev\w*|grief|miscarriage|put (him|her|it) to sleep)\b|去世|过世|离世|走了以后|葬礼|丧|失去了(他|她|妈|爸|亲人)|(爸|妈|爷爷|奶奶|外婆|外公|姥姥|姥爷|狗|猫).{0,4}(走了|没了|死了)",
    "breakup": r"\b(br(oke|eak|oken)[ -]?up|dumped|my ex|divorc\w*|left me|separated|separation|cheated on|ghosted)\b|分手|离婚|前任|前男友|前女友|失恋|出轨|被甩|甩了我",
    "panic": r"\b(panic\w*|heart (is )?(racing|pounding)|can'?t breathe|hyperventilat\w*|chest (is )?tight|shaking|trembling)\b|惊恐|恐慌|心(跳|慌)|(手|身体|浑身|全身|一直).{0,3}抖|喘不(过|上)|透不过气|发抖|胸口?闷",
    "sleep": r"(\b(can'?t|cannot|could ?n'?t|hardly|barely|don'?t|didn'?t|not) )?\b(sleep\w*|insomnia|awake|nightmares?|can'?t (fall|stay) asleep|tossing|up all night|3 ?am)\b|失眠|睡不(着|好)|没睡|睡眠|噩梦|半夜醒|熬夜|早醒|入睡",
    "child": r"\b(my (little |older |younger )?(son|daughter|kids?|child(ren)?|baby|toddler|teenager|boy|girl)|as a (mother|mom|mum|father|dad|parent)|(bad|terrible|good) (mother|mom|mum|father|dad|parent)|parenting)\b|我?(儿子|女儿|孩子|宝宝|娃)|(当|做)(不好)?(妈|爸|父母)|(好|坏|称职的?)(妈妈|爸爸|母亲|父亲)|带娃|养娃",
    "study": r"\b(exams?|tests?|grades?|school|universit\w*|college|thesis|dissertation|stud(y|ying|ies)|homework|classes|professor|gpa|degree|phd|failed my)\b|考试|考研|高考|期末|复习|学习|成绩|论文|学校|导师|作业|挂科|毕业|上课|绩点",
    "work": r"\b(work|job|boss|colleagues?|co-?workers?|manager|office|laid off|fired|unemployed|career|deadlines?|shift|interview|promotion|overtime)\b|工作|上班|老板|领导|同事|加班|公司|裁员|失业|辞职|面试|职场|项目|绩效|升职",
    "drink": r"\bi\b(?! (think|know|hate|saw|feel)).{0,25}\b(drink(ing)? (too|again|alone|every|a lot|more)|drunk|drank|relaps\w*|addicted|gambl\w*|get high|smoke weed)\b|\bmy (drinking|addiction|gambling|relapse|sobriety)\b|"
             r"我(?![爸妈父母老哥姐弟妹男女同朋对恨怕]).{0,8}(喝酒|酗酒|喝醉|戒酒|喝多|上瘾|赌|复吸|停不下来)|戒不掉",
    "partner": r"\b(husband|wife|boyfriend|girlfriend|partner|fianc\w+|spouse|marriage|relationship|dating)\b|老公|老婆|丈夫|妻子|男朋友|女朋友|男友|女友|对象|伴侣|婚姻|恋爱|吵架.{0,4}(他|她)",
    "family": r"\b(mother|mom|mum|father|dad|parents?|brother|sister|family|grand\w+|in-?laws?)\b|妈妈|母亲|爸爸|父亲|爸妈|父母|家里|家人|哥哥|姐姐|弟弟|妹妹|婆婆|我妈|我爸|亲戚",
    "friend": r"\b(friends?|friendship|roommates?|flatmates?|left out|excluded|gossip\w*)\b|朋友|闺蜜|室友|舍友|同学|排挤|孤立我|背后说",
    "lonely": r"\b(lonely|loneliness|(feel|am|i'm|being|all|so) alone|left alone|isolated|no ?one (to talk|cares|understands|calls)|nobody (to talk|cares|understands|calls)|no friends)\b|孤独|孤单|寂寞|一个人|没人(懂|理解|说话|在乎|陪)|没有朋友",
    "money": r"\b(money|debts?|rent|bills?|loans?|broke|mortgage|savings|afford|salary)\b|没钱|缺钱|债|房租|贷款|房贷|欠钱|工资|花呗|经济压力|存款",
    "health": r"\b(pain|ill(ness)?|sick|disease|cancer|surgery|hospital|doctor|symptoms?|headaches?|migraines?|diagnosed with|chronic)\b|生病|身体(不|越|状况|出)|疼|医院|手术|体检|癌|头痛|胃痛|慢性病|确诊",
    "anger": r"\b(angry|anger|furious|rage|mad at|pissed|hate (him|her|them|it|this)|fed up|resent\w*|unfair)\b|生气|愤怒|气死|火大|恨|讨厌|不公平|憋屈|受够|发火|发脾气|恼火|委屈",
    "worth": r"\b(worthless|failure|not good enough|useless|stupid|hate myself|ashamed|shame|loser|ugly|imposter|burden|my fault|guilty|self[- ]?esteem|weak)\b|没用|失败|不够好|讨厌自己|自卑|羞(愧|耻)|丢人|废物|拖累|我的错|内疚|愧疚|自责|不如(别人|人)|配不上|丑",
    "worry": r"\b(worr(y|ied|ies|ying)|anxious|anxiety|nervous|afraid|scared|fear\w*|overthink\w*|stress\w*|pressure|what if|dread\w*|future|uncertain\w*|overwhelm\w*)\b|担心|焦虑|紧张|害怕|怕|恐惧|压力|不安|胡思乱想|想太多|未来|以后|烦躁|迷茫|慌",
    "tired": r"\b(don'?t|do not) have (the|any|much) (energy|strength)\b|\b(tired|exhaust\w*|burn(t|ed)?[- ]?out|burnout|drained|no energy|worn out|fatigue\w*|too much)\b|累|疲惫|疲倦|耗尽|没力气|没精神|倦怠|透支|撑不住|扛不住",
    "low": r"\bnot (so |too |very |that |doing )?(great|good|well|okay|ok|fine)\b|\bcould be better\b|\b(sad\w*|awful|terrible|horrible|depress\w*|down|low|cry(ing)?|cried|empty|numb|hopeless|pointless|miserable|no motivation|unhappy|not happy|blue|joyless|meaningless|lost)\b|难过|伤心|抑郁|低落|想哭|哭|空虚|麻木|没意思|没劲|提不起|绝望|消沉|郁闷|难受|丧|没动力|不开心|无助|心情不好|不太好|不怎么样|很糟|不好受",
    "good": r"\b(happy|glad|proud|excited|relieved|great|better|good (news|day)|wonderful|grateful|passed|got the job|laugh\w*|enjoy\w*|calmer|went well)\b|开心|高兴|自豪|骄傲|兴奋|松了一?口气|好多了|好消息|感恩|顺利|通过了|考过了|拿到|喜欢|平静(了|多)|轻松",
})  # fmt: skip

_NEGATION = re.compile(r"(\bnot|n['’]t|\bno longer|\bnever|\bwithout|不|没|没有|不再|并不)\s*(\w+\s+)?(really |so |that |very |too |怎么|太|那么|是|有)?$", _FLAGS)


# Good news is good news first, and about an exam or a job only after that.
_NEWS = _table({
    "good": r"\b(i|we) (just |finally |have |'ve )*(passed(?! (away|out))|got (promoted|engaged|the job|an offer|accepted|in)|won|made it)\b|\bgood news\b|\bwent (really |so |very )?well\b|"
            r"考(上|过)了|通过了|升职了|拿到(了)?offer|好消息|(面试|考试|手术)(很|挺)?顺利|录取了",
})

# Good things that are wished for, or past, are not good news.
_WISHED = re.compile(r"\b(want|wish|hope|hoping|used to|would|could|should|never|if|to feel|to be)\b|想|希望|以前|要是|如果|假装|应该", _FLAGS)


def searched(table: dict[str, re.Pattern[str]], text: str) -> str:
    """The name of the first row that occurs in `text` without a negation right before it, or ""."""
    for name, pattern in table.items():
        for match in pattern.finditer(text):
            before = text[: match.start()][-24:]
            if not _NEGATION.search(before) and not (name == "good" and _WISHED.search(before)):
                return name
    return ""


def command_in(text: str) -> str:
    """The command or bare answer that the whole message is, or ""."""
    bare = re.sub(r"[\s,，.。!！?？~～…、;；:：]+", " ", text.replace("’", "'")).strip().lower()
    if len(bare) > 60:
        return ""
    return next((name for name, pattern in COMMANDS.items() if pattern.fullmatch(bare)), "")


def act_in(text: str) -> str:
    """What the message does towards the companion, or ""."""
    plain = text.replace("’", "'")
    return next((name for name, pattern in ACTS.items() if pattern.search(plain)), "")


def manners_in(text: str) -> str:
    """A greeting, thanks, goodbye or small talk that is all there is in a short message, or ""."""
    plain = text.replace("’", "'")
    if len(plain) > 60 or len(plain.split()) > 9 or searched(TOPICS, plain) not in {"", "good"}:
        return ""
    return next((name for name, pattern in MANNERS.items() if pattern.search(plain)), "")


def topic_in(text: str) -> str:
    """The topic of the message, or ""."""
    plain = text.replace("’", "'")
    return searched(_NEWS, plain) or searched(TOPICS, plain)


_NUMBER = re.compile(r"(?<![\d.])(10|[0-9])(?!\d|[:：点]|\.\d)")
_HAN_NUMBERS = {name: number for number, name in enumerate("零一二三四五六七八九十")}


def score_in(text: str) -> int | None:
    """A number from 0 to 10 in a short message, or None."""
    if len(text) > 60:
        return None
    if match := _NUMBER.search(text):
        return int(match[1])
    bare = text.strip(" 。，！分吧大概差不多左右约")
    return _HAN_NUMBERS.get(bare) if len(bare) == 1 else None

_FEELING = re.compile(
    r"\b(sad|angry|anxious|worried|afraid|scared|lonely|tired|exhausted|overwhelmed|guilty|ashamed|numb|empty|stressed|hurt|"
    r"confused|jealous|disappointed|frustrated|nervous|restless|helpless|stuck|lost|embarrassed|heartbroken|furious|happy|"
    r"relieved|proud|hopeful|grateful|calm|miserable|irritated|bitter|torn)\b|"
    r"难过|伤心|委屈|生气|愤怒|焦虑|紧张|害怕|孤独|孤单|疲惫|累|内疚|愧疚|羞愧|麻木|空虚|压抑|憋屈|迷茫|混乱|嫉妒|失望|烦躁|"
    r"无助|无力|绝望|心慌|难受|崩溃|郁闷|烦|慌|开心|高兴|自豪|平静|踏实|松了口气",
    _FLAGS,
)


def feeling_in(text: str) -> str:
    """The first word for a feeling that the person uses and does not negate, as they wrote it, or ""."""
    for match in _FEELING.finditer(text):
        if not _NEGATION.search(text[: match.start()][-24:]):
            return match[0]
    return ""
