"""Units, currencies, scales and number words of English and German, as tables.

A unit maps to readings ``(dimension, factor, offset, canonical unit)``; ``written * factor + offset`` is the value in
the base unit: m, kg, s, byte, m/s, K, J, m³, m², Hz, W, ratio (5 % is 0.05), percentage point. A unit with several
meanings (``m`` is metre or million, ``pound`` is mass or money) carries one reading for each.
"""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """One meaning of a unit as written."""

    dimension: str
    factor: float
    offset: float
    canonical: str


RATIO = "ratio"
NUMBER = "number"
CURRENCY = "currency"

_DEGREES = "° degree degrees grad"  # angle, Celsius or Fahrenheit

# canonical unit: (dimension, factor to the base unit, offset, aliases)
_UNITS: dict[str, tuple[str, float, float, str]] = {
    "%": (RATIO, 0.01, 0.0, "% percent per-cent pct prozent percentage vh v.h."),
    "‰": (RATIO, 0.001, 0.0, "‰ permille promille"),
    "pp": ("percentage_point", 1.0, 0.0, "pp percentage_point percentage_points prozentpunkt prozentpunkte"),
    "bp": ("percentage_point", 0.01, 0.0, "bps basis_point basis_points basispunkt basispunkte basispunkten"),
    "mm": ("length", 1e-3, 0.0, "mm millimeter millimeters millimetre millimetres millimetern"),
    "cm": ("length", 1e-2, 0.0, "cm centimeter centimeters centimetre centimetres zentimeter zentimetern"),
    "m": ("length", 1.0, 0.0, "m meter meters metre metres metern"),
    "km": ("length", 1e3, 0.0, "km kilometer kilometers kilometre kilometres kilometern kms"),
    "µm": ("length", 1e-6, 0.0, "µm μm micron microns micrometer micrometers mikrometer"),
    "nm": ("length", 1e-9, 0.0, "nm nanometer nanometers nanometre nanometres"),
    "in": ("length", 0.0254, 0.0, "inch inches zoll ″"),
    "ft": ("length", 0.3048, 0.0, "ft foot feet fuß ′"),
    "yd": ("length", 0.9144, 0.0, "yd yds yard yards"),
    "mi": ("length", 1609.344, 0.0, "mi mile miles meile meilen"),
    "nmi": ("length", 1852.0, 0.0, "nmi nautical_mile nautical_miles seemeile seemeilen"),
    "mg": ("mass", 1e-6, 0.0, "mg milligram milligrams milligramm"),
    "µg": ("mass", 1e-9, 0.0, "µg μg mcg microgram micrograms mikrogramm"),
    "g": ("mass", 1e-3, 0.0, "g gram grams gramm gramme grammes"),
    "kg": ("mass", 1.0, 0.0, "kg kgs kilo kilos kilogram kilograms kilogramm"),
    "t": ("mass", 1e3, 0.0, "t tonne tonnes metric_ton metric_tons tonnen"),
    "ton": ("mass", 907.18474, 0.0, "ton tons short_ton short_tons"),
    "lb": ("mass", 0.45359237, 0.0, "lb lbs pound pounds pfund"),
    "oz": ("mass", 0.028349523125, 0.0, "oz ounce ounces unze unzen"),
    "ms": ("duration", 1e-3, 0.0, "ms msec millisecond milliseconds millisekunde millisekunden"),
    "µs": ("duration", 1e-6, 0.0, "µs μs microsecond microseconds mikrosekunde mikrosekunden"),
    "ns": ("duration", 1e-9, 0.0, "ns nanosecond nanoseconds nanosekunde nanosekunden"),
    "s": ("duration", 1.0, 0.0, "s sec secs second seconds sekunde sekunden sek"),
    "min": ("duration", 60.0, 0.0, "min mins minute minutes minuten"),
    "h": ("duration", 3600.0, 0.0, "h hr hrs hour hours stunde stunden std"),
    "d": ("duration", 86400.0, 0.0, "day days tag tage tagen"),
    "wk": ("duration", 604800.0, 0.0, "week weeks woche wochen"),
    "mo": ("duration", 2629746.0, 0.0, "month months monat monate monaten"),
    "yr": ("duration", 31556952.0, 0.0, "yr yrs year years jahr jahre jahren"),
    "bit": ("data", 0.125, 0.0, "bit bits"),
    "B": ("data", 1.0, 0.0, "byte bytes"),
    "kB": ("data", 1e3, 0.0, "kb kilobyte kilobytes"),
    "MB": ("data", 1e6, 0.0, "mb megabyte megabytes"),
    "GB": ("data", 1e9, 0.0, "gb gigabyte gigabytes"),
    "TB": ("data", 1e12, 0.0, "tb terabyte terabytes"),
    "PB": ("data", 1e15, 0.0, "pb petabyte petabytes"),
    "KiB": ("data", 2.0**10, 0.0, "kib kibibyte kibibytes"),
    "MiB": ("data", 2.0**20, 0.0, "mib mebibyte mebibytes"),
    "GiB": ("data", 2.0**30, 0.0, "gib gibibyte gibibytes"),
    "TiB": ("data", 2.0**40, 0.0, "tib tebibyte tebibytes"),
    "Mbit/s": ("data_rate", 1e6, 0.0, "mbps mbit/s mbits/s megabits_per_second"),
    "Gbit/s": ("data_rate", 1e9, 0.0, "gbps gbit/s gbits/s gigabits_per_second"),
    "km/h": ("speed", 1 / 3.6, 0.0, "km/h kmh kph kilometers_per_hour kilometres_per_hour stundenkilometer"),
    "mph": ("speed", 0.44704, 0.0, "mph miles_per_hour"),
    "m/s": ("speed", 1.0, 0.0, "m/s meters_per_second metres_per_second"),
    "kn": ("speed", 1852 / 3600, 0.0, "kn knot knots knoten"),
    "°C": ("temperature", 1.0, 273.15, "°c ℃ celsius degrees_celsius degree_celsius grad_celsius degrees_c " + _DEGREES),
    "°F": (
        "temperature",
        5 / 9,
        459.67 * 5 / 9,
        "°f ℉ f fahrenheit degrees_fahrenheit degree_fahrenheit grad_fahrenheit degrees_f " + _DEGREES,
    ),
    "K": ("temperature", 1.0, 0.0, "kelvin"),
    "deg": ("angle", 1.0, 0.0, _DEGREES),
    "J": ("energy", 1.0, 0.0, "joule joules"),
    "kJ": ("energy", 1e3, 0.0, "kj kilojoule kilojoules"),
    "cal": ("energy", 4.184, 0.0, "cal"),
    "kcal": ("energy", 4184.0, 0.0, "kcal calorie calories kilocalories kalorie kalorien kilokalorien"),
    "Wh": ("energy", 3600.0, 0.0, "wh"),
    "kWh": ("energy", 3.6e6, 0.0, "kwh kilowatt-hour kilowatt-hours kilowatt_hours kilowattstunde kilowattstunden"),
    "MWh": ("energy", 3.6e9, 0.0, "mwh megawatt_hours megawattstunden"),
    "GWh": ("energy", 3.6e12, 0.0, "gwh gigawatt_hours gigawattstunden"),
    "TWh": ("energy", 3.6e15, 0.0, "twh terawatt_hours terawattstunden"),
    "W": ("power", 1.0, 0.0, "w watt watts"),
    "kW": ("power", 1e3, 0.0, "kw kilowatt kilowatts"),
    "MW": ("power", 1e6, 0.0, "mw megawatt megawatts"),
    "GW": ("power", 1e9, 0.0, "gw gigawatt gigawatts"),
    "hp": ("power", 745.699872, 0.0, "hp horsepower"),
    "PS": ("power", 735.49875, 0.0, "ps pferdestärken"),
    "V": ("voltage", 1.0, 0.0, "v volt volts"),
    "A": ("current", 1.0, 0.0, "amp amps ampere amperes"),
    "ml": ("volume", 1e-6, 0.0, "ml milliliter milliliters millilitre millilitres"),
    "cl": ("volume", 1e-5, 0.0, "cl zentiliter"),
    "l": ("volume", 1e-3, 0.0, "l liter liters litre litres litern"),
    "m³": ("volume", 1.0, 0.0, "m³ m3 cubic_meter cubic_meters cubic_metre cubic_metres kubikmeter"),
    "ft³": ("volume", 0.028316846592, 0.0, "ft³ ft3 cubic_foot cubic_feet"),
    "gal": ("volume", 0.003785411784, 0.0, "gal gallon gallons gallone gallonen"),
    "bbl": ("volume", 0.158987294928, 0.0, "bbl barrel barrels"),
    "cup": ("volume", 2.365882365e-4, 0.0, "cup cups"),
    "tbsp": ("volume", 1.478676478125e-5, 0.0, "tbsp tablespoon tablespoons"),
    "tsp": ("volume", 4.92892159375e-6, 0.0, "tsp teaspoon teaspoons"),
    "qt": ("volume", 9.46352946e-4, 0.0, "qt quart quarts"),
    "pt": ("volume", 4.73176473e-4, 0.0, "pint pints"),
    "m²": ("area", 1.0, 0.0, "m² m2 sqm square_meter square_meters square_metre square_metres quadratmeter qm"),
    "km²": ("area", 1e6, 0.0, "km² km2 square_kilometer square_kilometers square_kilometres quadratkilometer"),
    "ft²": ("area", 0.09290304, 0.0, "ft² ft2 sq_ft sqft square_foot square_feet"),
    "mi²": ("area", 2589988.110336, 0.0, "mi² square_mile square_miles sq_mi"),
    "ha": ("area", 1e4, 0.0, "ha hectare hectares hektar"),
    "acre": ("area", 4046.8564224, 0.0, "acre acres"),
    "Hz": ("frequency", 1.0, 0.0, "hz hertz"),
    "kHz": ("frequency", 1e3, 0.0, "khz kilohertz"),
    "MHz": ("frequency", 1e6, 0.0, "mhz megahertz"),
    "GHz": ("frequency", 1e9, 0.0, "ghz gigahertz"),
    "px": ("pixel", 1.0, 0.0, "px pixel pixels"),
}  # fmt: skip

