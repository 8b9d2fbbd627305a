-- What each box may hold, as rows of JSON, and triggers that bring the log of changes up to date whoever writes: the
-- functions of 036, or a person in Supabase's table editor. Our server keeps the log itself and says so in its
-- transactions (`cosound.keeps_log`), so that nothing is done twice.
--
-- Each view bucket_… gives: whose bucket, what names the row (as the table has it, and as it travels), and the row. Of
-- tables that look the same to all, rows_… gives the rows and seers_… who sees them, so that a row is written out once
-- and not for each room. The same rows, and conditions, as in cloud_stub/repositories/bucket.py; a test compares every byte.

create view private.rows_songs as
    select s.id as key, s.id::text as pk, format(
        '{"artist":%s,"bpm":%s,"byte_size":%s,"duration":%s,"embedding":%s,"embedding_source":%s,"file_url":%s,"id":"%s",'
        '"key":%s,"loop_end":%s,"loop_law":%s,"loop_start":%s,"loop_xfade_s":%s,"loudness_lufs":%s,"sha256":%s,"title":%s,'
        '"true_peak_dbtp":%s,"type":%s}',
        private.json_text(s.artist), coalesce(s.bpm::text, 'null'), s.byte_size, private.json_number(s.duration),
        coalesce(private.json_numbers(private.numbers(s.embedding::text)), 'null'), private.json_text(s.embedding_source),
        private.json_text(s.file_url), s.id, private.json_text(s.key), private.json_number(s.loop_end),
        private.json_text(s.loop_law), private.json_number(s.loop_start), private.json_number(s.loop_xfade_s),
        private.json_number(s.loudness_lufs), private.json_text(s.sha256), private.json_text(s.title),
        private.json_number(s.true_peak_dbtp), private.json_text(s.type)
    ) as row_json
    from public.songs s where s.deleted_at is null;

create view private.seers_songs as
    select r.id as player_id, s.id as key from public.players r cross join public.songs s
    where exists (select 1 from public.player_library l where l.player_id = r.id and l.song_id = s.id)
        or not exists (select 1 from public.player_library l where l.player_id = r.id);

create view private.bucket_player_library as
    select l.player_id, l.song_id as key, l.song_id::text as pk, format('{"song_id":"%s"}', l.song_id) as row_json
    from public.player_library l join public.songs s on s.id = l.song_id
    where s.deleted_at is null;

create view private.rows_profiles as
    select p.id as key, p.id::text as pk, format(
        '{"display_name":%s,"id":"%s","preference_vector":%s,"taste_rev":%s,"taste_state":%s}',
        private.json_text(p.display_name), p.id,
        private.json_numbers(private.numbers(p.preference_vector::text)), p.taste_rev,
        case when t.profile_id is null then 'null' else format(
            '{"mean":%s,"precision":%s,"preference_vector":%s,"votes":%s}', private.canonical(t.mean::json),
            private.canonical(t."precision"::json), private.canonical(p.preference_vector::text::json), t.votes) end
    ) as row_json
    from public.profiles p left join public.taste_state t on t.profile_id = p.id where p.merged_into is null;

create view private.seers_profiles as
    select r.id as player_id, p.id as key from public.players r cross join public.profiles p
    where exists (select 1 from public.tags g where g.profile_id = p.id)
        or exists (select 1 from public.sessions s
                   where s.user_id = p.id and s.player_id = r.id and s.status = 'active');

create view private.rows_merges as
    select p.id as key, p.id::text as pk, format('{"into_id":"%s","profile_id":"%s"}', p.merged_into, p.id) as row_json
    from public.profiles p where p.merged_into is not null;

create view private.rows_tags as
    select t.key_hash as key, t.key_hash as pk, format(
        '{"counter":%s,"key_hash":%s,"key_version":%s,"profile_id":"%s"}', coalesce(t.counter::text, 'null'),
        private.json_text(t.key_hash), t.key_version, t.profile_id
    ) as row_json
    from public.tags t;

create view private.bucket_songs as
    select s.player_id, r.key, r.pk, r.row_json from private.rows_songs r join private.seers_songs s on s.key = r.key;
create view private.bucket_profiles as
    select s.player_id, r.key, r.pk, r.row_json
    from private.rows_profiles r join private.seers_profiles s on s.key = r.key;
create view private.bucket_merges as
    select p.id as player_id, r.key, r.pk, r.row_json from private.rows_merges r cross join public.players p;
create view private.bucket_tags as
    select p.id as player_id, r.key, r.pk, r.row_json from private.rows_tags r cross join public.players p;

create view private.bucket_sessions as
    select s.player_id, s.id as key, s.id::text as pk, format(
        '{"checked_in_at":%s,"expires_at":%s,"id":"%s","status":"%s","user_id":"%s"}',
        private.json_number(private.seconds(s.checked_in_at)), private.json_number(private.seconds(s.expires_at)),
        s.id, s.status, s.user_id
    ) as row_json
    from public.sessions s where s.status = 'active';

