"""Values that a passage states, in the notations that mean the same: dates, amounts, shares, times, measures."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

Forms = tuple[str, ...]
"""Notations of one value, the plainest first: ("24", "twenty-four")."""


def in_words(number: int) -> str:
    """Below one hundred in words.

    >>> in_words(24)
    'twenty-four'
    """
    if number < len(_ONES):
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")


def year(draw: random.Random) -> Forms:
    """A year has one notation."""
    return (str(draw.randint(1790, 2024)),)


def date(draw: random.Random) -> Forms:
    """3 March 2019, March 3, 2019, 2019-03-03."""
    day, month, when = draw.randint(1, 28), draw.randint(1, 12), draw.randint(1990, 2025)
    name = MONTHS[month - 1]
    return (
        f"{day} {name} {when}",
        f"{name} {day}, {when}",
        f"{when}-{month:02d}-{day:02d}",
        f"{day} {name[:3]} {when}",
    )


def day_of_month(draw: random.Random) -> Forms:
    """4 May, May 4, the 4th of May."""
    day, name = draw.randint(4, 20), draw.choice(MONTHS)
    return (f"{day} {name}", f"{name} {day}", f"the {day}th of {name}")


def weekday(draw: random.Random) -> Forms:
    """A day of the week."""
    return (draw.choice(DAYS),)


def month(draw: random.Random) -> Forms:
    """A month."""
    return (draw.choice(MONTHS),)


def clock(draw: random.Random) -> Forms:
    """6:30 pm, 18:30."""
    hour, minute = draw.randint(1, 11), draw.choice((0, 15, 30, 45, 10, 20, 5))
    later = draw.random() < 0.5
    half = "pm" if later else "am"
    full = f"{hour + 12 * later:02d}:{minute:02d}"
    return (f"{hour}:{minute:02d} {half}", full) if minute else (f"{hour} {half}", full, f"{hour}:00 {half}")


def count(draw: random.Random) -> Forms:
    """24, twenty-four."""
    number = draw.randint(2, 99)
    return (str(number), in_words(number))


def small_count(draw: random.Random) -> Forms:
    """7, seven."""
    number = draw.randint(2, 12)
    return (str(number), in_words(number))


def people(draw: random.Random) -> Forms:
    """2,487,311: about 2.5 million; 12,400; 348."""
    size = draw.choice((3, 4, 5, 6, 7))
    number = draw.randint(10 ** (size - 1), 10**size - 1)
    forms = [f"{number:,}", str(number), f"{number:,}".replace(",", " ")] if size > 3 else [str(number)]
    if size == 7:
        forms += [f"about {number / 1e6:.1f} million", f"some {number / 1e6:.1f} million"]
    if size in (5, 6):
        forms += [f"about {round(number, -3):,}", f"roughly {round(number, -3) // 1000} thousand"]
    return tuple(forms)


def money(draw: random.Random) -> Forms:
    """87 euros, EUR 87, €87."""
    number = draw.choice((draw.randint(3, 99), draw.randint(100, 999), draw.randint(1, 60) * 250))
    sign, code, word = draw.choice((("€", "EUR", "euros"), ("$", "USD", "dollars"), ("£", "GBP", "pounds")))
    return (f"{number:,} {word}", f"{sign}{number:,}", f"{code} {number}", f"{number} {word}")


def percent(draw: random.Random) -> Forms:
    """35%, 35 percent, 35 per cent; quarters in words too."""
    number = draw.choice((draw.randint(2, 98), 25, 50, 75))
    more = {25: ("a quarter",), 50: ("half",), 75: ("three quarters",)}.get(number, ())
    return (f"{number}%", f"{number} percent", f"{number} per cent", *more)


def length(draw: random.Random) -> Forms:
    """3.2 km, 3,200 metres; 45 metres, 45 m."""
    if draw.random() < 0.5:
        tenths = draw.randint(11, 99)
        return (
            f"{tenths / 10:.1f} km",
            f"{tenths * 100:,} metres",
            f"{tenths / 10:.1f} kilometres",
            f"{tenths * 100} m",
        )
    number = draw.randint(12, 990)
    return (f"{number} metres", f"{number} m")


def weight(draw: random.Random) -> Forms:
    """2.5 kg, 2,500 grams."""
    tenths = draw.randint(11, 95)
    return (f"{tenths / 10:.1f} kg", f"{tenths * 100:,} grams", f"{tenths / 10:.1f} kilograms", f"{tenths * 100} g")


def duration(draw: random.Random) -> Forms:
    """90 minutes, an hour and a half; 3 weeks, three weeks; 2 hours, 120 minutes."""
    number = draw.randint(2, 9)
    unit, per, smaller = draw.choice(
        (("hours", 60, "minutes"), ("weeks", 7, "days"), ("years", 12, "months"), ("days", 24, "hours"))
    )
    return (f"{number} {unit}", f"{in_words(number)} {unit}", f"{number * per} {smaller}")


def dose(draw: random.Random) -> Forms:
    """75 mcg, 75 micrograms; 1.5 g, 1,500 mg."""
    number = draw.choice((5, 10, 20, 25, 40, 50, 75, 100, 125, 150, 200, 250))
    unit, word = draw.choice((("mcg", "micrograms"), ("mg", "milligrams"), ("ml", "millilitres")))
    return (f"{number} {unit}", f"{number} {word}")


def temperature(draw: random.Random) -> Forms:
    """-4 degrees, 4 degrees below zero."""
    number = draw.randint(2, 39)
    return draw.choice(
        (
            (f"{number} degrees", f"{number}°C"),
            (f"-{number} degrees", f"{number} degrees below zero", f"minus {number} degrees"),
        )
    )


def score(draw: random.Random) -> Forms:
    """3-1, 3 to 1."""
    high = draw.randint(1, 6)
    low = draw.randint(0, high - 1)
    return (f"{high}-{low}", f"{high} to {low}", f"{high}:{low}")


def version(draw: random.Random) -> Forms:
    """4.2.1 has one notation."""
    return (f"{draw.randint(1, 9)}.{draw.randint(0, 15)}" + (f".{draw.randint(0, 9)}" if draw.random() < 0.5 else ""),)


def decimal(draw: random.Random) -> Forms:
    """0.004: one notation; a zero more or less is another value."""
    return (f"0.{'0' * draw.randint(0, 3)}{draw.randint(1, 9)}{draw.choice(('', '5'))}",)


VALUES: Mapping[str, Callable[[random.Random], Forms]] = {
    "year": year, "date": date, "day": day_of_month, "weekday": weekday, "month": month, "clock": clock, "count": count,
    "few": small_count, "people": people, "money": money, "percent": percent, "length": length, "weight": weight,
    "duration": duration, "dose": dose, "temperature": temperature, "score": score, "version": version, "decimal": decimal,
}  # fmt: skip
DATES: frozenset[str] = frozenset({"year", "date", "day", "weekday", "month", "clock"})


_WRONG_UNITS = (
    ("mcg", "mg"), ("micrograms", "milligrams"), (" mg", " g"), ("milligrams", "grams"), (" am", " pm"), (" pm", " am"),
    ("million", "billion"), (" km", " m"), ("percent", "percentage points"),
)  # fmt: skip


def slip(value: str, draw: random.Random) -> str | None:
    """The value with one thing wrong: a digit, a lost or added zero, a unit; None where there is no digit.

    "87 euros" -> "85 euros"; "0.004" -> "0.04"; "75 mcg" -> "75 mg".
    """
    for unit, other in _WRONG_UNITS:
        if value.endswith(unit) and draw.random() < 0.4:
            return value[: -len(unit)] + other
    places = [i for i, c in enumerate(value) if c.isdigit()]
    if not places:
        return None
    if value.startswith("0.0") and draw.random() < 0.6:
        return value.replace("0.0", "0.", 1)
    place = draw.choice(places)
    digits = [d for d in "123456789" if d != value[place]]
    return value[:place] + draw.choice(digits) + value[place + 1 :]


def different(kind: str, forms: Sequence[str], draw: random.Random) -> Forms:
    """Another value of the kind that shares no notation with this one."""
    for _ in range(50):
        other = VALUES[kind](draw)
        if not set(other) & set(forms):
            return other
    raise LookupError(f"no other {kind} than {forms[0]!r}")
