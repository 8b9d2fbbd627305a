-- Stamps are the server's own.
alter table stamps enable row level security;
revoke all on stamps from public, anon, authenticated;
grant select, insert, update, delete on stamps to service_role;
