"""What the outcome report says about itself: its cohort, each figure in one line, and what it does not show."""

from types import MappingProxyType
from typing import Final

COHORT_RULE: Final = (
    "Outcomes are those of the episodes that ended in the period, whenever they began; activity is counted on the "
    "day it happened. Days are Europe/London, first and last day included."
)

DEFINITIONS: Final = MappingProxyType(
    {
        "activity.referrals_received": "Referrals received in the period.",
        "activity.referrals_accepted": "Referrals accepted in the period, whenever they were received.",
        "activity.referrals_declined": "Referrals declined in the period, whenever they were received.",
        "activity.referrals_withdrawn": "Referrals taken back by the referrer in the period before a decision.",
        "activity.acceptance": "Referrals accepted, of those accepted or declined in the period.",
        "activity.confirmed": "Episodes whose first match was confirmed in the period.",
        "activity.started": "Episodes whose first session was held in the period.",
        "activity.ended": "Episodes that ended in the period, the cohort below.",
        "activity.open_at_end": "Episodes taken on by the last day of the period and not ended by then.",
        "activity.open_and_started_at_end": "Those of them with a first session held by that day.",
        "cohort.started": "Ended episodes with at least one session held.",
        "cohort.planned": "Ended episodes with a planned ending, of all ended.",
        "cohort.with_baseline": "Ended episodes with a baseline that counts, of all ended.",
        "cohort.with_follow_up": "Ended episodes with a follow-up that counts, of all ended.",
        "cohort.paired": "Ended episodes with both, of all ended.",
        "cohort.unpaired.no_session": "Ended before any session was held, so that nothing can count.",
        "cohort.unpaired.no_baseline_nor_follow_up": "Sessions were held; neither assessment counts.",
        "cohort.unpaired.no_baseline": "Sessions were held; a follow-up counts, no baseline does.",
        "cohort.unpaired.no_follow_up": "Sessions were held; a baseline counts, no follow-up does.",
        "cohort.unpaired.set_aside": "Baselines on record of episodes where none counts, and follow-ups likewise; "
        "each by the reason why it does not count.",
        "pam.change": "Follow-up minus baseline, in points, of the same people; mean with its 95 % t interval.",
        "pam.baseline_without_follow_up": "Baseline scores of those who have a baseline and no follow-up.",
        "pam.meaningful": "Pairs that rose by at least the points called meaningful for a group, of all pairs.",
        "pam.reliable": "Pairs that rose by more than measurement error may explain, of all pairs.",
        "pam.levels.matrix": "Pairs by level at baseline (rows) and at follow-up (columns), one cut set only.",
        "pam.levels.up": "Pairs at least one level higher at follow-up, of all in the matrix.",
        "pam.levels.up_with_room": "The same, of those below level 4 at baseline.",
        "pam.levels.no_room": "Pairs at level 4 at baseline.",
        "pam.levels.by_baseline_level": "Change by the level at baseline.",
        "pam.mixed_cut_sets": "Pairs whose levels were given by different cut sets; in the change, in no matrix.",
    }
)

CAVEATS: Final = (
    "There is no comparison group, so these figures do not show that the service caused a change.",
    "People who begin low tend to score higher the next time whatever is done (regression to the mean); read the "
    "change by baseline level with that in mind.",
    "An interval is about the mean or the share of the group. It says nothing about one person, whose score may "
    "move by several points from measurement error alone.",
    "Those without a follow-up are missing from the change, and may have fared differently.",
)

RELEVELLED: Final = (
    "All levels in this report were worked out afresh from the scores under one cut set; the recorded levels stay "
    "as they are."
)
