"""The cast of the demo publication: made-up trusts with invented names, and what happens to them during the year.

No name is a place in England and no code is a trust's: real codes begin with R, T or G. Tests compare both with the
NHS Organisation Data Service's list of trusts.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

ACUTE, MENTAL_HEALTH, AMBULANCE = "acute", "mental-health-and-community", "ambulance"
# As NHS England writes the types in its files.
TYPE_NAMES = {ACUTE: "Acute trust", MENTAL_HEALTH: "Mental health and community trust", AMBULANCE: "Ambulance trust"}

_STEMS = """
Amber Quill Thimble Lantern Vellum Ember Gossamer Saffron Pewter Cobalt Larkspur Marigold Tansy Zephyr Vesper Bramble
Sable Plover Linnet Teasel Umber Indigo Velvet Cinder Feather Tinder Opal Garnet Topaz Beryl Foxglove Clover Damson
Quince Medlar Walnut Sparrow Curlew Dunlin Osprey Fennel Sorrel Juniper Lavender Ochre Russet
""".split()  # noqa: SIM905
_ENDINGS = ("shire", "mere", "haven", "wick", "reach", "combe", "stead", "bourne")

# How many trusts of each subtype stand in the last quarter. 134, 61 and 10 in all, and the mental health and community
# split, are as in the methodology notes, section 7; the acute split is that of the 129 trusts seen there, scaled.
_SUBTYPES = {
    ACUTE: {"Teaching": 50, "Large": 24, "Medium": 21, "Small": 20, "Specialist": 12, "Multi-Service": 7},
    MENTAL_HEALTH: {"Mental Health and Learning Disability": 44, "Community": 14, "Care Trust": 3},
    AMBULANCE: {"Ambulance": 10},
}
_PATTERNS = {
    "Teaching": (
        "{} University Hospitals NHS Foundation Trust",
        "{} and {} University Hospitals NHS Trust",
        "{} Teaching Hospitals NHS Foundation Trust",
        "University Hospitals of {} NHS Trust",
    ),
    "Large": ("{} Hospitals NHS Foundation Trust", "{} and {} Hospitals NHS Trust", "East {} Hospitals NHS Trust"),
    "Medium": ("{} Hospitals NHS Trust", "The {} Hospital NHS Foundation Trust", "{} and {} NHS Foundation Trust"),
    "Small": ("{} District Hospital NHS Foundation Trust", "{} Hospital NHS Trust", "{} General Hospital NHS Trust"),
    "Specialist": (
        "The {} Eye Hospital NHS Foundation Trust",
        "The {} Orthopaedic Hospital NHS Foundation Trust",
        "{} Children's NHS Foundation Trust",
        "{} Heart and Chest Hospital NHS Foundation Trust",
        "The {} Cancer Centre NHS Foundation Trust",
        "{} Women's NHS Foundation Trust",
    ),
    "Multi-Service": ("{} Integrated Care NHS Foundation Trust", "{} Health and Care NHS Trust"),
    "Mental Health and Learning Disability": (
        "{} Partnership NHS Foundation Trust",
        "{} and {} Mental Health NHS Foundation Trust",
        "{} Health and Care NHS Foundation Trust",
        "{} and {} Partnership University NHS Trust",
    ),
    "Community": ("{} Community Health NHS Trust", "{} Community Healthcare NHS Foundation Trust"),
    "Care Trust": ("{} Care Trust", "{} and {} Health and Social Care NHS Trust"),
    "Ambulance": ("{} Ambulance Service NHS Trust", "{} and {} Ambulance Service NHS Foundation Trust"),
}
_REGIONS = (
    "Midlands",
    "London",
    "North East and Yorkshire",
    "South East",
    "North West",
    "East",
    "South West",
    "North East and Yorkshire",
    "Midlands",
    "London",
    "North West",
    "South East",
    "Midlands",
)
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # no I or O, which read as digits
_FIRST_DIGIT = {ACUTE: 0, MENTAL_HEALTH: 6, AMBULANCE: 9}

# Names that layouts have to stand: very long ones, an ampersand, an apostrophe. Keyed by trust code.
_ODD_NAMES = {
    "X0B": "Gossamermarch, Thimblemarch and West Cobaltmarch University Teaching Hospitals NHS Foundation Trust",
    "X5L": "St Quillian's & Larkspurmarch Women's and Children's NHS Foundation Trust",
    "X6C": "Vellummarch, Zephyrmarch and Marigoldmarch Mental Health and Learning Disability NHS Foundation Trust",
    "X9C": "North Embermarch and Saffronmarch Air and Road Ambulance Service NHS Foundation Trust",
}
_RENAMED = {"X2D": "Pewtermarch Royal Infirmary NHS Trust"}  # its name before the third quarter

# Code and subtype of trusts that stand in Q1 and Q2 only, and the trust that carries them on.
_MERGED, _MERGED_WITH, _FORMED = "X7D", "X8P", "X8Q"
_TAKEN_OVER, _TAKEN_OVER_BY = "X5Q", "X2J"
_LEAVING = {_MERGED_WITH: (MENTAL_HEALTH, "Community"), _TAKEN_OVER: (ACUTE, "Small")}
MERGER_QUARTER = 3
SPANS_MERGER = (_FORMED, _TAKEN_OVER_BY)  # their year-on-year metrics are blank from then on
_MERGERS = (
    (_MERGED, _FORMED, "2025-10-01", "merger"),
    (_MERGED_WITH, _FORMED, "2025-10-01", "merger"),
    (_TAKEN_OVER, _TAKEN_OVER_BY, "2025-10-01", "acquisition"),
    ("X6S", "X6B", "2026-07-01", "acquisition"),
)
MERGER_COLUMNS = [
    "predecessor_code",
    "predecessor_name",
    "successor_code",
    "successor_name",
    "effective_date",
    "kind",
    "source",
]


def places() -> Iterator[str]:
    """Invented place names, each once: neighbours share neither stem nor ending."""
    for count in range(len(_STEMS) * len(_ENDINGS)):
        ending = (count + count // len(_STEMS)) % len(_ENDINGS)
        yield _STEMS[count % len(_STEMS)] + _ENDINGS[ending]


def code(trust_type: str, number: int) -> str:
    """Code of the n-th trust of a type (from 0): X, a digit that tells the type, a letter."""
    return f"X{_FIRST_DIGIT[trust_type] + number // len(_LETTERS)}{_LETTERS[number % len(_LETTERS)]}"


def trusts() -> pd.DataFrame:
    """Every made-up trust, a row for each spell under one code and name.

    Returns
    -------
    DataFrame
        trust_code, trust_name, trust_type, trust_subtype, region, body (number of the organisation behind the row: the
        trust that a merger formed carries on one of its predecessors), first, last (quarters of the year, 1 to 4).
    """
    frame = pd.DataFrame(_first_day(), columns=["trust_code", "trust_name", "trust_type", "trust_subtype"])
    regions = [_REGIONS[number % len(_REGIONS)] for number in range(len(frame))]
    frame = frame.assign(region=regions, body=range(len(frame)), first=1, last=4)
    frame.loc[frame["trust_code"].isin([_MERGED, *_LEAVING]), "last"] = MERGER_QUARTER - 1
    renamed = frame[frame["trust_code"].isin(_RENAMED)]
    frame.loc[renamed.index, "first"] = MERGER_QUARTER
    before = renamed.assign(trust_name=renamed["trust_code"].map(_RENAMED), last=MERGER_QUARTER - 1)
    formed = frame[frame["trust_code"] == _MERGED].assign(
        trust_code=_FORMED, trust_name="Lantern Coast Partnership NHS Foundation Trust", first=MERGER_QUARTER, last=4
    )
    return pd.concat([frame, before, formed]).sort_values(["body", "first"], kind="stable", ignore_index=True)


def _first_day() -> list[tuple[str, str, str, str]]:
    """Code, name, type and subtype of the trusts that stand when the year begins."""
    names, rows = places(), []
    for trust_type, counts in _SUBTYPES.items():
        subtypes = [name for name, count in counts.items() for _ in range(count)]
        # Mixed, so that codes do not sort by subtype: 37 shares no factor with 134, 61 or 10.
        subtypes = [subtypes[37 * place % len(subtypes)] for place in range(len(subtypes))]
        codes = [code(trust_type, number) for number in range(len(subtypes))]
        codes += [one for one, (kind, _) in _LEAVING.items() if kind == trust_type]
        subtypes += [subtype for kind, subtype in _LEAVING.values() if kind == trust_type]
        rows += [
            (one, _ODD_NAMES.get(one) or _name(subtype, number, names), trust_type, subtype)
            for number, (one, subtype) in enumerate(zip(codes, subtypes, strict=True))
        ]
    return rows


def _name(subtype: str, number: int, names: Iterator[str]) -> str:
    pattern = _PATTERNS[subtype][number % len(_PATTERNS[subtype])]
    return pattern.format(*(next(names) for _ in range(pattern.count("{}"))))


def mergers(cast: pd.DataFrame) -> pd.DataFrame:
    """The made-up mergers, in the columns of data/reference/mergers.csv."""
    names = cast.drop_duplicates("trust_code", keep="last").set_index("trust_code")["trust_name"]
    rows = [
        (old, names[old], new, names[new], day, kind, "made up for the demo publication (illustrative)")
        for old, new, day, kind in _MERGERS
    ]
    return pd.DataFrame(rows, columns=MERGER_COLUMNS)
