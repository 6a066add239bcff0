-- Questions about videos: what was asked, each request with its result, and the answer.
CREATE TABLE ask (
  id TEXT PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,      -- SHA-256 of everything that the answer depends on
  asked TEXT NOT NULL,           -- the same without what may change of the videos: the same question asked again
  question TEXT NOT NULL,
  scope TEXT NOT NULL,           -- JSON array: of each source its SHA-256, stream, run and generation
  answer TEXT NOT NULL,          -- JSON, vdet-answer/1; '' until it is finished
  created INTEGER NOT NULL,      -- Unix time in microseconds
  updated INTEGER NOT NULL
) STRICT;
CREATE INDEX ask_asked ON ask (asked);
CREATE TABLE ask_reply (
  ask TEXT NOT NULL REFERENCES ask(id) ON DELETE CASCADE,
  request TEXT NOT NULL,         -- SHA-256 of everything that the reply depends on
  text TEXT NOT NULL,
  PRIMARY KEY (ask, request)
) STRICT, WITHOUT ROWID;
CREATE TABLE ask_picture (       -- small pictures of cited frames
  ask TEXT NOT NULL REFERENCES ask(id) ON DELETE CASCADE,
  cite INTEGER NOT NULL,         -- index into the cites of the answer
  idx INTEGER NOT NULL,          -- index into its frames
  source TEXT NOT NULL,          -- SHA-256 of the file
  jpeg BLOB NOT NULL,
  PRIMARY KEY (ask, cite, idx)
) STRICT;
-- A look at frames for a question, kept for all questions of the same words.
CREATE TABLE look (
  key TEXT PRIMARY KEY,          -- SHA-256 of source, times, size, prompt and model
  source TEXT NOT NULL,
  result TEXT NOT NULL           -- JSON, see ask/look.h
) STRICT, WITHOUT ROWID;
CREATE INDEX look_source ON look (source);
-- Where files were seen, so that none is hashed twice.
CREATE TABLE place (
  path TEXT PRIMARY KEY,         -- real path, any bytes
  stamp TEXT NOT NULL,           -- size, times, device and number of the file then
  source TEXT NOT NULL           -- SHA-256
) STRICT, WITHOUT ROWID;
CREATE INDEX place_source ON place (source);
