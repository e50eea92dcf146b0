"""What an engine of our own leaves mounted is found, and nothing else."""

from pathlib import Path

from ship.images.engine import mounts_below

MOUNTINFO = """\
22 1 0:20 / / rw - ext4 /dev/root rw
40 22 0:4 net:[4026532281] /tmp/creatorscout-engine-a/exec/netns/default rw - nsfs nsfs rw
41 22 0:40 / /tmp/creatorscout-engine-a/data/overlay2/x/merged rw - overlay overlay rw
42 41 0:41 / /tmp/creatorscout-engine-a/data/overlay2/x/merged/dev/shm rw - tmpfs shm rw
43 22 0:42 / /tmp/creatorscout-engine-ab rw - tmpfs tmpfs rw
44 22 0:43 / /tmp/creatorscout-engine-a/with\\040blank rw - tmpfs tmpfs rw
"""


def test_mounts_in_the_folder_come_the_deepest_first() -> None:
    folder = Path("/tmp/creatorscout-engine-a")
    assert mounts_below(folder, MOUNTINFO) == [
        f"{folder}/data/overlay2/x/merged/dev/shm",
        f"{folder}/data/overlay2/x/merged",
        f"{folder}/exec/netns/default",
        f"{folder}/with blank",
    ]
