-- From version 22 to 23: vectors, by which texts and pictures are found that mean the same in other words. They go with what they
-- were made of: a passage, or a frame.
CREATE TABLE space (
  id INTEGER PRIMARY KEY,
  model TEXT NOT NULL,         -- what made the vectors: those of two models cannot be compared
  hash TEXT NOT NULL,          -- of its files; '' = not known
  kind TEXT NOT NULL,          -- text, picture
  lead TEXT NOT NULL,          -- what was put before each text
  dim INTEGER NOT NULL,        -- numbers in a vector
  removed INTEGER NOT NULL DEFAULT 0, -- grows with each vector that goes
  UNIQUE (model, hash, kind, lead, dim)
) STRICT;
-- AUTOINCREMENT: what is new has a larger id than anything that was read before.
CREATE TABLE vector (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  space INTEGER NOT NULL,
  job TEXT NOT NULL,
  chunk INTEGER NOT NULL,
  passage INTEGER NOT NULL,    -- 0: of a picture
  sample INTEGER NOT NULL,     -- -1: of a passage
  scale REAL NOT NULL,         -- a number of the vector is one of data times this
  data BLOB NOT NULL           -- signed bytes
) STRICT;
CREATE UNIQUE INDEX vector_of ON vector (job, chunk, passage, sample, space);

CREATE TRIGGER vector_deleted AFTER DELETE ON vector BEGIN
  UPDATE space SET removed = removed + 1 WHERE id = old.space;
END;
CREATE TRIGGER passage_vector_deleted AFTER DELETE ON passage BEGIN
  DELETE FROM vector WHERE job = old.job AND chunk = old.chunk AND passage = old.id;
END;
CREATE TRIGGER passage_vector_changed AFTER UPDATE ON passage
  WHEN new.text <> old.text OR new.who <> old.who OR new.start_us <> old.start_us OR new.end_us <> old.end_us BEGIN
  DELETE FROM vector WHERE job = old.job AND chunk = old.chunk AND passage = old.id;
END;
CREATE TRIGGER sample_vector_deleted AFTER DELETE ON sample BEGIN
  DELETE FROM vector WHERE job = old.job AND chunk = old.chunk AND passage = 0 AND sample = old.idx;
END;
CREATE TRIGGER job_vector_deleted AFTER DELETE ON job BEGIN
  DELETE FROM vector WHERE job = old.id;
END;
