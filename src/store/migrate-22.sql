-- From version 21 to 22: standing questions, which each new video is asked, and what was found.
CREATE TABLE watch (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,      -- SHA-256 of what is asked of which videos
  board INTEGER NOT NULL,        -- 1 = of the server
  request TEXT NOT NULL,         -- JSON object
  who TEXT NOT NULL,             -- who asked; '' = not known
  created INTEGER NOT NULL       -- Unix time in microseconds
) STRICT;
CREATE TABLE watched (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  watch INTEGER NOT NULL REFERENCES watch (id) ON DELETE CASCADE,
  source TEXT NOT NULL,          -- SHA-256 of the file
  answer TEXT NOT NULL,          -- id in ask; '' = the video cannot be asked
  fault TEXT NOT NULL,           -- why not
  asked INTEGER NOT NULL,        -- Unix time in microseconds
  tokens INTEGER NOT NULL,       -- of the prompts of the answer
  message TEXT NOT NULL,         -- of a hit: JSON object; '' = it is none
  released INTEGER NOT NULL,     -- of a hit: Unix time since when it may be sent; 0 = not yet
  ways INTEGER NOT NULL,         -- of a hit, how it was delivered: 1 printed, 2 program, 4 webhook; or need not be
  undelivered TEXT NOT NULL,     -- of a hit: why one of them was given up
  UNIQUE (watch, source)
) STRICT;
