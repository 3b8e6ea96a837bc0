"""Mixed text for comparing tokenizers: what a Debian or Python machine has lying about, and what
is made up to be hard. The same seed and machine give the same lines.

Lines are bytes, not text: some are no UTF-8 on purpose.
"""

import gettext
import os
import pathlib
import random
import sysconfig
import unicodedata

# Written for this purpose, in as many scripts as we could.
SENTENCES = [
    "The quick brown fox can't jump over 12 lazy dogs; it's 3.14159 o'clock, isn't it?",
    "She said: “I’d rather they’d've stayed…” — and left at 7:45 p.m.",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich, für 19,99 €.",
    "Dès Noël, où un zéphyr haï me vêt de glaçons würmiens, je dîne d’exquis rôtis.",
    "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío: ¿añoraba a su niño?",
    "Příliš žluťoučký kůň úpěl ďábelské ódy; ještě štěstí, že měl čas.",
    "Pchnąć w tę łódź jeża lub ośm skrzyń fig. Gęślą jaźń!",
    "Árvíztűrő tükörfúrógép, hosszú nyáron át.",
    "Pijamalı hasta yağız şoföre çabucak güvendi; İSTANBUL'da ılık bir gün.",
    "Đêm qua tôi đọc một quyển sách về những người thợ mộc ở Việt Nam.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю — 25 рублей.",
    "Жебракують філософи при ґанку церкви в Гадячі, ще й шатро їхнє п'яне знаємо.",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία· ένα πρωί στη θάλασσα.",
    "בוקר טוב, הילדים הולכים לבית הספר בשעה שמונה.",
    "شِيْءٌ مِنَ الكَلَامِ العَرَبِيِّ، وَالأَرْقَامُ ١٢٣٤٥ هُنَا.",
    "یک جملهٔ فارسی با نیم‌فاصله و ارقام ۱۲۳۴.",
    "मैं हिन्दी में एक वाक्य लिख रहा हूँ, क्या आप पढ़ सकते हैं? १२३",
    "আমি বাংলায় গান গাই, তুমি কি শুনছ?",
    "தமிழில் ஒரு வாக்கியம் எழுதுகிறேன்; நன்றி.",
    "ฉันกำลังเขียนประโยคภาษาไทยโดยไม่เว้นวรรคเลยสักครั้งเดียว",
    "ຂ້ອຍຮັກພາສາລາວ ແລະ ກາເຟ.",
    "မြန်မာဘာသာဖြင့် ရေးထားသော စာကြောင်း",
    "ខ្ញុំចង់ញ៉ាំបាយជាមួយអ្នក។",
    "我今天早上在北京吃了三个包子，花了十二块钱，真好吃！",
    "我們在臺北車站見面，然後去看電影《海角七號》。",
    "吾輩は猫である。名前はまだ無い。カタカナとひらがな、漢字が混ざる文です。",
    "ﾊﾝｶｸｶﾀｶﾅ と ＦＵＬＬＷＩＤＴＨ　テキスト１２３",
    "한국어 문장을 하나 써 보았습니다. 맛있는 김치찌개 2인분 주세요!",
    "ქართული ენა ძალიან ლამაზია.",
    "Հայերեն նախադասություն՝ փորձի համար։",
    "አማርኛ ጥሩ ቋንቋ ነው።",
    "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ and ᓀᐦᐃᔭᐍᐏᐣ",
    "𝕋𝕙𝕖 𝓜𝓪𝓽𝓱 ∀x∈ℝ: x² ≥ 0 ⇒ √(x²) = |x|, ∑ᵢ₌₁ⁿ i = n(n+1)⁄2, ½ + ⅓ = ⅚",
    "𐎠𐎡𐎢 𒀀𒁀𒂀 𓀀𓁀𓂀 𠀀𠀁𪜀",
    "def f(x: list[int]) -> dict: return {k: v**2 for k, v in enumerate(x) if v != 0x1F}",
    "SELECT * FROM t WHERE a<=1 AND b LIKE '%x_y%'; -- comment\t\tTABS",
    "https://example.org/path/to?q=1&r=%20#frag user.name+tag@mail.example.com",
    "<html><body class=\"a b\">&nbsp;&lt;</body></html>",
    "!!!???...,,,;;;:::(((([[[[{{{{<<<<>>>>}}}}]]]]))))",
    "snake_case camelCase PascalCase SCREAMING_SNAKE kebab-case dot.case x1y2z3",
    "1234567890 12 345 6,789.01 0x7fff 1e-10 ٣٤٥ ²³¹ Ⅷ ① 〇",
]

EMOJI = [
    "😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇯🇵🇫🇷", "1️⃣", "#️⃣", "❤️", "☂︎", "🧑🏿‍🚀", "🤷🏼‍♀️",
    "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "©️", "™", "🫠", "🐈‍⬛",
]

