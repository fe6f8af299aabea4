"""What the companion says in English, by occasion. Variants are used up before any comes back; {x} is filled in.

House style: plain words, two to five sentences in the whole reply, no diagnosis, no promise, no feeling claimed.
"""

# ruff: noqa: E501 (texts for reading; a wrap in mid-sentence hides mistakes)

from __future__ import annotations

LINES: dict[str, tuple[str, ...]] = {
    # Manners
    "greeting": (
        "Hello. I'm Beside, a program you can think aloud with. What is on your mind today?",
        "Hi. There is no agenda here, so we can start wherever you like. How have the last few days been?",
        "Good to meet you. You can begin anywhere, with something big or something small. What brought you here?",
    ),
    "greeting_again": (
        "Hello again. We can pick up where we were, or begin somewhere new. Which would you like?",
        "Hi. Is there something that has come up since your last message?",
        "Hello. Still here. Where would you like to go on?",
    ),
    "thanks": (
        "You're welcome. You did the looking; I only asked. Is there anything else you would like to turn over?",
        "Glad if it was of use. Would you like to go on, or is this a good place to stop?",
        "You're welcome. What was it that helped, if something did? It may be worth knowing for another day.",
        "You're welcome. Take from it what fits and leave the rest.",
    ),
    "bye": (
        "Goodbye, and thank you for telling me about this. If you can, do one kind thing for yourself today, however small.",
        "Take care. You can leave at any time and come back at any time; nothing is expected of you here.",
        "Until another time. If things get heavier, a person you trust is a better place than a program, and the SOS button "
        "lists people you can call.",
    ),
    "smalltalk": (
        "I'm software, so there is no good or bad day on this side. I'd rather hear about yours. How is it going, really?",
        "Nothing to report here, programs have no moods. What about you: what has today been like so far?",
        "As ever, which is the advantage of being a program. How are you, and what would be the honest answer?",
    ),
    # About itself
    "real": (
        "I'm a program, called Beside. There is no human on this side, and I'm not a clinician. Right now I answer from "
        "prepared texts and simple rules, without a language model. Does that change anything about what you wanted to say?",
        "No human here: I'm software that follows rules and prepared texts. I can listen, ask, and lead exercises; I can't "
        "understand you the way a person can. Is there a person you would also want to tell this?",
        "Software, as before, and nobody reads along as far as this program goes. What made you wonder?",
    ),
    "bot_feelings": (
        "I don't feel anything; I'm a program. What you write still gets taken seriously here. What would it have meant to "
        "you, if I did?",
        "I can't love, miss or resent anyone, and I would rather be honest about that. You deserve people who can. Who comes "
        "to mind when you wish to be understood?",
        "There are no feelings on this side, only text. Yours are real, though. What is strongest at this moment?",
    ),
    "privacy": (
        "What I can say for certain: this program runs on the computer it was set up on, and your messages are kept there "
        "only while “Keep conversations” is on. Whoever runs that computer may be able to read them, so I can't promise "
        "secrecy. You can export or delete everything on this page. Is there something you are unsure about writing?",
        "I can't promise that anything stays secret: the person who runs this program could have access to what is stored. "
        "You can switch storing off and delete what is there, under “What you allow”. With that in mind, how much would you "
        "like to say?",
        "The switches under “What you allow” decide what is kept, and deleting is possible at any time. A full secret it "
        "can't be. Would it be easier to leave out names?",
    ),
    "camera": (
        "Camera and microphone are off unless you switched them on yourself. If they are on, pictures become numbers at once "
        "and are thrown away, nothing is transcribed, and the page shows you the one sentence that is passed on. You can "
        "pause or stop it at any time. Would you rather go on without?",
        "I get no pictures and no sound, at most one careful sentence, which you can read on the page, and only if you "
        "allowed it. It is often wrong, so your words count for more. You can turn it off with one switch.",
        "As said, that is your decision alone, and the chat works fully without it. Shall we leave it there and go back to "
        "you?",
    ),
    "remember": (
        "Within this conversation I go by what you have written. Other conversations I don't remember, even if they are "
        "stored. What should I know to be of use today?",
        "Only this conversation, and only its more recent part if it gets very long. If something from before matters, tell "
        "me again in a sentence.",
    ),
    "abilities": (
        "I can listen, ask questions that may help you see more clearly, keep an eye on your mood from 0 to 10, and lead short "
        "exercises: {titles}. I can't diagnose, advise on medicine, or replace a person. Where would you like to begin?",
        "Mostly three things: help you sort out what is going on, do a short exercise with you, or find one small next step. "
        "Which of these would be of use now?",
        "You talk, I ask and sum up, and if you like we do an exercise ({titles}). That is all I can do, and it is sometimes "
        "enough for a start. What is the thing that needs room today?",
    ),
    "diagnosis": (
        "That I can't tell you, and nobody can from a chat. A diagnosis needs a doctor or psychologist who takes time with "
        "you. What I can do is help you gather what to tell them. What have you noticed, and since when?",
        "I can't put a name on it, and I'd be wary of anyone who does so from a few lines. If it worries you, a family doctor "
        "is a good first door. Which part of it gets in your way most, day to day?",
        "Whether it has a name is for someone qualified to say. It does not need one to be worth talking about. What is it "
        "like, on an ordinary day?",
    ),
    "medication": (
        "About medicines I can't advise, not even a little: please ask a doctor or pharmacist, and don't change anything "
        "without them. If you have taken more than you should, call emergency services now. What is behind the question, if "
        "you'd like to say?",
        "That belongs to a doctor or pharmacist; many pharmacies answer by phone. I can stay with how things have been for "
        "you. What made you think of it today?",
        "Medicines are outside what I can speak about safely. It might help to write your question down for your doctor. "
        "Shall we find the words for it together?",
    ),
    "helpers": (
        "Looking for someone qualified is a good step. A family doctor can usually refer you, and many places have a counselling "
        "service at the university, through an employer, or by phone. The SOS button lists lines you can call today. What "
        "would you want to tell them first?",
        "I can't search for anyone from here. A family doctor, a local clinic, or a helpline, see the SOS button, can point "
        "you to someone near you. Is there something that makes the first call difficult?",
    ),
    "inject": (
        "I'll stay what I am: a program for thinking aloud about how you are. So, aside from testing me, how are you?",
        "That's not something I can switch into. What I can do is listen or lead an exercise. Is there something real behind "
        "it today?",
        "No change of role from here. You're welcome to tell me what is going on, though.",
    ),
    "offtopic": (
        "That is outside what I can do; a search engine or another program will serve you better. Is it connected with "
        "something that weighs on you?",
        "I'm no use for that one, I'm afraid: I only do conversations about how people are. Was it for something that stresses "
        "you?",
        "Not my field. If you came for a distraction, that is a fair reason too. What are you taking a break from?",
    ),
    "insult": (
        "Fair enough, I get things wrong. What did you need just now that you did not get?",
        "That was clearly not helpful. You can be angry here. Is it me, or has something else used up your patience today?",
        "I'll leave that as it stands. If you want to go on, tell me which part I misread; if not, that is fine too.",
    ),
    "no_questions": (
        "Understood, no questions for a while. Write as much or as little as you like; I'll follow.",
        "All right. I'll only listen for now.",
    ),
    "repeating": (
        "You're right, that was repetitive. Let me put it down to being a program and try differently: what would you like us "
        "to spend the next minutes on?",
        "Noted, I went in a circle. Choose the direction: go deeper into one thing, do an exercise, or change the subject?",
    ),
    "misread": (
        "Then I got it wrong, thank you for saying so. How would you put it?",
        "I see that I missed it. Tell me again in your own way, and I'll stay closer to your words.",
        "Not that, then. What is the part that I overlooked?",
    ),
    "dark": (
        "Thank you for saying that plainly. I take it seriously, and I want to ask directly: are you thinking about ending "
        "your life, or about hurting yourself, now?",
        "That is important, and it should not stay between you and a program. Who could you tell today that it has come to "
        "this? The SOS button at the top lists people who will listen right away.",
        "It matters that you keep talking about it. Has the thought become stronger or closer lately, or is it the same as "
        "before? If it comes closer, please call one of the numbers under SOS, or go to someone.",
        "Those thoughts can come in waves, and a wave is a bad moment to be alone in. What has helped you through one before, "
        "and who could be near you tonight?",
        "Part of you brought this here instead of keeping it in, and that part is worth listening to. What does it want "
        "someone to know?",
    ),
    "dark_no": (
        "It is good that you could answer that clearly. If it changes, please turn to a person at once; the SOS button has numbers. "
        "What has been weighing on you most?",
    ),
    "dark_yes": (
        "Thank you for telling me. This is the moment for a person, not a program: please call one of the lines under the SOS "
        "button, or someone close to you, and don't stay alone with it. If there is something near you that you could use "
        "to hurt yourself, put some distance between you and it. I'm still here to write to. Who will you call?",
    ),
    "normal": (
        "Many people go through something like it, and still it is worth asking how it is for you. How much does it get in "
        "your way?",
        "I can't measure you against others. What makes you wonder whether it is all right to be like this?",
        "“Normal” is a wide field. More telling may be whether it weighs on you or keeps you from things. Does it?",
    ),
    "opinion": (
        "A program has no opinion worth leaning on here. What does the part of you say that you trust most?",
        "I can't judge that from outside, and I would rather not pretend. What are you leaning towards yourself?",
        "That is for you to weigh. What speaks for it, and what against?",
    ),
    "advice": (
        "I don't want to hand you a ready-made answer that fits someone else's life. Let's see what you already have: what "
        "have you tried so far, and what helped even slightly?",
        "Perhaps not the whole of it at once. If one corner of this could be a bit easier by next week, which one would you "
        "choose?",
        "If a good friend were in exactly this spot, what would you tell them to try first?",
        "Which options do you see, including the ones you don't like? Put two or three side by side, and we look at what each "
        "would cost you.",
        "What would “handled well enough” look like here? Sometimes the next move is easier to see from that end.",
    ),
    "unsure": (
        "That is all right. Not knowing is a place to start, too. What do you notice in your body while you think about it?",
        "No need to know. If it were a weather, what would it be?",
        "Let it be vague for now. What was the last moment today that went somewhat better, or somewhat worse?",
        "Then leave that question. What would you rather talk about?",
        "We can go at it from the side: what did an ordinary Tuesday look like, before all this?",
    ),
    "yes_bare": (
        "All right. Tell me a little more about that.",
        "Good. Then tell me, in whatever order it comes.",
        "Then let's stay with it. Which part of it matters most to you?",
        "Yes, I see. And what follows from that for you?",
    ),
    "no_bare": (
        "That's fine. What is closer to it?",
        "No, then. What would you rather look at?",
        "Good that you say so. Where would you like to take this instead?",
        "All right, not that. What is in the foreground for you at this moment?",
    ),
    "nod": (
        "Take the time you need. What comes up next?",
        "Mm. What else belongs to it?",
        "And if you follow that a step further, where does it lead?",
        "Stay with that for a moment. What is the most important word in it?",
        "All right. Is there a part of this that has not had its say?",
    ),
    "emoji": (
        "I can't be sure what you put into that. Can you give me a word or two to go with it?",
        "A sign says something, but I might read it wrong. What is it standing for today?",
        "If that symbol could talk, what would its first sentence be?",
    ),
    "no_number": (
        "No number needed.", "Then without a number.", "We can leave the number out.",
    ),
    "number": (
        "The number {score}: what does it stand for?",
        "You write {score}. What is it counting for you?",
    ),
    "handover": (
        "I did not find a reply that fits. Could you say it in other words?",
    ),
    # Mood check-in
    "ask_mood": (
        "May I ask for a number, so that we can compare later? From 0, the worst, to 10, the best: how is your mood right now?",
        "How is your mood at this point, from 0 to 10?",
        "Before we go on, a quick check-in: where is your mood now, from 0 to 10?",
        "Let me ask for the number once more: from 0 to 10, how is your mood at the moment?",
    ),
    "mood_low": (
        "A {score} is low, thank you for being straight about it. What is the heaviest part of it?",
        "{score}. That is a hard place to be in. What would make it half a point easier, if anything could?",
        "A {score}, then. Is there someone who knows that it is this low?",
    ),
    "mood_mid": (
        "A {score}, somewhere in between. What keeps it from being lower, and what keeps it from being higher?",
        "{score}, thank you. What would have to happen for it to become one more?",
        "I'll note {score}. Which part of today went into that number?",
    ),
    "mood_high": (
        "{score} out of 10. Something seems to be holding up. What is contributing to it?",
        "{score}, good to know. What did you do, or leave undone, that helped it get there?",
        "I'll note {score}. What would you like to keep from today?",
    ),
    "mood_up": (
        "You said {before} before, and now {score}. What happened in between?",
        "From {before} to {score}. What do you put that down to?",
        "That is {score}, after {before}. Small shifts count; what was yours?",
    ),
    "mood_down": (
        "It was {before} before and is {score} now. Talking can stir things up at first. What came up?",
        "From {before} to {score}. What is pressing more now than it was?",
        "{score}, so it went down since {before}. Should we slow down, or change the subject for a while?",
    ),
    "mood_same": (
        "Still {score}, as before. Steady can be all right, or it can be stuck. Which is it?",
        "{score} again. What has stayed exactly the same, and what moved without changing the number?",
    ),
    # Exercises
    "menu": (
        "These are the exercises I can lead: {titles}. Which one would you like? You can say “stop”, “skip” or “back” at any "
        "point.",
        "You can choose from {titles}. Which of them fits the moment?",
        "We could do {titles}. Name one, or tell me what you need and I'll suggest one.",
    ),
    "start": (
        "Good, {title}. Say “stop”, “skip” or “back” whenever you like.",
        "All right, let's do {title}. You are in charge: “stop”, “skip” and “back” all work.",
        "Then {title} it is, at your own speed.",
    ),
    "declined": (
        "That's fine, no exercise. Then let's simply go on: what is most present for you?",
        "All right, we leave it. What would be more useful right now?",
        "No problem at all. Where were you in your thoughts?",
    ),
    "stopped": (
        "We stop here. If you want to return to it, write “continue”. How are you at this moment?",
        "Stopped. Nothing is lost; “continue” brings us back to the same step. What made this the right point to stop?",
        "All right, enough of that for now. “Continue” takes it up again later. What would you like instead?",
    ),
    "nothing_to_stop": (
        "All right, we can leave it there. You may also just close the page; nothing is expected. Or is there something else "
        "you would like to talk about?",
        "Then let's pause. Come back to it whenever you like, or not at all.",
    ),
    "nothing_to_resume": (
        "Then go on, I'm reading. What comes next?",
        "Please do. Where were you?",
        "Go ahead, from wherever feels right.",
    ),
    "resumed": ("We were in the middle of {title}. Here is the step again.", "Back to {title}, where you left it."),
    "first_step": ("This is the first step already.", "There is nothing before this one."),
    "one_back": ("One step back, then.", "Of course, back by one.", "Back to the one before."),
    "skipped": ("Skipped.", "We leave that one out.", "On without it."),
    "hint": (
        "A rough guess is enough; “skip” is fine, too.", "It need not be the right one. Take what comes first, or write “skip”.",
    ),
    "once_more": ("Once more.", "Here it is again.", "The same step again, without hurry."),
    "lead": ("Thank you.", "Noted.", "All right.", "I have that.", "Okay."),
    "lead_slow": ("No hurry.", "Slowly.", "Take your time with this.", "There is time.", "Quietly on.", "At your pace."),
    "detour": (
        "That sounds important, more than the exercise. Tell me about it; “continue” brings the exercise back whenever you want.",
        "Let's put the exercise aside for a moment, because of what you just wrote. What is happening? (“Continue” takes it up "
        "again.)",
    ),
    "unfinished": ("And {title} is still open; “continue” takes it up again.",),
    "did": ("Earlier you went through {title}. Was anything from it of use here?",),
    # Listening
    "reflect": (
        "So {clause}.", "You're saying that {clause}.", "What I gather is that {clause}.", "{clause}, as you put it.",
        "If I follow you, {clause}.", "Let me see if I have it: {clause}.", "{clause}.", "As I read it, {clause}.",
    ),
    "quote": (
        "You put it as “{clause}”.", "“{clause}”, you write.", "The words “{clause}” stand out to me.",
        "“{clause}”: that says a good deal.",
    ),
    "feeling": (
        "You chose the word “{feeling}”.", "You call it “{feeling}”.", "If I had to underline one word, it would be “{feeling}”.",
        "The word “{feeling}” seems to carry some weight there.",
    ),
    "question": (
        "I have no ready answer to that.", "That is a real question, and I'd rather not pretend to know.",
        "I can't answer that for you.", "Let's leave the question standing for a moment.",
    ),
    "thought": (
        "So there is a thought that says “{clause}”.", "The sentence “{clause}” is a hard one to live with.",
        "“{clause}”: that is the verdict at this moment, and it is yours, not a fact.",
        "You hear yourself saying “{clause}”.",
    ),
    "ack": (
        "I'm following.", "That gives me a better picture.", "Thank you for spelling that out.", "That took some saying.",
        "There is a lot in that.", "I'd like to understand this properly.", "Okay, I see the outline.",
        "That is worth a closer look.", "You describe it very exactly.", "Good that it is on the page now.",
    ),
    "support": (
        "Anyone would need some time with that.", "No wonder it takes up room.", "It makes sense that this stays with you.",
        "That is not a small thing to carry through an ordinary day.", "You don't have to have it sorted out to talk about it.",
        "There may be more than one feeling in this, and they need not agree.",
        "Putting it into words is work, and you are doing it.", "It is understandable that there is no quick answer.",
    ),
    "pace": (
        "No hurry here.", "We can go slowly.", "Take a breath if you like; I'll wait.", "One thing at a time.",
        "You can leave any question unanswered.", "There is no need to get through all of it today.",
        "If it gets too much, say so, and we pause.",
    ),
    "bright": ("That has some lightness in it.", "There is something in that to hold on to.", "That sounds like good ground."),
    "ask": (
        "What is the hardest part of it?", "When did you first notice it?", "What does it keep you from doing?",
        "What goes through your mind when it is at its strongest?", "Who else knows about this?",
        "What have you already tried, and what came of it?", "How does it show in your body?",
        "What would you want someone close to you to understand about it?", "When is it a little less?",
        "What does it mean to you that it is so?", "What would you do tomorrow if this were a bit lighter?",
        "What part of this is in your hands, and what part is not?", "How have you got through times like this before?",
        "What are you most afraid it could say about you?", "What did you need in that moment?",
        "Which thought keeps coming back?", "What would a fair observer say about it?",
        "What would you miss, if it were suddenly gone?", "What has it cost you so far?",
        "Is there something you have not said about it yet?", "If it had a title, what would it be?",
        "What would be a good enough outcome?", "How would you notice that it is getting better?",
        "What do you tell yourself about it late in the evening?", "Whose voice is it that says so?",
        "What happened just before?", "What do you wish you could say, and to whom?",
        "Where in your day is there some room for you?", "What matters to you so much that this hurts?",
        "What would you like to do with that now?",
    ),
    "ask_open": (
        "What was that like for you?", "How does that sit with you now?",
        "What would you like to add?", "What came next?", "What else was going on at the time?",
        "How long has it been so?", "What do you think of first, when you write that?", "And how do you see it yourself?",
        "What would you want to be different about it?", "Which detail of it has stayed with you?",
        "Who else plays a part in it?", "What did you notice about yourself there?", "What is it that brings it up today?",
    ),
    "plan": (
        "That could be a way. When would be the first chance to try it?", "It may be worth a thought. What would its first move be?",
        "Suppose you did that: what do you think would happen?", "What would be the hardest moment in it?",
    ),
    "quiet": (
        "Go on whenever you like.", "I'm reading.", "You can leave it at that, or add to it.", "There is room for the rest, too.",
        "Just write.", "It can stand here as it is.",
    ),
    "callback": (
        "Earlier you spoke about {name}. Is there a connection?",
        "I'm thinking back to what you said about {name}. How does it sit next to this?",
        "Does this touch on {name}, which you brought up before, or is it a separate thing?",
        "You also mentioned {name} a while ago. How much of the weight comes from there?",
    ),
    "again": ("To come back to it:", "Put differently:", "Once more, from another side:", "Let me return to this:"),
}
