-- Who may see what through Supabase's own API. Two rules cover all of it:
-- 1. People read: what is public, what is theirs, and staff what happens in their rooms. Tokens, password hashes,
--    card hashes of others and the boxes' log are read by the server alone.
-- 2. The server writes. A vote moves a taste, a stay moves a queue, and both move revisions that boxes follow: a row
--    that came in beside the server would be a fact nobody acts on. (Roles are the exception: no box knows them.)

alter table profiles alter column id set default gen_random_uuid();
alter table profiles alter column created_at set default now();
alter table profiles alter column updated_at set default now();
alter table profiles alter column preference_vector set default '[0,0,0,0,0]';
alter table roles alter column id set default gen_random_uuid();
alter table songs alter column id set default gen_random_uuid();
alter table songs alter column created_at set default now();
alter table songs alter column updated_at set default now();
alter table songs alter column embedding_source set default 'neutral';
alter table players alter column id set default gen_random_uuid();
alter table players alter column created_at set default now();
alter table players alter column epoch set default left(replace(gen_random_uuid()::text, '-', ''), 12);
alter table player_library alter column id set default gen_random_uuid();
alter table player_library alter column added_at set default now();
alter table player_queue alter column id set default gen_random_uuid();
alter table player_queue alter column added_at set default now();
alter table sessions alter column id set default gen_random_uuid();
alter table sessions alter column checked_in_at set default now();
alter table sessions alter column expires_at set default now() + interval '1 hour';
alter table sessions alter column status set default 'active';
alter table sessions alter column created_at set default now();
alter table votes alter column id set default gen_random_uuid();
alter table votes alter column vote_time set default now();
alter table songs_playing alter column id set default gen_random_uuid();
alter table songs_playing alter column played_at set default now();

-- Questions that policies ask. Not in `public`, so that nobody can ask them over the API; as their owner, so that
-- they see the tables they are about.
create schema if not exists private;
grant usage on schema private to anon, authenticated, service_role;

create function private.me() returns uuid
language sql stable security definer set search_path = '' as $$
    with recursive who (id, merged_into) as (
        select p.id, p.merged_into from public.profiles p where p.auth_user_id = auth.uid()
        union
        select p.id, p.merged_into from public.profiles p join who on p.id = who.merged_into
    )
    select id from who where merged_into is null
$$;

create function private.is_admin() returns boolean
language sql stable security definer set search_path = '' as $$
    select exists (select 1 from public.roles r where r.user_id = private.me() and r.role = 'admin')
$$;

create function private.manages(room uuid) returns boolean
language sql stable security definer set search_path = '' as $$
    select exists (select 1 from public.roles r where r.user_id = private.me() and r.role = 'admin')
        or exists (select 1 from public.players p join public.roles r on r.user_id = p.manager_id
                   where p.id = room and p.manager_id = private.me() and r.role = 'manager')
$$;

-- Supabase grants everything on new tables to everybody and leaves it to the policies. Here a grant is the first
-- door and a policy the second.
do $$
declare
    name text;
begin
    for name in select tablename from pg_tables where schemaname = 'public' loop
        execute format('revoke all on %I from public, anon, authenticated', name);
        execute format('grant select, insert, update, delete on %I to service_role', name);
        execute format('alter table %I enable row level security', name);
    end loop;
end
$$;
alter default privileges in schema public revoke all on tables from anon, authenticated;
alter default privileges in schema public revoke execute on functions from public, anon, authenticated;

-- Public: what a room plays from, and that it is there.
grant select (id, title, artist, type, embedding, embedding_source, duration, bpm, created_at, updated_at, deleted_at)
    on songs to anon, authenticated;
create policy "live songs are public" on songs for select using (deleted_at is null);
create policy "admins see songs that were removed" on songs for select to authenticated
    using ((select private.is_admin()));

grant select (id, name, status, current_song_id, created_at) on players to anon, authenticated;
grant select (last_poll) on players to authenticated;
create policy "rooms are public" on players for select using (true);

-- One's own.
grant select on profiles, taste_state, tags, roles, sessions, votes, held_votes to authenticated;
create policy "own profile" on profiles for select to authenticated
    using (id = (select private.me()) or auth_user_id = (select auth.uid()));
create policy "own taste" on taste_state for select to authenticated using (profile_id = (select private.me()));
create policy "own cards" on tags for select to authenticated using (profile_id = (select private.me()));
create policy "own roles" on roles for select to authenticated using (user_id = (select private.me()));
create policy "own stays" on sessions for select to authenticated using (user_id = (select private.me()));
create policy "own votes" on votes for select to authenticated using (user_id = (select private.me()));
create policy "own held votes" on held_votes for select to authenticated using (user_id = (select private.me()));

-- Staff: what happens in their rooms.
grant select on player_library, player_queue, queue_rules, settings, songs_playing, player_state, scenes
    to authenticated;
create policy "staff sees the library" on player_library for select to authenticated using (private.manages(player_id));
create policy "staff sees the queue" on player_queue for select to authenticated using (private.manages(player_id));
create policy "staff sees the rules" on queue_rules for select to authenticated using (private.manages(player_id));
create policy "staff sees the settings" on settings for select to authenticated using (private.manages(player_id));
create policy "staff sees the stays" on sessions for select to authenticated using (private.manages(player_id));
create policy "staff sees the votes" on votes for select to authenticated using (private.manages(player_id));
create policy "staff sees held votes" on held_votes for select to authenticated using (private.manages(player_id));
create policy "staff sees the plays" on songs_playing for select to authenticated using (private.manages(player_id));
create policy "staff sees the box" on player_state for select to authenticated using (private.manages(player_id));
create policy "staff sees the scenes" on scenes for select to authenticated using (private.manages(player_id));

-- Admins: everybody's profile, and who is staff.
create policy "admins see profiles" on profiles for select to authenticated using ((select private.is_admin()));
create policy "admins see tastes" on taste_state for select to authenticated using ((select private.is_admin()));
grant insert, update, delete on roles to authenticated;
create policy "admins decide who is staff" on roles for all to authenticated
    using ((select private.is_admin())) with check ((select private.is_admin()));
