-- Version 1. A later version is reached by statements that migrate, never by editing this one.
CREATE TABLE job (
  id TEXT PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  source_name TEXT NOT NULL,
  facts TEXT NOT NULL,
  output TEXT NOT NULL,
  state INTEGER NOT NULL,
  summary TEXT NOT NULL DEFAULT '',
  summary_by_model INTEGER NOT NULL DEFAULT 0,
  summary_fallback TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  wall_time INTEGER NOT NULL DEFAULT 0,
  engine_busy INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE chunk (
  job TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  idx INTEGER NOT NULL,
  start_us INTEGER NOT NULL,
  end_us INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  summary TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0,
  decode_time INTEGER NOT NULL DEFAULT 0,
  engine_time INTEGER NOT NULL DEFAULT 0,
  prompt_tokens INTEGER NOT NULL DEFAULT 0,
  cached_tokens INTEGER NOT NULL DEFAULT 0,
  output_tokens INTEGER NOT NULL DEFAULT 0,
  prefill_rate REAL NOT NULL DEFAULT 0,
  decode_rate REAL NOT NULL DEFAULT 0,
  PRIMARY KEY (job, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE sample (
  job TEXT NOT NULL,
  chunk INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  pts_us INTEGER NOT NULL,
  rung TEXT NOT NULL,
  fault TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  thumb BLOB,
  PRIMARY KEY (job, chunk, idx),
  FOREIGN KEY (job, chunk) REFERENCES chunk(job, idx) ON DELETE CASCADE
) STRICT;

CREATE TABLE event (
  job TEXT NOT NULL,
  chunk INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  what TEXT NOT NULL,
  samples TEXT NOT NULL, -- JSON array of sample.idx
  PRIMARY KEY (job, chunk, idx),
  FOREIGN KEY (job, chunk) REFERENCES chunk(job, idx) ON DELETE CASCADE
) STRICT;
