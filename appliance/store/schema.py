"""The box's tables, as numbered migrations. Names are the cloud's wherever the thing is the same.

Times: `…_ms` with `boot_id` are boot-clock milliseconds; `wall_ms` is what the wall clock said, for people.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, str], ...] = (
    (
        "0001_box",
        """
        create table songs (
            id text primary key, title text not null, artist text,
            type text not null check (type in ('soundscape', 'instrumental')),
            file_url text not null default '', embedding text, embedding_source text not null default 'neutral',
            duration real, bpm integer, sha256 text not null default '', byte_size integer not null default 0,
            loudness_lufs real, true_peak_dbtp real,
            loop_start real, loop_end real, loop_law text, loop_xfade_s real, key text,
            media_path text, pcm_path text, prepare_error text
        );
        create index songs_sha256 on songs (sha256);
        create table player_library (song_id text primary key);
        create table player_queue (position integer primary key, song_id text not null);
        create table queue_rules (
            song_id text not null, kind text not null check (kind in ('pin', 'skip', 'ban', 'place')),
            place integer, until_s real, primary key (song_id, kind)
        );
        create table profiles (
            id text primary key, display_name text not null, preference_vector text not null,
            taste_state text, taste_rev integer not null default 0
        );
        create table tags (key_hash text primary key, key_version integer not null, profile_id text not null);
        create table sessions (
            id text primary key, user_id text not null, status text not null default 'active',
            boot_id text not null, checked_in_ms integer not null, expires_ms integer not null,
            checked_in_at real not null, expires_at real not null
        );
        create index sessions_open on sessions (user_id) where status = 'active';
        create table taps (
            seq integer primary key autoincrement, id text unique not null, outcome text not null,
            profile_id text, session_id text, new_listener integer not null default 0,
            boot_id text not null, boot_ms integer not null, wall_ms integer not null, op_id text
        );
        create table votes (
            id text primary key, user_id text not null, song_id text not null,
            vote_value integer not null check (vote_value between 1 and 5),
            scene_id text, source text not null, learnt_from text not null, base_rev integer not null,
            boot_id text not null, boot_ms integer not null, wall_ms integer not null, op_id text not null
        );
        create index votes_user on votes (user_id);
        create table songs_playing (
            id text primary key, song_id text not null, seconds real,
            boot_id text not null, boot_ms integer not null, wall_ms integer not null, op_id text not null
        );
        create index songs_playing_song on songs_playing (song_id, wall_ms);
        create table scenes (
            id text primary key, seq integer not null, boot_id text not null, boot_ms integer not null,
            wall_ms integer not null, layers text not null, taps_seen integer not null, cause text not null
        );
        create index scenes_seq on scenes (seq);
        create table control (key text primary key, value text not null);
        create table settings (key text primary key, value text);
        create table held_votes (vote_id text primary key, song_id text not null, vote_time real not null);
        create table outbox (
            seq integer primary key autoincrement, op_id text unique not null, type text not null,
            body text not null, boot_id text not null, mono_ms integer not null, wall_ms integer not null
        );
        create table dead_letter (
            op_id text primary key, type text not null, body text not null, verdict text not null,
            wall_ms integer not null
        );
        create table sync_state (key text primary key, value text not null);
        """,
    ),
    (
        "0002_sync",
        """
        create table bucket_rows (
            tbl text not null, pk text not null, digest integer not null, generation integer not null,
            primary key (tbl, pk)
        ) without rowid;
        create index bucket_rows_generation on bucket_rows (generation);
        drop index songs_sha256;
        create index songs_unprepared on songs (id) where pcm_path is null and prepare_error is null;
        create index songs_undecoded on songs (id)
            where media_path is not null and pcm_path is null and prepare_error is null
        """,
    ),
    (
        "0003_ledger",
        """
        create table ledger (
            seq integer primary key, boot_id text not null, boot_ms integer not null, wall_ms integer not null,
            decisions integer not null, body blob not null
        )
        """,
    ),
    (
        "0004_sent",
        """
        create table sent (
            seq integer primary key, op_id text not null, type text not null, body text not null,
            boot_id text not null, mono_ms integer not null, wall_ms integer not null, answered_at real not null
        )
        """,
    ),
    ("0005_merges", "create table merges (profile_id text primary key, into_id text not null)"),
    ("0006_cards", "alter table tags add column counter integer"),
    (
        "0007_rules",
        "alter table queue_rules add column boot_id text; alter table queue_rules add column until_ms integer",
    ),
    (
        "0008_fewer_pages",
        """
        create table scene_leaves (
            seq integer primary key, scenes integer not null, boot_id text not null, boot_ms integer not null,
            wall_ms integer not null, body blob not null
        );
        drop table scenes;
        create table sync_state_now (key text primary key, value text not null) without rowid;
        insert into sync_state_now select key, value from sync_state;
        drop table sync_state;
        alter table sync_state_now rename to sync_state
        """,
    ),
    (
        "0009_answered_in_place",
        """
        create table ops (
            seq integer primary key, op_id text not null, type text not null, body text not null,
            boot_id text not null, mono_ms integer not null, wall_ms integer not null
        );
        create table answered (seq integer primary key, answered_at real not null);
        create table heard (song_id text primary key, first_ms integer not null, last_ms integer not null);
        create table votes_now (
            seq integer primary key, id text not null, user_id text not null, song_id text not null,
            vote_value integer not null check (vote_value between 1 and 5),
            scene_id text, source text not null, learnt_from text not null, base_rev integer not null,
            boot_id text not null, boot_ms integer not null, wall_ms integer not null, op_id text not null,
            op_seq integer
        );
        create table plays_now (
            seq integer primary key, id text not null, song_id text not null, seconds real,
            boot_id text not null, boot_ms integer not null, wall_ms integer not null, op_id text not null
        );
        insert into votes_now (id, user_id, song_id, vote_value, scene_id, source, learnt_from, base_rev, boot_id,
                boot_ms, wall_ms, op_id, op_seq)
            select v.id, user_id, song_id, vote_value, scene_id, source, learnt_from, base_rev, v.boot_id, boot_ms,
                v.wall_ms, v.op_id, o.seq
            from votes v left join outbox o on o.op_id = v.op_id order by v.rowid;
        insert into plays_now (id, song_id, seconds, boot_id, boot_ms, wall_ms, op_id)
            select id, song_id, seconds, boot_id, boot_ms, wall_ms, op_id from songs_playing order by rowid;
        insert into heard select song_id, min(wall_ms), max(wall_ms) from songs_playing group by song_id;
        insert into ops select seq, op_id, type, body, boot_id, mono_ms, wall_ms from sent
            where seq < coalesce((select min(seq) from outbox), 1 << 62);
        insert into answered select seq, (select max(answered_at) from sent) from ops order by seq desc limit 1;
        insert into sync_state select 'answered', cast(seq as text) from ops order by seq desc limit 1;
        delete from sent where seq in (select seq from ops);
        insert into ops select seq, op_id, type, body, boot_id, mono_ms, wall_ms from outbox;
        drop table votes;
        alter table votes_now rename to votes;
        create index votes_user on votes (user_id);
        drop table songs_playing;
        alter table plays_now rename to songs_playing;
        create index songs_playing_open on songs_playing (id) where seconds is null;
        drop table outbox;
        create view outbox as select * from ops
            where seq > coalesce((select cast(value as integer) from sync_state where key = 'answered'), 0)
        """,
    ),
)
