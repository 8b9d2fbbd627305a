-- What a vote teaches, in the database: the same rules as ml/taste.py and ml/prior.py, the same numbers to 1e-6.
-- Both states advance with every vote, the V1 vector in `profiles` and the belief in `taste_state`; the room's crowd
-- is its setting `taste.prior`.

create type private.taste as (preference float8[], mean float8[], "precision" float8[], votes integer);
create type private.belief as (mean float8[], "precision" float8[]);

create function private.dot(a float8[], b float8[]) returns float8
language sql immutable as $$ select sum(p.x * p.y) from unnest(a, b) as p (x, y) $$;

-- At length 1; what has no direction becomes zeros.
create function private.normalised(v float8[]) returns float8[]
language sql immutable as $$
    select case
        when (select max(abs(x)) from unnest(v) x) <= 1e-12 then array_fill(0::float8, array[cardinality(v)])
        else (select array_agg(u.x / sqrt(private.dot(v, v)) order by u.n) from unnest(v) with ordinality as u (x, n)) end
$$;

create function private.mixed(a float8[], times_a float8, b float8[], times_b float8) returns float8[]
language sql immutable as $$
    select array_agg(times_a * p.x + times_b * p.y order by p.n)
    from unnest(a, b) with ordinality as p (x, y, n)
$$;

-- Votes 5 4 3 2 1: a full like, half a like, nothing, half a dislike, a full dislike. α = 0.12, β = 0.7.
create function private.v1_learn(preference float8[], song float8[], vote integer) returns float8[]
language plpgsql immutable as $$
declare
    strength float8 := (vote - 1) / 4.0 * 2 - 1;
    step float8 := 0.12 * abs(strength);
    u float8[] := private.normalised(preference);
    s float8[] := private.normalised(song);
begin
    return case
        when strength > 0 then private.normalised(private.mixed(u, 1 - step, s, step))
        when strength < 0 then private.normalised(private.mixed(u, 1, s, -step * 0.7 * private.dot(u, s)))
        else u end;
end
$$;

create function private.times(matrix float8[], v float8[]) returns float8[]
language sql immutable as $$
    select array_agg(rows.sum order by rows.i) from (
        select i, sum(matrix[(i - 1) * cardinality(v) + j] * v[j]) as sum
        from generate_series(1, cardinality(v)) i cross join generate_series(1, cardinality(v)) j group by i
    ) rows
$$;

-- x of matrix · x = b, the matrix row by row; Gauss with the largest pivot.
create function private.solve(matrix float8[], b float8[]) returns float8[]
language plpgsql immutable as $$
declare
    n integer := cardinality(b);
    a float8[] := matrix;
    x float8[] := b;
    best integer;
    swap float8;
    factor float8;
begin
    for col in 1 .. n loop
        select i into best from generate_series(col, n) i order by abs(a[(i - 1) * n + col]) desc limit 1;
        if best <> col then
            for k in 1 .. n loop
                swap := a[(col - 1) * n + k];
                a[(col - 1) * n + k] := a[(best - 1) * n + k];
                a[(best - 1) * n + k] := swap;
            end loop;
            swap := x[col];
            x[col] := x[best];
            x[best] := swap;
        end if;
        for i in col + 1 .. n loop
            factor := a[(i - 1) * n + col] / a[(col - 1) * n + col];
            for k in col .. n loop
                a[(i - 1) * n + k] := a[(i - 1) * n + k] - factor * a[(col - 1) * n + k];
            end loop;
            x[i] := x[i] - factor * x[col];
        end loop;
    end loop;
    for i in reverse n .. 1 loop
        for k in i + 1 .. n loop
            x[i] := x[i] - a[(i - 1) * n + k] * x[k];
        end loop;
        x[i] := x[i] / a[(i - 1) * n + i];
    end loop;
    return x;
end
$$;

-- The belief before any vote; `strength` counts in votes.
create function private.standard_belief(strength float8) returns private.belief
language sql immutable as $$
    select row(array[0.15, 0.15, 0.15, 0.15, 0.15, 0.25]::float8[],
        (select array_agg(case when i = j then strength else 0 end order by i, j)
         from generate_series(1, 6) i cross join generate_series(1, 6) j))::private.belief
$$;

