-- The tables, in the common subset of SQLite and PostgreSQL. Names are the seeds'; ids are UUID text,
-- moments UTC text, vectors and JSON are JSON text.

create table auth_users (
    id uuid primary key,
    email text unique,
    password_hash text,
    is_anonymous integer not null,
    created_at timestamptz not null
);

-- A listener may be born on a box, so the id is no foreign key; auth_user_id holds the login.
create table profiles (
    id uuid primary key,
    auth_user_id uuid unique,
    email text,
    name text,
    display_name text not null,
    preference_vector vector(5) not null,
    taste_rev integer not null default 0,
    merged_into uuid references profiles (id),
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- The belief beside the V1 vector. base is the taste the votes are folded from (null: a newcomer's).
create table taste_state (
    profile_id uuid primary key references profiles (id) on delete cascade,
    mean text not null,
    "precision" text not null,
    votes integer not null,
    rev integer not null,
    base text
);

create table tags (
    key_hash text primary key,
    key_version integer not null,
    profile_id uuid not null references profiles (id) on delete cascade,
    created_at timestamptz not null
);
create index tags_profile on tags (profile_id);

create table roles (
    id uuid primary key,
    user_id uuid not null references profiles (id) on delete cascade,
    role text not null check (role in ('admin', 'manager')),
    unique (user_id, role)
);

create table songs (
    id uuid primary key,
    title text not null,
    artist text,
    file_url text not null,
    type text not null check (type in ('soundscape', 'instrumental')),
    embedding vector(5),
    embedding_source text not null check (embedding_source in ('model', 'hand', 'neutral')),
    confidence double precision,
    duration double precision,
    bpm integer,
    sha256 text not null,
    byte_size bigint not null,
    loudness_lufs double precision,
    true_peak_dbtp double precision,
    loop_start double precision,
    loop_end double precision,
    loop_law text,
    loop_xfade_s double precision,
    key text,
    certificate text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz
);
create unique index songs_sha256 on songs (sha256) where deleted_at is null;

-- epoch, rev, digest: the bucket's; queue_rev, token_rev, library_rev: what other copies of us look at.
create table players (
    id uuid primary key,
    name text not null,
    status text not null default 'offline' check (status in ('offline', 'online', 'playing', 'idle')),
    current_song_id uuid references songs (id),
    last_poll timestamptz,
    manager_id uuid references profiles (id),
    created_at timestamptz not null,
    epoch text not null,
    rev bigint not null default 0,
    pruned_rev bigint not null default 0,
    digest text not null default '0000000000000000',
    queue_rev bigint not null default 0,
    token_rev bigint not null default 0,
    library_rev bigint not null default 0
);

create table player_tokens (
    prefix text primary key,
    player_id uuid not null references players (id) on delete cascade,
    hash text not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz
);
create index player_tokens_player on player_tokens (player_id);

create table player_library (
    id uuid primary key,
    player_id uuid not null references players (id) on delete cascade,
    song_id uuid not null references songs (id) on delete cascade,
    added_at timestamptz not null,
    unique (player_id, song_id)
);

create table player_queue (
    id uuid primary key,
    player_id uuid not null references players (id) on delete cascade,
    song_id uuid not null references songs (id) on delete cascade,
    position integer not null,
    added_at timestamptz not null,
    unique (player_id, position)
);

create table queue_rules (
    player_id uuid not null references players (id) on delete cascade,
    song_id uuid not null references songs (id) on delete cascade,
    kind text not null check (kind in ('pin', 'skip', 'ban', 'place')),
    place integer,
    until timestamptz,
    primary key (player_id, song_id, kind)
);

create table settings (
    player_id uuid not null references players (id) on delete cascade,
    key text not null,
    value text not null,
    primary key (player_id, key)
);

create table sessions (
    id uuid primary key,
    user_id uuid not null references profiles (id) on delete cascade,
    player_id uuid not null references players (id) on delete cascade,
    checked_in_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    status text not null check (status in ('active', 'inactive')),
    created_at timestamptz not null
);
create index sessions_user on sessions (user_id) where status = 'active';
create index sessions_player on sessions (player_id) where status = 'active';
create index sessions_expiry on sessions (expires_at) where status = 'active';

-- heard: what taste learnt from. taste_rev: the fold's order. superseded_by: a newer vote on the same play.
create table votes (
    id uuid primary key,
    user_id uuid not null references profiles (id) on delete cascade,
    song_id uuid not null references songs (id) on delete cascade,
    vote_value integer not null check (vote_value between 1 and 5),
    vote_time timestamptz not null,
    player_id uuid references players (id) on delete cascade,
    scene_id uuid,
    source text not null check (source in ('screen', 'card', 'phone')),
    op_id uuid,
    heard vector(5),
    taste_rev integer not null,
    superseded_by uuid
);
create index votes_user on votes (user_id, taste_rev);
create index votes_player on votes (player_id, vote_time);

-- Votes the box's scene log has to decide, because the room was out of reach.
create table held_votes (
    vote_id uuid primary key,
    user_id uuid not null references profiles (id) on delete cascade,
    player_id uuid not null references players (id) on delete cascade,
    song_id uuid not null references songs (id) on delete cascade,
    vote_value integer not null check (vote_value between 1 and 5),
    vote_time timestamptz not null,
    scene_id uuid,
    layers text not null
);
create index held_votes_player on held_votes (player_id);

create table songs_playing (
    id uuid primary key,
    player_id uuid not null references players (id) on delete cascade,
    song_id uuid not null references songs (id) on delete cascade,
    played_at timestamptz not null,
    seconds double precision,
    op_id uuid
);
create index songs_playing_player on songs_playing (player_id, played_at);
create index songs_playing_song on songs_playing (player_id, song_id, played_at);

-- The newest word of each box, and what its room heard in the last minutes.
create table player_state (
    player_id uuid primary key references players (id) on delete cascade,
    heard_at timestamptz not null,
    boot_id text not null,
    audible integer not null,
    silent_on_purpose integer not null,
    scene_id uuid,
    layers text not null,
    why text not null,
    here integer not null,
    pending integer not null,
    underruns integer not null,
    disk_free_mb integer,
    version text not null
);

create table scenes (
    player_id uuid not null references players (id) on delete cascade,
    heard_at timestamptz not null,
    scene_id uuid,
    layers text not null,
    primary key (player_id, heard_at)
);

-- n counts per player in the order of arrival.
create table op_seen (
    player_id uuid not null references players (id) on delete cascade,
    op_id uuid not null,
    n bigint not null,
    type text not null,
    status text not null,
    seen_at timestamptz not null,
    primary key (player_id, op_id)
);
create unique index op_seen_order on op_seen (player_id, n);

-- How far a box's boot clock is from ours, learnt whenever it speaks.
create table boots (
    player_id uuid not null references players (id) on delete cascade,
    boot_id text not null,
    offset_s double precision not null,
    seen_at timestamptz not null,
    primary key (player_id, boot_id)
);

-- The change log, compacted to the newest word on each row. Its 'put' rows are the bucket.
create table changes (
    player_id uuid not null references players (id) on delete cascade,
    tbl text not null,
    pk text not null,
    rev bigint not null,
    op text not null check (op in ('put', 'del')),
    row_json text,
    hash text,
    changed_at timestamptz not null,
    primary key (player_id, tbl, pk)
);
create unique index changes_rev on changes (player_id, rev);
create index changes_row on changes (tbl, pk);
