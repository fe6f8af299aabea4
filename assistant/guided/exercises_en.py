"""The guided exercises in English. The first sentence of each step is how the companion finds its place again, so it must
occur nowhere else. `{name}` is filled with what the person answered to the step that keeps `name`."""

# ruff: noqa: E501 (texts for reading; a wrap in mid-sentence hides mistakes)

from __future__ import annotations

from assistant.guided.steps import Script, Step

BOX = Script(
    title="box breathing",
    offer="Would you like to breathe together for about two minutes? It is called box breathing; a yes or no is enough.",
    steps=(
        Step("First, find a position you can stay in, feet on the floor if you sit. If holding your breath ever feels "
             "unpleasant, leave the holding out and just breathe slowly. Write “ok” when you are settled."),
        Step("Here is the first round. In through the nose: 1, 2, 3, 4. Hold gently: 1, 2, 3, 4. Out slowly: 1, 2, 3, 4. "
             "Rest empty: 1, 2, 3, 4. Write anything when you have done it."),
        Step("Second round, with the shoulders a little lower. In: 1, 2, 3, 4. Hold: 1, 2, 3, 4. Out: 1, 2, 3, 4. "
             "Rest: 1, 2, 3, 4. If your mind wanders, the counting is there to come back to."),
        Step("Third round, and let the breath out take its full time. In: 1, 2, 3, 4. Hold: 1, 2, 3, 4. "
             "Out: 1, 2, 3, 4. Rest: 1, 2, 3, 4."),
        Step("Last round, at whatever speed suits you. In: four. Hold: four. Out: four. Rest: four. "
             "Then breathe as you normally do, and tell me: what is different in your body now, if anything?",
             answer=True),
    ),
    close="That was the whole box, four rounds. Nothing has to be different after it; some days it is only a pause. "
          "You can do it anywhere, nobody can see it. What would you like to do now?",
)

GROUNDING = Script(
    title="5-4-3-2-1 grounding",
    offer="If you like, we can do a short exercise that uses what is around you, 5-4-3-2-1. Shall we?",
    steps=(
        Step("Look around, slowly, and find five things you can see. Small ones count: a scratch, a shadow. "
             "Write them down here, or just name them to yourself and write “ok”."),
        Step("Now four things you can feel on your skin. The chair, the sleeve, the air, your feet in your shoes. "
             "Which four are there?"),
        Step("Next, three things you can hear. One near, one further off, and one you had not noticed until now."),
        Step("Then two things you can smell. If there is nothing, go and find something, soap or coffee, or think of two "
             "smells you like."),
        Step("Last, one thing you can taste. A sip of water will do. "
             "When you have it, tell me how it is to be here now, compared with when we began.", answer=True),
    ),
    close="You went through all five senses. It does not solve what waits outside, but it can bring you back into the "
          "room when your thoughts run ahead. Do you want to go on talking, or leave it here for a moment?",
)

THOUGHT = Script(
    title="thought record",
    offer="We could take the thought that stings most in this and look at it from both sides, step by step. It is called a "
          "thought record and takes about ten minutes. Would you like to?",
    steps=(
        Step("Let's begin with the situation itself. What happened, where and when? Only what a camera would have "
             "recorded, in a sentence or two.", answer=True, keep="situation"),
        Step("What did you feel in that moment? One or two words, and how strong it was from 0 to 100. "
             "For example: ashamed, 70.", answer=True, keep="before"),
        Step("Which thought went through your head just then? Take the one that stings most, in the words it came in.",
             answer=True, keep="thought"),
        Step("Let's hear the case for it first. What facts support “{thought}”? Facts, not feelings; if it is only one, "
             "write one.", answer=True, keep="support"),
        Step("And now the other side of the table. What speaks against it, even a little: something that does not fit, an "
             "exception, what a fair friend would point out about “{thought}”?", answer=True, keep="against"),
        Step("Put both sides into one fairer sentence. Not a cheerful one, one you can believe. It may begin with: "
             "“It is true that …, and at the same time …”", answer=True, keep="fairer"),
        Step("One last number for this. You felt “{before}”. How strong is it now, from 0 to 100?",
             answer=True, keep="after"),
    ),
    close="Your thought record is complete. Situation: “{situation}”. Thought: “{thought}”. Against it: “{against}”. "
          "Fairer sentence: “{fairer}”. Feeling before: “{before}”; now: “{after}”. If the number hardly moved, that is "
          "information too, not a failure. Which part of it is worth keeping?",
)

