"""What invented people care about: a few interests each, with the hashtags and words that go with them.

Rule: a person's interests follow from the seed and the person's number alone, so that every platform tells the same of
the same person, and people who are alike can be found alike.
"""

from dataclasses import dataclass

from local.sandbox.draw import Draw


@dataclass(frozen=True, slots=True)
class Interest:
    name: str
    category: str  # how a platform files such an account
    hashtags: tuple[str, ...]
    words: tuple[str, ...]


INTERESTS = (
    Interest("baking", "Food & Beverage", ("sourdough", "breadtok", "homebaker"), ("sourdough", "bread", "oven")),
    Interest("vegan food", "Food & Beverage", ("vegan", "plantbased", "veganrecipes"), ("vegan", "plants", "recipes")),
    Interest("fitness", "Fitness Trainer", ("fitness", "gymtok", "homeworkout"), ("training", "strength", "workout")),
    Interest("running", "Athlete", ("running", "trailrun", "marathon"), ("running", "trails", "marathon")),
    Interest("skincare", "Beauty", ("skincare", "spf", "skintok"), ("skincare", "serum", "routine")),
    Interest("thrift", "Clothing (Brand)", ("thrift", "upcycling", "slowfashion"), ("thrift", "vintage", "mending")),
    Interest("travel", "Travel", ("travel", "vanlife", "solotravel"), ("travel", "roads", "maps")),
    Interest("books", "Author", ("booktok", "bookish", "readinglist"), ("books", "novels", "reading")),
    Interest("gaming", "Gaming Video Creator", ("gaming", "cozygames", "retrogames"), ("games", "pixel", "console")),
    Interest("diy", "Home Improvement", ("diy", "woodwork", "makersgonnamake"), ("tools", "workshop", "wood")),
    Interest("music", "Musician/Band", ("music", "guitar", "bedroompop"), ("songs", "guitar", "studio")),
    Interest("tech", "Science & Technology", ("tech", "gadgets", "homelab"), ("gadgets", "reviews", "laptops")),
)


def interests(seed: int, number: int) -> tuple[Interest, Interest]:
    """The two interests of the person of this number, the stronger one first; they may be the same."""
    chance = Draw(seed, "interest", number)
    return chance.pick(INTERESTS), chance.pick(INTERESTS)