# ISO code: aliases. "$" and "dollar" stand for any dollar, "¥" for yen and yuan.
_CURRENCIES = {
    "USD": "usd us$ us_dollar us_dollars us-dollar u.s._dollars",
    "$": "$ dollar dollars bucks",
    "EUR": "€ eur euro euros",
    "GBP": "£ gbp pound_sterling pounds_sterling british_pounds quid pound pounds pfund",
    "JPY": "¥ jpy yen",
    "CNY": "¥ cny rmb yuan renminbi",
    "CHF": "chf franken sfr swiss_francs swiss_franc",
    "CAD": "cad c$ ca$ canadian_dollars",
    "AUD": "aud a$ au$ australian_dollars",
    "INR": "₹ inr rs rupee rupees rupien",
    "KRW": "₩ krw",
    "SEK": "sek kronor",
    "HKD": "hkd hk$",
    "BRL": "brl r$",
    "CENT": "¢ cent cents",
}
DOLLARS = frozenset({"$", "USD", "CAD", "AUD", "HKD"})

SCALES: dict[str, float] = {
    "k": 1e3, "thousand": 1e3, "thousands": 1e3, "tausend": 1e3, "tsd": 1e3, "grand": 1e3,
    "m": 1e6, "mn": 1e6, "mm": 1e6, "mio": 1e6, "mill": 1e6, "million": 1e6, "millions": 1e6, "millionen": 1e6,
    "b": 1e9, "bn": 1e9, "bln": 1e9, "billion": 1e9, "billions": 1e9, "mrd": 1e9, "milliarde": 1e9, "milliarden": 1e9,
    "tn": 1e12, "trn": 1e12, "trillion": 1e12, "trillions": 1e12, "bio": 1e12, "billionen": 1e12,
    "lakh": 1e5, "crore": 1e7, "hundred": 1e2, "hundert": 1e2, "dozen": 12.0, "dutzend": 12.0,
}  # fmt: skip
# Scale letters that are also units: read as scale only when they touch the digits or a currency is present.
SCALE_LETTERS = frozenset({"k", "m", "b", "mm"})


