-- A card's history becomes a web profile's: the box's half, as in cloud_stub/handover.py. The person's half is said to
-- our server, which has the pages; both write the same rows, in whatever order.

-- Two profiles are one person: done, or two_accounts.
create function private.unite(one uuid, other uuid) returns text
language plpgsql as $$
begin
    if one = other then
        return 'done';
    elsif private.has_login(one) and private.has_login(other) then
        return 'two_accounts';
    elsif private.has_login(one) then
        perform private.join_profiles(other, one);
    else
        perform private.join_profiles(one, other);
    end if;
    return 'done';
end
$$;

-- How a handover stands after the box's word: done, waiting, used, expired, two_accounts.
create function private.offered(event private.event, token_hash text, person uuid) returns text
language plpgsql as $$
declare
    known public.handovers;
    claimant uuid;
    waited interval;
begin
    insert into public.handovers as h (hash, profile_id, offered_at, created_at)
    values (token_hash, person, event.happened, event.came)
    on conflict (hash) do update set profile_id = coalesce(h.profile_id, excluded.profile_id),
        offered_at = coalesce(h.offered_at, excluded.offered_at)
    returning h.* into known;
    claimant := private.resolve(known.claimant_id);
    if private.resolve(known.profile_id) is distinct from person then
        return 'used';
    elsif claimant is null then
        return 'waiting';
    elsif known.done = 1 then
        return case when claimant = person then 'done' else 'used' end;
    end if;
    update public.handovers set done = 1 where hash = token_hash;
    waited := known.claimed_at - known.offered_at;
    if waited not between interval '-1 minute' and interval '10 minutes' then
        return 'expired';
    end if;
    return private.unite(person, claimant);
end
$$;

-- One more code typed in at this box: false once there were ten in ten minutes. Counted beside our server's.
create function private.may_try_a_code(event private.event) returns boolean
language sql as $$
    insert into public.attempts as a (who, began_at, n)
    values (encode(sha256(convert_to('link_code|' || event.player_id, 'UTF8')), 'hex'), event.came, 1)
    on conflict (who) do update set
        n = case when a.began_at <= event.came - interval '10 minutes' then 1 else a.n + 1 end,
        began_at = case when a.began_at <= event.came - interval '10 minutes' then excluded.began_at else a.began_at end
    returning n <= 10
$$;

create or replace function private.link(event private.event, body jsonb) returns text
language plpgsql as $$
declare
    person uuid := private.resolve((body ->> 'profile_id')::uuid);
    owner uuid;
    how text;
begin
    if (body ->> 'token_hash' is null) = (body ->> 'code' is null) then
        return 'rejected:body';
    elsif person is null then
        return 'rejected:unknown_profile';
    elsif body ->> 'token_hash' is not null then
        how := private.offered(event, body ->> 'token_hash', person);
        return case when how in ('done', 'waiting') then 'applied' else 'superseded' end;
    elsif not private.may_try_a_code(event) then
        return 'rejected:too_often';
    end if;
    delete from public.handover_codes c where c.hash = encode(sha256(convert_to(body ->> 'code', 'UTF8')), 'hex')
    returning case when c.expires_at > event.happened then private.resolve(c.profile_id) end into owner;
    if owner is null then
        return 'rejected:unknown_code';
    end if;
    how := private.unite(person, owner);
    return case when how = 'done' then 'applied' else 'rejected:' || how end;
end
$$;

revoke execute on all functions in schema private from public;
grant execute on function private.me(), private.is_admin(), private.manages(uuid) to anon, authenticated, service_role;
grant execute on function private.log_is_kept() to anon, authenticated, service_role;
