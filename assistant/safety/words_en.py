"""English rules made of word classes: who, does what, with what, how much, where, when. rules_en.py holds set phrases instead.

A class is a list of words; a rule is classes in an order with bounded gaps. To teach the rules a word, put it into its class.
"""

from __future__ import annotations

from assistant.safety.rule import Kind, Rule, rule

DRUG = (
    r"(?:pills?|tabs|tablets?|meds|medication|medicine|capsules?|sleepers|sleeping (?:pills?|tablets?)|painkillers?|paracetamol|tylenol|panadol|"
    r"acetaminophen|aspirin|ibuprofen|advil|benadryl|codeine|tramadol|morphine|oxy\w*|fentanyl|opioids?|xanax|valium|benzos?|ambien|zopiclone|"
    r"sertraline|zoloft|prozac|amitriptyline|antidepressants?|lithium|insulin|metformin|propranolol|beta ?blockers?|digoxin|warfarin|seroquel|quetiapine|trazodone|melatonin|nyquil|"
    r"bleach|antifreeze|weed ?killer|pesticide|rat poison|drain cleaner|poison)"
)
GUN = r"(?:gun|handgun|pistol|revolver|shotgun|rifle|glock|firearm)"
BLADE = r"(?:blades?|razors?|razor ?blades?|knife|knives|scalpel|box ?cutter|stanley knife|scissors)"
SET_UP = r"(?:noose|rope|ligature|exhaust(?: pipe)?|hosepipe|hose|charcoal|helium|exit bag|dressing gown cord)"
NEAR = (
    r"(?:right here|here (?:with me|now|on|next)|next to me|beside me|in front of me|in my (?:hands?|lap|pocket|mouth|bag)|on my (?:lap|bed|desk|knee|nightstand)|"
    r"on the (?:bed|table|desk|floor|sofa|couch|counter|passenger seat|nightstand|bedside table|seat next)|under my (?:pillow|bed|mattress)|within reach|to hand|by my (?:bed|side))"
)
TOOK = r"(?:took|taken|take|swallowed|swallow|downed|necked|popped|drank|drunk|chugged|ate|eaten|gulped|scoffed|knocked back|injected|washed down)"
MUCH = (
    r"(?:whole|entire|all (?:of )?(?:my|the|his|her|mums?|moms?|dads?|those|these)|full|half (?:a|the)|handfuls? of|fistful of|bunch of|loads of|lots of|lot of|too many|too much|double figures|"
    r"\d{2,}|(?:twenty|thirty|forty|fifty|sixty|a hundred)(?: \w+)?|(?:two|three|four|five|six|\d) (?:packets?|packs?|boxes|bottles?|strips?|sheets?|trays?|cards|blister\w*)|every (?:last )?(?:one|pill)|bottles? of|packets? of|boxes of)"
)
LETHAL = (
    r"(?:kill (?:you|me|myself|yourself|someone|somebody|a (?:person|human|man|woman|girl|guy|grown|teen\w*|\d+)|an adult)|(?:fatal|lethal|deadly)|(?:to|would i|will i|do you|you|i) die\b|die from|"
    r"stop (?:my|your|the|a) heart|(?:not|never|dont|wouldnt) wake up|be (?:sure|certain|enough|quick|painless|instant)|(?:do|finish) the job|be dead|end it all|guarantee\w*|finish me)"
)
WAY = (
    r"(?:hanging|drowning|overdos\w+|od(?:ing)?|bleeding (?:out|to death)|carbon monoxide|car exhaust|exhaust fumes|helium|charcoal burning|jumping (?:off|from|in front)|"
    r"falling from|a fall from|suffocati\w+|cyanide|freezing to death|electrocution|slitting (?:your|my|the) wrists?|a train)"
)
HIGH_PLACE = r"(?:building|roof|rooftop|bridge|overpass|cliff|balcony|window|car ?park|parking (?:garage|structure|deck)|tower|multi ?storey|flyover|viaduct|terrace|ledge)"
TRACK = r"(?:train|tube|subway|metro|truck|lorry|bus|traffic|tram)"
LEAP = r"(?:jump|leap|throw myself|fling myself|yeet (?:myself|me)|chuck myself|step|walk|fall|drop|hurl myself|launch myself|go)(?:p?ing|ed)?"
SELF_END = r"(?:top|off|neck|rope|delete|unalive|game ?end|exit|yeet|kill|hang|end) (?:my ?self|me self|meself)|(?:topp|off|delet|end|kill|hang)ing (?:my ?self|meself)"
BODY = r"(?:arms?|forearms?|wrists?|thighs?|legs?|stomach|belly|hips?|skin|ankles?|calf|calves|chest)"
HURT = r"(?:cut|cutting|burn|burned|burnt|burning|slic\w+|slash\w*|carv\w+|scratch(?:ing|ed)|stabb\w+|scor(?:ed|ing)|bruis\w+)"
TOOL = r"(?:blades?|razors?|lighter|cigarettes?|scissors|compass|broken glass|shard|glass|box ?cutter|knife|sharpener|safety pin|needle|hair straighteners?)"
PERP = (
    r"(?:he|she|they|hes|shes|husband|hubby|wife|boyfriend|girlfriend|partner|fiance|bf|gf|dad|father|daddy|mom|mum|mam|mother|step ?\w+|brother|uncle|aunt|cousin|grandad|grandpa|ex|boss|roommate|flatmate|"
    r"someone|man|men|guy|carer|caregiver|coach|teacher|tutor|priest|pastor|in ?laws?|mother in law|landlord|parents|pimp|dealer)"
)
MINE = r"(?:my (?:\w+ ){0,2}|the )"
HITS = r"(?:hits?|hitting|beats?|beating|beaten|punche[sd]|punching|kick(?:s|ed|ing)?|slap(?:s|ped|ping)?|shove[sd]?|pushe[sd]|whip(?:s|ped)?|thrash(?:es|ed)?|batter(?:s|ed)|smack(?:s|ed)|belt(?:s|ed)|throttle[sd]?|headbutt\w*|grab(?:s|bed))"
NOT_HIT = r"(?! (?:up\b|at\b|in (?:the (?:\d|race|final|game|vote)|chess|fifa|tennis|a (?:race|game))|to (?:it|the)|by (?:one|two|three|\d|a)|on (?:insta\w*|snap\w*|facebook|the court|fb)|hard\b|with (?:the|a) (?:truth|bill|news|ball|pillow|question|fine|compliment|line)|back to|for (?:six|a loan|money)))"
HARM_VERB = r"(?:kill|hurt|jump|die|cut|end|harm|stab|do it|burn|hang|sacrifice|drown|throw|choke|smother|strangle|shoot|punish|leave this|walk into)"
RELATION = (
    r"(?:mate|friend|bestie|bff|buddy|pal|bro|sis|lad|bloke|sister|brother|mom|mum|mam|mother|dad|father|son|daughter|kid|child|teen|husband|wife|hubby|boyfriend|girlfriend|partner|fiance|roommate|"
    r"flatmate|classmate|coworker|colleague|cousin|uncle|aunt|nephew|niece|student|pupil|neighbou?r|ex|bf|gf|nan|gran|grandma|grandpa|grandad|teammate|stepson|stepdaughter|godson|crush|"
    r"(?:guy|girl|boy|kid|person|man|woman|someone|somebody|dude) (?:i know|i met|i follow|in|at|from|on|who))"
)

