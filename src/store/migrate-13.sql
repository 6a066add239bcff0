-- From version 12 to 13: checks of statements. A verdict belongs to the statement that it is about, and goes with it where the
-- chunk is described again. A control is an answer whose truth was known; it says what a model can do, so it stays when
-- its job goes. `prompt` is the SHA-256 of the texts of the request.
CREATE TABLE verdict (
  job TEXT NOT NULL,
  chunk INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  code TEXT NOT NULL,     -- the letter that was answered, "-" = none of them, "" = not checked
  p_a REAL,               -- the probabilities of the letters; NULL = not known
  p_b REAL,
  p_c REAL,
  frames TEXT NOT NULL,   -- JSON array of the times of the frames that were shown, microseconds
  reason TEXT NOT NULL,   -- why it was not checked, or why there is no letter
  model TEXT NOT NULL,
  prompt TEXT NOT NULL,
  PRIMARY KEY (job, chunk, idx),
  FOREIGN KEY (job, chunk, idx) REFERENCES event(job, chunk, idx) ON DELETE CASCADE
) STRICT;
CREATE TABLE control (
  model TEXT NOT NULL,
  prompt TEXT NOT NULL,
  kind TEXT NOT NULL,     -- negative-frames, negative-statement, positive
  job TEXT NOT NULL,
  chunk INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  what TEXT NOT NULL,     -- the statement
  expected TEXT NOT NULL, -- "A" or "B"
  code TEXT NOT NULL,     -- as in verdict
  p_a REAL,
  p_b REAL,
  p_c REAL,
  created INTEGER NOT NULL,
  PRIMARY KEY (model, prompt, kind, job, chunk, idx, what)
) STRICT;
