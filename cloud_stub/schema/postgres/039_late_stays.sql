-- A check-in that comes when its stay is over already, because the person went on to another room or the time is up, is
-- superseded: the box that told of it ends the stay, too.
create or replace function private.checkin(event private.event, body jsonb) returns text
language plpgsql as $$
declare
    stay uuid := (body ->> 'session_id')::uuid;
    person uuid := private.resolve((body ->> 'profile_id')::uuid);
    until timestamptz := event.happened + (body ->> 'expires_in_s')::float8 * interval '1 second';
    known text := (select s.status from public.sessions s where s.id = stay);
begin
    if person is null then
        return 'rejected:unknown_profile';
    elsif known is null then
        perform private.begin_stay(stay, person, event.player_id, event.happened, until, event.came);
    elsif known = 'active' then
        perform private.extend_stay(stay, until);
    end if;
    return case when (select s.status from public.sessions s where s.id = stay) = 'active'
        then 'applied' else 'superseded' end;
end
$$;

revoke execute on all functions in schema private from public;
grant execute on function private.me(), private.is_admin(), private.manages(uuid) to anon, authenticated, service_role;
grant execute on function private.log_is_kept() to anon, authenticated, service_role;