def _alias_table() -> dict[str, tuple[Unit, ...]]:
    table: dict[str, list[Unit]] = {}
    for canonical, (dimension, factor, offset, aliases) in _UNITS.items():
        for alias in aliases.split():
            table.setdefault(alias.replace("_", " "), []).append(Unit(dimension, factor, offset, canonical))
    for code, aliases in _CURRENCIES.items():
        for alias in aliases.split():
            unit = Unit(CURRENCY, 1.0, 0.0, code) if code != "CENT" else Unit(CURRENCY, 0.01, 0.0, "$")
            table.setdefault(alias.replace("_", " "), []).append(unit)
    return {alias: tuple(units) for alias, units in table.items()}


UNITS = _alias_table()
CURRENCY_ALIASES = {alias: tuple(u for u in units if u.dimension == CURRENCY) for alias, units in UNITS.items()
                    if any(u.dimension == CURRENCY for u in units)}  # fmt: skip
# One-letter and two-letter symbols whose case decides: "5 M" is no metre, "5 Kb" is fine.
CASE_SENSITIVE = frozenset({"f", "m", "g", "t", "s", "h", "l", "v", "w", "ps", "mi", "rs", "grad"})
_BY_CANONICAL = {name: Unit(row[0], row[1], row[2], name) for name, row in _UNITS.items()}
_UPPER_SYMBOLS = {"F": UNITS["f"], "V": UNITS["v"], "W": UNITS["w"], "PS": UNITS["ps"], "L": UNITS["l"], "Grad": UNITS["grad"],
                  "Rs": UNITS["rs"], "Mi": UNITS["mi"]}  # fmt: skip


