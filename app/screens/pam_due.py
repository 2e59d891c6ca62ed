"""When an episode's two PAM assessments are due and what is asked today, for many episodes at once."""

# The same answers as `app.pam_assessments.windows.place` gives for one episode; a test compares the two. One row
# per episode and occasion: mentee_id, programme_id, ended_on, occasion, opens_on, closes_on, prompt. A baseline
# taken before the first session counts for nothing yet (`no_anchor`), but while fresh it is one less to ask for.
PAM_DUE = """
SELECT m.id AS mentee_id, m.programme_id, m.ended_on, 'baseline' AS occasion,
  CASE WHEN m.first_held_on IS NOT NULL THEN m.first_held_on - g.pam_baseline_before_days
    WHEN m.ended_on IS NULL THEN m.first_confirmed_on END AS opens_on,
  CASE WHEN m.first_held_on IS NOT NULL
    THEN least(m.first_held_on + g.pam_baseline_after_days, m.ended_on) END AS closes_on,
  CASE WHEN q.baseline_id IS NOT NULL THEN 'counted'
    WHEN (SELECT app_today()) < m.first_held_on - g.pam_baseline_before_days THEN 'not_yet'
    WHEN m.first_held_on IS NOT NULL THEN
      CASE WHEN (SELECT app_today()) <= least(m.first_held_on + g.pam_baseline_after_days, m.ended_on)
        THEN 'wanted' ELSE 'missed' END
    WHEN m.ended_on IS NOT NULL THEN 'not_needed'
    WHEN m.first_confirmed_on <= (SELECT app_today()) AND NOT EXISTS (
      SELECT FROM pam_assessments a WHERE a.mentee_id = m.id AND a.occasion = 'baseline'
      AND a.placement = 'no_anchor' AND a.assessed_on >= (SELECT app_today()) - g.pam_baseline_before_days)
      THEN 'wanted'
    ELSE 'not_yet' END AS prompt
FROM mentees m
JOIN programmes g ON g.id = m.programme_id
LEFT JOIN pam_assessments_pairs q ON q.mentee_id = m.id
UNION ALL
SELECT m.id, m.programme_id, m.ended_on, 'follow_up', w.opens_on, w.closes_on,
  CASE WHEN q.follow_up_id IS NOT NULL THEN 'counted'
    WHEN m.first_held_on IS NULL AND m.ended_on IS NOT NULL THEN 'not_needed'
    WHEN m.first_held_on IS NULL OR (SELECT app_today()) < w.opens_on THEN 'not_yet'
    WHEN (SELECT app_today()) <= w.closes_on THEN 'wanted'
    ELSE 'missed' END
FROM mentees m
JOIN programmes g ON g.id = m.programme_id
LEFT JOIN pam_assessments_pairs q ON q.mentee_id = m.id
LEFT JOIN pam_assessments b ON b.id = q.baseline_id
CROSS JOIN LATERAL (SELECT least(
  coalesce(m.planned_end_on, m.first_held_on + 7 * g.length_weeks), m.ended_on) AS on_day) c
CROSS JOIN LATERAL (
  SELECT CASE WHEN m.first_held_on IS NOT NULL
      THEN greatest(c.on_day - g.pam_follow_up_days, m.first_held_on, b.assessed_on + 1) END AS opens_on,
    CASE WHEN m.first_held_on IS NOT NULL THEN c.on_day + g.pam_follow_up_days END AS closes_on) w
"""
