-- Facts from boxes, one function for each kind of op, and their effect on people, stays and rooms. The same rules as
-- in cloud_stub/facts.py, learning.py and repositories/; one suite of tests goes through both.

-- One op as its function sees it: whose, when it happened by our clock, when it came, and how far the box's own clock
-- was ahead of ours.
create type private.event as (
    player_id uuid, op_id uuid, happened timestamptz, came timestamptz, box_ahead interval
);

-- One rating. `layers`: the mix that taste learns from as [[song, share], …]; none: the song alone.
create type private.ballot as (
    vote_id uuid, user_id uuid, player_id uuid, song_id uuid, vote_value integer, vote_time timestamptz, source text,
    scene_id uuid, op_id uuid, layers jsonb
);

-- People

-- The profile that this id stands for now; null for a stranger.
create function private.resolve(profile uuid) returns uuid
language sql stable as $$ select coalesce(p.merged_into, p.id) from public.profiles p where p.id = profile $$;

create function private.enrol(event private.event, body jsonb) returns text
language plpgsql as $$
declare
    card text := body ->> 'key_hash';
    known uuid := private.resolve((body ->> 'profile_id')::uuid);
    person uuid := coalesce(known, (body ->> 'profile_id')::uuid);
    owner uuid;
begin
    if known is null then
        insert into public.profiles (id, display_name, preference_vector, created_at, updated_at)
        values (person, body ->> 'display_name', array_fill(0::float8, array[5]), event.came, event.came);
    end if;
    insert into public.tags (key_hash, key_version, profile_id, counter, created_at)
    values (card, coalesce((body ->> 'key_version')::integer, 1), person, (body ->> 'counter')::integer, event.came)
    on conflict (key_hash) do nothing;
    perform private.count_card(card, (body ->> 'counter')::integer);
    select t.profile_id into owner from public.tags t where t.key_hash = card;
    if owner = person then
        return 'applied';
    end if;
    if known is null then  -- two boxes met the same card while apart: it stays with whom it was
        perform private.join_profiles(person, owner);
    end if;
    return 'superseded';
end
$$;

-- How far a card that signs has counted: what it says is good once.
create function private.count_card(card text, so_far integer) returns void
language sql as $$
    update public.tags set counter = so_far where key_hash = card and (counter is null or counter < so_far)
$$;

create function private.card(event private.event, body jsonb) returns text
language plpgsql as $$
declare
    renamed text := body ->> 'new_hash';
    card text := coalesce(renamed, body ->> 'key_hash');
begin
    if renamed is not null and not exists (select 1 from public.tags t where t.key_hash = renamed) then
        update public.tags set key_hash = renamed, key_version = coalesce((body ->> 'new_version')::integer, 1)
        where key_hash = body ->> 'key_hash';
    end if;
    if not exists (select 1 from public.tags t where t.key_hash = card) then
        return 'superseded';
    end if;
    perform private.count_card(card, (body ->> 'counter')::integer);
    return 'applied';
end
$$;

create function private.has_login(profile uuid) returns boolean
language sql stable as $$ select p.auth_user_id is not null from public.profiles p where p.id = profile $$;

-- An account stays, whichever way it was asked for; two accounts are their owners' to make one.
create function private.merge(event private.event, body jsonb) returns text
language plpgsql as $$
declare
    away uuid := private.resolve((body ->> 'profile_id')::uuid);
    stays uuid := private.resolve((body ->> 'into_id')::uuid);
begin
    if away is null or stays is null then
        return 'rejected:unknown_profile';
    elsif away = stays then
        return 'superseded';
    elsif private.has_login(away) and private.has_login(stays) then
        return 'rejected:two_accounts';
    elsif private.has_login(away) then
        perform private.join_profiles(stays, away);
    else
        perform private.join_profiles(away, stays);
    end if;
    return 'applied';
end
$$;

-- Make one profile a part of another: neither is merged away yet, and they are two.
create function private.join_profiles(away uuid, stays uuid) returns void
language plpgsql as $$
declare
    began private.taste := private.merged_taste(private.taste_base(away), private.taste_base(stays));
    rev integer := (select p.taste_rev from public.profiles p where p.id = away);
begin
    update public.profiles set merged_into = stays where id = away or merged_into = away;
    update public.tags set profile_id = stays where profile_id = away;
    perform private.hand_over_stays(away, stays);
    perform private.hand_over_votes(away, stays);
    if rev > 0 or began <> private.newcomer() then
        perform private.set_taste(stays, began, rev);
        update public.taste_state set base = private.taste_text(began) where profile_id = stays;
        perform private.set_taste(stays, private.folded_taste(stays));
    end if;
end
$$;

