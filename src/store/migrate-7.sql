-- From version 6 to 7: full-text search. A row of `told` is what a row of `words` is about; triggers keep both in step
-- with the journal, also where rows go with their job.
CREATE TABLE told (
  id INTEGER PRIMARY KEY,
  job TEXT NOT NULL,
  chunk INTEGER NOT NULL,
  event INTEGER NOT NULL,  -- -1: the summary of the chunk
  UNIQUE (job, chunk, event)
) STRICT;
CREATE VIRTUAL TABLE words USING fts5(text, tokenize = "unicode61 remove_diacritics 2");

CREATE TRIGGER told_deleted BEFORE DELETE ON told BEGIN
  DELETE FROM words WHERE rowid = old.id;
END;
CREATE TRIGGER event_told AFTER INSERT ON event BEGIN
  INSERT INTO told (job, chunk, event) VALUES (new.job, new.chunk, new.idx);
  INSERT INTO words (rowid, text) SELECT id, new.subject || ' ' || new.what FROM told
    WHERE job = new.job AND chunk = new.chunk AND event = new.idx;
END;
CREATE TRIGGER event_deleted AFTER DELETE ON event BEGIN
  DELETE FROM told WHERE job = old.job AND chunk = old.chunk AND event = old.idx;
END;
CREATE TRIGGER summary_told AFTER UPDATE OF state, summary ON chunk BEGIN
  DELETE FROM told WHERE job = new.job AND chunk = new.idx AND event = -1;
  INSERT INTO told (job, chunk, event) SELECT new.job, new.idx, -1 WHERE new.state = 1 AND new.summary <> '';
  INSERT INTO words (rowid, text) SELECT id, new.summary FROM told
    WHERE job = new.job AND chunk = new.idx AND event = -1;
END;
CREATE TRIGGER chunk_deleted AFTER DELETE ON chunk BEGIN
  DELETE FROM told WHERE job = old.job AND chunk = old.idx;
END;

INSERT INTO told (job, chunk, event) SELECT job, chunk, idx FROM event;
INSERT INTO told (job, chunk, event) SELECT job, idx, -1 FROM chunk WHERE state = 1 AND summary <> '';
INSERT INTO words (rowid, text) SELECT told.id, coalesce(event.subject || ' ' || event.what, chunk.summary) FROM told
  JOIN chunk ON chunk.job = told.job AND chunk.idx = told.chunk
  LEFT JOIN event ON event.job = told.job AND event.chunk = told.chunk AND event.idx = told.event;
