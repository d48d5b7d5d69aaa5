"""Names for runs that were given none: an adjective and an animal."""

from __future__ import annotations

import random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ADJECTIVES = _words("""
able agile alert amber ancient ardent autumn azure balmy bold brave breezy brief bright brisk
bronze calm candid careful cheerful clever cobalt copper coral cosmic crimson crisp curious daring
deft dreamy eager early earnest elated elegant emerald fabled fair famous fearless fervent festive
fluent fond frank fresh frosty gallant gentle gilded glad golden graceful grand hardy hasty hazel
honest humble indigo ivory jade jolly jovial keen kind lively loyal lucid lucky lunar mellow merry
mighty modest native neat nimble noble olive opal orderly patient placid polite proud prudent
quick quiet rapid ready robust rosy royal ruby rustic sage scarlet serene sharp silent silver
sincere sleek solar sober sonic spry stable stately steady stellar sturdy subtle sunny swift
tactful teal thrifty tidy timely tranquil true upbeat useful valiant velvet vivid warm wise witty
young zealous zesty
""")

_ANIMALS = _words("""
adder alpaca antelope auk badger beaver bee bison bittern bobcat bonobo buffalo bunting camel
caracal caribou cheetah chinchilla civet cobra condor corgi cormorant coyote crane cricket crow
curlew deer dingo dolphin dormouse dove dragonfly duck dunlin eagle echidna eel egret elk emu
falcon ferret finch firefly flamingo fox gannet gazelle gecko gibbon giraffe goose grebe grouse
gull hamster hare hawk hedgehog heron hoopoe hornet horse ibex ibis iguana impala jackal jackdaw
jaguar jay kestrel kingfisher kiwi koala kudu lapwing lark lemur leopard linnet lion lizard llama
lobster loon lynx magpie manatee mandrill marmot marten meerkat mink mole mongoose moose moth newt
ocelot okapi orca oriole oryx osprey otter owl oyster panda panther parrot partridge peacock
pelican penguin petrel pheasant pika pipit plover porcupine puffin puma quail rabbit raccoon raven
reindeer rhino robin salmon sandpiper seal serval skylark sloth snipe sparrow squirrel stoat stork
swallow swan swift tapir tern thrush tiger toad toucan trout turtle vole wallaby walrus warbler
weasel whale wolf wombat woodpecker wren yak zebra
""")


def random_name() -> str:
    """A name such as ``brisk-otter``."""
    return f"{random.choice(_ADJECTIVES)}-{random.choice(_ANIMALS)}"