STEP = Script(
    title="one small next step",
    offer="Shall we find one small next step, small enough to be doable even today? Six short questions.",
    steps=(
        Step("What would you like to be a little different? One thing, as concrete as you can.", answer=True, keep="aim"),
        Step("Now something you could do about that yourself. Never mind yet how big it is: what is the first thing that "
             "comes to mind?", answer=True, keep="action"),
        Step("Let's make it smaller. “{action}”: which part of it could be begun in ten minutes or less, even on a bad "
             "day?", answer=True, keep="small"),
        Step("When and where could that happen? A step with a time and a place gets done more often than one without: "
             "“tomorrow after breakfast, at the kitchen table”.", answer=True, keep="when"),
        Step("What might get in the way, and what will you do then? Try it as a sentence: “If …, then I …”",
             answer=True, keep="plan"),
        Step("How confident are you that you will do it, from 0 to 10? Below 7 usually means the step may be smaller still.",
             answer=True, keep="sure"),
    ),
    close="So this is your step. What: “{small}”. When and where: “{when}”. If something gets in the way: “{plan}”. "
          "Confidence: {sure}. You may shrink it at any time; trying half of it counts. How does it look to you, written "
          "down like this?",
)

KIND = Script(
    title="self-compassion break",
    offer="Would a few minutes of being on your own side help? There is a short self-compassion break, three steps. Yes or no?",
    steps=(
        Step("Think of what is hard right now, not the very worst of it. Put it into one plain sentence, for example: "
             "“This hurts”, or “This is a lot.”", answer=True, keep="hard"),
        Step("You are not the only one to whom this happens. Somewhere, right now, others are sitting with the same kind of "
             "thing. What would you say to one of them, if they wrote to you: “{hard}”?", answer=True, keep="friend"),
        Step("Lay a hand where you notice it most, the chest or the belly, or just hold your other hand. "
             "Read your own sentence once more, slowly, as if it were meant for you: “{friend}”. What happens when you do?",
             answer=True),
    ),
    close="That was the self-compassion break. If the kind words felt wooden, that is common; they are a language one "
          "learns. Your sentence to keep: “{friend}”. Where shall we go from here?",
)

WORRY = Script(
    title="worry time",
    offer="There is a way to give worries a fixed place in the day, so that they need not run all of it. Shall we try it?",
    steps=(
        Step("Write down the worry that is loudest, in one sentence. On the page it is usually a little smaller than in the "
             "head.", answer=True, keep="worry"),
        Step("Is there anything you can do about it within a day or two? If yes, write what. If not, simply write “no”.",
             answer=True, keep="act"),
        Step("Choose a time and a place that belong to worrying. Fifteen minutes, not in bed and not right before it: for "
             "instance half past five, at the desk.", answer=True, keep="slot"),
        Step("Until then, you can tell the worry that it has an appointment. What will you turn to when it knocks early? "
             "Something that needs your hands or your eyes works best.", answer=True, keep="turn"),
    ),
    close="Then it is arranged. The worry: “{worry}”. What can be done: “{act}”. Its time and place: “{slot}”. When it comes "
          "early: “{turn}”. If there is nothing left to worry about when the time comes, you may stop early. "
          "Does the time you chose seem realistic?",
)

SCRIPTS: dict[str, Script] = {
    "box": BOX, "grounding": GROUNDING, "thought": THOUGHT, "step": STEP, "kind": KIND, "worry": WORRY,
}  # fmt: skip
