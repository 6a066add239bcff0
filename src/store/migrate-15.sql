-- From version 14 to 15: the subjects of a run, and what a person changed of the subjects of a source. A number is never given
-- twice: a row stays when nothing is about its subject any more. An edit names its subject by what was seen, so that it
-- applies to other runs of the source, too.
CREATE TABLE subject (
  job TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  edit INTEGER NOT NULL,     -- subject_edit.id of the split that made it; 0 = the rules did
  description TEXT NOT NULL, -- of its first event
  frames TEXT NOT NULL,      -- JSON array of the times of the frames that its events cite, microseconds
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE subject_edit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,      -- SHA-256 of the file
  stream INTEGER NOT NULL,   -- index in the file, -1 = the default one
  kind TEXT NOT NULL,        -- rename, merge, split
  data TEXT NOT NULL,        -- JSON object: the text, and the events that stand for its subjects
  created INTEGER NOT NULL,
  undone INTEGER NOT NULL    -- Unix time in microseconds; 0 = it applies
) STRICT;
CREATE INDEX subject_edit_source ON subject_edit (source, stream);
