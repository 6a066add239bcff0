-- Questions that were asked of the server; their answers are rows of ask.
CREATE TABLE board_ask (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  request TEXT NOT NULL,         -- JSON object, as POST /asks takes it
  who TEXT NOT NULL,             -- who asked; '' = no login was needed
  state INTEGER NOT NULL,        -- 0 waits or is worked on, 1 done, 2 failed, 3 canceled
  answer TEXT NOT NULL,          -- id in ask; '' until it is known
  fault TEXT NOT NULL,           -- why it failed
  created INTEGER NOT NULL,      -- Unix time in microseconds
  started INTEGER NOT NULL,      -- 0 = not yet
  ended INTEGER NOT NULL         -- 0 = not yet
) STRICT;
CREATE INDEX board_ask_answer ON board_ask (answer);
