"""Words of titles that tell nothing of their subject: those of grammar in large languages, and YouTube's own."""

from typing import Final

_ENGLISH: Final = """
    a about after again ago all also am an and another answer answered any are as ask asked at bad be because been
    before beginner beginners behind being better big bought but buy by came can come comes coming cost could did do
    does doing don't down during each ever every everybody everyone few finally find finish finished for found from
    get gets getting go goes going gone gonna good got had happened happening happens has hate have having he her
    here him his how i i'm i've if in inside into is isn't it it's its just keep knew know known learn learned let
    let's like little long look looking looks lot lots love loved made make makes making many me month months more
    most much must my need needs never no nobody not now of off old on once one only or other our out over own
    really right saw see setup she should small so some somebody someone start started starting still stop such tell
    tells than that that's the their them then there these they thing think this those thought through to today told
    tomorrow too tried try trying turn turned two ultimate under until up us use used using very want wants was
    watch way we were what what's when where which while who why will with without won't worst worth would wrong
    years yes yesterday yet you you're your
"""
_ROMANCE: Final = """
    al algo alla alle allo ao aos apenas aqui as así au aux avec bien c'est ce ces cet cette che chi ci com comment
    como con così cual cuando da dal dalla das de dei del della delle des dos du e el ella ellos em en entre era es
    esa ese est esta este esto está et eu faire foi gli ha hacer hay i il isso isto j'ai je jusqu la las le les leur
    lo los lui là ma mais mas me mes mi mia mio mis moi mon muito muy même na nas nel nella no non nos nosso notre
    nous não nós o os ou où para parce pas pelo per perché più plus por porque pour pourquoi qu quando que quel quem
    questa questo qui quién quoi qué sa sans se sem ser si sin sobre son sono sont sou su sua suo sur sus são também
    te tem ti todo todos toi tous tout tu tudo tutti tutto tão um uma un una une uno vai vez você voici vos votre
    vous à às è é él être
"""
_GERMANIC: Final = """
    aan aber als am an att auch auf aus av bei beim bin bist da damit das dass dat de dein dem den der des det dich
    die dieser dir dit doch du een ein eine einem einen einer es et för für gegen geht habe haben har hat heeft het
    hier ich ihr ik im in inte ist jag je jetzt kann kein keine machen man med mehr mein meine met mich mij mijn mir
    mit nach nicht niet noch nog nu nur och oder of om ook op over på schon sehr sein sich sie sind so som te till
    um und uns unser van von voor vor wann war warum was wat we wenn wer werden wie wij wir wird wo ze zo zu zum zur
    är över
"""
_SLAVIC: Final = """
    ale bez co czy dla do i jak jest już ke która który lub mi mnie moje na nad nie od po pod przez się są tak to tu
    tym w we wszystko z za że а або без был была были в во вот все всё вы від где да для до его ее если есть же за и
    из или их к как когда кто ли мне мой мы на над не нет но о об он она они от по под почему при с свой себя со та
    так там то только у уже це что чтобы що это этот я як
"""
_OTHER: Final = """
    ada adalah akan aku apa atau bagaimana banyak bir bisa bu buat cara cho có cùng của da dan dari de dengan di dia
    gibi ile ini itu için juga karena ke kita kok lagi là mi mu một nasıl ne những olan oleh pada saya sebuah sudah
    tak tidak trong untuk ve và với ya yang được أن إلى على عن في كيف لا ما مع من هذا هذه هل و يا इस एक और का की के
    कैसे को नहीं पर में यह या से है हैं
"""
_YOUTUBE: Final = """
    4k amazing años best biggest capítulo challenge channel collab complete day days día días easy ep ep. episode
    everything exclusive fail first folge ft full guide hd highlights hour hours insane jour jours last live
    livestream mejor minute minutes my neu neue new news nouveau nueva nuevo official old part parte perfect
    playlist pov premiere preview q&a quick reaction real review season serie series short shorts special stream
    subscribe tag tage teaser teil things tips top trailer trick tricks tutorial ultimate update video videos vlog
    vlogs vs vídeo vídeos week weeks world year years youtube épisode видео выпуск день новый серия часть
"""

_TAGS_OF_ALL: Final = """
    ad explore fy fyp foryou foryoupage funny love reels short shorts shortsfeed shortsvideo shortvideo shortvideos
    sponsored subscribe tiktok trend trending video viral viralshorts viralvideo vlog vlogs youtube youtuber
    youtubeshort youtubeshorts ytshort ytshorts
"""

STOP_WORDS: Final = frozenset(" ".join((_ENGLISH, _ROMANCE, _GERMANIC, _SLAVIC, _OTHER, _YOUTUBE)).casefold().split())

TAGS_OF_ALL: Final = frozenset(_TAGS_OF_ALL.split())
"""Hashtags that say where a video is or hope that it is found, not what it is about."""
