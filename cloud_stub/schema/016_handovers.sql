-- A card's history is to become a web profile's: a token that a box made, perhaps out of our reach, and what both sides
-- have said of it so far. Kept is the hash.
create table handovers (
    hash text primary key,
    profile_id uuid references profiles (id) on delete cascade, -- whose history; null until the box has said so
    offered_at timestamptz,
    claimant_id uuid references profiles (id) on delete cascade, -- who showed the token; null until somebody has
    claimed_at timestamptz,
    done integer not null default 0,
    created_at timestamptz not null
);

-- The other way round: six digits that a web profile's page shows, typed in at a box. Good for minutes, once.
create table handover_codes (
    hash text primary key,
    profile_id uuid not null unique references profiles (id) on delete cascade,
    created_at timestamptz not null,
    expires_at timestamptz not null
);