-- Of two stays that are open the one that began first ends when the other began.
create function private.hand_over_stays(away uuid, stays uuid) returns void
language plpgsql as $$
begin
    update public.sessions set user_id = stays where user_id = away;
    perform private.end_stay(o.id, o.latest) from (
        select s.id, first_value(s.checked_in_at) over began as latest, row_number() over began as n
        from public.sessions s where s.user_id = stays and s.status = 'active'
        window began as (order by s.checked_in_at desc, s.id)
    ) o where o.n > 1;
end
$$;

-- Of two votes on one play that were two people's the newer counts.
create function private.hand_over_votes(away uuid, stays uuid) returns void
language plpgsql as $$
declare
    room uuid;
    replaced uuid[];
begin
    update public.held_votes set user_id = stays where user_id = away;
    update public.votes set user_id = stays where user_id = away;
    for room, replaced in
        with in_order as (
            select v.id, v.player_id, v.song_id, v.vote_time, lead(v.id) over later as newer,
                lead(v.vote_time) over later as newer_time
            from public.votes v where v.user_id = stays and v.superseded_by is null and v.player_id is not null
            window later as (partition by v.player_id, v.song_id order by v.vote_time, v.id)
        ), gone as (
            update public.votes v set superseded_by = o.newer from in_order o
            where v.id = o.id and o.newer is not null
                and private.same_play(o.player_id, o.song_id, o.vote_time, o.newer_time)
            returning v.player_id, v.id
        )
        select g.player_id, array_agg(g.id) from gone g group by g.player_id
    loop
        perform private.crowd_hears(room, null, null, null, replaced);
    end loop;
end
$$;

-- Codes are not handed out yet, so none can be the right one.
create function private.link(event private.event, body jsonb) returns text
language sql as $$ select 'rejected:unknown_code' $$;

-- One with a login loses their cards alone: the account is its owner's to close.
create function private.forget(event private.event, body jsonb) returns text
language plpgsql as $$
declare
    profile uuid := private.resolve((body ->> 'profile_id')::uuid);
begin
    if profile is null then
        return 'superseded';
    end if;
    delete from public.tags where profile_id = profile;
    if (select p.auth_user_id from public.profiles p where p.id = profile) is null then
        delete from public.profiles where merged_into = profile;
        delete from public.profiles where id = profile;
    end if;
    return 'applied';
end
$$;

-- Stays

-- End a stay then, or when it had ended already, whichever is earlier.
create function private.end_stay(stay uuid, at timestamptz) returns void
language sql as $$
    update public.sessions s set status = 'inactive', ended_at = e.at, expires_at = e.at
    from (select k.id, greatest(least(coalesce(k.ended_at, k.expires_at), k.expires_at, at), k.checked_in_at) as at
          from public.sessions k where k.id = stay) e
    where s.id = e.id
$$;

-- Move the end of an open stay out, never in.
create function private.extend_stay(stay uuid, until timestamptz) returns void
language sql as $$
    update public.sessions set expires_at = until where id = stay and status = 'active' and expires_at < until
$$;

-- Stays that were open elsewhere end. If one began later, this one is history.
create function private.begin_stay(
    stay uuid, person uuid, room uuid, at timestamptz, until timestamptz, came timestamptz
) returns void
language plpgsql as $$
declare
    later timestamptz := (select min(s.checked_in_at) from public.sessions s
                          where s.user_id = person and s.checked_in_at > at);
    expires timestamptz := least(until, later);
    is_open boolean := later is null and expires > came;
begin
    if later is null then
        perform private.end_stay(s.id, at) from public.sessions s where s.user_id = person and s.status = 'active';
    end if;
    insert into public.sessions
        (id, user_id, player_id, checked_in_at, expires_at, ended_at, status, created_at)
    values (stay, person, room, at, expires, case when not is_open then expires end,
        case when is_open then 'active' else 'inactive' end, came);
end
$$;

-- A check-in that comes when its stay is over already, because the person went on to another room or the time is up, is
-- superseded: the box that told of it ends the stay, too.
create function private.checkin(event private.event, body jsonb) returns text
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

create function private.checkout(event private.event, body jsonb) returns text
language plpgsql as $$
declare
    stay uuid := (select s.id from public.sessions s where s.id = (body ->> 'session_id')::uuid);
begin
    if stay is null then
        return 'rejected:unknown_session';
    end if;
    perform private.end_stay(stay, event.happened);
    return 'applied';
end
$$;

-- Votes

