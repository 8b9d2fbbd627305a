-- How far a card that signs has counted: what it says is good once. null: it does not sign.
alter table tags add column counter integer;
