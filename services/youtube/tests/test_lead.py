"""Where a target and its videos lead."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.domain.creator import Account, Content, Target
from common.errors import NotFoundError, ShapeError
from common.platform import Page, PlannedSearch, SearchInput, Trail, Unparsable
from youtube.lead import common_hashtags, common_phrases, own_topics
from youtube.stop_word import STOP_WORDS
from youtube.table import YOUTUBE

Json = dict[str, Any]
ID = "UCdemo00000000000000001A"
TARGET, VIDEOS = YOUTUBE.searches["target"], YOUTUBE.searches["target_videos"]
ACCOUNT = Account(platform_id=ID, handle="garricklowmoor", name="Garrick Lowmoor Builds")


def videos(*titles: str) -> list[Content]:
    return [Content(platform_id=str(number), text=f"{title}\n\nMail me #desc") for number, title in enumerate(titles)]


def trail(page: Page | None, account: Account | None = ACCOUNT) -> Trail:
    target = None if account is None else Target(account=account)
    return Trail(search=SearchInput(query="garricklowmoor"), page=page, target=target)


def keyword(query: str) -> PlannedSearch:
    return PlannedSearch(kind="keyword", query=query, wave=1)


# --- from the target -----------------------------------------------------------------------------------------------


def test_a_target_leads_to_its_videos_and_later_to_what_it_says_it_is_about(sample: Callable[[str], Json]) -> None:
    """The videos are asked for by the id that the page told."""
    page = TARGET.read(json.dumps(sample("channel")).encode())
    assert tuple(TARGET.leads(trail(page))) == (
        PlannedSearch(kind="target_videos", query=ID, wave=0),
        keyword("lathe"),
        keyword("restoration"),
        keyword("workshop"),
    )


def test_a_target_without_topics_leads_to_its_videos(sample: Callable[[str], Json]) -> None:
    """Their titles will tell."""
    page = TARGET.read(json.dumps(sample("channel_bare")).encode())
    (search,) = TARGET.leads(trail(page))
    assert (search.kind, search.query) == ("target_videos", "UCdemo00000000000000003C")


def test_at_most_four_topics_are_searched_for(sample: Callable[[str], Json]) -> None:
    """In the channel's own order."""
    body = sample("channel") | {"tags": "pine lathe,oak lathe,elm lathe,fir lathe,yew lathe", "keywords": []}
    searches = TARGET.leads(trail(TARGET.read(json.dumps(body).encode())))
    assert [search.query for search in searches[1:]] == ["pine lathe", "oak lathe", "elm lathe", "fir lathe"]


def test_a_topic_that_adds_no_word_is_not_searched_for() -> None:
    """Places for searches are few; nor is one that everybody writes."""
    topics = ("vlog", "funny videos", "rusty lathe", "Lathe", "rusty", "lathe tools", "the tools", "anvil")
    assert own_topics(ACCOUNT.model_copy(update={"topics": topics})) == ["rusty lathe", "lathe tools", "anvil"]


@pytest.mark.parametrize("search", [TARGET, VIDEOS])
def test_without_a_page_there_are_no_leads(search: Any) -> None:
    """It ended by an error."""
    assert tuple(search.leads(trail(None))) == ()
    assert tuple(search.leads(trail(None, None))) == ()


@pytest.mark.parametrize(
    ("topic", "is_searched_for"),
    [
        ("lathe", True),
        ("Garrick Lowmoor Builds", False),
        ("garrick lowmoor", False),
        ("GarrickLowmoor", False),
        ("garricklowmoor lathe", False),
        ("lowmoor builds", False),
        ("builds", True),
        ("2026", False),
        ("ab", False),
        ("旋盤", True),
        ("токарь", True),
    ],
)
def test_the_own_name_is_not_searched_for(topic: str, is_searched_for: bool) -> None:
    """It would find itself; one word of it may well be the subject."""
    account = ACCOUNT.model_copy(update={"topics": (topic,)})
    assert own_topics(account) == ([topic] if is_searched_for else [])


def test_a_channel_that_does_not_exist_is_not_found() -> None:
    """The job then ends with that reason."""
    with pytest.raises(NotFoundError):
        TARGET.read(b'{"success": true, "accountDoesNotExist": true, "error": "not_found"}')


