-- From version 17 to 18: the summary of a case of the server by the model, and the answers that it is made from.
CREATE TABLE board_case_summary (
  board_case INTEGER PRIMARY KEY REFERENCES board_case(id) ON DELETE CASCADE,
  wanted INTEGER NOT NULL,  -- since when one is to be written, Unix time in microseconds; 0 = none is
  fault TEXT NOT NULL,      -- why the last attempt failed
  text TEXT NOT NULL,       -- JSON object: the sentences of the last one that was written; '' = none was
  made_of TEXT NOT NULL,    -- SHA-256 of what it was written from: its videos and their runs
  model TEXT NOT NULL,
  written INTEGER NOT NULL  -- Unix time in microseconds
) STRICT;
-- Under the SHA-256 of everything that was read for it.
CREATE TABLE board_case_step (
  board_case INTEGER NOT NULL REFERENCES board_case(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  text TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (board_case, key)
) STRICT, WITHOUT ROWID;
