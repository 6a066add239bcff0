-- From version 13 to 14: cases: several videos that are reported together. A member is a file, or one video stream of a
-- file; its analysis is a run of its own, which stays when the member goes.
CREATE TABLE case_record (
  id TEXT PRIMARY KEY,         -- the first digits of the SHA-256 of the name
  name TEXT NOT NULL UNIQUE,   -- as given, else the real path of the first folder
  output TEXT NOT NULL,        -- folder of its report, absolute; '' = none yet
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL
) STRICT;
CREATE TABLE case_member (
  case_id TEXT NOT NULL REFERENCES case_record(id) ON DELETE CASCADE,
  path TEXT NOT NULL,          -- real path
  stream INTEGER NOT NULL,     -- index in the file, -1 = the default one
  name TEXT NOT NULL,          -- as the report shows it
  kind INTEGER NOT NULL,       -- 0 video, 1 file that cannot be read, 2 other file
  stamp TEXT NOT NULL,         -- state of the file when it was examined
  source TEXT NOT NULL,        -- SHA-256; '' = not known yet
  job TEXT NOT NULL,           -- job.id; '' = not analyzed yet
  settings TEXT NOT NULL,      -- SHA-256 of what its analysis depends on beside the file
  fault TEXT NOT NULL,         -- of the last attempt
  start INTEGER NOT NULL,      -- Unix time in microseconds
  clock INTEGER NOT NULL,      -- where the start comes from: 0 the file's metadata, 1 its time of change
  duration_us INTEGER NOT NULL,
  PRIMARY KEY (case_id, path, stream)
) STRICT;
-- An answer about several runs, under the SHA-256 of everything that was read for it.
CREATE TABLE case_step (
  case_id TEXT NOT NULL REFERENCES case_record(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  kind TEXT NOT NULL,          -- 'summary'; 'root': its key is a folder that was analyzed
  runs TEXT NOT NULL,          -- JSON array: the runs that it is about, in order
  text TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (case_id, key)
) STRICT;