SPACES = [
    " ", " ", " ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n", "\x0b", "\x0c", "\x1c", "\x1f",
    "\x85", "\xa0", "\u1680", "\u180e", "\u2003", "\u200b", "\u2028", "\u2029", "\u202f", "\u205f",
    "\u3000", "\ufeff", "\u00ad",
]

CONTRACTIONS = [
    "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'M", "'lL", "'D",
    "'\u017f", "'\u212a", "’s", "''s", "'sam", "'tis", "'", "'re'", "'LLama", "'x",
]


def real_lines(data):
    """Lists of lines of real text, by kind."""
    kinds = {}
    stdlib = pathlib.Path(sysconfig.get_paths()["stdlib"])

    code = []
    for path in sorted(stdlib.glob("*.py")) + sorted(stdlib.glob("*/*.py"))[:400]:
        code += path.read_bytes().split(b"\n")
    kinds["code"] = code

    chinese = []
    for path in sorted(stdlib.glob("test/cjkencodings/*.txt")):
        encoding = path.stem.split("-")[0]
        try:
            text = path.read_bytes().decode(encoding, "replace")
        except LookupError:
            continue
        chinese += text.encode().split(b"\n")
    kinds["cjk files"] = chinese

    prose = []
    for folder in ("/usr/share/common-licenses", "/usr/share/perl/5*/pod", "/usr/share/doc/*"):
        for path in sorted(pathlib.Path("/").glob(folder.strip("/") + "/*"))[:3000]:
            if path.is_file() and path.suffix in ("", ".pod", ".txt", ".md", ".html"):
                prose += path.read_bytes()[:20000].split(b"\n")
                if len(prose) > 60000:
                    break
    kinds["prose"] = prose

    translations = []
    for path in sorted(pathlib.Path("/usr/share").glob("locale/*/LC_MESSAGES/*.mo"))[::7]:
        try:
            with open(path, "rb") as file:
                messages = gettext.GNUTranslations(file)._catalog.values()
        except (OSError, ValueError, LookupError):
            continue
        translations += [m.encode() for m in messages if isinstance(m, str)][:60]
    kinds["translations"] = translations

    movies = pathlib.Path(data or "/nonexistent") / "vader" / "movieReviewSnippets_GroundTruth.txt"
    if movies.exists():
        kinds["movies"] = [line.split(b"\t")[-1] for line in movies.read_bytes().split(b"\n")]
    return {kind: lines for kind, lines in kinds.items() if lines}


def assigned():
    return [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]