create view private.bucket_queue_rules as
    select r.player_id, r.song_id || '/' || r.kind as key, r.song_id || '/' || r.kind as pk, format(
        '{"kind":"%s","place":%s,"song_id":"%s","until_s":%s}', r.kind, coalesce(r.place::text, 'null'), r.song_id,
        private.json_number(private.seconds(r.until))
    ) as row_json
    from public.queue_rules r;

create view private.bucket_settings as
    select s.player_id, s.key, s.key as pk, format(
        '{"key":%s,"value":%s}', private.json_text(s.key), private.canonical(s.value::json)
    ) as row_json
    from public.settings s;

create view private.bucket_held_votes as
    select h.player_id, h.vote_id as key, h.vote_id::text as pk, format(
        '{"song_id":"%s","vote_id":"%s","vote_time":%s}', h.song_id, h.vote_id,
        private.json_number(private.seconds(h.vote_time))
    ) as row_json
    from public.held_votes h;

-- What rooms hold of a table, as a query: of these rows of it ($2, null: all), for this room ($3, null: all).
create function private.holdings(tbl text) returns text
language sql immutable as $$
    select case
        when tbl in ('songs', 'profiles') then format(
            'select s.player_id, b.pk, b.row_json from (select * from private.rows_%1$I where $2 is null '
            'or key = any($2::uuid[]) offset 0) b join private.seers_%1$I s on s.key = b.key '
            'where $3 is null or s.player_id = $3', tbl)
        when tbl in ('merges', 'tags') then format(
            'select p.id as player_id, b.pk, b.row_json from (select * from private.rows_%I where $2 is null '
            'or key = any($2::%s[]) offset 0) b cross join public.players p '
            'where $3 is null or p.id = $3', tbl, case when tbl = 'tags' then 'text' else 'uuid' end)
        else format(
            'select v.player_id, v.pk, v.row_json from private.bucket_%I v where ($2 is null or v.key = any($2::%s[])) '
            'and ($3 is null or v.player_id = $3)', tbl,
            case when tbl in ('settings', 'queue_rules') then 'text' else 'uuid' end)
    end
$$;

-- Bring the log up to date: of a table, of these rows of it (null: all), for this room (null: all). Each row that is
-- another than the log has it gets the room's next revision. Whoever calls this holds the writers' lock.
create function private.follow(tbl text, keys text[] default null, room uuid default null) returns void
language plpgsql as $$
begin
    execute format($follow$
        with here as (%s), known as (
            select c.player_id, c.pk, c.row_json, c.hash from public.changes c
            where c.tbl = $1 and ($2 is null or c.pk = any($2)) and ($3 is null or c.player_id = $3)
        ), news as (
            select player_id, pk, here.row_json, private.row_hash($1, pk, here.row_json) as hash, known.hash as old_hash,
                row_number() over (partition by player_id order by pk) as n
            from here full join known using (player_id, pk)
            where here.row_json is distinct from known.row_json
        ), moves as (
            select player_id, count(*) as count, sum(private.hash_number(hash) - private.hash_number(old_hash)) as by
            from news group by player_id
        ), marks as (
            update public.players p
            set rev = p.rev + m.count, digest = private.digest_moved(p.digest, m.by),
                library_rev = p.library_rev + ($1 = 'songs')::integer
            from moves m where p.id = m.player_id
            returning p.id, p.rev - m.count as before
        )
        insert into public.changes as c (player_id, tbl, pk, rev, op, row_json, hash, changed_at)
        select n.player_id, $1, n.pk, m.before + n.n, case when n.row_json is null then 'del' else 'put' end,
            n.row_json, n.hash, private.clock()
        from news n join marks m on m.id = n.player_id
        on conflict (player_id, tbl, pk) do update set rev = excluded.rev, op = excluded.op,
            row_json = excluded.row_json, hash = excluded.hash, changed_at = excluded.changed_at
    $follow$, private.holdings(tbl)) using tbl, keys, room;
end
$$;

-- Whether the log does not know yet that it must follow at the end of this transaction.
create function private.is_first_touch() returns boolean
language plpgsql as $$
begin
    if current_setting('cosound.touched', true) = 'on' then
        return false;
    end if;
    perform set_config('cosound.touched', 'on', true);
    return true;
end
$$;

-- What a transaction has touched: a row of the bucket, or with no key all of a table; in one room, or wherever it is
-- held. The log follows once, when the transaction ends, so that nothing is left here.
create unlogged table private.touched (
    tbl text not null, key text, room uuid, is_first boolean not null default private.is_first_touch()
);

create function private.follow_touched() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    tbl text;
    room uuid;
    keys text[];
