"""What differs in an attack from seed to seed, so that nobody can tune a grader to fixed inputs.

In the text of an attack, `@WORD` is a made-up name (`@WORD1` another, the same wherever it stands) and `@FROM(3,9)` a whole
number from 3 to 9, drawn for each place.
"""

import random
import re
import string

WORD = re.compile(r"@WORD\d?")
FROM = re.compile(r"@FROM\((-?\d+),(-?\d+)\)")
ABILITIES = re.compile(r"\b(loot|mark|processes|sockets)(?=\()|\bTARGET(?=\[| =)")


def word(rng: random.Random, letters: int = 7) -> str:
    """A name that nobody else has used, and that is no word of Python's."""
    return "q" + "".join(rng.choices(string.ascii_lowercase, k=letters - 1))


def filled(text: str, rng: random.Random) -> str:
    """The text with everything drawn that it leaves open."""
    for each in sorted(set(WORD.findall(text)), reverse=True):
        made = word(rng)
        text = re.sub(rf"{each}(?!\d)", made, text)
    return FROM.sub(lambda found: str(rng.randint(int(found[1]), int(found[2]))), text)


def renamed(source: str, rng: random.Random) -> str:
    """A hostile file in which what the attacks may use is called otherwise."""
    names: dict[str, str] = {}
    return ABILITIES.sub(lambda found: names.setdefault(found[0], f"{found[0].lower()}_{word(rng)}"), source)


def remarks(rng: random.Random) -> str:
    """Comments and blank lines, so that lines and sizes of files differ."""
    lines = [f"# {' '.join(word(rng, rng.randint(3, 9)) for _ in range(rng.randint(2, 9)))}" for _ in range(3)]
    return "\n".join(lines[: rng.randint(1, 3)]) + "\n" * rng.randint(1, 4)
