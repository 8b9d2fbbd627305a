-- What a Supabase project has already, for a PostgreSQL that is none. On Supabase all of this changes nothing.
create extension if not exists vector;

do $$
begin
    if not exists (select 1 from pg_roles where rolname = 'anon') then
        create role anon nologin noinherit;
    end if;
    if not exists (select 1 from pg_roles where rolname = 'authenticated') then
        create role authenticated nologin noinherit;
    end if;
    if not exists (select 1 from pg_roles where rolname = 'service_role') then
        create role service_role nologin noinherit bypassrls;
    end if;
    if not exists (select 1 from pg_namespace where nspname = 'auth') then
        create schema auth;
        grant usage on schema auth to anon, authenticated, service_role;
        execute $f$
            create function auth.uid() returns uuid language sql stable as
            $body$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $body$
        $f$;
        execute $f$
            create function auth.role() returns text language sql stable as
            $body$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role' $body$
        $f$;
    end if;
end
$$;
grant usage on schema public to anon, authenticated, service_role;
