"""The demo model's closed world: every word of its stories, and the sentences that only fill."""

NAMES = "Tom Ann Sam Mary John Lily Ben Emma Jack Lucy Max Nina Paul Rosa Carl Dana".split()
COLOURS = "red blue green white black pink gold brown".split()
OBJECTS = "key ball book lamp cup hat coin ring bag map pen box rope drum doll kite".split()
PLACES = (
    "kitchen garden park school attic barn cave hall office shop tower yard lake church cellar "
    "bridge".split()
)
FRUITS = "apples pears plums lemons".split()
CATEGORIES = {
    "animal": "horse cow cat dog sheep goat".split(),
    "vehicle": "car train boat truck bike plane".split(),
    "clothes": "coat shirt scarf dress boot glove".split(),
    "food": "bread soup cake rice cheese egg".split(),
}
LABEL_LETTERS = "B C D F G H K M".split()
DIGITS = "0123456789"

# Of an earlier wording of the facts. They own tokens of the shipped tokenizer, and one is still
# drawn for each fact (tasks.fact), because the shipped prompts were drawn that way.
VERBS = "put left hid lost".split()

FILLERS = [
    "The sun was warm.",
    "Birds sang in the trees.",
    "It was a quiet day.",
    "The wind blew from the sea.",
    "Rain fell all night.",
    "The river was wide and deep.",
    "People walked along the road.",
    "A bell rang far away.",
    "Snow lay on the hills.",
    "The market was full of people.",
    "Smoke rose from the old house.",
    "The grass was wet.",
    "Clouds moved over the hills.",
    "The stars were bright.",
    "Children played near the river.",
    "The old road was long.",
    "Leaves fell from the trees.",
    "The sky was clear.",
    "Nobody spoke for a long time.",
    "The night was cold and quiet.",
    "The sea was calm that day.",
    "A light was on in the old house.",
    "The clock was slow.",
    "Dust lay on the road.",
]

GRAMMAR = (
    "the The in has went to code of is had bought ate more came first after No one it plus minus "
    "What How many does have Where Find Who saw".split()
)
MARKERS = "Story Q A Text Label".split()


def copy_words():
    """The words a list to be copied is drawn from, sorted."""
    items = [word for words in CATEGORIES.values() for word in words]
    return sorted({*NAMES, *COLOURS, *OBJECTS, *PLACES, *FRUITS, *items})


def lexicon():
    """Everything the tokenizer must have as one token: words with their space, markers, digits."""
    lists = [NAMES, COLOURS, OBJECTS, PLACES, VERBS, FRUITS, LABEL_LETTERS, GRAMMAR]
    lists += CATEGORIES.values()
    lists += [[word.strip(".") for word in sentence.split()] for sentence in FILLERS]
    spaced = {" " + word for words in lists for word in words}
    return sorted(spaced | set(MARKERS) | {f" {digit}" for digit in DIGITS})
