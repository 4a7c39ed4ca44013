"""The demo's cameras: what ScraperV2 looks for, between which prices, and what each sells for again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """A camera: bought between `low` and `high` pounds, sold again for `sells_for`.

    `lens` is what it is sold with when new, and empty for one whose lens can't be taken off.
    """

    id: int
    brand: str
    model: str
    full_name: str
    low: int
    high: int
    sells_for: int
    spellings: tuple[str, ...]
    lens: str = ""


def _camera(
    number: int, brand: str, model: str, band: tuple[int, int, int], lens: str, *spellings: str
) -> Product:
    """Take a row of the table below, return the camera; sellers also spell its name as the rest says."""
    name = f"{brand} {model}"
    return Product(number, brand, model, name, *band, (name, *spellings), lens)


CATALOGUE = (
    _camera(1101, "Sony", "a6000", (110, 260, 320), "16-50mm", "SONY A6000", "Sony Alpha a6000"),
    _camera(230, "Sony", "a6400", (220, 440, 540), "16-50mm", "Sony A6400", "Sony Alpha A6400"),
    _camera(1103, "Sony", "a7 II", (240, 430, 525), "28-70mm", "Sony A7 II", "Sony Alpha a7 II"),
    _camera(1104, "Sony", "RX100 III", (120, 250, 315), "", "Sony Cyber-shot RX100 III"),
    _camera(1201, "Canon", "EOS 80D", (210, 410, 495), "18-135mm", "Canon 80D", "CANON EOS 80D"),
    _camera(1202, "Canon", "EOS 200D", (130, 270, 335), "18-55mm", "Canon 200D"),
    _camera(1203, "Canon", "EOS M50", (180, 350, 425), "15-45mm", "Canon M50", "canon eos m50"),
    _camera(1204, "Canon", "EOS 6D", (200, 370, 450), "24-105mm", "Canon 6D"),
    _camera(1301, "Nikon", "D750", (270, 480, 590), "24-120mm", "NIKON D750"),
    _camera(1302, "Nikon", "D5300", (95, 215, 270), "18-55mm", "Nikon D5300 DSLR"),
    _camera(1303, "Nikon", "Z50", (300, 500, 600), "16-50mm", "Nikon Z 50", "NIKON Z50"),
    _camera(1401, "Fujifilm", "X-T3", (390, 640, 760), "18-55mm", "Fuji X-T3", "FUJIFILM X-T3"),
    _camera(1402, "Fujifilm", "X-T20", (220, 400, 490), "18-55mm", "Fuji XT20"),
    _camera(1403, "Fujifilm", "X100S", (330, 540, 655), "", "Fuji X100S"),
    _camera(1501, "Olympus", "OM-D E-M10 Mark II", (110, 240, 300), "14-42mm", "Olympus OMD EM10 mk2"),
    _camera(1502, "Olympus", "PEN E-PL8", (120, 255, 315), "14-42mm", "Olympus E-PL8"),
)

BRANDS = tuple(dict.fromkeys(product.brand for product in CATALOGUE))


def products_of(brands: list[str]) -> list[Product]:
    """Take brand names, return their cameras; the catalogue minds upper and lower case."""
    return [product for product in CATALOGUE if product.brand in brands]


# What sellers write around the camera's name. `{}` is the name, `{lens}` the lens it came with.
PHRASES = (
    "{} camera, excellent condition",
    "{} + 2 batteries and charger",
    "{} boxed with strap and manual",
    "{} camera bundle - bag, 64GB card, tripod",
    "{} like new, used twice on holiday",
    "{} for sale, collection only",
    "{} in very good working order",
    "{} starter kit – ideal for students",
    "{}, mint condition",
    "{} great camera for vlogging",
    "{} barely used, unwanted gift",
    "{} with original box & receipt",
    "{} some cosmetic wear, works perfectly",
    "{} 📷 quick sale wanted",
    "{} upgrade forces sale",
    "{} (black) no offers please",
    "{} – £££ spent, hardly used…",
)
LENS_PHRASES = (
    "{} body only",
    "{} body - low shutter count",
    "{} with {lens} lens",
    "{} + {lens} kit lens, spare battery",
    "{} twin lens kit, {lens} and 50mm",
    "{} body, sensor cleaned, new shutter last year",
    "{} {lens} ono",
)

# Words that raise ScraperV2's confidence, five points each and four at most.
BOOSTS = (
    "boxed",
    "excellent",
    "excellent condition",
    "like new",
    "mint",
    "barely used",
    "original box",
    "low shutter",
)

PLACES = (
    "Listed 3 miles away",
    "Listed 5 miles away",
    "Listed 12 miles away",
    "Listed 21 miles away",
    "18 km away",
)