class Maker:
    """Made-up lines, each method one kind."""

    def __init__(self, rng, specials):
        self.rng = rng
        self.specials = specials
        self.characters = assigned()
        self.marks = [c for c in self.characters if unicodedata.category(c).startswith("M")]
        self.tables = []
        for codec, high in (("gb18030", 0xFE), ("shift_jis", 0xEF), ("euc_kr", 0xFD), ("big5", 0xF9)):
            table = []
            for first in range(0x81, high + 1):
                for second in range(0x40, 0xFF):
                    try:
                        table.append(bytes((first, second)).decode(codec))
                    except UnicodeDecodeError:
                        pass
            self.tables.append(table)

    def words(self):
        sentence = self.rng.choice(SENTENCES)
        words = sentence.split(" ")
        start = self.rng.randrange(len(words))
        return " ".join(words[start : start + self.rng.randint(1, 9)])

    def mixture(self):
        parts = [self.words() for _ in range(self.rng.randint(1, 4))]
        parts += self.rng.sample(EMOJI, self.rng.randint(0, 2))
        self.rng.shuffle(parts)
        return "".join(p + self.rng.choice(SPACES + [" "] * 20) for p in parts).encode()

    def names(self):
        c = self.rng.choice(self.characters)
        return f"{c} {unicodedata.name(c, '')} {ord(c):04X}{c}{c.lower()}{c.upper()}".encode()

    def any_characters(self):
        n = self.rng.randint(1, 30)
        return "".join(self.rng.choices(self.characters, k=n)).encode()

    def cjk(self):
        table = self.rng.choice(self.tables)
        return "".join(self.rng.choices(table, k=self.rng.randint(1, 40))).encode()

    def emoji(self):
        parts = self.rng.choices(EMOJI + ["a", " ", "7", "!"], k=self.rng.randint(1, 12))
        return "".join(parts).encode()

    def combining(self):
        out = []
        for c in self.words():
            out.append(c)
            out += self.rng.choices(self.marks, k=self.rng.choice((0, 0, 0, 1, 1, 2, 5)))
        form = self.rng.choice(("NFC", "NFD", "NFKC", "NFKD", None))
        text = "".join(out)
        return (unicodedata.normalize(form, text) if form else text).encode()

    def decomposed(self):
        return unicodedata.normalize(self.rng.choice(("NFD", "NFC")), self.words()).encode()

    def hangul(self):
        jamo = [chr(c) for c in range(0x1100, 0x1200)] + [chr(self.rng.randint(0xAC00, 0xD7A3))]
        return "".join(self.rng.choices(jamo, k=self.rng.randint(1, 20))).encode()

    def invalid(self):
        kind = self.rng.randrange(5)
        if kind == 0:
            return self.rng.randbytes(self.rng.randint(1, 40))
        whole = bytearray(self.mixture())
        if kind == 1:  # cut in the middle
            return bytes(whole[self.rng.randint(0, 3) : -self.rng.randint(1, 3)])
        if kind == 2:  # a byte replaced
            whole[self.rng.randrange(len(whole))] = self.rng.randrange(256)
            return bytes(whole)
        at = self.rng.randrange(len(whole))
        if kind == 3:  # surrogates, overlong forms, beyond the end
            odd = self.rng.choice(
                (b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xc0\x80", b"\xe0\x80\x80", b"\xf4\x90\x80\x80",
                 b"\xf8\x88\x80\x80\x80", b"\xff", b"\xfe", b"\xe4\xbd", b"\xf0\x9f\x98")
            )
            return bytes(whole[:at]) + odd + bytes(whole[at:])
        return self.words().encode("utf-16-le")

    def spaces(self):
        out = []
        for _ in range(self.rng.randint(1, 8)):
            out += self.rng.choices(SPACES, k=self.rng.randint(0, 5))
            out.append(self.rng.choice(("a", "Word", "12", "!", "é", "漢", "")))
        return "".join(out).encode()

    def contractions(self):
        words = ["I", "they", "it", "WE", "x1", "ça", " ", "don", "Ich"]
        n = self.rng.randint(1, 8)
        return "".join(self.rng.choice(words) + self.rng.choice(CONTRACTIONS) for _ in range(n)).encode()

    def numbers(self):
        digits = "0123456789" * 3 + "٠١٢٣²½Ⅷ①१२〇७"
        runs = ["".join(self.rng.choices(digits, k=self.rng.randint(1, 9))) for _ in range(4)]
        return self.rng.choice((" ", ",", "", ".", "  ")).join(runs).encode()

    def with_specials(self):
        out = []
        for _ in range(self.rng.randint(1, 5)):
            special = self.rng.choice(self.specials)
            if self.rng.random() < 0.2:
                special = special[: self.rng.randint(1, len(special))]
            out += [self.words(), self.rng.choice(SPACES + [""] * 20), special,
                    self.rng.choice(SPACES + [""] * 20)]
        return "".join(out).encode()

    def controls(self):
        n = self.rng.randint(1, 20)
        return bytes(self.rng.choices([*range(0x20), 0x7F, 0x41, 0x20], k=n))

    def long_word(self):
        alphabet = self.rng.choice(("ab", "abcdefghijklmnopqrstuvwxyz", "éà", "漢字仮名", "a", "-=", " "))
        return "".join(self.rng.choices(alphabet, k=self.rng.randint(200, 6000))).encode()


def make(specials, lines=60000, seed=1, data=None):
    """-> [(kind, bytes)], at least `lines` of them if the machine has real text at all."""
    rng = random.Random(seed)
    maker = Maker(rng, specials)
    out = []
    share = {"code": 12000, "prose": 6000, "translations": 10000, "movies": 6000, "cjk files": 400}
    for kind, found in real_lines(data).items():
        chosen = found if len(found) <= share[kind] else rng.sample(found, share[kind])
        for at, line in enumerate(chosen):
            if at % 5 == 4:  # several lines at once, with their line breaks
                line = b"\n".join(found[(at * 37) % len(found) :][: rng.randint(2, 6)])
            out.append((kind, line))
    made = {
        "mixture": 5000, "names": 4000, "any_characters": 3000, "cjk": 2500, "emoji": 1500,
        "combining": 2500, "decomposed": 1000, "hangul": 500, "invalid": 4000, "spaces": 4000,
        "contractions": 2000, "numbers": 2000, "with_specials": 3000, "controls": 500,
        "long_word": 25,
    }
    for kind, count in made.items():
        out += [(kind, getattr(maker, kind)()) for _ in range(count)]
    # Every character beside tokens that look at their neighbours.
    for at in range(0, len(maker.characters), 1000):
        chunk = maker.characters[at : at + 1000]
        text = "".join(f"the{c} {c}they {c}<|im_end|>{c}" for c in chunk)
        out.append(("every character", text.encode()))
    out += [("empty", b"")] * 200
    while len(out) < lines:
        out.append(("mixture", maker.mixture()))
    rng.shuffle(out)
    return out


if __name__ == "__main__":
    import collections

    made = make(["<|endoftext|>"], data=os.environ.get("HONE_TEST_DATA"))
    print(len(made), "lines,", sum(len(line) for _, line in made), "bytes")
    print(collections.Counter(kind for kind, _ in made))
