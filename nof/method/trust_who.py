"""Who a trust is, what its page rests on, and of a trust without a place in the table where it went."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from nof.common import Quarter, kept
from nof.method import board
from nof.method.facts import Facts, fact
from nof.method.trust import Trust
from nof.method.trust_way import number, whole
from nof.read.published import published


class Carrier(NamedTuple):
    """A trust that carries the services of one that is gone."""

    name: str
    code: str
    rank: int | None
    trusts: int
    trust_type: str


@dataclass(frozen=True)
class Who(Facts):
    """Which trust, in which quarter, resting on what; and of a trust without a place, where it went."""

    name: str = fact("Name of the trust")
    code: str = fact("Its code")
    quarter: str = fact("Quarter of the table")
    last_day: dt.date = fact("Last day of the quarter")
    next_quarter: str = fact("Quarter whose tables come next")
    next_published: dt.date | None = fact("Day on which they came, where a document reports it; not for made-up files")
    next_source: str | None = fact("The document that reports it")
    trust_type: str = fact("Type of the trust")
    in_table: bool = fact("Whether it has a place in the table of the quarter")
    illustrative: bool = fact("Whether the publication is made up")
    recomputed: int = fact("Published figures of the trust that were recomputed", "figures")
    equal: int = fact("Of these, equal as published", "figures")
    unequal: tuple[str, ...] = fact("Which of place, average and segments are not equal")
    is_listed: bool = fact("Whether the files list it in the quarter")
    listed_from: str | None = fact("First later quarter that lists it, where none before does")
    listed_until: str | None = fact("Last earlier quarter that lists it")
    ended: dt.date | None = fact("Day on which a merger ended it")
    carriers: tuple[Carrier, ...] = fact("Trusts that carry its services")
    last_quarter: str | None = fact("Last quarter before in which it had a place")
    last_rank: int | None = fact("Its place then", direction="1 is best")
    last_trusts: int | None = fact("Trusts in that table", "trusts")
    last_segment: int | None = fact("Its segment then", direction="1 is best")
    last_average: float | None = fact("Its average then", "points", direction="1.00 is best", digits=2)
    last_metrics: int | None = fact("Metrics it was scored on then", "metrics")


@kept
def who(trust: Trust) -> Who:
    """Facts on who the trust is, from the lists of trusts and the reconciliation."""
    last, quarter = board.last_stood(trust) or {}, Quarter.parse(trust.quarter)
    quarters = board.listed(trust)["quarter"]
    earlier, after = quarters[quarters < trust.quarter], board.first_listed_after(trust)
    recomputed, equal = board.figures(trust)
    illustrative = trust.national.publication.illustrative
    following = None if illustrative else published(quarter.next)
    gone = not board.stands(trust) and after is None and trust.quarter not in set(quarters)
    rows = trust.national.standings
    counts = rows[rows["quarter"] == trust.quarter]["trust_type"].value_counts()
    carriers = board.carried_by(trust) if gone else pd.DataFrame()
    ended = board.ended(trust) if gone else None
    return Who(
        name=board.name(trust),
        code=trust.code,
        quarter=quarter.label,
        last_day=quarter.last_day,
        next_quarter=quarter.next.label,
        next_published=following.day if following else None,
        next_source=following.source if following else None,
        trust_type=board.trust_type(trust),
        in_table=board.stands(trust),
        illustrative=illustrative,
        recomputed=recomputed,
        equal=equal,
        unequal=tuple(board.unequal(trust)),
        is_listed=trust.quarter in set(quarters),
        listed_from=None if after is None else Quarter.parse(after).label,
        listed_until=Quarter.parse(earlier.iloc[-1]).label if len(earlier) else None,
        ended=None if ended is None else ended.date(),
        carriers=tuple(
            Carrier(one.trust_name, one.trust_code, whole(one.rank), int(counts.get(one.trust_type, 0)), one.trust_type)
            for one in carriers.itertuples()
        ),
        last_quarter=Quarter.parse(last["quarter"]).label if last else None,
        last_rank=whole(last.get("rank")),
        last_trusts=whole(last.get("trusts")),
        last_segment=whole(last.get("segment")),
        last_average=number(last.get("average_score")),
        last_metrics=whole(last.get("metrics_scored")),
    )
