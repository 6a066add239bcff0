-- The server: videos and the queue of their analyses. Numbers are never used twice: clients remember them.
CREATE TABLE video (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,              -- as people know it
  origin TEXT NOT NULL,            -- upload, path or url
  source TEXT NOT NULL,            -- the path or URL that was asked for
  path TEXT NOT NULL,              -- where the file is; '' = not here yet
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,            -- '' = not known yet
  stamp TEXT NOT NULL,             -- what the file looked like when it was hashed
  facts TEXT NOT NULL,             -- JSON object: what probing found; '' = not probed yet
  state INTEGER NOT NULL,
  fault TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  video INTEGER NOT NULL REFERENCES video(id) ON DELETE CASCADE,
  state INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  place REAL NOT NULL,             -- order among those of one priority
  served INTEGER NOT NULL,         -- microseconds of work that it had, for fair turns
  options TEXT NOT NULL,           -- JSON object: what the request set
  journal TEXT NOT NULL,           -- job.id, '' = not begun
  fault TEXT NOT NULL,
  created INTEGER NOT NULL,
  started INTEGER NOT NULL,        -- 0 = not yet
  ended INTEGER NOT NULL           -- 0 = not yet
) STRICT;
CREATE INDEX queue_video ON queue(video);
