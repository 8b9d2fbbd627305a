-- Which signatures of a room's address hold: from the oldest version that does to the newest, which is on new signs.
alter table players add column address_version integer not null default 1;
alter table players add column address_oldest integer not null default 1;
