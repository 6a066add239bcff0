-- From version 10 to 11: a source is one video stream of a file: (SHA-256, stream). -1 is the stream that is chosen by default. The table
-- `source` stays one of files: it says which files are known.
CREATE TABLE new_index (
  source TEXT NOT NULL,      -- SHA-256 of the file
  stream INTEGER NOT NULL,   -- index in the file, -1 = the default one
  options TEXT NOT NULL,     -- what else it depends on
  created INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (source, stream, options)
) STRICT;
INSERT INTO new_index SELECT source, -1, options, created, data FROM video_index;
DROP TABLE video_index;
ALTER TABLE new_index RENAME TO video_index;
ALTER TABLE video ADD COLUMN stream INTEGER NOT NULL DEFAULT -1;
