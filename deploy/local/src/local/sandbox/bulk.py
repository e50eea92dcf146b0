"""The weight of a real video object: many renditions, each with long signed addresses.

Rule: weight sits where the real weight sits, and is made once, at the start.
"""

import base64
import json
from typing import Any

from local.sandbox.draw import Draw
from local.sandbox.splice import Prepared, prepare

SAMPLE_HASH = "460570631e3d8f0e93e0ea19d5a61d1a"
RENDITIONS = (
    ("normal_1080_0", 2, 1080, 1920, 2_914_411),
    ("normal_720_0", 10, 720, 1280, 1_612_008),
    ("normal_540_0", 20, 576, 1024, 938_232),
    ("adapt_lowest_1080_1", 2, 1080, 1920, 1_404_559),
    ("adapt_lower_720_1", 14, 720, 1280, 871_904),
    ("adapt_lowest_720_1", 14, 720, 1280, 702_118),
    ("adapt_540_1", 28, 576, 1024, 640_007),
    ("lower_540_1", 24, 576, 1024, 511_630),
    ("lowest_540_1", 25, 576, 1024, 402_212),
)
AUDIO_QUALITIES = (64_209, 48_117, 32_044)
DURATION_MS_MIN = 6_000
DURATION_MS_SPAN = 170_000


def videos(sample: dict[str, Any], seed: int, count: int) -> list[Prepared]:
    """So many video objects in the sample's shape, at real size, each as prepared JSON text."""
    return [prepare(_compact(_video(sample, Draw(seed, "video", number)))) for number in range(count)]


def photos(sample: dict[str, Any], seed: int, count: int) -> list[Prepared]:
    """The video object of a photo post: the same keys with no rendition and no length."""
    plain = {**sample, "bit_rate": [], "duration": 0}
    texts = [_renamed(plain, Draw(seed, "photo", number).hex(32)) for number in range(count)]
    return [prepare(text.encode()) for text in texts]


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _renamed(sample: dict[str, Any], file_hash: str) -> str:
    text = json.dumps(sample, ensure_ascii=False, separators=(",", ":"))
    return text.replace(SAMPLE_HASH, file_hash).replace(SAMPLE_HASH[:20], file_hash[:20])


def _video(sample: dict[str, Any], chance: Draw) -> dict[str, Any]:
    video: dict[str, Any] = json.loads(_renamed(sample, chance.hex(32)))
    template = video["bit_rate"][0]
    duration = DURATION_MS_MIN + chance.below(DURATION_MS_SPAN)
    video["duration"] = duration
    video["bit_rate"] = [_rendition(template, chance, kind) for kind in RENDITIONS]
    video["bit_rate_audio"] = [_audio(chance, quality) for quality in AUDIO_QUALITIES]
    for name in ("play_addr", "download_addr", "download_no_watermark_addr"):
        video[name] = {**video[name], "url_list": _addresses(chance, 738_232)}
    video["cla_info"] = {**video["cla_info"], "caption_infos": [_caption(chance)]}
    video["big_thumbs"] = [_thumbs(chance, duration)]
    return video


def _signed(chance: Draw, length: int) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(chance.hex(length // 4 * 6 + 6))).decode()[:length]


def _addresses(chance: Draw, bit_rate: int) -> list[str]:
    name, log_id = chance.hex(32), chance.hex(34).upper()
    tail = (
        f"video/tos/useast8/tos-useast8-ve-0068c001-tx2/{_signed(chance, 38)}/?a=1233&bti=ODszNWYuMDE6"
        f"&ch=0&cr=13&dr=0&er=0&lr=all&net=0&cd=0%7C0%7C0%7C0&cv=1&br={bit_rate // 650}&bt={bit_rate // 1300}"
        f"&cs=2&ds=4&ft={_signed(chance, 64)}&mime_type=video_mp4&qs=11&rc={_signed(chance, 172)}%3D%3D"
        f"&vvpl=1&l={log_id}&btag=e000b0000&cc=13&download=false&expire=1789797600&ply_type=3"
    )
    query = f"video_id=v15044gf0000{name[:20]}&line=0&is_play_url=1&source=SEARCH&file_id={name}&item_id={log_id}"
    return [
        f"https://v16m.tiktokcdn-us.com/{name}/6aad5bfd/{tail}",
        f"https://v19.tiktokcdn-us.com/{name}/6aad5bfd/{tail}",
        f"https://api16-normal-useast5.tiktokv.us/aweme/v1/play/?{query}&signaturev3={_signed(chance, 190)}",
    ]


def _rendition(template: dict[str, Any], chance: Draw, kind: tuple[str, int, int, int, int]) -> dict[str, Any]:
    gear, quality, width, height, bit_rate = kind
    name = f"v15044gf0000{chance.hex(20)}"
    address = {
        **template["play_addr"],
        "data_size": bit_rate * 3,
        "file_hash": chance.hex(32),
        "height": height,
        "uri": name,
        "url_key": f"{name}_{gear}_{bit_rate}",
        "url_list": _addresses(chance, bit_rate),
        "width": width,
    }
    extra = {"video_extra": json.dumps({"PktOffsetMap": _packets(chance), "mvmaf": "", "audio_bit_rate": 64_209})}
    return {**template, "bit_rate": bit_rate, "gear_name": gear, "play_addr": address, "quality_type": quality, **extra}


def _packets(chance: Draw) -> str:
    return json.dumps([{"time": second, "offset": 9_000 + chance.below(900_000)} for second in range(1, 21)])


def _audio(chance: Draw, quality: int) -> dict[str, Any]:
    main, backup, fallback = _addresses(chance, quality)
    meta = {
        "bitrate": quality,
        "codec_type": "mp4a",
        "encoded_type": "normal",
        "file_id": chance.hex(32),
        "quality": str(quality),
        "url_list": {"main_url": main, "backup_url": backup, "fallback_url": fallback},
    }
    return {"audio_extra": "", "audio_meta": meta, "audio_quality": 20, "sub_info": None}


def _caption(chance: Draw) -> dict[str, Any]:
    addresses = _addresses(chance, 0)
    return {
        "caption_format": "webvtt",
        "caption_length": 400 + chance.below(900),
        "cla_subtitle_id": str(7_600_000_000_000_000_000 + chance.below(10**15)),
        "complaint_id": str(7_600_000_000_000_000_000 + chance.below(10**15)),
        "expire": 1_792_389_600,
        "is_auto_generated": True,
        "is_original_caption": True,
        "lang": "eng-US",
        "language_code": "en",
        "sub_id": str(chance.below(10**9)),
        "url": addresses[0],
        "url_list": addresses,
        "variant": "default",
    }


def _thumbs(chance: Draw, duration: int) -> dict[str, Any]:
    return {
        "duration": duration / 1000,
        "fext": "jpeg",
        "img_num": duration // 1000,
        "img_uri": f"tos-useast8-p-0068-tx2/{chance.hex(32)}",
        "img_url": _addresses(chance, 0)[0],
        "img_x_len": 5,
        "img_x_size": 136,
        "img_y_len": 5,
        "img_y_size": 240,
        "interval": 1,
    }