def lookup_unit(written: str) -> tuple[Unit, ...]:
    """Meanings of a unit as written; empty when it is none."""
    lowered = written.lower()
    if lowered in CASE_SENSITIVE and written != lowered:
        return _UPPER_SYMBOLS.get(written, ())
    if lowered in ("v", "w", "ps", "f"):  # lower case: a letter or a word, not volt, watt or horse power
        return ()
    return UNITS.get(lowered, ())


def to_base(number: float, unit: str) -> float:
    """``number`` of the canonical ``unit`` in the base unit; a currency or an empty unit keeps the number."""
    known = _BY_CANONICAL.get(unit)
    return number if known is None else number * known.factor + known.offset


def from_base(value: float, unit: str) -> float:
    """Inverse of :func:`to_base`: the number as written before its unit."""
    known = _BY_CANONICAL.get(unit)
    return value if known is None else (value - known.offset) / known.factor


def same_currency(first: str, second: str) -> bool:
    """Whether two currency units can be the same money: '$' stands for any dollar."""
    return first == second or ("$" in (first, second) and first in DOLLARS and second in DOLLARS)


_EN_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_EN_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_DE_ONES = (
    "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
).split()
_DE_TENS = ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]


def _number_words() -> dict[str, int]:
    words = {word: value for value, word in enumerate(_EN_ONES)}
    # "null" is JSON's none and "ein" an article, so neither counts.
    words |= {word: value for value, word in enumerate(_DE_ONES) if value > 1}
    words |= {"eins": 1, "zwo": 2, "dreissig": 30}
    for tens, (english, german) in enumerate(zip(_EN_TENS, _DE_TENS, strict=True), start=2):
        words |= {english: tens * 10, german: tens * 10}
        for ones in range(1, 10):
            words[f"{english}-{_EN_ONES[ones]}"] = tens * 10 + ones
            words[f"{_DE_ONES[ones]}und{german}"] = tens * 10 + ones
    below_hundred = {word: value for word, value in words.items() if 0 < value < 100 and "-" not in word}
    for ones in range(1, 10):
        words[f"{_DE_ONES[ones]}hundert"] = ones * 100
        for word, value in below_hundred.items():
            if word not in _EN_ONES and word not in _EN_TENS:
                words[f"{_DE_ONES[ones]}hundert{word}"] = ones * 100 + value
    return words


NUMBER_WORDS = _number_words()
MULTIPLIER_WORDS = {"hundred": 100, "hundert": 100, "thousand": 1_000, "tausend": 1_000,
                    "million": 1_000_000, "millionen": 1_000_000,
                    "billion": 1_000_000_000, "milliarde": 1_000_000_000, "milliarden": 1_000_000_000,
                    "trillion": 1_000_000_000_000, "billionen": 1_000_000_000_000}  # fmt: skip
