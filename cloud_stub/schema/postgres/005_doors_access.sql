-- The doors are the server's own.
alter table claim_codes enable row level security;
alter table attempts enable row level security;
revoke all on claim_codes, attempts from public, anon, authenticated;
grant select, insert, update, delete on claim_codes, attempts to service_role;
