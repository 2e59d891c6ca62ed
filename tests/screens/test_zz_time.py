"""Ad hoc: Today over 10,000 active episodes."""
import pytest, time
from tests.factories import World
pytestmark = pytest.mark.anyio
async def test_time(world: World) -> None:
    o = world.owner
    from tests.screens.test_pam_due import somebody
    ref = (await somebody(world))["referral_id"]
    await o.execute("""
    WITH p AS (INSERT INTO people (id, created_at, given_name, family_name, is_interpreter_needed, communication_needs)
      SELECT gen_random_uuid(), now(), 'a'||n, 'b', false, '{}' FROM generate_series(1,10000) n RETURNING id)
    INSERT INTO mentees (id, created_at, programme_id, person_id, referral_id, status, received_on, waiting_since, barriers, barriers_at_end, first_confirmed_on, first_held_on)
      SELECT gen_random_uuid(), now(), $1, id, $2, 'matched', current_date-80, now()-interval '80 days', '{}', '{}', current_date-60, current_date-(random()*112)::int FROM p""", world.programme_id, ref)
    _, prof = await world.mentor()
    await o.execute("UPDATE mentees SET planned_end_on = first_held_on+112 WHERE programme_id=$1", world.programme_id)
    await o.execute("""INSERT INTO matches (id, created_at, programme_id, mentee_id, mentor_id, mentor_account_id, status, offer, proposed_at, confirmed_at, visible_until)
      SELECT gen_random_uuid(), now(), programme_id, id, $2, $3, 'ended','{}', now()-interval '70 days', now()-interval '60 days','9999-01-01' FROM mentees WHERE programme_id=$1 AND FALSE""", world.programme_id, prof["id"], prof["account_id"])
    await o.execute("ALTER TABLE matches DISABLE TRIGGER b_capacity")
    await o.execute("""INSERT INTO matches (id, created_at, programme_id, mentee_id, mentor_id, mentor_account_id, status, offer, proposed_at, confirmed_at, visible_until)
      SELECT gen_random_uuid(), now(), programme_id, id, $2, $3, 'active','{}', now()-interval '70 days', now()-interval '60 days','9999-01-01' FROM mentees WHERE programme_id=$1""", world.programme_id, prof["id"], prof["account_id"])
    await o.execute("""INSERT INTO sessions (id, created_at, programme_id, mentee_id, match_id, status, held_on, minutes, topics, was_booked)
      SELECT gen_random_uuid(), now(), c.programme_id, c.mentee_id, c.id, 'held', current_date - 7*n, 60, '{}', true FROM matches c, generate_series(2,11) n WHERE c.programme_id=$1""", world.programme_id)
    await o.execute("ALTER TABLE matches ENABLE TRIGGER b_capacity")
    await o.execute("ANALYZE")
    for _ in range(4):
        t=time.perf_counter(); a = await world.coordinator.get("/v1/screens/today"); print(a.status_code, round((time.perf_counter()-t)*1000), "ms")
    print({k["kind"]:k["count"] for k in a.json()["kinds"]})
    # report
    for _ in range(3):
        t=time.perf_counter(); a = await world.coordinator.get(f"/v1/reports/outcomes?programme_id={world.programme_id}&from=2020-01-01&until=2030-01-01"); print(a.status_code, round((time.perf_counter()-t)*1000), "ms")
    from app.screens import today as T
    for kind, sql in T._DUE.items():
        t=time.perf_counter(); n = await o.fetchval(f"SELECT count(*) FROM ({sql}) x (id, programme_id, mentee_id, mentor_id, since_on)"); print(kind, n, round((time.perf_counter()-t)*1000), "ms as owner")
