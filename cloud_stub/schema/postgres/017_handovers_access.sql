-- What is handed over is between the box, the person and the server.
alter table handovers enable row level security;
alter table handover_codes enable row level security;
revoke all on handovers, handover_codes from public, anon, authenticated;
grant select, insert, update, delete on handovers, handover_codes to service_role;
