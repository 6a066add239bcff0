-- From version 1 to 2: the indexes of videos.
CREATE TABLE video_index (
  source TEXT NOT NULL,   -- SHA-256 of the file
  options TEXT NOT NULL,  -- what else it depends on
  created INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (source, options)
) STRICT;
