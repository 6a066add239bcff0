-- From version 5 to 6: who or what an event is about.
ALTER TABLE event ADD COLUMN subject TEXT NOT NULL DEFAULT '';
