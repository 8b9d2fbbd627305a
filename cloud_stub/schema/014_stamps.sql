-- When the word that stands on a row that two sides write was spoken (by our clock, corrected), and which op or hand it
-- was. Stays when the row goes, so that an older word that comes later does not bring it back.
create table stamps (
    player_id uuid not null references players (id) on delete cascade,
    tbl text not null,
    pk text not null,
    at_ms bigint not null,
    word_id uuid not null,
    by_box integer not null,
    primary key (player_id, tbl, pk)
);