-- The share-weighted mean embedding of what sounded; a neutral song counts as zeros.
create function private.heard(layers jsonb, song uuid) returns float8[]
language sql stable as $$
    with layer as (
        select (l.value ->> 0)::uuid as song_id, (l.value ->> 1)::float8 as share
        from jsonb_array_elements(layers) l where (l.value ->> 1)::float8 > 0
        union all
        select song, 1 where jsonb_array_length(layers) = 0
    )
    select array_agg(mean.x order by mean.d) from (
        select d, coalesce(sum(l.share / whole.share * (private.numbers(s.embedding::text))[d]), 0) as x
        from generate_series(1, 5) d cross join layer l
        cross join (select sum(w.share) as share from layer w) whole
        left join public.songs s on s.id = l.song_id
        group by d
    ) mean
$$;

-- Whether what sounded at these two moments was one play of the song in the room. A bed's play lasts an hour.
create function private.same_play(room uuid, song uuid, a timestamptz, b timestamptz) returns boolean
language sql stable as $$
    select greatest(a, b) - least(a, b) < interval '1 hour' and not exists (
        select 1 from public.songs_playing p where p.player_id = room and p.song_id = song
            and p.played_at > least(a, b) and p.played_at <= greatest(a, b))
$$;

-- One vote counts per person, song and play: the newest. Those on the same play, each with whether it comes
-- after this one.
create function private.rivals(ballot private.ballot) returns table (id uuid, vote_time timestamptz, is_later boolean)
language sql stable as $$
    select v.id, v.vote_time, v.vote_time > ballot.vote_time
    from public.votes v
    where v.user_id = ballot.user_id and v.song_id = ballot.song_id and v.player_id = ballot.player_id
        and v.superseded_by is null
        and private.same_play(ballot.player_id, ballot.song_id, v.vote_time, ballot.vote_time)
$$;

-- Store a vote, teach the person and the room's crowd, and renew the stay; whether the vote counts.
create function private.cast_vote(ballot private.ballot) returns boolean
language plpgsql as $$
declare
    heard float8[] := private.heard(ballot.layers, ballot.song_id);
    taste private.taste := private.taste_of(ballot.user_id);
    taste_rev integer := (select p.taste_rev + 1 from public.profiles p where p.id = ballot.user_id);
    earlier uuid[];
    later uuid;
begin
    select coalesce(array_agg(r.id order by r.vote_time) filter (where not r.is_later), '{}'),
        (array_agg(r.id order by r.vote_time desc) filter (where r.is_later))[1]
    into earlier, later from private.rivals(ballot) r;
    insert into public.votes (id, user_id, song_id, vote_value, vote_time, player_id, scene_id, source, op_id, heard,
        taste_rev, superseded_by)
    values (ballot.vote_id, ballot.user_id, ballot.song_id, ballot.vote_value, ballot.vote_time, ballot.player_id,
        ballot.scene_id, ballot.source, ballot.op_id, heard, taste_rev, later);
    if later is null and cardinality(earlier) > 0 then
        update public.votes set superseded_by = ballot.vote_id where id = any(earlier);
        taste := private.folded_taste(ballot.user_id);
    elsif later is null then
        taste := private.learn(taste, heard, ballot.vote_value);
    end if;
    taste_rev := private.set_taste(ballot.user_id, taste);
    if later is null then
        perform private.crowd_hears(ballot.player_id, heard, ballot.vote_value, taste_rev, earlier);
    end if;
    perform private.renew_stay(ballot);
    return later is null;
end
$$;

-- A vote sets the stay to an hour again, if it is in this room.
create function private.renew_stay(ballot private.ballot) returns void
language sql as $$
    select private.extend_stay(s.id, ballot.vote_time + interval '1 hour')
    from (select s.id, s.player_id from public.sessions s
          where s.user_id = ballot.user_id and s.status = 'active' and s.expires_at > private.clock()
          order by s.checked_in_at desc limit 1) s
    where s.player_id = ballot.player_id
$$;

create function private.vote(event private.event, body jsonb) returns text
language plpgsql as $$
declare
    person uuid := private.resolve((body ->> 'profile_id')::uuid);
    vote uuid := (body ->> 'vote_id')::uuid;
    song uuid := (body ->> 'song_id')::uuid;
    layers jsonb := (
        select coalesce(jsonb_agg(jsonb_build_array(l.value ->> 'song_id', l.value -> 'share') order by l.n), '[]')
        from jsonb_array_elements(body -> 'scene') with ordinality as l (value, n)
        where (l.value ->> 'share')::float8 > 0);
begin
    if person is null then
        return 'rejected:unknown_profile';
    elsif not exists (select 1 from public.songs s where s.id = song) then
        return 'rejected:unknown_song';
    elsif exists (select 1 from public.votes v where v.id = vote)
            or exists (select 1 from public.held_votes h where h.vote_id = vote) then
        return 'superseded';
    end if;
    return case when private.cast_vote(row(vote, person, event.player_id, song, body ->> 'vote_value', event.happened,
        coalesce(body ->> 'source', 'screen'), body ->> 'scene_id', event.op_id, layers)::private.ballot)
        then 'applied' else 'superseded' end;
