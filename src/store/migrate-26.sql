-- From version 25 to 26: what is heard and read in a video. Speech and text in the picture are passages as subtitles are, of
-- the kinds speech and written. Speech comes part by part, so that what is done is not asked again.
ALTER TABLE passage ADD COLUMN box TEXT NOT NULL DEFAULT '';   -- of written text: 'x y w h' in 1/10000 of the picture
ALTER TABLE passage ADD COLUMN spoken TEXT NOT NULL DEFAULT ''; -- of speech: JSON array of [start_us, end_us, word, conf]
ALTER TABLE event ADD COLUMN quote TEXT NOT NULL DEFAULT ''; -- words that were heard or read, as the model cites them
CREATE TABLE speech_part (
  job TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  track INTEGER NOT NULL,      -- index of the stream in the file
  idx INTEGER NOT NULL,        -- from 0, in order of time
  start_us INTEGER NOT NULL,
  end_us INTEGER NOT NULL,
  engine TEXT NOT NULL,        -- engine, model and settings
  done INTEGER NOT NULL,       -- 0: it failed, and is tried again by the next run
  fault TEXT NOT NULL,         -- why it failed; '' = it did not
  PRIMARY KEY (job, track, idx)
) STRICT, WITHOUT ROWID;
-- What was recognized, but is not shown.
CREATE TABLE text_dropped (
  job TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,          -- as of a passage
  track INTEGER NOT NULL,
  start_us INTEGER NOT NULL,
  end_us INTEGER NOT NULL,
  text TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX text_dropped_job ON text_dropped (job, kind, track, start_us);
-- The time of day of a recording: a JSON object.
CREATE TABLE wall_clock (
  job TEXT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
  data TEXT NOT NULL
) STRICT, WITHOUT ROWID;