# --- the target's videos -------------------------------------------------------------------------------------------


def test_the_newest_videos_are_asked_for_without_extras() -> None:
    """They fail more often there."""
    search = SearchInput(query=ID, region="GB", cache_max_age="7d")
    assert VIDEOS.ask(search, None) == {"channelId": ID, "sort": "latest"}


def test_one_page_of_videos_is_enough(sample: Callable[[str], Json]) -> None:
    """So there is no further one, whatever the answer says."""
    body = sample("target_videos")
    assert body["continuationToken"]
    page = VIDEOS.read(json.dumps(body).encode())
    assert (page.cursor, page.target, page.items, page.items_count) == (None, None, (), 2)


def test_what_is_no_video_is_unparsable(sample: Callable[[str], Json]) -> None:
    """And counted; bare shorts are known by whose list they are on."""
    body = sample("target_videos")
    body["videos"] += [5, {"id": 7}]
    body |= {"shorts": [{"id": "s", "title": "sparks"}], "lives": "odd"}
    page = VIDEOS.read(json.dumps(body).encode())
    assert [content.platform_id for content in page.target_contents] == ["demoVid0007", "demoVid0008", "s"]
    assert page.items == tuple(map(Unparsable, ("not a video", "video without a string id", "not a list")))


def test_an_answer_without_videos_is_no_page() -> None:
    """It may not look like a channel without videos."""
    with pytest.raises(ShapeError):
        VIDEOS.read(b'{"success": true, "shorts": [], "continuationToken": null}')


def test_videos_lead_to_what_their_titles_have_in_common() -> None:
    """And to their hashtags; all of it later, if places are left."""
    contents = videos("Restoring a rusty lathe #lathe", "A rusty lathe, again #lathe #forge", "Anvil day #shorts")
    page = Page(items=(), cursor=None, target_contents=tuple(contents))
    assert tuple(VIDEOS.leads(trail(page))) == (
        keyword("rusty lathe"),
        PlannedSearch(kind="hashtag", query="lathe", wave=1),
        PlannedSearch(kind="hashtag", query="forge", wave=1),
    )


def test_the_own_name_in_the_titles_is_not_searched_for() -> None:
    """The job's target tells it, not the page."""
    page = Page(items=(), cursor=None, target_contents=tuple(videos("Garrick Lowmoor", "Garrick Lowmoor")))
    assert tuple(VIDEOS.leads(trail(page))) == ()
    assert tuple(VIDEOS.leads(trail(page, None))) == (keyword("garrick lowmoor"),)


def test_at_most_four_phrases_and_two_hashtags_are_searched_for() -> None:
    """The most frequent ones."""
    title = "lathe! anvil! forge! hammer! tongs! #one1 #two2 #three3"
    page = Page(items=(), cursor=None, target_contents=tuple(videos(title, title)))
    searches = VIDEOS.leads(trail(page))
    assert [search.kind for search in searches] == ["keyword"] * 4 + ["hashtag"] * 2
    assert {search.wave for search in searches} == {1}


def test_every_lead_names_a_search_that_there_is(sample: Callable[[str], Json]) -> None:
    """Whatever the page."""
    for kind, name in (("target", "channel_links"), ("target_videos", "target_videos_shorts")):
        page = YOUTUBE.searches[kind].read(json.dumps(sample(name)).encode())
        leads = YOUTUBE.searches[kind].leads(trail(page))
        assert leads
        assert {lead.kind for lead in leads} <= YOUTUBE.searches.keys()


def test_searches_by_word_lead_nowhere(sample: Callable[[str], Json]) -> None:
    """In keyword mode a job asks what it was given."""
    for kind in ("keyword", "hashtag"):
        page = YOUTUBE.searches[kind].read(json.dumps(sample(f"search_{kind}")).encode())
        assert tuple(YOUTUBE.searches[kind].leads(trail(page, None))) == ()


