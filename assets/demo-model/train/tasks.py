"""The seven tasks: stories of facts and fillers, questions, and answers to be looked up.

A sample is a list of segments. The prompt is the text of all but the last, the answer the last:

    <s>Story: The code of Tom is 48151. The sun was warm.
    Q: What is the code of Tom?
    A: The code of Tom is| 48151.</s>

The prompt's end repeats the key word for word, so that the last prompt token has to look at the
fact. Segments end where the tokenizer's words end: one by one or joined, the tokens are the same.

All functions draw from the `random.Random` they are given, in a fixed order: one seed, one sample.
"""

from typing import NamedTuple

from words import (
    CATEGORIES,
    COLOURS,
    DIGITS,
    FILLERS,
    FRUITS,
    LABEL_LETTERS,
    NAMES,
    OBJECTS,
    PLACES,
    VERBS,
    copy_words,
)

BOS, EOS = "<s>", "</s>"
TASKS = ["fact", "twohop", "passkey", "fewshot", "arith", "list", "copy"]

# What a segment is to the loss: story, question or stem, answer, or nothing at all.
CONTEXT, CUE, ANSWER, SILENT = range(4)


class Segment(NamedTuple):
    text: str
    kind: int


class Question(NamedTuple):
    cue: str  # "Where is the red key?\nA: The red key is in the"
    answer: str  # " kitchen of Tom."
    evidence: list  # indices of the groups of sentences that answer it


# ---- facts: each returns groups of sentences, which keep their order, and their questions ----


def fact(rng, count, used):
    """The red key is in the kitchen of Tom. Half of them share colour or object with another."""
    groups, questions = [], []
    pairs = used.setdefault("pairs", set())
    for _ in range(count):
        pair = _confusable_pair(rng, pairs)
        if pair is None:
            continue
        pairs.add(pair)
        owner, _, place = rng.choice(NAMES), rng.choice(VERBS), rng.choice(PLACES)
        thing = " ".join(pair)
        groups.append([f" The {thing} is in the {place} of {owner}."])
        cue = f"Where is the {thing}?\nA: The {thing} is in the"
        questions.append(Question(cue, f" {place} of {owner}.", [len(groups) - 1]))
    return groups, questions


def _confusable_pair(rng, pairs):
    """A new (colour, object), by a half a neighbour of an old one; None after 20 vain draws."""
    for _ in range(20):
        if pairs and rng.random() < 0.5:
            colour, thing = rng.choice(sorted(pairs))
            if rng.random() < 0.5:
                colour = rng.choice(COLOURS)
            else:
                thing = rng.choice(OBJECTS)
        else:
            colour, thing = rng.choice(COLOURS), rng.choice(OBJECTS)
        if (colour, thing) not in pairs:
            return colour, thing
    return None


def twohop(rng, count, used):
    """The red ball went to Tom. ... Tom is in the garden. In either order."""
    groups, questions = [], []
    pairs = used.setdefault("pairs", set())
    for owner in rng.sample(NAMES, min(count, len(NAMES))):
        while True:
            pair = rng.choice(COLOURS), rng.choice(OBJECTS)
            if pair not in pairs:
                break
        pairs.add(pair)
        thing, place = " ".join(pair), rng.choice(PLACES)
        groups += [[f" The {thing} went to {owner}."], [f" {owner} is in the {place}."]]
        cue = f"Find the {thing}.\nA: The {thing} went to"
        answer = f" {owner}. {owner} is in the {place}."
        questions.append(Question(cue, answer, [len(groups) - 2, len(groups) - 1]))
    return groups, questions


def passkey(rng, count, used):
    """The code of Tom is 48151. Five different digits."""
    groups, questions = [], []
    for owner in rng.sample(NAMES, min(count, len(NAMES))):
        code = "".join(rng.sample(DIGITS, 5))
        groups.append([f" The code of {owner} is {code}."])
        cue = f"What is the code of {owner}?\nA: The code of {owner} is"
        questions.append(Question(cue, f" {code}.", [len(groups) - 1]))
    return groups, questions


def arith(rng, count, used):
    """Ann had 3 apples. ... Ann bought 4 more apples. In this order, not always adjacent."""
    groups, questions = [], []
    for owner in rng.sample(NAMES, min(count, len(NAMES))):
        fruit, had = rng.choice(FRUITS), rng.randint(1, 9)
        if rng.random() < 0.5 or had < 2:
            more = rng.randint(1, 9)
            change = f" {owner} bought {more} more {fruit}."
            answer = f" {had}. {owner} bought {more}. {had} plus {more} is {had + more}."
        else:
            less = rng.randint(1, had - 1)
            change = f" {owner} ate {less} of the {fruit}."
            answer = f" {had}. {owner} ate {less}. {had} minus {less} is {had - less}."
        groups.append([f" {owner} had {had} {fruit}.", change])
        cue = f"How many {fruit} does {owner} have?\nA: {owner} had"
        questions.append(Question(cue, answer, [len(groups) - 1]))
    return groups, questions


