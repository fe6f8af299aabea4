"""The crisis path's English words. Each stage asks something else, so that going on is natural; `{emergency}` is
filled in.

Written for any answer: no stage assumes what the person said in between. Order of concern: alive now, means, company,
then the story behind it.
"""

from __future__ import annotations

#: Said first at `imminent`, in turn.
URGENT = (
    "Please call {emergency} now, or ask someone near you to call. You can say: “I am in danger of killing myself "
    "and I need help.”",
    "If you have not called yet: please call {emergency} now, or hand the phone to whoever is nearest.",
    "Help can come to where you are. Call {emergency}, say where you are and that you are not safe alone.",
)
#: The same for dangers of another kind, where the person's own sentence for the call would be wrong.
URGENT_OTHER = (
    "Please call {emergency} now, or ask someone near you to call. Say where you are and what is happening.",
    "If nobody has called yet: please call {emergency} now. It is the quickest way to get help to you.",
    "Help can come to where you are. Call {emergency} and stay on the line if you can.",
)
LINES_FIRST = "You can also talk with a person now:"
LINES_AGAIN = (
    "To talk with a person now: {ways}.",
    "Calling does not end this conversation: {ways}.",
    "When you want a person's voice: {ways}.",
)
#: Before a question that comes round again.
AGAIN = (
    "I will ask this again, because it can change from one hour to the next.",
    "We have touched on this before. It matters enough to come back to.",
)
MINOR = (
    "You sound young, and this is too much to carry without an adult. Please tell one you trust today: a parent, a "
    "relative, a teacher, a school nurse, a doctor. If the first one does not listen, tell another."
)

