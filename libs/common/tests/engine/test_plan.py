"""One search per keyword."""

from hypothesis import given
from hypothesis import strategies as st

from common.engine.plan import plan_keywords
from common.platform import PlannedSearch


def test_each_keyword_is_a_search_and_a_hash_makes_a_hashtag() -> None:
    assert plan_keywords(["vegan", "#plantbased", "vegan food"]) == (
        PlannedSearch(kind="keyword", query="vegan"),
        PlannedSearch(kind="hashtag", query="plantbased"),
        PlannedSearch(kind="keyword", query="vegan food"),
    )


def test_keywords_that_differ_in_case_or_blanks_are_bought_once() -> None:
    assert plan_keywords(["Vegan", " vegan ", "VEGAN", "vegan  food", "Vegan Food"]) == (
        PlannedSearch(kind="keyword", query="Vegan"),
        PlannedSearch(kind="keyword", query="vegan food"),
    )


def test_a_lone_hash_is_a_keyword_of_its_own() -> None:
    assert plan_keywords(["#"]) == (PlannedSearch(kind="keyword", query="#"),)


@given(st.lists(st.text(max_size=20), max_size=20))
def test_searches_are_distinct_and_not_empty(keywords: list[str]) -> None:
    searches = plan_keywords(keywords)
    assert len({(search.kind, search.query.casefold()) for search in searches}) == len(searches) <= len(keywords)
    assert all(search.query.strip() == search.query != "" for search in searches)
