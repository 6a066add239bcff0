-- From version 9 to 10: complete uploads. A row is added in the transaction that adds the video or finds it, so an upload
-- is complete exactly if it has a row; `name` is one more name of the video.
CREATE TABLE IF NOT EXISTS upload (
  id TEXT PRIMARY KEY,
  video INTEGER NOT NULL REFERENCES video(id) ON DELETE CASCADE,
  job INTEGER NOT NULL, -- 0: none
  name TEXT NOT NULL,
  completed INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS upload_video ON upload (video);
