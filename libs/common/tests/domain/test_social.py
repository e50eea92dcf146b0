"""Accounts elsewhere: tables of addresses and of what bios write, and laws that hold for any text.

All names are invented. The labelled bios are in test_contact.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.social import NETWORKS, account_at, find_accounts

CHANNEL = "UC" + "demo" * 5 + "de"


def named(text: str) -> list[str]:
    return [f"{account.platform}:{account.handle}" for account in find_accounts(text)]


@pytest.mark.parametrize(
    ("link", "account", "page"),
    [
        ("https://www.instagram.com/Mira.Ovens/", "instagram:mira.ovens", "https://www.instagram.com/mira.ovens"),
        ("https://instagram.com/mira/reels", "instagram:mira", "https://www.instagram.com/mira"),
        ("https://instagram.com/_u/mira", "instagram:mira", "https://www.instagram.com/mira"),
        ("https://www.tiktok.com/@Mira_?lang=de", "tiktok:mira_", "https://www.tiktok.com/@mira_"),
        ("https://youtube.com/@Mira-Ovens/videos", "youtube:Mira-Ovens", "https://www.youtube.com/@Mira-Ovens"),
        ("https://youtube.com/@%E3%83%91%E3%83%B3%E5%B1%8B", "youtube:パン屋", "https://www.youtube.com/@パン屋"),
        (f"https://youtube.com/channel/{CHANNEL}", f"youtube:{CHANNEL}", f"https://www.youtube.com/channel/{CHANNEL}"),
        ("http://www.youtube.com/user/MiraOvens", "youtube:MiraOvens", "https://www.youtube.com/user/MiraOvens"),
        ("https://mobile.twitter.com/MiraOvens", "x:miraovens", "https://x.com/miraovens"),
        ("https://x.com/mira", "x:mira", "https://x.com/mira"),
        ("https://m.twitch.tv/mira/about", "twitch:mira", "https://www.twitch.tv/mira"),
        ("https://de-de.facebook.com/mira.ovens", "facebook:mira.ovens", "https://www.facebook.com/mira.ovens"),
        ("https://facebook.com/profile.php?id=1000001", "facebook:1000001", "https://www.facebook.com/1000001"),
        ("https://facebook.com/people/Mira/1000001/", "facebook:1000001", "https://www.facebook.com/1000001"),
        ("https://snapchat.com/add/mira-ovens", "snapchat:mira-ovens", "https://www.snapchat.com/add/mira-ovens"),
        ("https://www.threads.com/@mira.ovens", "threads:mira.ovens", "https://www.threads.com/@mira.ovens"),
        ("https://br.pinterest.com/mira/_saved", "pinterest:mira", "https://www.pinterest.com/mira"),
        (
            "https://ee.linkedin.com/in/Mira-Ovens-1a2b/",
            "linkedin:mira-ovens-1a2b",
            "https://www.linkedin.com/in/mira-ovens-1a2b",
        ),
        ("https://t.me/s/mira_ovens", "telegram:mira_ovens", "https://t.me/mira_ovens"),
        (
            "https://api.whatsapp.com/send?text=hi&phone=%2B3725550000",
            "whatsapp:3725550000",
            "https://wa.me/3725550000",
        ),
    ],
)
def test_the_page_of_an_account_names_it(link: str, account: str, page: str) -> None:
    found = account_at(link)
    assert found is not None
    assert (f"{found.platform}:{found.handle}", found.url) == (account, page)
    again = account_at(found.url)
    assert again is not None
    assert again.handle == found.handle


@pytest.mark.parametrize(
    "link",
    [
        "https://www.instagram.com/p/DEMO/",
        "https://www.instagram.com/reel/DEMO",
        "https://www.instagram.com/p",
        "https://www.instagram.com/stories/mira/1",
        "https://www.instagram.com/explore/tags/bread",
        "https://www.instagram.com",
        "https://help.instagram.com/mira",
        "https://l.instagram.com/mira",
        "https://instagram.com.ovens.studio/mira",
        "https://myinstagram.com/mira",
        "https://www.tiktok.com/@mira/video/1",
        "https://www.tiktok.com/mira",
        "https://www.tiktok.com/tag/bread",
        "https://vm.tiktok.com/@mira",
        "https://www.youtube.com/watch?v=demoVid0001",
        "https://www.youtube.com/playlist?list=PLdemo",
        "https://www.youtube.com/channel/UCshort",
        "https://youtu.be/demoVid0001",
        "https://x.com/mira/status/1",
        "https://x.com/i",
        "https://x.com/share?url=a",
        "https://x.com/a_name_that_is_too_long",
        "https://www.twitch.tv/videos/1",
        "https://www.facebook.com/groups",
        "https://www.facebook.com/share/1",
        "https://www.facebook.com/profile.php",
        "https://www.snapchat.com/t/DEMO",
        "https://www.linkedin.com/company/ovens",
        "https://t.me/+DEMO",
        "https://t.me/joinchat/DEMO",
        "https://t.me/mira_ovens/12",
        "https://wa.me/message/DEMO",
        "https://chat.whatsapp.com/DEMO",
        "https://[",
        "mira",
        "",
    ],
)
def test_a_post_a_group_a_search_or_a_short_link_is_no_account(link: str) -> None:
    assert account_at(link) is None


@pytest.mark.parametrize(
    ("bio", "accounts"),
    [
        ("IG: @mira.ovens", "instagram:mira.ovens"),
        ("IG : @mira.ovens", "instagram:mira.ovens"),
        ("INSTAGRAM ► @Mira.Ovens", "instagram:mira.ovens"),
        ("insta mira_ovens", "instagram:mira_ovens"),
        ("my second insta is @mira.two", "instagram:mira.two"),
        ("TikTok @mira", "tiktok:mira"),
        ("IG @mira TikTok @mira.two", "instagram:mira tiktok:mira.two"),
        ("TikTok @mira on IG @mira.two", "tiktok:mira instagram:mira.two"),
        ("IG: @a, TT: @b; YT: @ccc", "instagram:a tiktok:b youtube:ccc"),
        ("TikTok / Insta / YT: @mira.ovens", "tiktok:mira.ovens instagram:mira.ovens youtube:mira.ovens"),
        ("@mira_ovens on TikTok and IG", "tiktok:mira_ovens instagram:mira_ovens"),
        ("find me @mira_ovens on TikTok", "tiktok:mira_ovens"),
        ("IG: @a | TikTok: @b | IG: @A", "instagram:a tiktok:b"),
        ("Twitter/X: @mira", "x:mira"),
        ("X: @mira", "x:mira"),
        ("cakes 🎂 snap: mira.ovens 👻", "snapchat:mira.ovens"),
        ("Snapchat: miraovens", "snapchat:miraovens"),
        ("IG: @mira.", "instagram:mira"),
        ("(IG: @mira)", "instagram:mira"),
        ("我的IG：@mira_ovens", "instagram:mira_ovens"),
        ("インスタは@mira_ovensです", "instagram:mira_ovens"),
        ("моя инста @mira.ovens", "instagram:mira.ovens"),
        ("İNSTAGRAM: @mira.ovens", "instagram:mira.ovens"),
        ("ınsta: @mira.ovens", "instagram:mira.ovens"),
        ("@mira.ovens (IG) @miraovens (TikTok)", "instagram:mira.ovens tiktok:miraovens"),
        # what is in doubt
        ("YT: Mira Bakes", ""),
        ("YT: MiraBakes", ""),
        ("📸 @mira", ""),
        ("@mira", ""),
        ("TikTok: soon", ""),
        ("TikTok: 1.2M", ""),
        ("Snapchat: coming soon", ""),
        ("Snapchat: private", ""),
        ("insta: ovens.com", ""),
        ("insta: www.ovens.studio", ""),
        ("insta: mira.ovens@ovens.studio", ""),
        ("IG: @mira-ovens", ""),
        ("IG: @mira@mastodon.social", ""),
        ("IG: @mira.Follow me", ""),
        ("mira x @brand", ""),
        ("Twitter: @a_name_that_is_too_long", ""),
        ("ex-Instagram @brand", ""),
        ("Product at YouTube @brand", ""),
        ("I make TikTok @brand", ""),
        ("husband's insta: @dan", ""),
        ("pfp by IG: @artist", ""),
        ("Founder of @brand on Instagram", ""),
        ("TikToker @mira", ""),
        ("I review what TikTok: @brands send me", ""),
        ("her insta: @mira", ""),
        ("https://ovens.studio/ig:@mira", ""),
    ],
)
def test_a_name_is_believed_as_far_as_it_names_the_platform(bio: str, accounts: str) -> None:
    assert named(bio) == accounts.split()


PIECES = st.sampled_from(
    [
        *(label for network in NETWORKS.values() for label in network.labels[:3]),
        *(
            *"@:/|-.,&👻\n 🎈は",
            " on ",
            " and ",
            "mira.ovens",
            "mira_ovens",
            "Mira",
            "https://t.me/",
            "\ud800",
            "\u0301",
        ),
    ]
)
BIOS = st.one_of(st.text(max_size=100), st.lists(PIECES, max_size=30).map("".join))


@given(BIOS)
def test_any_text_gives_sound_accounts_each_once(bio: str) -> None:
    found = find_accounts(bio)
    assert len({(account.platform, account.handle.casefold()) for account in found}) == len(found)
    for account in found:
        network = NETWORKS[account.platform]
        assert re.fullmatch(network.pattern, account.handle, re.IGNORECASE)
        assert account.handle.lower() not in network.reserved
        assert account_at(account.url) == account


@given(BIOS)
def test_accounts_found_are_found_again_in_their_addresses(bio: str) -> None:
    found = find_accounts(bio)
    assert find_accounts(None, [account.url for account in found]) == found


@given(BIOS, st.sampled_from(["\n", "\n\n", " 🎈 ", "🎈🎈\n"]))
def test_lines_and_emoji_around_a_bio_change_nothing(bio: str, around: str) -> None:
    assert find_accounts(around + bio + around) == find_accounts(bio)


def test_labels_are_of_one_network_only() -> None:
    labels = [label.lower() for network in NETWORKS.values() for label in network.labels]
    assert len(set(labels)) == len(labels)
