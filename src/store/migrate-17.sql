-- From version 16 to 17: chunks that a second pass describes again. What they say then replaces what the first pass said,
-- which is kept here.
CREATE TABLE second_pass (
  job TEXT NOT NULL,
  chunk INTEGER NOT NULL,
  context TEXT NOT NULL,  -- what the request says of the parts before and after
  times TEXT NOT NULL,    -- JSON array of the times of its frames, microseconds
  earlier TEXT NOT NULL,  -- JSON object: what the first pass said; '' = not described again yet
  reason TEXT NOT NULL,   -- why that failed; '' = it did not
  PRIMARY KEY (job, chunk),
  FOREIGN KEY (job, chunk) REFERENCES chunk(job, idx) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
