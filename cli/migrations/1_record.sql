-- The record of what was ordered. One file for SQLite and PostgreSQL: BIGINT and TEXT are all that it needs.
-- Units are integers of 1/1000; times are milliseconds since 1970 and only for people to read.

-- One row. Every change of the record begins by counting `turn` up here, so that changes come one after the other.
CREATE TABLE governor (
    id BIGINT PRIMARY KEY,
    turn BIGINT NOT NULL,
    next_job BIGINT NOT NULL,
    next_batch BIGINT NOT NULL,
    -- How many tasks may run at a time: as the user says, as the gateway lets, and the orders taken since that changed.
    most BIGINT NOT NULL,
    allowed BIGINT NOT NULL,
    credit BIGINT NOT NULL,
    -- The worker that asks for all tasks.
    leader TEXT
);
INSERT INTO governor (id, turn, next_job, next_batch, most, allowed, credit) VALUES (1, 0, 1, 1, 5, 5, 0);

-- A process at work, as long as its beats go on.
CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    beats BIGINT NOT NULL
);

CREATE TABLE batches (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    budget BIGINT,
    -- The sum of what its jobs have booked.
    booked BIGINT NOT NULL,
    -- The turn at which it was last served.
    served BIGINT NOT NULL
);

-- One purchase, or the intent of one. A retry is another row.
CREATE TABLE jobs (
    id BIGINT PRIMARY KEY,
    batch BIGINT NOT NULL REFERENCES batches (id),
    line BIGINT NOT NULL,
    name TEXT,
    state TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    external_id TEXT NOT NULL UNIQUE,
    request TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    output TEXT NOT NULL,
    estimate BIGINT NOT NULL,
    booked BIGINT NOT NULL,
    -- Who sends or fetches it.
    worker TEXT,
    base_url TEXT,
    task_id TEXT,
    -- What the client needs to go on with the task: ids and times, no key and no signed URL.
    task TEXT,
    expires_at BIGINT,
    -- Whether its file was begun at a place that was free: what is there now is ours.
    begun BIGINT NOT NULL,
    file_size BIGINT,
    file_sha256 TEXT,
    note TEXT,
    retry_of BIGINT,
    replaced_by BIGINT
);
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_batch ON jobs (batch, state, id);
CREATE INDEX jobs_hash ON jobs (request_hash);
CREATE INDEX jobs_output ON jobs (output);

-- Every state that a job came to.
CREATE TABLE history (
    job BIGINT NOT NULL REFERENCES jobs (id),
    turn BIGINT NOT NULL,
    state TEXT NOT NULL,
    at BIGINT NOT NULL,
    note TEXT,
    PRIMARY KEY (job, turn)
);