end
$$;

-- The box's word on a vote that was held.
create function private.settle(event private.event, body jsonb) returns text
language plpgsql as $$
declare
    held public.held_votes;
begin
    delete from public.held_votes h where h.vote_id = (body ->> 'vote_id')::uuid and h.player_id = event.player_id
    returning * into held;
    if held.vote_id is null then
        return 'rejected:unknown_vote';
    end if;
    if (body ->> 'sounded')::boolean then
        perform private.cast_vote(row(held.vote_id, held.user_id, held.player_id, held.song_id, held.vote_value,
            held.vote_time, 'phone', held.scene_id, null, held.layers)::private.ballot);
    end if;
    return 'applied';
end
$$;

-- Rooms

create function private.play(event private.event, body jsonb) returns text
language plpgsql as $$
declare
    song uuid := (body ->> 'song_id')::uuid;
begin
    if not exists (select 1 from public.songs s where s.id = song) then
        return 'rejected:unknown_song';
    end if;
    insert into public.songs_playing (id, player_id, song_id, played_at, op_id)
    values ((body ->> 'play_id')::uuid, event.player_id, song, greatest(to_timestamp(0),
        event.happened - coalesce((body ->> 'audible_s')::float8, 10) * interval '1 second'), event.op_id)
    on conflict (id) do nothing;
    return case when found then 'applied' else 'superseded' end;
end
$$;

create function private.play_end(event private.event, body jsonb) returns text
language plpgsql as $$
begin
    update public.songs_playing set seconds = (body ->> 'seconds')::float8
    where id = (body ->> 'play_id')::uuid and player_id = event.player_id;
    return case when found then 'applied' else 'rejected:unknown_play' end;
end
$$;

-- Staff set a rule, or lift it with `until_s` in the past. Of what was said here and there the later word stands, in
-- whichever order they arrive; of two words of one box always the second.
create function private.rule(event private.event, body jsonb) returns text
language plpgsql as $$
declare
    song uuid := (body ->> 'song_id')::uuid;
    rule_kind text := body ->> 'kind';
    until timestamptz := to_timestamp((body ->> 'until_s')::float8) - event.box_ahead;
    word_ms bigint := round(private.seconds(event.happened) * 1000);
    stands record;
begin
    if not exists (select 1 from public.songs s where s.id = song) then
        return 'rejected:unknown_song';
    end if;
    select w.at_ms, w.word_id, w.by_box into stands from public.stamps w
    where w.player_id = event.player_id and w.tbl = 'queue_rules' and w.pk = song || '/' || rule_kind;
    if stands.by_box = 1 then
        word_ms := greatest(word_ms, stands.at_ms + 1);
    end if;
    if (word_ms, event.op_id) <= (stands.at_ms, stands.word_id) then
        return 'superseded';
    end if;
    if until <= event.came then
        delete from public.queue_rules r
        where r.player_id = event.player_id and r.song_id = song and r.kind = rule_kind;
    else
        insert into public.queue_rules (player_id, song_id, kind, place, until)
        values (event.player_id, song, rule_kind, (body ->> 'place')::integer, until)
        on conflict (player_id, song_id, kind) do update set place = excluded.place, until = excluded.until;
    end if;
    perform private.stamp(event.player_id, song || '/' || rule_kind, word_ms, event.op_id, 1);
    return 'applied';
end
$$;

create function private.stamp(room uuid, rule text, word_ms bigint, word uuid, from_box integer) returns void
language sql as $$
    insert into public.stamps (player_id, tbl, pk, at_ms, word_id, by_box)
    values (room, 'queue_rules', rule, word_ms, word, from_box)
    on conflict (player_id, tbl, pk) do update
        set at_ms = excluded.at_ms, word_id = excluded.word_id, by_box = excluded.by_box
$$;

-- What a person writes into the table is a word too; that a rule's time is up is nobody's.
create function private.stamp_rule() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    said public.queue_rules := case when tg_op = 'DELETE' then old else new end;
begin
    if (tg_op <> 'DELETE' or coalesce(said.until, 'infinity') > private.clock())
            and exists (select 1 from public.players p where p.id = said.player_id) then
        perform private.stamp(said.player_id, said.song_id || '/' || said.kind,
            round(private.seconds(private.clock()) * 1000)::bigint, gen_random_uuid(), 0);
    end if;
    return null;
end
$$;

create trigger stamp after insert or delete or update on queue_rules for each row
    when (not private.log_is_kept()) execute function private.stamp_rule();
