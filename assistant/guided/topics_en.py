"""What the companion says in English about each topic of cues.TOPICS: `says` once each, then `asks`; `name` to refer back."""

# ruff: noqa: E501 (texts for reading; a wrap in mid-sentence hides mistakes)

from __future__ import annotations

from assistant.guided.voice import Topic

TOPICS: dict[str, Topic] = {
    "hurt": Topic(
        "what was done to you",
        ("What others do to you is not your fault, whatever came before.",
         "Nobody has the right to treat you like that.",
         "You decide how much of this you tell, and to whom."),
        ("Are you safe where you are now?", "Is there someone who knows about it and is on your side?",
         "What would make you feel a little safer this week?"),
    ),
    "grief": Topic(
        "your loss",
        ("Grief keeps no timetable.", "When someone mattered that much, the gap is just as large.",
         "Missing someone can come in the middle of the most ordinary things."),
        ("Would you like to tell me something about them?", "When is the gap most noticeable?",
         "What did they know about you that few others know?", "How do the people around you deal with it?"),
    ),
    "breakup": Topic(
        "the separation",
        ("A break-up takes away a person and a piece of everyday life at the same time.",
         "It can hurt even if there were good reasons for it.", "Part of you may still be in the old routine."),
        ("At what time of day is it hardest?", "What do you miss, and what do you not miss?",
         "What has become of the things you used to do together?", "Who were you before this relationship that you might meet again?"),
    ),
    "panic": Topic(
        "those moments of panic",
        ("That is very frightening while it lasts, and it does pass.",
         "A body in alarm can do all this. If you are unsure what it is, or it does not let up, let a doctor have a look.",
         "It often feels endless from the inside, though it rises and falls."),
        ("Is it happening right now, or are you looking back on it?", "What was going on just before it began?",
         "What did you do to get through the last one?", "What do you do since then to avoid it?"),
    ),
    "sleep": Topic(
        "your sleep",
        ("Short nights make everything louder the next day.", "Lying awake while everyone else sleeps can be a lonely business.",
         "Sleep is one of the few things that get worse the harder one tries."),
        ("What goes through your head when you lie awake?", "What does the last hour before bed look like?",
         "When did you last sleep reasonably well, and what was different?", "What do you do when you have been awake for a while?"),
    ),
    "study": Topic(
        "your studies",
        ("When so much seems to hang on a result, it is hard to just sit and work.",
         "A mark measures an afternoon, even if it feels like a verdict.",
         "Studying under pressure takes twice the effort for half of it to stay."),
        ("What do you fear would follow if it went badly?", "Which part of the material weighs most?",
         "How do you speak to yourself while you are working?", "What does a realistic day of studying look like for you?"),
    ),
    "work": Topic(
        "your work",
        ("Work has a way of following people home.", "One can be good at a job and still be ground down by it.",
         "It is tiring to keep functioning while something is not right."),
        ("What about work is on your mind most at present?", "Which part of the day do you dread?", "What would have to change for it to be bearable?",
         "Who at work is on your side?", "What do you take home with you in the evening?"),
    ),
    "drink": Topic(
        "the drinking or using",
        ("It takes some courage to look at that without excuses.", "Usually it once solved something, or seemed to.",
         "A slip doesn't undo what you managed before it."),
        ("What does it do for you, in the first half hour?", "When is the pull strongest?",
         "What would be different on a day without it?", "Is there someone, a doctor or a group, who knows?"),
    ),
    "partner": Topic(
        "your relationship",
        ("With the person closest to us, small things rarely stay small.", "One can love someone and be worn out by them.",
         "It is hard to hear each other when both are hurt."),
        ("What would you like them to understand?", "How does it usually go, from the first word to the silence after?",
         "What do you do when it gets tense?", "When was it last good between you?"),
    ),
    "family": Topic(
        "your family",
        ("In families, old parts get played long after everyone has grown up.",
         "It is possible to care about them and to need distance.", "Some expectations are never spoken, and they weigh the most."),
        ("What would you want from them that you don't get?", "Which role falls to you there?",
         "What happens in you when they say that?", "Where would a boundary help?"),
    ),
    "child": Topic(
        "your child",
        ("With one's own child, little things go deep.", "That it stays with you shows how much it matters to you.",
         "Nobody is patient every hour of the day, and a bad moment can be mended."),
        ("What would you like your child to know?", "What happened just before, on your side?",
         "How do the two of you usually find back to each other?", "Who takes over when you can't any more?"),
    ),
    "friend": Topic(
        "what happened with your friends",
        ("What happens between friends often matters more than it seems to from outside.",
         "It is painful not to know where one stands with people.", "Friendships seldom come with a place to complain."),
        ("What would you say to them if it could not go wrong?", "What did this friendship mean to you until now?",
         "What do you think they would say about it?", "Is there someone with whom it is different?"),
    ),
    "lonely": Topic(
        "being alone with things",
        ("Loneliness can be there in a full room, too.", "Wanting closeness is not a weakness.",
         "Evenings alone can be very long."),
        ("When did you last feel connected to someone, even briefly?", "Whom would you write to, if it were easy?",
         "What makes the first step towards people hard?", "What kind of company would do you good?"),
    ),
    "money": Topic(
        "the money worries",
        ("Money worries run along in the background of everything.", "It is hard to rest while a sum goes round in one's head.",
         "There is often shame in it, although arithmetic is nobody's character."),
        ("Which bill or date frightens you most?", "Who could look at the figures with you, a debt advice service perhaps?",
         "What is the worst you imagine, and how likely is it?"),
    ),
    "health": Topic(
        "your health",
        ("When the body doesn't play along, plans get small.", "Not knowing is sometimes harder than knowing.",
         "Pain takes attention, whether one wants to give it or not."),
        ("What have the doctors said so far, and what remains open for you?", "What can you no longer do that you miss?",
         "How do you get through the bad hours?", "Whom do you let help you?"),
    ),
    "anger": Topic(
        "your anger",
        ("Anger often stands guard over something that matters.", "That would make many people's blood boil.",
         "You can be angry here without having to be fair at once."),
        ("What line was crossed?", "What would you have needed instead?", "What lies underneath the anger?",
         "What do you usually do with anger?"),
    ),
    "worth": Topic(
        "how you see yourself",
        ("That is a hard sentence to say about oneself.", "A thought like that sounds like a fact, and is still a thought.",
         "You would probably not speak like this to somebody you care about."),
        ("Since when do you talk to yourself like that?", "What happened that this thought came up today?",
         "What would someone who likes you say to it?", "Is there one instance, however small, that doesn't fit it?"),
    ),
    "worry": Topic(
        "your worries",
        ("Worries like to pretend that thinking once more will settle it.", "It is exhausting to live through things that may never come.",
         "The head tries to prepare for everything, and the body pays for it."),
        ("If the worry could finish its sentence, how would it end?", "What of this can you do something about?",
         "How likely is it, if you ask the calmer part of you?", "When does it let go of you for a while?"),
    ),
    "tired": Topic(
        "how worn out you are",
        ("That sounds like more than one night's sleep would mend.", "Running on empty makes small things big.",
         "Being this worn out is a signal, not a flaw."),
        ("What takes most of your strength at the moment?", "What could be left undone this week without much harm?",
         "When did you last have an hour that was only yours?", "What used to give you strength?"),
    ),
    "low": Topic(
        "feeling low",
        ("On days like that, even simple things take effort.", "You don't need a good reason to feel that way.",
         "It can be hard to imagine that it was ever different, or will be."),
        ("How long has it been like this?", "What does a day look like at present, from morning on?",
         "What was the least bad moment this week?", "What have you stopped doing that you used to like?"),
    ),
    "good": Topic(
        "the good part",
        ("That is good to read.", "It is worth stopping at something like that for a moment.", "You had a share in that."),
        ("How did you manage it?", "What does it change for you?", "Whom would you like to tell?", "How could there be more of it?"),
    ),
}
