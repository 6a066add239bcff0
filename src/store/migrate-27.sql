-- From version 26 to 27: what workers on other machines need of a source, and what this journal is called among heads.
CREATE TABLE source_block (
  source TEXT PRIMARY KEY,     -- SHA-256 of the file
  size INTEGER NOT NULL,       -- bytes of a block; the last one is shorter
  sums BLOB NOT NULL           -- SHA-256 of each block, 32 bytes each
) STRICT, WITHOUT ROWID;
CREATE TRIGGER job_blocks_deleted AFTER DELETE ON job
  WHEN NOT EXISTS (SELECT 1 FROM job WHERE source = old.source)
BEGIN
  DELETE FROM source_block WHERE source = old.source;
END;
CREATE TABLE head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL             -- 16 hexadecimal digits, random
) STRICT;
