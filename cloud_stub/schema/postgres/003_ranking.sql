-- Ranking in the database, for pg_cron. Either the server ranks or the database does: the row says who.
create table ranking (
    one boolean primary key default true check (one),
    owner text not null check (owner in ('cloud', 'database'))
);
insert into ranking (owner) values ('cloud');
alter table ranking enable row level security;
revoke all on ranking from public, anon, authenticated;
grant select, update on ranking to service_role;

-- Cosine distance + 0.05 · exp(−hours since the room last played it / 6); a zero vector, the room's or a song's, is at
-- distance 1 (pgvector says NaN). extract() is numeric and exp(numeric) ten times as slow: hence float8. No SET
-- clause, so that it can be inlined.
create function recommend_with_penalty(p_vec vector(5), p_limit integer default 5, p_player uuid default null)
returns table (id uuid, title text, type text, distance float8, penalty float8, score float8)
language sql stable as $$
    select c.id, c.title, c.type, c.distance, c.penalty, c.distance + c.penalty
    from (
        select
            s.id, s.title, s.type,
            coalesce(nullif(s.embedding <=> p_vec, 'NaN'::float8), 1.0::float8) as distance,
            case when l.played_at is null then 0.0::float8
                else 0.05::float8 * exp(
                    -greatest(extract(epoch from now() - l.played_at)::float8, 0.0::float8) / 21600.0::float8)
            end as penalty
        from public.songs s
        left join (
            select p.song_id, max(p.played_at) as played_at
            from public.songs_playing p where p.player_id = p_player group by p.song_id
        ) l on l.song_id = s.id
        where s.deleted_at is null and (
            not exists (select 1 from public.player_library y where y.player_id = p_player)
            or exists (select 1 from public.player_library y where y.player_id = p_player and y.song_id = s.id)
        )
    ) c
    order by c.distance + c.penalty, c.id
    limit greatest(p_limit, 0)
$$;

-- A whole number of a room's settings, or what is usual.
create function private.setting_number(room uuid, name text, usual integer) returns integer
language sql stable set search_path = '' as $$
    select coalesce((
        select least(s.value::integer, 100) from public.settings s
        where s.player_id = room and s.key = name and s.value ~ '^[0-9]{1,6}$'
    ), usual)
$$;

-- Where a room's sound should go: the mean taste of those present, else what the house likes.
create function private.room_vector(room uuid) returns vector
language sql stable as $$
    select coalesce(
        (select avg(p.preference_vector)
         from public.sessions s join public.profiles p on p.id = s.user_id
         where s.player_id = room and s.status = 'active' and s.expires_at > now()
            and vector_norm(p.preference_vector) > 0),
        (select s.value::vector from public.settings s
         where s.player_id = room and s.key = 'house_taste' and s.value ~ '^\[ *[0-9.]+( *, *[0-9.]+){4} *\]$'
            and s.value ~ '[1-9]'),
        '[0.5,0.6,0.1,0.4,0.4]'::vector
    )
$$;

-- The queue that a room should have: pinned songs, then soundscapes and instrumentals by score; placed ones where
-- staff put them; skipped and banned ones not at all.
create function private.wanted_queue(room uuid) returns table (song_id uuid, place bigint)
language sql stable as $$
    with rules as (
        select r.song_id, r.kind, r.place from public.queue_rules r
        where r.player_id = room and (r.until is null or r.until > now())
    ), barred as (
        select r.song_id from rules r where r.kind in ('skip', 'ban')
    ), ranked as (
        select c.id, c.type, c.score from recommend_with_penalty(private.room_vector(room), 1000000, room) c
        where c.id not in (select b.song_id from barred b)
    ), staff as (
        select distinct on (k.id) k.id, k.type, r.kind, r.place
        from ranked k join rules r on r.song_id = k.id and r.kind in ('pin', 'place') order by k.id, r.kind
    ), chosen as (
        select k.id, k.type, k.score, row_number() over (partition by k.type order by k.score, k.id) as n
        from ranked k where k.id not in (select f.id from staff f)
    ), numbered as (
        select c.id, row_number() over (order by c.type desc, c.n)
            + (select count(*) from staff f where f.kind = 'pin') as place
        from chosen c
        where c.n <= case c.type
            when 'soundscape' then private.setting_number(room, 'queue.soundscapes', 12)
            else private.setting_number(room, 'queue.instrumentals', 4) end
            - (select count(*) from staff f where f.type = c.type)
    ), together as (
        select n.id, n.place::float8 as place from numbered n
        union all
        select f.id, case f.kind when 'pin' then 0 else greatest(coalesce(f.place, 1), 1) - 0.5 end from staff f
    )
    select t.id, row_number() over (order by t.place, t.id) from together t
$$;

-- Renew one room's queue; true when it changed. Copies of the server see the new revision within a second.
create function refresh_queue(p_player uuid) returns boolean
language plpgsql set search_path = public, extensions as $$
declare
    wanted uuid[];
begin
    select coalesce(array_agg(w.song_id order by w.place), '{}') into wanted from private.wanted_queue(p_player) w;
    if wanted = (select coalesce(array_agg(q.song_id order by q.position), '{}')
                 from player_queue q where q.player_id = p_player) then
        return false;
    end if;
    -- A room that the server writes to just now is left for the next time: nobody waits, so nobody waits in a circle.
    perform 1 from players where id = p_player for update skip locked;
    if not found then
        return false;
    end if;
    delete from player_queue where player_id = p_player;
    insert into player_queue (id, player_id, song_id, position, added_at)
        select gen_random_uuid(), p_player, w.song_id, w.place, now()
        from unnest(wanted) with ordinality as w (song_id, place);
    update players set queue_rev = queue_rev + 1 where id = p_player;
    return true;
end
$$;

-- For pg_cron, every 30 s. How many queues changed; null when ranking is the server's business.
create function refresh_queues() returns integer
language plpgsql set search_path = public, extensions as $$
declare
    room uuid;
    changed integer := 0;
begin
    if (select owner from ranking) is distinct from 'database' then
        return null;
    end if;
    if not pg_try_advisory_xact_lock(2, 7260221) then
        return 0;  -- the last one is still at work
    end if;
    for room in select id from players order by id loop
        changed := changed + refresh_queue(room)::integer;
    end loop;
    return changed;
end
$$;

revoke execute on function recommend_with_penalty(vector, integer, uuid), refresh_queue(uuid), refresh_queues()
    from public, anon, authenticated;
grant execute on function recommend_with_penalty(vector, integer, uuid), refresh_queue(uuid), refresh_queues()
    to service_role;
grant execute on all functions in schema private to service_role;
