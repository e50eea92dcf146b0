alter table profiles drop column trial;
