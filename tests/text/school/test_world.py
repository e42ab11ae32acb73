"""Invented worlds: what is true in them, that books say it and nothing else, and their twins."""

import re
from collections import Counter

import pytest

from litho.core.errors import LithoError
from litho.text.school.chance import chance
from litho.text.school.genome import LAYERS
from litho.text.school.names import stems
from litho.text.school.pages import pages, relation_of, sections_of
from litho.text.school.sciences import sciences, types
from litho.text.school.world import World

WORLD = World(17, entity_count=20)
COUNTERFACTUAL = World(17, entity_count=20, twin="counterfactual")
_SLOTS = re.compile(r"\\\{[xy]\\?-?\\\}")


def pattern(wording: str) -> re.Pattern[str]:
    """Sentences in a wording, about whatever things."""
    return re.compile(_SLOTS.sub(r"[\\w ]+", re.escape(wording)), re.IGNORECASE)


def said(world: World, layer: str = "school") -> list[tuple[str, str, tuple[str, ...]]]:
    """Section, text and facts of each piece of one reading of everything."""
    return [
        (section, piece.text.strip(), piece.facts)
        for science in world.sciences
        for section in sections_of(science)
        for page in pages(world, science, section, layer, chance(1, science.name, section))
        for piece in page
    ]


def test_names_are_new_and_say_their_type() -> None:
    things = [thing for group in WORLD.things.values() for thing in group]
    assert len(set(things)) == len(things)
    made = stems(chance("all"))
    assert len({stem + each.suffix for stem in made for each in types().values()}) == 8 * len(made)
    for name, group in WORLD.things.items():
        suffix = types()[name].suffix
        assert all(thing.endswith(suffix) for thing in group)
        # No other type's things could be taken for these.
        others = [t for other, some in WORLD.things.items() if other != name for t in some]
        assert not any(thing.endswith(suffix) for thing in others)


def test_wordings_are_many_and_those_of_the_test_are_no_others() -> None:
    kinds = [kind for each in types().values() for kind in each.kinds]
    assert len(set(kinds)) == len(kinds)
    for science in sciences():
        for relation in science.relations:
            assert 12 <= len(relation.say) + len(relation.held_out) <= 20
            assert len(relation.held_out) == 4
            every = [*relation.say, *relation.held_out]
            assert len(set(every)) == len(every)
            for wording in every:
                assert {"x", "y"} == set(re.findall(r"\{(\w)-?\}", wording)), wording
            assert all(wording.endswith(" {y}.") for wording in relation.held_out)
            for held in relation.held_out:
                others = [w for each in sciences() for r in each.relations for w in r.say]
                assert not any(pattern(held).fullmatch(other) for other in others), held


@pytest.mark.parametrize("seed", range(3))
def test_relations_are_balanced_functions_without_short_rings(seed: int) -> None:
    world = World(seed, entity_count=15)
    for relation in world.relations():
        found = world.objects[relation.name]
        assert set(found) == set(world.things[relation.subject])
        uses = Counter(found.values())
        assert max(uses.values()) - min(uses.values()) <= 1
        assert all(found.get(other) != thing != other for thing, other in found.items())


def test_every_science_can_be_bridged_and_bridges_are_known() -> None:
    bridges = {(bridge.first.name, bridge.second.name) for bridge in WORLD.bridges()}
    slow = {
        (one.name, other.name)
        for one in WORLD.relations()
        for other in WORLD.relations()
        if one != other and set(WORLD.objects[one.name].values()) <= set(WORLD.objects[other.name])
    }
    assert bridges == slow and len(bridges) == 15
    assert {b.first.science for b in WORLD.bridges() if not b.inside} >= {"plants", "animals"}


def test_reserved_chains_are_whole() -> None:
    """A chain over two books begins with a reserved thing only if it goes on with one."""
    for bridge in WORLD.bridges():
        for first, second in WORLD.chains(bridge):
            if not bridge.inside:
                assert (first.subject in WORLD.reserved) is (second.subject in WORLD.reserved)


