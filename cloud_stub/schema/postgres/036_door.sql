-- The door for boxes where there is nothing but the database: two functions that Supabase's API offers, the only ones
-- `anon` may call. The box shows its token in `X-API-Key`, as it does to our server; their arguments and answers are
-- the wire's models RpcPush, RpcPushReply, RpcPull and RpcPullReply.

-- Which box is asking. PostgREST answers PT401 with 401.
create function private.current_player() returns uuid
language plpgsql as $$
declare
    token text := nullif(current_setting('request.headers', true), '')::json ->> 'x-api-key';
    known public.player_tokens;
begin
    select * into known from public.player_tokens t
    where t.prefix = substring(token from '^csp_([0-9a-z]{8})_[0-9A-Za-z_-]{43}$')
        and t.hash = encode(sha256(convert_to(token, 'UTF8')), 'hex')
        and t.revoked_at is null and (t.expires_at is null or t.expires_at > private.clock());
    if known.player_id is null then
        raise sqlstate 'PT401' using message = 'Invalid player token',
            hint = 'give the box the token of its room: select private.new_token(…)';
    end if;
    if known.supersedes = 1 then
        perform private.first_use(known.prefix, known.player_id);
    end if;
    return known.player_id;
end
$$;

-- The box has its new token: the older ones end.
create function private.first_use(used text, player uuid) returns void
language sql as $$
    update public.player_tokens set supersedes = 0 where prefix = used;
    update public.player_tokens set revoked_at = private.clock()
    where player_id = player and revoked_at is null and prefix <> used;
    update public.players set token_rev = token_rev + 1 where id = player;
$$;

create function private.refuse_unless(it_fits boolean, what text) returns void
language plpgsql as $$
begin
    if it_fits is not true then
        raise sqlstate 'PT422' using message = what || ' is not what sync.wire says';
    end if;
end
$$;

-- Facts

-- When an op happened by our clock: by the boot clock where we know that boot, else by the box's wall clock.
create function private.event_time(player uuid, op jsonb, came timestamptz) returns timestamptz
language sql stable as $$
    select least(greatest(to_timestamp(coalesce(
        (select b.offset_s + (op ->> 'mono_ms')::float8 / 1000 from public.boots b
         where b.player_id = player and b.boot_id = op ->> 'boot_id'),
        (op ->> 'wall_ms')::float8 / 1000)), to_timestamp(0)), came)
$$;

create function private.learn_boot(player uuid, said jsonb, came timestamptz) returns void
language sql as $$
    insert into public.boots (player_id, boot_id, offset_s, seen_at)
    values (player, said ->> 'boot_id', private.seconds(came) - (said ->> 'mono_ms')::float8 / 1000, came)
    on conflict (player_id, boot_id) do update set offset_s = excluded.offset_s, seen_at = excluded.seen_at
$$;