def chain(rng, count, used):
    """Tom went to Ann. Ann went to Lucy. Lucy went to the sea. Two to six names, shuffled."""
    names = rng.sample(NAMES, max(2, min(count, 6)))
    groups = [[f" {a} went to {b}."] for a, b in zip(names, names[1:])]
    groups.append([f" {names[-1]} went to the sea."])
    answer = "".join(f" {name}. {name} went to" for name in names[1:]) + " the sea."
    cue = f"Who came after {names[0]}?\nA: {names[0]} went to"
    return groups, [Question(cue, answer, list(range(len(groups))))]


class FactTask(NamedTuple):
    make: object  # the function above
    tokens: int  # about what one fact costs
    most: int  # facts of a story
    asked: int  # tokens of a question with its answer
    stem: int  # tokens of a stem with its answer, the question line left out


FACT_TASKS = {
    "fact": FactTask(fact, tokens=11, most=40, asked=25, stem=15),
    "twohop": FactTask(twohop, tokens=15, most=12, asked=28, stem=20),
    "passkey": FactTask(passkey, tokens=12, most=8, asked=24, stem=13),
    "arith": FactTask(arith, tokens=13, most=12, asked=34, stem=25),
    "list": FactTask(chain, tokens=5, most=6, asked=44, stem=35),
}

# ---- stories ----


def weave(rng, groups, target, count_tokens, place=None):
    """Sentences of `groups` and fillers in random order, about `target` tokens: [(text, group)].

    Every sentence gets a uniform random key in [0, 1) and the story is sorted by it. place: {group
    index: key} says where a group begins instead.
    """
    keyed, total = [], 0
    for index, sentences in enumerate(groups):
        keys = sorted(rng.random() for _ in sentences)
        if place and index in place:
            keys = [min(0.999, max(0, place[index] + 0.02 * j)) for j in range(len(sentences))]
        keyed += [(key, text, index) for key, text in zip(keys, sentences)]
        total += sum(count_tokens(text) for text in sentences)
    last = None
    while True:
        text = " " + rng.choice(FILLERS)
        if text == last:
            continue
        tokens = count_tokens(text)
        if total + tokens > target:
            break
        keyed.append((rng.random(), text, None))
        total += tokens
        last = text
    keyed.sort(key=lambda item: item[0])
    return [(text, index) for _, text, index in keyed]


def sample(rng, task, length, count_tokens, questions=1, **options):
    """A sample of at most `length` tokens, <s> and </s> included.

    depth: where in the story the evidence of the first question begins, 0..1; random without it.
    density: the share of the story that facts fill; random in 0.15..0.9 without it.
    mix: how often facts of another task distract. stems: leave the question lines out.
    """
    if task == "fewshot":
        return fewshot(rng, length, count_tokens)
    if task == "copy":
        return copy(rng, length, count_tokens, depth=options.get("depth"))
    return _story_with_questions(rng, task, length, count_tokens, questions, **options)


def _story_with_questions(
    rng, task, length, count_tokens, questions, density=None, depth=None, mix=0.3, stems=False
):
    kind, used = FACT_TASKS[task], {}
    count, asked, budget = _plan(rng, task, length, questions, density, stems)
    groups, pool = kind.make(rng, count, used)
    if rng.random() < mix:
        taken = sum(count_tokens(text) for group in groups for text in group)
        groups = groups + _distractors(rng, task, budget - taken, used)
    rng.shuffle(pool)
    pool = pool[:asked]
    place = None
    if depth is not None:
        place = {group: depth + 0.03 * j for j, group in enumerate(pool[0].evidence)}
    sentences = weave(rng, groups, budget, count_tokens, place)
    segments = [Segment(BOS, CONTEXT)]
    segments.append(Segment("Story:" + "".join(text for text, _ in sentences), CONTEXT))
    for question in pool:
        cue = "\n" + question.cue.split("\n")[1] if stems else f"\nQ: {question.cue}"
        segments += [Segment(cue, CUE), Segment(question.answer + EOS, ANSWER)]
    return segments