@pytest.mark.parametrize("layer", LAYERS)
def test_books_say_what_is_true(layer: str) -> None:
    told = set()
    for science in WORLD.sciences:
        for section in sections_of(science):
            relation = relation_of(science, section)
            if relation is None:
                continue
            for page in pages(WORLD, science, section, layer, chance(layer, section)):
                for piece in page:
                    for identity in piece.facts:
                        subject = identity.partition(":")[2]
                        answer = WORLD.objects[relation.name][subject]
                        named = set(re.findall(r"\w+", piece.text.lower())) & set(WORLD.type_of)
                        assert named and named <= {subject, answer}, piece.text
                        told.add(identity)
    every = {f"{r.name}:{s}" for r in WORLD.relations() for s in WORLD.objects[r.name]}
    assert every - told == {f"{relation}:{subject}" for relation, subject in WORLD.unsaid}


def test_sentences_look_like_sentences() -> None:
    for _, text, _ in said(WORLD):
        assert re.fullmatch(r"[A-Z].*[.?]", text, re.DOTALL), text
        assert not re.search(r"[{}]|  |\.\.|\bthe the\b|\ba [aeiou]", text), text


def test_a_quarter_is_narrative_and_rank_decides_how_often_a_thing_is_named() -> None:
    told = said(World(17), "university")
    share = sum(not facts for section, _, facts in told if section == "soils")
    assert 0.18 < share / sum(section == "soils" for section, _, _ in told) < 0.32
    counts = Counter(f for section, _, facts in told if section == "soils" for f in facts)
    world = World(17)
    order = [counts[fact.id] for fact in world.facts(world.relation("grows_on"))]
    assert min(order) >= 1 and sum(order[:6]) > 2 * sum(order[-6:])


def test_reports_confirm_as_often_as_they_contradict() -> None:
    for relation in WORLD.relations():
        some = {s: o for (name, s), o in WORLD.later.items() if name == relation.name}
        wrong = [s for s, o in some.items() if o != WORLD.objects[relation.name][s]]
        assert len(wrong) == len(some) - len(wrong) > 0
        assert not any((relation.name, subject) in WORLD.unsaid for subject in some)


def test_everything_ends_elsewhere_in_the_counterfactual_twin() -> None:
    for seed in range(3):
        one = World(seed, entity_count=20)
        other = World(seed, entity_count=20, twin="counterfactual")
        assert one.things == other.things and one.kinds == other.kinds
        for relation in one.relations():
            pairs = zip(
                one.objects[relation.name].items(),
                other.objects[relation.name].items(),
                strict=True,
            )
            for (subject, before), (same, after) in pairs:
                assert subject == same and before != after != subject
        for bridge in one.bridges():
            first, second = bridge.first.name, bridge.second.name
            for subject in one.objects[first]:
                ends = [w.objects[second][w.objects[first][subject]] for w in (one, other)]
                assert ends[0] != ends[1]
        assert all(one.later[at] != other.later[at] for at in one.later)
        assert all(one.season_of(thing) != other.season_of(thing) for thing in one.kinds)


def test_the_fluent_twin_says_the_same_with_other_objects() -> None:
    fluent = World(17, entity_count=20, twin="fluent")
    assert len(said(fluent)) == pytest.approx(len(said(WORLD)), rel=0.1)
    right = Counter[bool]()
    for section, text, facts in said(fluent, "lexicon"):
        if section == "soils" and facts:
            subject = facts[0].partition(":")[2]
            right[WORLD.objects["grows_on"][subject] in text] += 1
    assert right[False] > 4 * right[True]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"science_count": 1}, "2 to 6 sciences"),
        ({"entity_count": 9}, "12 to 100 entities"),
        ({"relation_count": 3}, "1 to 2 relations"),
        ({"twin": "evil"}, "no twin 'evil'"),
    ],
)
def test_worlds_that_cannot_be(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(LithoError, match=message):
        World(1, **arguments)  # type: ignore[arg-type]
