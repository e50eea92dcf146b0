select exists (select from profiles where trial is null);
