-- From version 4 to 5: several endpoints, and what was done about memory.
ALTER TABLE chunk ADD COLUMN endpoint TEXT NOT NULL DEFAULT '';
CREATE TABLE spending (
  endpoint TEXT NOT NULL,
  day INTEGER NOT NULL,   -- since 1970, UTC
  requests INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  money REAL NOT NULL,
  PRIMARY KEY (endpoint, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE step (
  job TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  time_us INTEGER NOT NULL,  -- Unix time
  what TEXT NOT NULL,
  why TEXT NOT NULL
) STRICT;
CREATE INDEX step_job ON step(job);
