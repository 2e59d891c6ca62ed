"""How long people wait, in the bands in which the NHS counts waits for community services."""

from app.core.codes import Code


class WaitingBand(Code):
    """A range of days waited, of the national situation report for community services; day 365 is in the last."""

    WEEK_1 = "0-7", "Up to 1 week", "0 to 1 weeks"
    WEEK_2 = "8-14", "1 to 2 weeks", "1 to 2 weeks"
    WEEK_4 = "15-28", "2 to 4 weeks", "2 to 4 weeks"
    WEEK_12 = "29-84", "4 to 12 weeks", "4 to 12 weeks"
    WEEK_18 = "85-126", "12 to 18 weeks", "12 to 18 weeks"
    WEEK_52 = "127-364", "18 to 52 weeks", "18 to 52 weeks"
    LONGER = "365+", "52 weeks or more", "Over 52 weeks"


def band_of(days: int) -> WaitingBand:
    """The band in which a wait of so many whole days falls."""
    return next((band for band, last in _LAST_DAYS.items() if days <= last), WaitingBand.LONGER)


def band_sql(days: str) -> str:
    """`band_of` as SQL over an expression of whole days."""
    cases = " ".join(f"WHEN {days} <= {last} THEN '{band}'" for band, last in _LAST_DAYS.items())
    return f"CASE {cases} ELSE '{WaitingBand.LONGER}' END"


_LAST_DAYS = {band: int(band.split("-")[1]) for band in WaitingBand if band is not WaitingBand.LONGER}
