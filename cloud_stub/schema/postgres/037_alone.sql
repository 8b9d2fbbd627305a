-- What the server does by its timers and its pages, for a database that is alone: pg_cron calls refresh_queues() every
-- 30 s, a person makes rooms and tokens in the SQL editor.

-- Mark stays whose time is up, and forget rules that are over; next time, where somebody writes just now.
create function private.close_passed() returns void
language plpgsql as $$
begin
    if pg_try_advisory_xact_lock(7260221) then
        update public.sessions set status = 'inactive', ended_at = expires_at
        where status = 'active' and expires_at <= private.clock();
        delete from public.queue_rules where until <= private.clock();
    end if;
end
$$;

create function private.note_who_is_offline() returns void
language sql as $$
    update public.players set status = 'offline' where id in (
        select p.id from public.players p
        where p.status <> 'offline' and (p.last_poll is null or p.last_poll < private.clock() - interval '30 seconds')
        for update skip locked)
$$;

-- As long as our server keeps them (KEEP_S in cloud_stub/services.py): longer than a box may be away.
create function private.forget_old() returns void
language sql as $$
    update public.players p set pruned_rev = g.rev
    from (select c.player_id, max(c.rev) as rev from public.changes c
          where c.op = 'del' and c.changed_at < private.clock() - interval '90 days' group by c.player_id) g
    where p.id = g.player_id;
    delete from public.changes where op = 'del' and changed_at < private.clock() - interval '90 days';
    delete from public.op_seen o where o.seen_at < private.clock() - interval '90 days' and o.n < private.seen(o.player_id);
    delete from public.stamps where at_ms < private.seconds(private.clock() - interval '90 days') * 1000;
    delete from public.boots where seen_at < private.clock() - interval '90 days';
$$;

-- For pg_cron, every 30 s. How many queues changed; null when ranking is the server's business.
create or replace function refresh_queues() returns integer
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
    perform private.note_who_is_offline();
    perform private.close_passed();  -- last, for who writes waits for us from here on
    perform private.forget_old();
    return changed;
end
$$;

-- A token for a room's box, shown this once. The older ones live until it is first used, a week at most.
create function private.new_token(room uuid) returns text
language plpgsql as $$
declare
    token text := format('csp_%s_%s', left(md5(gen_random_uuid()::text), 8), translate(rtrim(encode(sha256(
        convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'base64'), '='), '+/', '-_'));
begin
    update public.player_tokens set expires_at = private.clock() + interval '7 days'
    where player_id = room and revoked_at is null
        and (expires_at is null or expires_at > private.clock() + interval '7 days');
    insert into public.player_tokens (prefix, player_id, hash, created_at, supersedes)
    values (split_part(token, '_', 2), room, encode(sha256(convert_to(token, 'UTF8')), 'hex'), private.clock(), 1);
    update public.players set token_rev = token_rev + 1 where id = room;
    return token;
end
$$;

-- A room, and the token of its box.
create function private.new_room(name text, out player_id uuid, out token text)
language plpgsql as $$
begin
    insert into public.players (name) values (new_room.name) returning id into player_id;
    token := private.new_token(player_id);
end
$$;

revoke execute on all functions in schema private from public;
grant execute on function private.me(), private.is_admin(), private.manages(uuid) to anon, authenticated, service_role;
grant execute on function private.log_is_kept() to anon, authenticated, service_role;

-- PostgREST knows functions by heart; on Supabase it is told anyway.
notify pgrst, 'reload schema';
