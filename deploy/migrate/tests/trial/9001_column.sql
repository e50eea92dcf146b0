alter table profiles add column trial text;
