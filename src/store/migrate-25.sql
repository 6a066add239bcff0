-- From version 24 to 25: what is said in a video. Each segment is a passage, of the kind that says how it is known: subtitle.
-- Where they come from is in text_source, also that something was read and had none.
ALTER TABLE passage ADD COLUMN track INTEGER NOT NULL DEFAULT -1; -- of a segment: index of the stream in the file
CREATE TABLE text_source (
  job TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,          -- subtitle
  track INTEGER NOT NULL,      -- index of the stream in the file; -1: all of this kind were read
  format TEXT NOT NULL,
  lang TEXT NOT NULL,          -- '' = not known
  title TEXT NOT NULL,
  fault TEXT NOT NULL,         -- why it was not read, or not all of it; '' = it was
  PRIMARY KEY (job, kind, track)
) STRICT, WITHOUT ROWID;
