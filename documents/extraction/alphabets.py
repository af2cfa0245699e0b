"""What `charsets` knows of languages: their letters beyond ASCII, frequent words, and the encodings in use."""

from dataclasses import dataclass

_WESTERN = "cp1252 iso8859_15 mac_roman cp850 cp437"
_CENTRAL = "cp1250 iso8859_2 cp852"
_BALTIC = "cp1257 iso8859_13"
_CYRILLIC = "cp1251 koi8_r cp866 iso8859_5 mac_cyrillic"


@dataclass(frozen=True, slots=True)
class Alphabet:
    """A language: `letters` beyond ASCII, lower case, most frequent first; `words` of few letters that every
    text has; `encodings` by Python's names, likeliest first. `is_latin`: written among ASCII letters.
    """

    letters: str
    words: frozenset[str]
    encodings: tuple[str, ...]
    is_latin: bool = True


@dataclass(frozen=True, slots=True)
class Script:
    """A language of thousands of characters. `frequent` ones make a third of any text; `plain` is an encoding
    that has just the ones in daily use, whose first bytes `common` are the commoner half.
    """

    frequent: str
    plain: str
    common: range
    encodings: tuple[str, ...]


def _latin(letters: str, words: str, encodings: str) -> Alphabet:
    return Alphabet(letters, frozenset(words.split()), tuple(encodings.split()))


def _other(letters: str, encodings: str) -> Alphabet:
    return Alphabet(letters, frozenset(), tuple(encodings.split()), is_latin=False)


ALPHABETS = (  # likeliest first
    _latin("éèöüïçñáóäêâà", "the and of to in is that for with was are this not be on", _WESTERN),
    _latin("üäöß", "der die und das den von mit für ist nicht ein eine zu im auf dem sich", _WESTERN),
    _latin("éèàêçôîûâùïëœ", "le la les des et un une du en est que pour dans qui pas sur", _WESTERN),
    _latin("óíáéñúü¿¡ªº", "el la los las de que y en un una por con para es se del", _WESTERN),
    _latin("ãçáéíóêõúâàôªº", "o a os as de que e do da em um uma para com não no na", _WESTERN),
    _latin("èàùòìé", "il la di che e un una per in non con sono del della le", _WESTERN),
    _latin("éëïèöüó", "de het een en van in is dat op te zijn met voor niet", _WESTERN),
    _latin("äöåé", "och att det som en på är av för med den till inte", _WESTERN),
    _latin("åøæéö", "og i det at en på er som til af for med den ikke av", _WESTERN),
    _latin("äöåšž", "ja on ei se että oli hän mutta ovat kun niin", _WESTERN),
    _latin("éàèòóíçúï·ü", "el la els de i que a en un una per amb no és", _WESTERN),
    _latin("ąęółżśćńź", "i w na z do nie że się o jest to jak po od", _CENTRAL),
    _latin("íáéěřýžčšůúťóňď", "a v se na je že s z do o to jako za by pro", _CENTRAL),
    _latin("áíéýčžšúľťôňäďóŕĺ", "a v sa na je že s z do o to ako za by pre", _CENTRAL),
    _latin("áéöóőíüúű", "a az és hogy nem is egy van ez meg de volt", _CENTRAL),
    _latin("ăîâşţșț", "și în de la a cu pe un o nu care este din să", "cp1250 iso8859_16 iso8859_2 cp852"),
    _latin("čšžćđ", "i u je na da se za su od s je ne in v so za ki", _CENTRAL),
    _latin("ışğüçöîâ", "ve bir bu da de için ile olarak çok daha en ne", "cp1254 iso8859_9 cp857"),
    _latin("ėšžųūįčąę", "ir yra kad su į iš tai kaip bet ar po", _BALTIC),
    _latin("āīšēņūļģčķž", "un ir ka no ar uz par kas kā bet pie", _BALTIC),
    _latin("äõüöšž", "ja on ei et see ka oli aga kui mis", _BALTIC + " cp1252 iso8859_15"),
    _latin(
        "\u0300\u0301\u0323\u0309\u0303đưôâăêơàáảãạíìóòéèúùý",
        "và là của có các cho trong không được người với",
        "cp1258",
    ),
    _other("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", _CYRILLIC),
    _other("оаиніевртслкдмупягзьбчйхцжїєюшщфґ", "cp1251 koi8_u cp1125 iso8859_5"),
    _other("аоиенрсјтукводмлпзгбчцшћхжњљфђџ", "cp1251 iso8859_5 cp855"),
    _other("αοιτεσνηυρκπμλςόδίγέάθώήωχφύβξζψϊϋΐ", "cp1253 iso8859_7 cp737 mac_greek"),
    _other("יוהלאמרתבשנםכעדקחפטגזסךןצףץְִָּ", "cp1255 iso8859_8 cp862"),
    _other("اليمنترودبعفسهةكقحجشصخطزضذأثءئىغإظؤآ،؟ًٌَُِ", "cp1256 iso8859_6 cp864"),
    _other("ايرندهمتوبسشکزفگقلخعپجحچغصطذضآظژثئ،؟‌", "cp1256"),
    _other("านรกอเงมยลวดทสตะปบคหแจพชขใไผศซธณถภฟโญษฎฐฮำีัิื่้์็ุูๆฯ", "cp874"),
    _latin("ðáíóþæöúéý", "og að er sem það við til ekki um var", _WESTERN),
)

SCRIPTS = (
    Script(
        "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运",
        "gb2312",
        range(0xB0, 0xD8),
        ("gb18030",),
    ),
    Script(
        "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運",
        "big5",
        range(0xA4, 0xC7),
        ("cp950", "big5hkscs"),
    ),
    Script(
        "のにはをたがでてとしれさあいるかなこうもりすんっくきけせそつえらよまみどわおだじろちめやばびぶべぼごげぐぎざずぞゃゅょァィゥェォアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワンッャュョガギグゲゴザジズゼゾダデドバビブベボパピプペポー日本人年大会国中長出事者社生時後行新分方地業上前部東間内合同",
        "euc_jp",
        range(0xB0, 0xD0),
        ("cp932", "euc_jp"),
    ),
    Script(
        "이다의에는을가고하지를은한도로기사자대서있리나어들그것시해인스일여부아수정전보주제라으과선상국장구성공만원신조적동유관우미생경마지안연비소세와오면화교되요까했었습니않없말내때년위된수게더회음무계당통학발민중실용문모반분방진산개영차두행명물행심최강속건체단업법권",
        "euc_kr",
        range(0xB0, 0xC9),
        ("cp949",),
    ),
)
