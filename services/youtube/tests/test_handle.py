"""What people write for a channel, and how the channel is then asked for."""

import pytest

from common.domain.handle import HandleError, read_handle
from common.platform import SearchInput
from youtube.table import YOUTUBE

ID = "UCdemo00000000000000001A"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("mira.ovens", "mira.ovens"),
        ("@Mira_Ovens-1", "Mira_Ovens-1"),
        ("mira·ovens", "mira·ovens"),
        ("@冷たい-9", "冷たい-9"),
        ("@кухня", "кухня"),
        ("@रसोई", "रसोई"),
        ("@ก้อง", "ก้อง"),
        (ID, ID),
        ("c/MiraOvens", "c/MiraOvens"),
        ("https://www.youtube.com/@Mira.Ovens", "Mira.Ovens"),
        ("youtube.com/@Mira.Ovens/videos", "Mira.Ovens"),
        ("http://m.youtube.com/@mira/about?sub_confirmation=1", "mira"),
        ("https://www.youtube.com/@%E5%86%B7%E3%81%9F%E3%81%84-9/", "冷たい-9"),
        (f"https://www.youtube.com/channel/{ID}", ID),
        (f"https://youtube.com/channel/{ID}/streams", ID),
        ("https://www.youtube.com/c/MiraOvens", "c/MiraOvens"),
        ("https://www.youtube.com/c/MiraOvens/videos", "c/MiraOvens"),
        ("https://www.youtube.com/user/MiraOvens/", "user/MiraOvens"),
    ],
)
def test_a_channel_is_read_from_what_people_write(text: str, name: str) -> None:
    """Names keep their case, since an id has one."""
    assert read_handle(text, YOUTUBE.handles) == name


@pytest.mark.parametrize(
    "text",
    [
        "https://youtu.be/demoVid0001",
        "https://www.youtube.com/watch?v=demoVid0001",
        "https://www.youtube.com/shorts/demoSho0001",
        "https://www.youtube.com/playlist?list=PLdemo",
        "https://www.youtube.com/channel/UCshort",
        f"https://www.youtube.com/channel/{ID.lower()}",
        "https://www.youtube.com/",
        "https://www.youtube.com/@mira/videos/more",
        "https://example.com/@mira",
        "https://notyoutube.com/@mira",
        "x/mira",
        "c/",
        "mira ovens!",
        "@",
        "",
    ],
)
def test_what_names_no_channel_is_refused(text: str) -> None:
    """A video is none; an id in small letters is somebody else's."""
    with pytest.raises(HandleError):
        read_handle(text, YOUTUBE.handles)


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (ID, {"channelId": ID}),
        ("mira.ovens", {"handle": "mira.ovens"}),
        ("@mira", {"handle": "mira"}),
        (ID + "x", {"handle": ID + "x"}),
        (ID.lower(), {"handle": ID.lower()}),
        ("c/mira", {"url": "https://www.youtube.com/c/mira"}),
        ("user/mira", {"url": "https://www.youtube.com/user/mira"}),
    ],
)
def test_a_target_is_asked_for_by_what_its_name_is(query: str, asked: dict[str, str]) -> None:
    """An id sent as a handle would be a 404 that costs a credit."""
    target = YOUTUBE.searches["target"]
    assert target.ask(SearchInput(query=query, region="GB"), None) == asked
    aged = asked | {"cache_max_age": "7d"}
    assert target.ask(SearchInput(query=query, cache_max_age="7d"), None) == aged
