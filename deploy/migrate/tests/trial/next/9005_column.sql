alter table profiles add column later text;