-- The belief after one vote, counted `weight` times; a negative weight takes a vote back.
create function private.with_vote(before private.belief, heard float8[], vote integer, weight float8)
returns private.belief
language plpgsql immutable as $$
declare
    features float8[] := private.normalised(heard) || 1::float8;
    surprise float8 := (vote - 1) / 4.0 - private.dot(before.mean, features);
    matrix float8[];
begin
    select array_agg(before."precision"[(i - 1) * 6 + j] + weight * features[i] * features[j] order by i, j) into matrix
    from generate_series(1, 6) i cross join generate_series(1, 6) j;
    return row(
        private.mixed(before.mean, 1, private.solve(matrix, features), weight * surprise), matrix)::private.belief;
end
$$;

create function private.newcomer() returns private.taste
language sql immutable as $$
    select row(array_fill(0::float8, array[5]), b.mean, b."precision", 0)::private.taste
    from private.standard_belief(3) b
$$;

create function private.learn(before private.taste, heard float8[], vote integer) returns private.taste
language plpgsql immutable as $$
declare
    belief private.belief := private.with_vote(row(before.mean, before."precision")::private.belief, heard, vote, 1);
begin
    return row(private.v1_learn(before.preference, heard, vote), belief.mean, belief."precision", before.votes + 1);
end
$$;

-- A taste known by its V1 vector alone: the belief counts it as one full like.
create function private.taste_from_preference(preference float8[]) returns private.taste
language plpgsql immutable as $$
declare
    direction float8[] := private.normalised(preference);
    taste private.taste := private.newcomer();
begin
    if private.dot(direction, direction) > 0 then
        taste := private.learn(taste, direction, 5);
        taste.preference := direction;
    end if;
    return taste;
end
$$;

create function private.taste_of(profile uuid) returns private.taste
language sql stable as $$
    select case
        when t.profile_id is null then private.taste_from_preference(private.numbers(p.preference_vector::text))
        else row(private.numbers(p.preference_vector::text), private.numbers(t.mean), private.numbers(t."precision"),
            t.votes)::private.taste end
    from public.profiles p left join public.taste_state t on t.profile_id = p.id where p.id = profile
$$;

-- What `base` of a taste_state says: where the fold of somebody's votes begins.
create function private.taste_in(said text) returns private.taste
language sql immutable as $$
    select row(private.numbers(j.taste ->> 'preference_vector'), private.numbers(j.taste ->> 'mean'),
        private.numbers(j.taste ->> 'precision'), (j.taste ->> 'votes')::integer)::private.taste
    from (select said::json as taste) j
$$;

create function private.taste_text(taste private.taste) returns text
language sql immutable as $$
    select format('{"mean":%s,"precision":%s,"preference_vector":%s,"votes":%s}', private.json_numbers(taste.mean),
        private.json_numbers(taste."precision"), private.json_numbers(taste.preference), taste.votes)
$$;

-- Where somebody's votes are folded from.
create function private.taste_base(profile uuid) returns private.taste
language sql stable as $$
    select case
        when t.profile_id is null then private.taste_from_preference(private.numbers(p.preference_vector::text))
        when t.base is null then private.newcomer()
        else private.taste_in(t.base) end
    from public.profiles p left join public.taste_state t on t.profile_id = p.id where p.id = profile
$$;

-- Somebody's taste folded again from the votes that count, in the order they were learnt.
create function private.folded_taste(profile uuid) returns private.taste
language plpgsql stable as $$
declare
    taste private.taste := private.taste_base(profile);
    vote record;
begin
    for vote in select private.numbers(v.heard::text) as heard, v.vote_value from public.votes v
                where v.user_id = profile and v.superseded_by is null
                order by v.taste_rev, v.vote_time, v.id loop
        taste := private.learn(taste, vote.heard, vote.vote_value);
    end loop;
    return taste;
end
$$;

-- Store both states under the next revision, also after `above`, and return it.
create function private.set_taste(profile uuid, taste private.taste, above integer default 0) returns integer
language plpgsql as $$
declare
    vector float8[];
    imported text;
    next_rev integer;