-- One op's effect, and what is answered to it.
create function private.apply(event private.event, kind text, body jsonb) returns text
language plpgsql as $$
begin
    if not private.fits(body, 'op.' || kind) then
        return case when kind = 'vote' and not private.fits(body -> 'vote_value', s.shape #> '{properties,vote_value}', '{}')
            then 'rejected:range' else 'rejected:body' end
            from private.shapes s where s.name = 'op.' || kind;
    end if;
    return case kind
        when 'enrol' then private.enrol(event, body)
        when 'card' then private.card(event, body)
        when 'checkin' then private.checkin(event, body)
        when 'checkout' then private.checkout(event, body)
        when 'vote' then private.vote(event, body)
        when 'settle' then private.settle(event, body)
        when 'play' then private.play(event, body)
        when 'play_end' then private.play_end(event, body)
        when 'rule' then private.rule(event, body)
        when 'link' then private.link(event, body)
        when 'merge' then private.merge(event, body)
        when 'forget' then private.forget(event, body)
        else 'rejected:unknown_type'
    end;
exception when integrity_constraint_violation or data_exception then
    return 'rejected:conflict';
end
$$;

-- How many ops of the player were ever answered.
create function private.seen(player uuid) returns bigint
language sql stable as $$ select coalesce(max(o.n), 0) from public.op_seen o where o.player_id = player $$;

-- The verdict on an op: the first one again, or that on its effect.
create function private.verdict(player uuid, op jsonb, came timestamptz) returns text
language plpgsql as $$
declare
    op_name uuid := (op ->> 'op_id')::uuid;
    happened timestamptz;
    status text := (select o.status from public.op_seen o where o.player_id = player and o.op_id = op_name);
begin
    if status is not null then
        return status;
    end if;
    happened := private.event_time(player, op, came);
    status := private.apply(row(player, op_name, happened, came,
        to_timestamp((op ->> 'wall_ms')::float8 / 1000) - happened)::private.event, op ->> 'type', op -> 'body');
    insert into public.op_seen (player_id, op_id, n, type, status, seen_at)
    values (player, op_name, private.seen(player) + 1,
        regexp_replace(left(op ->> 'type', 40), '[^ -~]', '?', 'g'), status, came);
    return status;
end
$$;

-- Whether a push tells of people, votes or rules. A play waits for the next refresh.
create function private.moves_the_queue(push jsonb) returns boolean
language sql immutable as $$
    select exists (select 1 from jsonb_array_elements(push -> 'ops') o
        where o.value ->> 'type' in ('checkin', 'checkout', 'vote', 'settle', 'rule', 'merge', 'forget'))
$$;

-- Nothing is applied for a box that remembers more answers than we do: we come from a backup, and what we took since
-- must come first.
create function private.take_push(player uuid, push jsonb, came timestamptz) returns json
language plpgsql as $$
declare
    op jsonb;
    verdicts json[] := '{}';
begin
    perform private.refuse_unless(private.fits(push, 'PushRequest'), 'push');
    if (push ->> 'heard')::bigint > private.seen(player) then
        return json_build_object('results', '[]'::json, 'server_time', private.seconds(came), 'seen',
            private.seen(player), 'restored', true);
    end if;
    perform private.learn_boot(player, push, came);
    for op in select o.value from jsonb_array_elements(push -> 'ops') with ordinality as o (value, n) order by o.n loop
        verdicts := verdicts || json_build_object('op_id', op ->> 'op_id', 'status', private.verdict(player, op, came));
    end loop;
    if private.moves_the_queue(push) and (select r.owner from public.ranking r) = 'database' then
        perform public.refresh_queue(player);
    end if;
    return json_build_object('results', array_to_json(verdicts), 'server_time', private.seconds(came), 'seen',
        private.seen(player));
end
$$;

-- The room as its box tells it

-- playing: it reports sound. idle: silent on purpose. online: anything else of a box that is heard.
create function private.status_of(player uuid, at timestamptz) returns text
language sql stable as $$
    select coalesce((
        select case when s.audible = 1 then 'playing' when s.silent_on_purpose = 1 then 'idle' end
        from public.player_state s where s.player_id = player and s.heard_at >= at - interval '30 seconds'), 'online')
$$;

-- The layers of a scene as [[song, share], …] by falling share.
create function private.layers_of(beat jsonb) returns jsonb
language sql immutable as $$
    select coalesce(jsonb_agg(jsonb_build_array(l.value ->> 'song_id', l.value -> 'share')
        order by (l.value ->> 'share')::float8 desc, l.value ->> 'song_id'), '[]')
    from jsonb_array_elements(beat -> 'scene') l where (beat ->> 'audible')::boolean
$$;

-- The loudest instrumental, else the loudest bed.
create function private.current_song(layers jsonb) returns uuid
language sql stable as $$
    select s.id from jsonb_array_elements(layers) with ordinality as l (value, n)
    join public.songs s on s.id = (l.value ->> 0)::uuid
    where (l.value ->> 1)::float8 > 0 order by s.type = 'instrumental' desc, l.n limit 1
$$;

-- A name for all that the newest full heartbeat said.
create function private.kept_name(player uuid) returns text
language sql stable as $$
    select left(encode(sha256(convert_to(jsonb_build_array(s.boot_id, s.audible, s.silent_on_purpose, s.scene_id,
        s.layers, s.why, s.here, s.version)::text, 'UTF8')), 'hex'), 12)
    from public.player_state s where s.player_id = player
$$;

create function private.note_scene(player uuid, at timestamptz) returns void
language sql as $$
    insert into public.scenes (player_id, heard_at, scene_id, layers)
    select s.player_id, at, s.scene_id, s.layers from public.player_state s where s.player_id = player
    on conflict (player_id, heard_at) do update set scene_id = excluded.scene_id, layers = excluded.layers;
    delete from public.scenes where player_id = player and heard_at < at - interval '10 minutes';
$$;

create function private.note_beat(player uuid, beat jsonb, came timestamptz) returns void
language plpgsql as $$
declare
    layers jsonb := private.layers_of(beat);
begin
    perform private.refuse_unless(private.fits(beat, 'Heartbeat'), 'beat');
    insert into public.player_state as s (player_id, heard_at, boot_id, audible, silent_on_purpose, scene_id, layers, why,
        here, pending, underruns, disk_free_mb, version)
    values (player, came, beat ->> 'boot_id', (beat ->> 'audible')::boolean::integer,
        coalesce((beat ->> 'silent_on_purpose')::boolean, false)::integer, (beat ->> 'scene_id')::uuid, layers::text,
        coalesce(beat ->> 'why', '[]'), coalesce((beat ->> 'here')::integer, 0),
        coalesce((beat ->> 'pending')::integer, 0), coalesce((beat ->> 'underruns')::integer, 0),
        (beat ->> 'disk_free_mb')::integer, coalesce(beat ->> 'version', ''))
    on conflict (player_id) do update set heard_at = excluded.heard_at, boot_id = excluded.boot_id,
        audible = excluded.audible, silent_on_purpose = excluded.silent_on_purpose, scene_id = excluded.scene_id,
        layers = excluded.layers, why = excluded.why, here = excluded.here, pending = excluded.pending,
        underruns = excluded.underruns, disk_free_mb = excluded.disk_free_mb, version = excluded.version;
    update public.players set current_song_id = private.current_song(layers)
    where id = player and current_song_id is distinct from private.current_song(layers);
end
$$;

-- All is as in the heartbeat it names; false when that is not the one we keep.
create function private.repeat_beat(player uuid, beat jsonb, came timestamptz) returns boolean
language plpgsql as $$
begin
    perform private.refuse_unless(private.fits(beat, 'BareBeat'), 'bare_beat');
    update public.player_state set heard_at = came, pending = coalesce((beat ->> 'pending')::integer, 0),
        underruns = coalesce((beat ->> 'underruns')::integer, 0)
    where player_id = player and private.kept_name(player) = beat ->> 'as_before';
    return found;
end
$$;

create function private.take_beat(player uuid, beat jsonb, bare_beat jsonb, came timestamptz) returns json
language plpgsql as $$
begin
    if beat is not null then
        perform private.note_beat(player, beat, came);
        perform private.learn_boot(player, beat, came);
    elsif not private.repeat_beat(player, bare_beat, came) then
        return null;
    end if;
    perform private.note_scene(player, came);
    update public.players set last_poll = came, status = private.status_of(player, came) where id = player;
    return (select json_build_object('server_time', private.seconds(came), 'rev', p.rev, 'queue_rev', p.queue_rev,
        'kept', private.kept_name(player)) from public.players p where p.id = player);
end
$$;

create function public.sync_push(push jsonb default null, beat jsonb default null, bare_beat jsonb default null)
returns json
language plpgsql security definer set search_path = '' as $$
declare
    player uuid := private.current_player();
    came timestamptz := private.clock();
    answer_push json;
    answer_beat json;
begin
    if push is not null then
        perform private.take_turn();
        answer_push := private.take_push(player, push, came);
    end if;
    if beat is not null or bare_beat is not null then
        answer_beat := private.take_beat(player, private.known_fields(beat, 'Heartbeat'),
            private.known_fields(bare_beat, 'BareBeat'), came);
    end if;
    return json_build_object('push', answer_push, 'beat', answer_beat);
end
$$;

-- The bucket and the queue

-- At most so many changes, and whether there are more. Read in the order of the index: left to itself the planner, which
-- does not know how many rows a room has, sorts for each page all that is still to come. `to_json` writes what names a
-- row; only the row itself has to be canonical.
create function private.changes_json(player uuid, pull jsonb, as_reset boolean, page_size integer)
returns table (changes text, last_rev bigint, more boolean)
language sql stable set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off as $$
    with page as (
        select r.*, row_number() over (order by r.tbl, r.pk) as n from (
            select c.rev, c.tbl, c.pk, c.op, c.row_json from public.changes c
            where as_reset and c.player_id = player and c.op = 'put' and (c.tbl, c.pk) > (
                coalesce(split_part(pull ->> 'cursor', ':', 1), ''),
                coalesce(substr(pull ->> 'cursor', strpos(pull ->> 'cursor', ':') + 1), ''))
            order by c.tbl, c.pk limit page_size + 1) r
        union all
        select r.*, row_number() over (order by r.rev) as n from (
            select c.rev, c.tbl, c.pk, c.op, c.row_json from public.changes c
            where not as_reset and c.player_id = player and c.rev > (pull ->> 'since')::bigint
            order by c.rev limit page_size + 1) r
    )
    select coalesce(string_agg(format('{"rev":%s,"tbl":%s,"pk":%s,"op":"%s","row":%s}',
            case when as_reset then 0 else p.rev end, to_json(p.tbl), to_json(p.pk), p.op, coalesce(p.row_json, 'null')
        ), ',' order by p.n) filter (where p.n <= page_size), ''),
        max(p.rev) filter (where p.n <= page_size), count(*) > page_size
    from page p
$$;

-- A page of changes after where the box stands, or of the whole bucket when it stands somewhere we do not know; null
-- when nothing is new and both sides hold the same.
create function private.page(player uuid, pull jsonb, came timestamptz) returns json
language plpgsql stable as $$
declare
    mark record;
    since bigint := (pull ->> 'since')::bigint;
    page_size integer := coalesce((pull ->> 'limit')::integer, 500);
    seen bigint := private.seen(player);
    restored boolean := coalesce((pull ->> 'heard')::bigint, 0) > private.seen(player);
    knows_epoch boolean;
    as_reset boolean;
    found record;
    next bigint;
begin
    select p.epoch, p.rev, p.pruned_rev, p.digest into mark from public.players p where p.id = player;
    knows_epoch := mark.epoch = pull ->> 'epoch';
    as_reset := restored or pull ->> 'cursor' is not null or not knows_epoch or since > mark.rev or since < mark.pruned_rev;
    if not as_reset and since = mark.rev and pull ->> 'digest' = mark.digest then
        return null;
    end if;
    select * into found from private.changes_json(player, pull, as_reset, page_size);
    next := case
        when not as_reset and found.more then found.last_rev
        -- A box that pages through a bucket stands where the first page stood: what changed meanwhile comes next.
        when as_reset and pull ->> 'cursor' is not null and knows_epoch and since between mark.pruned_rev and mark.rev
            then since
        else mark.rev end;
    return format('{"reset":%s,"epoch":%s,"next":%s,"more":%s,"digest":%s,"server_time":%s,"seen":%s,"restored":%s,'
        '"changes":[%s]}', as_reset::text,
        private.json_text(mark.epoch), next, found.more::text,
        case when found.more or next <> mark.rev then 'null' else private.json_text(mark.digest) end,
        private.json_number(private.seconds(came)), seen, restored::text, found.changes)::json;
end
$$;

create function private.queue_songs(player uuid) returns json
language sql stable as $$
    select json_build_object('success', true, 'songs', coalesce(json_agg(json_build_object('id', s.id, 'title', s.title,
        'file_url', s.file_url, 'type', s.type, 'position', q.position) order by q.position), '[]'))
    from public.player_queue q join public.songs s on s.id = q.song_id
    where q.player_id = player and s.deleted_at is null
$$;

-- Every poll is a sign of life, noted every ten seconds, and waits for nobody.
create function private.note_poll(player uuid, came timestamptz) returns void
language sql as $$
    update public.players set last_poll = came, status = private.status_of(player, came)
    where id = (select p.id from public.players p
                where p.id = player and (p.last_poll is null or p.last_poll <= came - interval '10 seconds')
                for update skip locked)
$$;

create function public.sync_pull(pull jsonb default null, queue text default null) returns json
language plpgsql security definer set search_path = '' as $$
declare
    player uuid := private.current_player();
    came timestamptz := private.clock();
    etag text := (select format('"q-%s-%s"', p.epoch, p.queue_rev) from public.players p where p.id = player);
    page json;
    songs json;
begin
    if pull is not null then
        perform private.refuse_unless(private.fits(pull, 'PullQuery'), 'pull');
        page := private.page(player, pull, came);
    end if;
    if queue <> etag then
        songs := private.queue_songs(player);
    end if;
    perform private.note_poll(player, came);
    return case when page is null and songs is null then '{}'
        else json_build_object('pull', page, 'queue', songs, 'queue_etag', case when songs is null then '' else etag end)
        end;
end
$$;

revoke execute on all functions in schema private from public;
grant execute on function private.me(), private.is_admin(), private.manages(uuid) to anon, authenticated, service_role;
grant execute on function private.log_is_kept() to anon, authenticated, service_role;
revoke execute on function sync_pull(jsonb, text), sync_push(jsonb, jsonb, jsonb) from public, authenticated, service_role;
grant execute on function sync_pull(jsonb, text), sync_push(jsonb, jsonb, jsonb) to anon;
