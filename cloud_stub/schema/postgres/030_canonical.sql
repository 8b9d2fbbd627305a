-- JSON as `sync.wire` writes it to be hashed: keys in order, no spaces, ASCII alone, numbers as Python prints them.
-- Box and database count the same digest only if every byte is the same.

-- Now. Everything below asks here, so that one function decides it.
create function private.clock() returns timestamptz
language sql stable as $$ select now() $$;

create function private.seconds(moment timestamptz) returns float8
language sql immutable as $$ select extract(epoch from moment)::float8 $$;

create function private.json_sign(sign text) returns text
language sql immutable as $$
    select case
        when sign in ('"', '\') then '\' || sign
        when ascii(sign) between 32 and 126 then sign
        when sign = E'\n' then '\n'
        when sign = E'\r' then '\r'
        when sign = E'\t' then '\t'
        when sign = E'\b' then '\b'
        when sign = E'\f' then '\f'
        when ascii(sign) < 65536 then '\u' || lpad(to_hex(ascii(sign)), 4, '0')
        else '\u' || to_hex(55296 + ((ascii(sign) - 65536) >> 10)) || '\u' || to_hex(56320 + (ascii(sign) & 1023))
    end
$$;

create function private.json_text(said text) returns text
language sql immutable as $$
    select case
        when said is null then 'null'
        when said ~ '^[ !#-\[\]-~]*$' then '"' || said || '"'
        else '"' || (
            select string_agg(private.json_sign(s.sign), '' order by s.place)
            from unnest(string_to_array(said, null)) with ordinality as s (sign, place)
        ) || '"'
    end
$$;

-- A float as Python prints it: always with a point or an exponent, and the exponent from 1e16 on (here: from 1e15).
-- Above 2⁵³ the two may choose other digits of the same number; nothing here is that large.
create function private.json_number(value float8) returns text
language sql immutable as $$
    select case
        when value is null then 'null'
        when value::text like '%e+15' then rtrim(to_char(value::text::numeric, 'FM9999999999999999.999'), '.')
            || case when value::text::numeric % 1 = 0 then '.0' else '' end
        when value::text ~ '[.e]' then value::text
        else value::text || '.0'
    end
$$;

create function private.json_numbers(numbers float8[]) returns text
language sql immutable as $$
    select '[' || coalesce(string_agg(private.json_number(n.value), ',' order by n.place), '') || ']'
    from unnest(numbers) with ordinality as n (value, place)
$$;

-- The numbers of a vector, or of a JSON array of numbers.
create function private.numbers(list text) returns float8[]
language sql immutable as $$ select translate(list, '[]', '{}')::float8[] $$;

-- Any JSON. It has to be `json`: `jsonb` forgets whether a number had a point.
create function private.canonical(given json) returns text
language plpgsql immutable as $$
begin
    return case json_typeof(given)
        when 'object' then (
            select '{' || coalesce(string_agg(
                private.json_text(m.key) || ':' || private.canonical(m.value), ',' order by m.key collate "C"), '') || '}'
            from json_each(given) as m)
        when 'array' then (
            select '[' || coalesce(string_agg(private.canonical(e.value), ',' order by e.place), '') || ']'
            from json_array_elements(given) with ordinality as e (value, place))
        when 'string' then private.json_text(given #>> '{}')
        when 'number' then case
            when given::text ~ '[.eE]' then private.json_number(given::text::float8)
            else btrim(given::text) end
        else btrim(given::text)
    end;
end
$$;

-- A row's part of the digest, 16 hex digits: the head of the sha256 of [tbl, pk, row].
create function private.row_hash(tbl text, pk text, row_json text) returns text
language sql immutable as $$
    select left(encode(sha256(convert_to(
        '[' || private.json_text(tbl) || ',' || private.json_text(pk) || ',' || row_json || ']', 'UTF8')), 'hex'), 16)
$$;

-- 16 hex digits as a number, 0 for none; modulo 2⁶⁴ it does not matter that large ones come out negative.
create function private.hash_number(hash text) returns numeric
language sql immutable as $$ select coalesce(('x' || hash)::bit(64)::bigint, 0)::numeric $$;

-- A digest with the parts of some rows added (and those of what they were taken out).
create function private.digest_moved(digest text, by numeric) returns text
language sql immutable as $$
    with sum (total) as (select mod(private.hash_number(digest) + by, 18446744073709551616)),
    positive (total) as (select case when total < 0 then total + 18446744073709551616 else total end from sum)
    select lpad(to_hex((case when total >= 9223372036854775808 then total - 18446744073709551616 else total end)::bigint),
        16, '0')
    from positive
$$;