begin
    select private.numbers(p.preference_vector::text), greatest(p.taste_rev, above) + 1 into vector, next_rev
    from public.profiles p where p.id = profile;
    if private.dot(vector, vector) > 0 and not exists (select 1 from public.taste_state where profile_id = profile) then
        imported := private.taste_text(private.taste_from_preference(vector));  -- came with a vector and no votes of ours
    end if;
    insert into public.taste_state as t (profile_id, mean, "precision", votes, rev, base)
    values (profile, private.json_numbers(taste.mean), private.json_numbers(taste."precision"), taste.votes, next_rev,
        imported)
    on conflict (profile_id) do update
        set mean = excluded.mean, "precision" = excluded."precision", votes = excluded.votes, rev = excluded.rev;
    update public.profiles set preference_vector = taste.preference, taste_rev = next_rev, updated_at = private.clock()
    where id = profile;
    return next_rev;
end
$$;

-- The taste of one person who was kept as two; the order of the two does not matter.
create function private.merged_taste(a private.taste, b private.taste) returns private.taste
language plpgsql immutable as $$
declare
    start private.belief := private.standard_belief(3);
    matrix float8[];
    pull float8[];
begin
    if a = private.newcomer() then
        return b;
    elsif b = private.newcomer() then
        return a;
    end if;
    matrix := private.mixed(private.mixed(a."precision", 1, b."precision", 1), 1, start."precision", -1);
    pull := private.mixed(private.mixed(private.times(a."precision", a.mean), 1, private.times(b."precision", b.mean), 1),
        1, private.times(start."precision", start.mean), -1);
    return row(
        private.normalised(private.mixed(private.normalised(a.preference), greatest(a.votes, 1),
            private.normalised(b.preference), greatest(b.votes, 1))),
        private.solve(matrix, pull), matrix, a.votes + b.votes)::private.taste;
end
$$;

-- The crowd: the votes of a room pooled.

-- What somebody's n-th vote counts in the pool.
create function private.crowd_weight(nth integer) returns float8
language sql immutable as $$ select least(1.0, 20.0 / greatest(nth, 1))::float8 $$;

-- What a room's setting holds; null when it was never pooled, or is torn.
create function private.crowd(room uuid) returns jsonb
language sql stable as $$
    select s.value::jsonb from public.settings s
    where s.player_id = room and s.key = 'taste.prior'
        and s.value ~ '^\{"mean": ?\[([-+.0-9eE]+, ?){5}[-+.0-9eE]+\], ?"precision": ?\[([-+.0-9eE]+, ?){35}[-+.0-9eE]+\], ?"votes": ?[0-9]+\}$'
$$;

create function private.folded_crowd(room uuid) returns private.belief
language plpgsql stable as $$
declare
    pool private.belief := private.standard_belief(4);
    vote record;
begin
    for vote in select private.numbers(v.heard::text) as heard, v.vote_value, v.taste_rev from public.votes v
                where v.player_id = room and v.superseded_by is null order by v.vote_time, v.id loop
        pool := private.with_vote(pool, vote.heard, vote.vote_value, private.crowd_weight(vote.taste_rev));
    end loop;
    return pool;
end
$$;

-- Pool a vote that was just stored (none: `heard` is null), and take back those that no longer count.
create function private.crowd_hears(room uuid, heard float8[], vote integer, taste_rev integer, replaced uuid[])
returns void
language plpgsql as $$
declare
    known jsonb := private.crowd(room);
    pool private.belief := row(private.numbers(known ->> 'mean'), private.numbers(known ->> 'precision'));
    votes integer := (known ->> 'votes')::integer - cardinality(replaced);
    old record;
begin
    if known is null then
        pool := private.folded_crowd(room);
        select count(*) into votes from public.votes v where v.player_id = room and v.superseded_by is null;
    else
        if heard is not null then
            pool := private.with_vote(pool, heard, vote, private.crowd_weight(taste_rev));
            votes := votes + 1;
        end if;
        for old in select private.numbers(v.heard::text) as heard, v.vote_value, v.taste_rev from public.votes v
                   where v.id = any(replaced) order by v.vote_time loop
            pool := private.with_vote(pool, old.heard, old.vote_value, -private.crowd_weight(old.taste_rev));
        end loop;
    end if;
    insert into public.settings as s (player_id, key, value)
    values (room, 'taste.prior', format('{"mean":%s,"precision":%s,"votes":%s}', private.json_numbers(pool.mean),
        private.json_numbers(pool."precision"), votes))
    on conflict (player_id, key) do update set value = excluded.value;
end
$$;
