-- Whether what came in is what the wire's models say: as much of JSON schema as they use.

create table private.shapes (name text primary key, shape jsonb not null);

create function private.fits(given jsonb, shape jsonb, defs jsonb) returns boolean
language plpgsql stable as $$
begin
    if given is null then
        return false;
    elsif shape ? '$ref' then
        return private.fits(given, defs -> split_part(shape ->> '$ref', '/', 3), defs);
    elsif shape ? 'anyOf' then
        return (select bool_or(private.fits(given, s.value, defs)) from jsonb_array_elements(shape -> 'anyOf') s);
    elsif shape ? 'enum' then
        return jsonb_typeof(given) = 'string' and shape -> 'enum' @> given;
    end if;
    return case shape ->> 'type'
        when 'object' then jsonb_typeof(given) = 'object' and private.fits_fields(given, shape, defs)
        when 'array' then jsonb_typeof(given) = 'array' and private.fits_items(given, shape, defs)
        when 'string' then jsonb_typeof(given) = 'string' and private.fits_text(given #>> '{}', shape)
        when 'integer' then jsonb_typeof(given) = 'number' and given::text ~ '^-?[0-9]+$'
            and private.fits_range(given::numeric, shape)
        when 'number' then jsonb_typeof(given) = 'number' and private.fits_range(given::numeric, shape)
        when 'boolean' then jsonb_typeof(given) = 'boolean'
        when 'null' then jsonb_typeof(given) = 'null'
        else true
    end;
end
$$;

create function private.fits_fields(given jsonb, shape jsonb, defs jsonb) returns boolean
language sql stable as $$
    select not shape ? 'properties' or (
        not exists (select 1 from jsonb_array_elements_text(shape -> 'required') r (name) where not given ? r.name)
        and coalesce((select bool_and(
            case when shape -> 'properties' ? f.key then private.fits(f.value, shape -> 'properties' -> f.key, defs)
            else shape -> 'additionalProperties' is distinct from 'false' end)
            from jsonb_each(given) f), true))
$$;

create function private.fits_items(given jsonb, shape jsonb, defs jsonb) returns boolean
language sql stable as $$
    select jsonb_array_length(given) <= coalesce((shape ->> 'maxItems')::integer, 1000000)
        and coalesce((select bool_and(private.fits(i.value, shape -> 'items', defs))
            from jsonb_array_elements(given) i), true)
$$;

create function private.fits_text(given text, shape jsonb) returns boolean
language sql immutable as $$
    select length(given) between coalesce((shape ->> 'minLength')::integer, 0)
            and coalesce((shape ->> 'maxLength')::integer, 1000000)
        and (not shape ? 'pattern' or given ~ (shape ->> 'pattern'))
        and (shape ->> 'format' is distinct from 'uuid'
            or given ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')
$$;

create function private.fits_range(given numeric, shape jsonb) returns boolean
language sql immutable as $$
    select given between coalesce((shape ->> 'minimum')::numeric, -1e300)
        and coalesce((shape ->> 'maximum')::numeric, 1e300)
$$;

create function private.fits(given jsonb, shape_name text) returns boolean
language sql stable as $$
    select private.fits(given, s.shape, s.shape -> '$defs') from private.shapes s where s.name = shape_name
$$;

-- The fields that we know: a newer box may say more.
create function private.known_fields(given jsonb, shape_name text) returns jsonb
language sql stable as $$
    select case when given is not null then coalesce(jsonb_object_agg(f.key, f.value), '{}') end
    from jsonb_each(given) f join private.shapes s on s.shape -> 'properties' ? f.key where s.name = shape_name
$$;
