-- From version 15 to 16: cases of the server, whose members are its videos, and tags of videos.
CREATE TABLE board_case (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL   -- Unix time in microseconds
) STRICT;
CREATE TABLE board_case_video (
  board_case INTEGER NOT NULL REFERENCES board_case(id) ON DELETE CASCADE,
  video INTEGER NOT NULL REFERENCES video(id) ON DELETE CASCADE,
  PRIMARY KEY (board_case, video)
) STRICT, WITHOUT ROWID;
CREATE INDEX board_case_video_video ON board_case_video (video);
ALTER TABLE video ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'; -- JSON array of strings