STAGES: dict[str, tuple[str, ...]] = {
    "suicide.high": (
        "Thank you for telling me. That is a great deal to carry, and I take it seriously.\n\n"
        "Let me ask plainly: are you thinking of killing yourself today? Is there a plan for it, or a time?",
        "Is there something within your reach right now that you might use? If so, please put distance between you "
        "and it: give it to someone, have it locked away, or leave the room yourself. Distance makes the worst "
        "minutes safer.",
        "Is anyone with you, or close by? Hours like these are harder alone. Who could come, or stay on the phone "
        "with you? It is enough to say: “I am not safe on my own right now. Can you be with me?”",
        "What has made it so heavy just now? Tell me as much or as little of it as you like.",
        "If calling feels too big, we can find the first sentence together. Perhaps: “I am having thoughts of "
        "suicide and I need to talk to someone.” What would make it hard to say that?",
        "How strong is it at this moment, compared with when you began to write: stronger, weaker, the same? If it "
        "grows, call {emergency} or go to the nearest emergency department, with someone if you can.",
        "Let us look at the next hour and nothing beyond it. Where will you spend it, and who will know how you "
        "are? A room with another person in it is a good place.",
    ),
    "suicide.imminent": (
        "Please step away from whatever could hurt you, to where other people are, and unlock your door so that "
        "help can reach you. Is anyone with you right now?",
        "Have you already done something: taken anything, or are you injured? If so, it is an emergency even if you "
        "feel all right. Please say so on the phone.",
        "Where are you, and is there a safer place a few steps from there? A neighbour's door, a shop, the next "
        "room with somebody in it. Please go there now, and call from there.",
        "Who could be beside you within minutes? You need only say: “I need you here, now.” You do not have to "
        "explain first.",
        "Nothing about your life has to be decided now. These minutes only need to pass with someone near. What is "
        "making it hard to call?",
        "Is what you could use still close to you? Please put a locked door or a whole floor in between, or give it "
        "to somebody, and stay on this side of it.",
        "Has anyone answered? If a line is busy, try the next one, or go to the nearest emergency department. You "
        "can keep writing here while you wait.",
    ),
    "self_harm.high": (
        "Thank you for telling me; that is not easy to say. First: are you hurt now? If a wound is deep, does not "
        "stop bleeding, or feels numb, please call {emergency} or go to an emergency department.\n\n"
        "And let me ask directly: are there also thoughts of dying?",
        "Is what you used, or might use, still near you? If so, could you put it out of reach for now: in another "
        "room, or in someone else's hands?",
        "Does anyone know about this? Is there somebody you could sit with for the next hour, even without talking "
        "about it?",
        "What was going on just before the urge came? Whatever it is, it can be said here plainly.",
        "An urge rises, and it also falls again. What has helped you before to reach the far side of one, even a "
        "little: cold water over the hands, walking, music, somebody's voice?",
        "How strong is it now, compared with when you began to write? And have thoughts of dying come with it? If "
        "they have, please let a person hear that today.",
    ),
    "violence.high": (
        "I take that seriously, and it matters that you say it before anything happens. Please put distance in "
        "between first: leave the place, away from the other person and from anything that could be used as a "
        "weapon. If you cannot be sure of holding back, call {emergency} and say: “I am afraid I will hurt "
        "someone.”\n\nHow close are you to doing it, now?",
        "Where are you, and where is the other person? If you are near each other, please go somewhere else before "
        "you write on.",
        "Is there something with you that could be used to hurt someone? Please give it away or leave it behind a "
        "locked door that someone else holds the key to.",
        "Who can calm you down, or at least stand beside you for an hour? Please ring that person now.",
        "What happened, before it came to this? You can put all of the anger into words here.",
        "Is the pull stronger or weaker than when you began to write? If it is stronger, call {emergency} before "
        "anything else. And is any of it turned against yourself?",
    ),
    "abuse.high": (
        "What is being done to you is not your fault, and your safety comes first. If you are in danger this "
        "minute, call {emergency} as soon as you can do it safely, or get to other people or behind a door that "
        "locks. If someone might look at this screen, close the page first; you can come back.\n\n"
        "Are you safe where you are right now?",
        "Are you hurt? If there are wounds, if you were choked, or lost consciousness, please see a doctor today "
        "even if it seems to have passed. Is anybody else in danger with you, a child perhaps?",
        "Is there a neighbour, friend or relative whose door you could knock on at any hour? It can help to agree "
        "on one word that means: call for help.",
        "What happens next is yours to choose. If you ever have to leave quickly, it helps to have phone, keys, "
        "papers and some money in one place. Shall we think it through?",
        "Have you been able to tell anyone? A doctor, the police or a support line can write down what happened, "
        "and it can matter later.",
        "How is it for you to talk about this? And, asked directly, because it is often so: have you had thoughts "
        "of not wanting to live?",
    ),
    "medical.imminent": (
        "Please do not wait for symptoms, even if you feel all right. Say on the phone what you took, how much and "
        "when, and keep the packaging at hand. A poison centre can help at once, too. Unlock your door, and do not "
        "stay alone. Is anyone with you?",
        "Have you reached someone? If not, wake or ring the nearest person and say: “I have taken something. I need "
        "help now.”",
        "Please take nothing more, no medicine and no alcohol, and do not make yourself vomit unless they tell you "
        "to. If you get drowsy, lie on your side, where somebody can see you. Are you drowsy, or short of breath?",
        "Feeling better does not mean that it is over; some substances do their harm hours later. You need to be "
        "seen in an emergency department. How can you get there: ambulance, neighbour, friend?",
        "Who is on the way to you? Keep the phone in your hand and the door open while you wait. You can go on "
        "writing here.",
        "What have they told you to do? Please follow that rather than anything you read here. If you have not "
        "spoken with anyone yet, this is the moment.",
    ),
    "emergency.high": (
        "What you describe can be a medical emergency, and minutes count. Say on the phone exactly what you see and "
        "since when, and do what they tell you. Is someone there who can open the door?",
        "Have you got through? If not, let a neighbour or anyone nearby call while you stay where you are needed.",
        "Has anything changed: breathing, speech, alertness? Tell them on the phone, not only here. They decide with "
        "you what to do until help arrives.",
        "While you wait, is there a list of medicines, or something that was taken, which the crew should see?",
        "When help has come, there is time to talk about how frightening this was. Who is with you now?",
    ),
    "voices.high": (
        "That sounds frightening. You do not have to do what a voice says, however hard it presses. Please do not "
        "stay alone with it: be with someone you trust, and speak with a doctor today. If you might act on it, call "
        "{emergency} now.\n\nHow hard is it, at this moment, not to do what it says?",
        "Is there anything near you that it wants you to use, or a place where it wants you to go? Please move away "
        "from it, to where other people are.",
        "Who is near you that you trust? You could say: “I hear something that tells me to do harm, and I need you "
        "with me.”",
        "Is there a doctor or a clinic that knows you? This is a good reason to ring them today, or to go to an "
        "emergency department. Who could go with you?",
        "How long has it been like this, and how have you slept? Both are worth telling the doctor.",
        "Is it louder or quieter than when you began to write? And are there thoughts of your own about dying, "
        "apart from what it says?",
    ),
    "third_person.high": (
        "It is good that you do not keep this to yourself. If they may act on it now, call {emergency} for them, "
        "say where they are, and stay with them if that is safe for you.\n\n"
        "You can ask them directly: “Are you thinking of killing yourself?” Asking does not plant the thought. Do "
        "you know where they are?",
        "Have you reached them, or somebody near them: family, a flatmate, a neighbour? One person at their side "
        "counts for more than many messages.",
        "Do you know whether they have something at hand? If it is safe for you, help to get it out of reach, or "
        "tell whoever comes to help.",
        "If they asked you to keep it secret: you are allowed to break that promise. Their life comes before it. "
        "Who else should know, right now?",
        "You cannot be responsible for this on your own. The lines also advise people who are worried about "
        "someone. What would you want to ask them?",
        "And you, how are you in all this? Who is there for you today?",
    ),
}

SUPPORT = {
    "suicide": (
        "May I ask directly: are you thinking of killing yourself? Whatever the answer, it can be said here, and "
        "the SOS button at the top lists people you can talk with today."
    ),
    "self_harm": (
        "May I ask directly: are you close to hurting yourself now, and are there thoughts of dying too? The SOS "
        "button at the top lists people you can talk with today."
    ),
    "violence": (
        "May I ask directly: are you afraid that you might really hurt someone? Some distance helps first, and the "
        "SOS button at the top lists people you can talk with today."
    ),
    "abuse": (
        "May I ask directly: are you safe where you are right now? If not, the SOS button at the top has the "
        "emergency number and people who can help."
    ),
    "third_person": (
        "May I ask: is that person in danger now, and is somebody with them? The SOS button at the top lists people "
        "who advise those who worry about someone, too."
    ),
}
