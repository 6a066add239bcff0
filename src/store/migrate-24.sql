-- From version 23 to 24: files that the server found in its watched folders, so that each comes to the queue once, also after its
-- video was deleted there.
CREATE TABLE found_file (
  source TEXT PRIMARY KEY,       -- SHA-256 of the file
  created INTEGER NOT NULL       -- Unix time in microseconds
) STRICT, WITHOUT ROWID;