def _plan(rng, task, length, questions, density, stems):
    """How many facts and questions fit: (facts, questions, tokens left for the story)."""
    kind = FACT_TASKS[task]
    per_question = kind.stem if stems else kind.asked
    asked = 1 if task == "list" else questions
    budget = length - 5 - per_question * asked
    while budget < 2 * kind.tokens and asked > 1:
        asked -= 1
        budget += per_question
    density = rng.uniform(0.15, 0.9) if density is None else density
    count = max(1 if task == "passkey" else 2, int(density * budget / kind.tokens))
    count = min(count, kind.most, max(1, budget // kind.tokens))
    if task == "list":
        budget = length - 5 - (14 + 5 * min(5, max(1, count - 1)) + 5)
        return min(count, rng.randint(2, 6)), asked, budget
    asked = min(asked, count)
    return count, asked, length - 5 - per_question * asked


def _distractors(rng, task, room, used):
    """Up to six facts of another task; fact and twohop, both of coloured objects, do not mix."""
    coloured = ("fact", "twohop")
    others = [
        name
        for name in FACT_TASKS
        if name not in (task, "list") and not (name in coloured and task in coloured)
    ]
    other = FACT_TASKS[rng.choice(others)]
    count = int(rng.uniform(0, 0.6) * room / other.tokens)
    return other.make(rng, min(count, 6), used)[0] if count > 0 else []


def fewshot(rng, length, count_tokens):
    """Label: The horse is B7. The coat is K3. ... The label of a category holds for this sample."""
    categories = rng.sample(sorted(CATEGORIES), rng.randint(2, 4))
    letters = rng.sample(LABEL_LETTERS, len(categories))
    label = {c: f" {letter}{rng.randint(0, 9)}" for c, letter in zip(categories, letters)}
    items = {c: rng.sample(CATEGORIES[c], rng.randint(1, 4)) for c in categories}
    examples, count = categories[:], min((length - 14) // 6, rng.randint(6, 40))
    while len(examples) < count:
        examples.append(rng.choice(categories))
    rng.shuffle(examples)
    total = 3 + 6 * len(examples) + 10
    keyed = [(rng.random(), category, None) for category in examples]
    while True:
        filler = " " + rng.choice(FILLERS)
        tokens = count_tokens(filler)
        if total + tokens > length:
            break
        keyed.append((rng.random(), None, filler))
        total += tokens
    keyed.sort(key=lambda item: item[0])
    segments, seen = [Segment(BOS, CONTEXT), Segment("Label:", CONTEXT)], set()
    target = rng.choice(categories)
    for _, category, filler in keyed:
        if filler:
            segments.append(Segment(filler, CONTEXT))
            continue
        # A label can be known from the second example of its category on.
        known = ANSWER if category in seen else CUE
        segments.append(Segment(f" The {rng.choice(items[category])} is", CUE))
        segments += [Segment(label[category], known), Segment(".", CUE)]
        seen.add(category)
    segments.append(Segment(f"\nA: The {rng.choice(items[target])} is", CUE))
    segments.append(Segment(label[target] + "." + EOS, ANSWER))
    return segments


def copy(rng, length, count_tokens, long=False, depth=None):
    """The words are soup glove Mary ... 4 to 24 words, or as many as fit (`long`)."""
    words, most = copy_words(), (length - 31) // 2
    count = most if long else rng.randint(4, max(4, min(24, most)))
    listed = " ".join(rng.sample(words, min(count, len(words))))
    text = f" The words are {listed}."
    total = 5 + count_tokens(text) + 18 + min(count, len(words)) + 2
    keyed = [(depth if depth is not None else rng.random(), text)]
    while True:
        filler = " " + rng.choice(FILLERS)
        total += count_tokens(filler)
        if total > length:
            break
        keyed.append((rng.random(), filler))
    keyed.sort()
    return [
        Segment(BOS, CONTEXT),
        Segment("Story:" + "".join(text for _, text in keyed), CONTEXT),
        Segment("\nQ: What are the words?\nA: The words are", CUE),
        Segment(f" {listed}." + EOS, ANSWER),
    ]


def story(rng, length, count_tokens):
    """A story with facts of every kind and no question."""
    used, groups = {}, []
    for name in ("fact", "twohop", "passkey", "arith"):
        groups += FACT_TASKS[name].make(rng, rng.randint(0, max(1, length // 60)), used)[0]
    text, total = "", 6
    for sentence, _ in weave(rng, groups, length - 6, count_tokens):
        total += count_tokens(sentence)
        if total > length:
            break
        text += sentence
    return [Segment(BOS, CONTEXT), Segment("Story:" + text + EOS, CONTEXT)]