begin
    perform set_config('cosound.touched', '', true);
    for tbl, room, keys in
        with taken as (delete from private.touched returning *)
        select t.tbl, t.room, case when bool_or(t.key is null) then null else array_agg(distinct t.key) end
        from taken t group by t.tbl, t.room order by t.tbl, t.room
    loop
        perform private.follow(tbl, keys, room);
    end loop;
    return null;
end
$$;

-- For the first row alone: a hundred thousand songs of one import would each look through what all have left here.
create constraint trigger follow after insert on private.touched deferrable initially deferred
    for each row when (new.is_first) execute function private.follow_touched();

-- Writers come one after the other, our server among them, so that revisions appear in the order of commits.
create function private.take_turn() returns void
language sql as $$ select pg_advisory_xact_lock(7260221) $$;

-- Asked before every write. In SQL it would be taken apart and planned anew each time.
create function private.log_is_kept() returns boolean
language plpgsql stable as $$ begin return coalesce(current_setting('cosound.keeps_log', true), '') = 'on'; end $$;

create function private.take_turn_first() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform private.take_turn();
    return null;
end
$$;

-- After a row was written. Arguments: tables of the bucket, each with the columns that name its row there.
create function private.touch_row() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    for place in 0 .. tg_nargs - 1 by 2 loop
        insert into private.touched (tbl, key, room)
        select distinct tg_argv[place], (
            select string_agg(i.image ->> c.name, '/' order by c.n)
            from unnest(string_to_array(tg_argv[place + 1], '/')) with ordinality as c (name, n)
        ), (i.image ->> 'player_id')::uuid
        from unnest(array[to_jsonb(old), to_jsonb(new)]) as i (image) where i.image is not null;
    end loop;
    return null;
end
$$;

-- After a library changed: with its first row a room loses all other songs, with its last it gets them back.
create function private.touch_library() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into private.touched (tbl, room)
    select t.name, w.player_id from (select distinct w.player_id from written w) w
    cross join unnest(array['player_library', 'songs']) as t (name);
    return null;
end
$$;

-- A new room has a bucket at once.
create function private.touch_room() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into private.touched (tbl, room)
    select t.name, new.id from unnest(array['songs', 'profiles', 'merges', 'tags']) as t (name);
    return null;
end
$$;

do $$
declare
    name text;
begin
    foreach name in array array['players', 'songs', 'player_library', 'profiles', 'taste_state', 'tags', 'sessions',
                                'queue_rules', 'settings', 'held_votes'] loop
        execute format('create trigger take_turn before insert or delete or update on public.%I for each statement '
            'when (not private.log_is_kept()) execute function private.take_turn_first()', name);
    end loop;
end
$$;
-- `players` only when a room comes or goes: its other columns move with every poll.
drop trigger take_turn on players;
create trigger take_turn before insert or delete on players for each statement
    when (not private.log_is_kept()) execute function private.take_turn_first();

create trigger touch after insert on players for each row
    when (not private.log_is_kept()) execute function private.touch_room();
create trigger touch after insert or delete or update on songs for each row
    when (not private.log_is_kept()) execute function private.touch_row('songs', 'id', 'player_library', 'id');
create trigger touch after insert or delete or update on profiles for each row
    when (not private.log_is_kept()) execute function private.touch_row('profiles', 'id', 'merges', 'id');
create trigger touch after insert or delete or update on taste_state for each row
    when (not private.log_is_kept()) execute function private.touch_row('profiles', 'profile_id');
create trigger touch after insert or delete or update on tags for each row
    when (not private.log_is_kept()) execute function private.touch_row('tags', 'key_hash', 'profiles', 'profile_id');
create trigger touch after insert or delete or update on sessions for each row
    when (not private.log_is_kept()) execute function private.touch_row('sessions', 'id', 'profiles', 'user_id');
create trigger touch after insert or delete or update on queue_rules for each row
    when (not private.log_is_kept()) execute function private.touch_row('queue_rules', 'song_id/kind');
create trigger touch after insert or delete or update on settings for each row
    when (not private.log_is_kept()) execute function private.touch_row('settings', 'key');
create trigger touch after insert or delete or update on held_votes for each row
    when (not private.log_is_kept()) execute function private.touch_row('held_votes', 'vote_id');
create trigger touch_new after insert on player_library referencing new table as written for each statement
    when (not private.log_is_kept()) execute function private.touch_library();
create trigger touch_old after delete on player_library referencing old table as written for each statement
    when (not private.log_is_kept()) execute function private.touch_library();
create trigger touch_both after update on player_library referencing new table as written for each statement
    when (not private.log_is_kept()) execute function private.touch_library();

revoke all on all tables in schema private from public, anon, authenticated;
revoke execute on all functions in schema private from public;
grant execute on function private.me(), private.is_admin(), private.manages(uuid) to anon, authenticated, service_role;
grant execute on function private.log_is_kept() to anon, authenticated, service_role;
