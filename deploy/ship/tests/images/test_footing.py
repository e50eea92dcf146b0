"""What an engine leaves in the machine's packet filter is taken away; what was there before stays."""

from ship.images.footing import undoing

BEFORE = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:MINE - [0:0]
-A INPUT -j MINE
-A MINE -s 192.0.2.7/32 -j DROP
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.9.0.0/16 -o eth0 -j MASQUERADE
COMMIT
"""
AFTER = """\
*filter
:INPUT ACCEPT [3:99]
:FORWARD DROP [0:0]
:MINE - [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:LATER - [0:0]
-A INPUT -j MINE
-A INPUT -s 192.0.2.8/32 -j LATER
-A FORWARD -j DOCKER-USER
-A FORWARD -o br-0123456789ab -j DOCKER
-A DOCKER-USER -j RETURN
-A MINE -s 192.0.2.7/32 -j DROP
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A POSTROUTING -s 10.9.0.0/16 -o eth0 -j MASQUERADE
-A POSTROUTING -s 172.18.0.0/16 ! -o br-0123456789ab -j MASQUERADE
COMMIT
"""


def _undone(table: str) -> list[str]:
    return [" ".join(command[2:]) for command in undoing(BEFORE, AFTER) if command[1] == table]


def test_an_engines_rules_and_chains_are_taken_away_and_forward_is_let_through_again() -> None:
    assert _undone("filter") == [
        "-D FORWARD -j DOCKER-USER",
        "-D FORWARD -o br-0123456789ab -j DOCKER",
        "-D DOCKER-USER -j RETURN",
        "-F DOCKER",
        "-F DOCKER-USER",
        "-X DOCKER",
        "-X DOCKER-USER",
        "-P FORWARD ACCEPT",
    ]
    assert _undone("nat") == [
        "-D POSTROUTING -s 172.18.0.0/16 ! -o br-0123456789ab -j MASQUERADE",
        "-F DOCKER",
        "-X DOCKER",
    ]


def test_chains_of_an_engine_that_was_there_before_stay() -> None:
    assert undoing(AFTER, AFTER) == []


def test_nothing_is_undone_of_what_others_added_meanwhile() -> None:
    told = " ".join(word for command in undoing(BEFORE, AFTER) for word in command)
    assert "LATER" not in told
    assert "MINE" not in told
