-- What opens the server's doors, and who knocked how often.

-- 1: the first use of this token makes the room's older ones worthless.
alter table player_tokens add column supersedes integer not null default 0;

-- Read out by staff, typed in once at a box, good for minutes. Kept is the hash.
create table claim_codes (
    hash text primary key,
    player_id uuid not null references players (id) on delete cascade,
    created_at timestamptz not null,
    expires_at timestamptz not null
);

-- Attempts by whom (hashed) since `began_at`, counted for all copies of the server.
create table attempts (
    who text primary key,
    began_at timestamptz not null,
    n integer not null
);