# --- what titles have in common ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("titles", "phrases"),
    [
        (["Sourdough bread at home", "Best sourdough bread ever"], ["sourdough bread"]),
        (["Sourdough: rye", "SOURDOUGH’s crumb"], ["sourdough"]),
        (["Sourdough, bread", "sourdough (bread)"], ["sourdough", "bread"]),
        (["The best of the world", "The best of the world"], []),
        (["Lathe 12 2026", "Anvil 12 2026"], []),
        (["bread #bread #bread", "forge #bread"], []),
        (["bread bread bread", "forge"], []),
        (["bread bread", "bread bread"], ["bread"]),
        (["anvil forge", "anvil forge", "hammer!", "hammer?", "hammer."], ["anvil forge", "hammer"]),
        (["rye bread", "rye bread", "rye bread oven", "bread oven"], ["rye bread", "oven"]),
        (["Хлеб на закваске", "Ржаной хлеб на закваске"], ["закваске", "хлеб"]),
        (["नई रोटी रेसिपी", "रोटी रेसिपी घर पर"], ["रोटी रेसिपी"]),
        (["天然酵母パンの作り方", "天然酵母パン！"], ["天然酵母 パン"]),
        (["家常面包做法", "全麦面包做法大全"], ["面包做法"]),
        (["Garrick Lowmoor fixes a lathe", "Garrick Lowmoor: lathe"], ["lathe"]),
        (["", ""], []),
        ([], []),
    ],
)
def test_phrases_are_what_several_titles_share(titles: list[str], phrases: list[str]) -> None:
    """Two words rather than one, no word twice, in any script; no grammar, numbers, hashtags nor the own name."""
    assert common_phrases(videos(*titles), ACCOUNT) == phrases


def test_more_titles_count_more() -> None:
    """A word of four titles is before a phrase that stands in two."""
    phrases = common_phrases(
        videos("anvil a", "anvil b", "anvil c", "anvil d", "anvil e", "rusty lathe", "rusty lathe"), None
    )
    assert phrases == ["anvil", "rusty lathe"]


def test_what_a_channel_files_itself_under_counts_more() -> None:
    """Of two words that are as frequent."""
    contents = videos("anvil!", "anvil?", "lathe!", "lathe?")
    assert common_phrases(contents, None) == ["anvil", "lathe"]
    assert common_phrases(contents, ACCOUNT.model_copy(update={"topics": ("old lathe",)})) == ["lathe", "anvil"]


def test_a_formula_of_few_titles_is_no_subject() -> None:
    """Unless a topic or a hashtag says so; a fifth of the titles says so too."""
    fillers = ["alder", "birch", "cedar", "elm", "fir"]
    titles = [*fillers, "grinding noises", "grinding noises", "rusty lathe", "rusty lathe", "oak", "yew"]
    assert common_phrases(videos(*titles), ACCOUNT) == []
    account = ACCOUNT.model_copy(update={"topics": ("Lathe restoration",)})
    assert common_phrases(videos(*titles), account) == ["rusty lathe"]
    assert common_phrases(videos(*titles, "willow #grinding"), account) == ["grinding noises", "rusty lathe"]
    assert common_phrases(videos(*titles[1:]), None) == ["grinding noises", "rusty lathe"]


def test_what_is_common_does_not_depend_on_the_order_of_titles() -> None:
    """Else a repeated page would lead elsewhere."""
    titles = ["rusty lathe one", "rusty lathe forge", "forge anvil", "anvil saw", "saw lathe"]
    assert common_phrases(videos(*titles), None) == common_phrases(videos(*reversed(titles)), None)


def test_hashtags_of_titles_come_most_used_first() -> None:
    """Without those that everybody uses, and each as one."""
    titles = ["a #Forge #shorts #viral", "b #forge, #anvil!", "c #2026 #ab #"]
    assert common_hashtags(videos(*titles)) == ["forge", "anvil"]


def test_a_content_without_text_is_no_title() -> None:
    """It was not told."""
    assert common_phrases([Content(platform_id="1"), Content(platform_id="2")], None) == []
    assert common_hashtags([Content(platform_id="1")]) == []


def test_stop_words_are_folded_words() -> None:
    """What is compared with them is folded too."""
    assert all(word == word.casefold().strip() for word in STOP_WORDS)
