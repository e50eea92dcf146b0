create index concurrently dead_letters_by_reference on dead_letters ((details ->> 'reference'))
    where details ->> 'reference' is not null;