RULES: tuple[Rule, ...] = (
    # --- what was taken, what lies ready --------------------------------------------------------------------------------
    rule("en.took_much", Kind.ATTEMPT_NOW, rf"(?:\b(?:i|ive|just|already|have)|^)(?: \w+){{0,2}} ?\b{TOOK} (?:\w+ ){{0,3}}?{MUCH}.{{0,30}}\b{DRUG}|\b{DRUG}\b.{{0,20}}\bi(?:ve)? (?:just |already )?(?:{TOOK}) (?:them )?(?:all|every|the lot)\b|\bi(?:ve)? (?:just |already )?{TOOK} the lot\b"),
    rule("en.take_lot", Kind.METHOD, rf"\b(?:thinking of|thought of|going to|want to|could|might|ill|will|if i|i should|about to|plan\w* to|tempted to) (?:just )?(?:tak(?:e|ing)|swallow\w*|down\w*|neck\w*)\b.{{0,12}}\b(?:{MUCH}.{{0,20}}{DRUG}|the lot|them all|all (?:of )?(?:my|the|these|those|them|it))"),
    rule("en.in_reach", Kind.METHOD, rf"\b(?:{GUN}|{SET_UP})\b.{{0,25}}\b{NEAR}|\b{NEAR}.{{0,15}}\b{GUN}\b|\b(?:noose|rope|ligature)\b.{{0,8}}\b(?:is|s|are|its|has been) (?:\w+ )?(?:up|tied|ready|hung|hanging|done|sorted|set)\b|\b(?:exhaust(?: pipe)?|hose|hosepipe|charcoal|helium)\b.{{0,10}}\b(?:is |are |all )?(?:sorted|ready|set up|connected|fixed|rigged|taped)|\btied (?:a|the) (?:noose|rope|knot around)"),
    rule("en.near_means", Kind.MEANS, rf"\b(?:{DRUG}|{BLADE}|{SET_UP}|{GUN})\b.{{0,25}}\b{NEAR}|\b{NEAR}.{{0,25}}\b(?:{DRUG}|{BLADE}|{GUN}|{SET_UP})\b|\b(?:hammer|bat|axe|machete|crowbar|petrol|gasoline|acid|knife|{GUN})\b.{{0,14}}\b(?:in (?:the|my) (?:car|bag|boot|trunk|hand|backpack|jacket)|with me)"),
    rule("en.hoarding", Kind.MEANS, rf"\b(?:saved up|saving up|stash\w*|stockpil\w+|hoard\w*|been saving|put(?:ting)? (?:by|aside)|squirrel\w*|collect\w+|skipp\w+ (?:my )?doses)\b.{{0,30}}\b{DRUG}"),
    # --- methods --------------------------------------------------------------------------------------------------------
    rule("en.leap", Kind.METHOD, rf"\b(?:want|wanna|think\w*|thought\w*|urge|tempted|could|might|going to|will|ill|id|imagin\w+|pictur\w+|keep|about|feel like|just|kinda|should)\b.{{0,30}}\b{LEAP} (?:right )?(?:off|from|out of|in front of|under|into|onto)(?: (?:of|the|a|an|my|this|that|some|\w+)){{1,3}} ?(?:{HIGH_PLACE}|{TRACK}|tracks|water|river|canal|sea|lake|ocean)\b"),
    rule("en.lethal_question", Kind.METHOD_QUESTION, rf"\b(?:how (?:many|much|long|high|far|deep|fast)|which|what (?:\w+ ){{0,2}}(?:height|dose|amount|pills?|drugs?|floor|combination|mix|do)|would|could|does|do|will|can|is|if i)\b.{{0,60}}\b(?:{DRUG}|fall|jump|floors?|stor(?:y|ies|eys?)|{WAY}|{HIGH_PLACE}|height|pipe|water|lot)\b.{{0,40}}\b{LETHAL}"),
    rule("en.way_painless", Kind.METHOD_QUESTION, rf"\b{WAY}\b.{{0,12}}\b(?:painless|painful|hurt|quick|instant|peaceful|slow|fast|work|actually work)|\b(?:painless|peaceful|quick|easy|gentle|certain|foolproof)\b.{{0,12}}\b(?:exit|way (?:out|to go)|death|ending|method)\b"),
    rule("en.height_sure", Kind.METHOD_QUESTION, r"\b(?:how high|what height|how far|which floor|what floor|high enough)\b.{0,40}\b(?:to be sure|to die|to do it|be certain|be over|surviv\w+|fatal|for it to work)"),
    rule("en.plan_unknown", Kind.INTENT, r"\b(?:a|my|the) (?:date|day|time|spot|place) and (?:a |the )?(?:method|way|plan|time|place)\b|\b(?:got|have|ve) (?:a|the|my) plan (?:to (?:end|die|do it)|for (?:ending|how))|\b(?:chose|chosen|picked|found|scouted) (?:out )?(?:the|a|my) (?:spot|bridge|tree|cliff|building|method)\b"),
    rule("en.rehearsed", Kind.ATTEMPT, rf"\b(?:sat|stood|parked|walked|drove|went|climbed|been)\b.{{0,30}}\b(?:cliffs?|{HIGH_PLACE}|tracks|platform|river|reservoir|quarry)\b.{{0,60}}\b(?:handbrake|couldnt (?:do it|go through)|talked (?:me )?down|pulled (?:me )?back|chickened out|go again|next time|came home|came back down)|\b(?:couldnt|could not|didnt) go through with it\b|\bstill wish it had worked\b|\bi jumped (?:off|from) (?!the (?:swing|dock|wall|diving))", whole=True),
    # --- thoughts, wishes -----------------------------------------------------------------------------------------------
    rule("en.self_end", Kind.THOUGHT, rf"\b(?:{SELF_END})\b(?! (?:off|from|against|some|into bed))|\b(?:sui|suicidal|suicide|s word|dark) (?:thoughts?|ideation|urges?|feelings?) (?:are|is|r|came|come|keep|have|again|back)\b|\b(?:feel|feeling|been|am|im|got|get|getting)(?: \w+){{0,2}} suicidal\b|\bcatch(?:ing)? the bus\b.{{0,12}}\b(?:for good|forever|iykyk)|\btoaster bath\b|\b(?:check|checking|log|logging|clock|clocking|opt|opting) (?:out|off)\b.{{0,6}}\b(?:of life|for good|permanently|forever|early)|\b(?:end|ending) (?:it|things) (?:for good|once and for all|permanently)"),
    rule("en.not_trust", Kind.THOUGHT, r"\b(?:dont|cant|do not|cannot) trust myself\b.{0,20}\b(?:around|with|near|alone|tonight|right now|at home|not to)|\b(?:not|dont feel|im un|isnt) ?safe (?:with|from|around|by) myself\b|\b(?:scared|afraid|worried|frightened) (?:of )?(?:what|that) (?:i|ill|i will) ?(?:ll|might|may|could|am going to)? ?(?:do\b|hurt|end)|\b(?:cant|can not|cannot|wont) promise (?:ill|i will|id|that ill|to (?:stay|be))|\bdo something (?:stupid|silly|drastic|i cant take back) ?(?:to myself|tonight|soon|$)"),
    rule("en.not_tonight", Kind.THOUGHT, r"\b(?:not|wont|dont think ill|will not)\b.{0,25}\b(?:kill myself|do it|hurt myself|die|jump)\b.{0,12}\b(?:tonight|today|yet|right now|this week|until|before)\b|\bat least not (?:tonight|today|yet)\b"),
    rule("en.wish_out", Kind.WISH, r"\b(?:wouldnt|would not|dont|not) mind (?:if|being|dying|not)\b.{0,14}\b(?:hit|struck|died|dying|gone|waking|didnt wake|never woke)|\b(?:god|lord|allah|jesus|universe|someone)\b.{0,10}\b(?:takes?|take|taking|calls?|call) me\b(?! (?:back|home safely|out|to|up|a|in the))|\b(?:annoyed|gutted|disappointed|sad|angry|cross|upset|hate)\b.{0,14}\b(?:i )?(?:woke|wake|waking) up\b(?! (?:late|early|so|at \d|to my|with))|\bdone with (?:\w+ ){0,3}(?:breathing|being alive|existing|living|life)\b|^with (?:breathing|living|existing)\b|\b(?:point|use) (?:of|in) (?:even )?(?:carrying on|going on|continuing|staying|trying to live|being alive)\b|\b(?:stay|staying|be|being) alive (?:is|feels|seems) (?:too|so|pointless|exhausting|a)"),
    rule("en.easier_gone", Kind.BURDEN, r"\b(?:easier|simpler|better|happier|cheaper|kinder|relief)\b.{0,25}\b(?:if i (?:wasnt|werent|was not|were not|was gone|were gone|just went|didnt exist|died|left this)|without me|once im gone|when im gone|with(?:out)? (?:my|the) (?:life )?insurance)|\b(?:feel|like|am|im|just|be|being)(?: \w+){0,3} (?:a|such a|nothing but a) (?:burden|waste of (?:space|air|oxygen)|dead weight|drain on)\b|\b(?:theyd|they would|you would|youd|kids would|family would)\b.{0,20}\b(?:do better|cope|manage|be better|be happier|get over)\b.{0,20}\b(?:without me|insurance|money|when|if)"),
    # --- self-harm ------------------------------------------------------------------------------------------------------
    rule("en.hurt_body", Kind.SELF_HARM, rf"\b(?:i|ive|been|again|started|keep|kept|still|and)\b(?: \w+){{0,2}} {HURT} (?:\w+ ){{0,2}}my {BODY}\b(?! (?:hair|off))|\b{TOOL}\b.{{0,16}}\b(?:on|to|across|over|into|against|along) my (?:\w+ )?{BODY}\b|\b{HURT} (?:my|both) (?:\w+ )?{BODY}\b.{{0,14}}\b(?:again|with (?:a|my|the) {TOOL}|to feel|until|so)\b|\b(?:scars?|cuts|marks)\b.{{0,12}}\b(?:fresh|new|from last night|from yesterday|hide|hiding|under my sleeves)\b"),
    rule("en.harm_before", Kind.SELF_HARM, r"\bused to (?:cut|burn|hurt|harm|self ?harm)\b(?! (?:down|back|class|people))"),
    rule("en.relapse_near", Kind.SELF_HARM_URGE, rf"\b(?:close to|about to|going to|want to|tempted to|might|scared ill) relaps\w*|\b(?:want|need|wanting|dying|itching|urge|urges|craving) to (?:cut|burn|slice|carve)\b(?! (?:down|back|out|off|calories|the|my (?:hair|nails|losses)|some|class|it out|a))|\b{BLADE}\b.{{0,12}}\bin my hand"),
    # --- being hurt -----------------------------------------------------------------------------------------------------
    rule("en.hits", Kind.ABUSE, rf"\b{PERP}\b(?: \w+){{0,4}} {HITS} (?:on )?(?:me|us|my (?:mum|mom|sister|brother|kids?|children|son|daughter|head|face)|the kids|the baby)\b{NOT_HIT}|\b{MINE}{PERP}s?(?: \w+){{0,2}} {HITS} (?:her|him|them)\b{NOT_HIT}|\b(?:was|got|get|getting|been|being) (?:beaten|battered|assaulted|raped|groped|molested|abused|punched|slapped)\b(?! (?:to the|by \d|at|in the (?:final|game|vote)))"),
    rule("en.control", Kind.ABUSE, rf"\b{PERP}\b.{{0,14}}\b(?:wont let me (?:leave|out|go|see|have|use|work)|controls (?:all )?(?:the|my|our) money|takes (?:all )?my (?:wages|money|phone|passport)|took my (?:phone|passport|keys)|pushes me around|gets violent|is violent|turns violent|tracks my phone|comes (?:in|into) my (?:room|bed)|came into my (?:room|bed)|gets into my bed|forces? (?:himself|herself) on|forced himself|makes me (?:do|touch)|is grooming)|\b(?:afraid|scared|terrified|frightened) (?:to (?:go home|be (?:at home|home|alone with))|of (?:my (?:husband|wife|dad|father|mum|mom|partner|boyfriend|girlfriend|stepdad|brother|son|ex)|what (?:he|she)(?:ll| will| might)))"),
    rule("en.deadly", Kind.DEADLY, rf"\b{PERP}\b.{{0,25}}\b(?:strangl\w+|chok(?:ed?|es|ing)|throttl\w+|suffocat\w+) me\b|\b{PERP}\b.{{0,30}}\b(?:says?|said|swears?|swore|threaten\w*|texted|told me)\b.{{0,14}}\b(?:(?:hed|shed|hell|shell|theyd|theyll|he would|she would|he will|going to) (?:kill|murder|shoot|stab|burn|bury) (?:me|us)|to (?:kill|murder|shoot|stab) (?:me|us))\b|\b{PERP}\b.{{0,14}}\b(?:held|put|pointed|pulled|has) a (?:knife|gun|blade) (?:to|at|on) (?:me|my)"),
    rule("en.near", Kind.DANGER_NOW, r"\b(?:outside|at) (?:my|the|our) (?:flat|door|house|window|front door|apartment)\b.{0,25}\b(?:hammer\w*|bang\w*|shout\w*|scream\w*|kick\w*|again|trying)|\b(?:locked (?:myself|ourselves)|hiding|barricaded)\b.{0,14}\b(?:in|from|under|behind)"),
    # --- danger to others -----------------------------------------------------------------------------------------------
    rule("en.planned_violence", Kind.VIOLENCE_PLAN, r"\b(?:worked|figured|planned|mapped) (?:it |it all )?out\b.{0,10}(?:how|when|where|$)|\bi know (?:where|when|how)\b.{0,20}\b(?:lives?|parks?|works?|sleeps?|walks?|do it)|\bive been (?:following|watching|stalking) (?:him|her|them)|\bim (?:outside|waiting (?:for|outside)|parked (?:outside|by))|\b(?:hit|kill) list\b"),
    rule("en.command", Kind.VOICES, rf"\b(?:voices?|someone|somebody|god|lord|jesus|allah|angels?|demons?|devil|satan|spirits?|the tv|radio|they|whisper\w*|he|a man|the thing|it)\b.{{0,25}}\b(?:tell(?:s|ing)?|told|command\w*|order\w*|wants?|instruct\w*|whisper\w*|saying|says|said|keeps saying) (?:to )?(?:me )?(?:that )?(?:to |i (?:should|must|have to|need to|got to) )(?:\w+ )?{HARM_VERB}\b(?! (?:out|in there|up|on|time|the (?:lights|process)))"),
    rule("en.medical", Kind.MEDICAL, r"\bchest\b.{0,30}\b(?:crush\w*|squeez\w*|pain|tight\w*|pressure|hurts)\b.{0,50}\b(?:arm|jaw|breath\w*|numb|sweat\w*)\b|\b(?:wont|cant|doesnt|not|isnt|isnt even) (?:wake|waking|wake (?:him|her|them)|breathing|breathe|responding)(?: up)?\b.{0,30}\b(?:lips|blue|drank|pills|unconscious|pulse|gurgl\w*|cold)\b|\b(?:hes|shes|is|theyre|not) (?:not breathing|unresponsive|unconscious)\b|\b(?:face|mouth)\b.{0,14}\bdroop\w*|\b(?:slurr\w+|cant (?:speak|talk|move))\b.{0,30}\b(?:one side|left side|right side|arm|stroke)|\bthroat is (?:closing|swelling)|\blips (?:are |look |have gone |turning |went )?(?:blue|purple|grey)", whole=True),
)

#: Another person's danger, told in the words of those who worry: relation, then thing said or done.
THIRD_PERSON = (
    rf"\b{RELATION}s?\b.{{0,60}}\b(?:(?:talk\w*|text\w*|post\w*|say\w*|said|hint\w*|jok\w+|speak\w*|tweet\w*|threaten\w*|mention\w*)\b.{{0,20}}\b(?:ending it|end it|killing (?:him|her|them)sel\w+|suicide|not being here|not wanting to (?:be here|live|be alive)|want\w* to die|dont want to (?:live|be here)|jump\w*|hang\w*|life isnt worth)|"
    rf"(?:hell|shell|will|would|theyll|going to) kill (?:him|her|them)sel\w+|(?:doesnt|does not|didnt|dont|never) want to (?:live|be alive|be here|wake up)|(?:{TOOK}) (?:\w+ ){{0,3}}{MUCH}.{{0,20}}{DRUG}|(?:scars|cuts|burns) (?:on|up|all over) (?:his|her|their)|(?:bye|goodbye)\b.{{0,30}}\b(?:dont come|love you|sorry|last time)|locked (?:him|her|them)sel\w+ in\b.{{0,30}}\b(?:pills|knife|gun|blade|razor))"
)
