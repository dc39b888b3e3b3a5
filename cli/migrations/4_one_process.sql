-- One process works on a record, so there are no workers and no leader. Accounts are told apart instead.
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    base_url TEXT NOT NULL,
    -- Of the key, which it does not reveal; empty for jobs of an older version.
    fingerprint TEXT NOT NULL,
    -- How many tasks may run at a time: as the user says, as the gateway allows, and the submits since that changed.
    most BIGINT NOT NULL DEFAULT 5,
    allowed BIGINT NOT NULL DEFAULT 5,
    credit BIGINT NOT NULL DEFAULT 0,
    UNIQUE (base_url, fingerprint)
);
INSERT INTO accounts (base_url, fingerprint, most, allowed, credit)
    SELECT DISTINCT j.base_url, '', g.most, g.allowed, g.credit FROM jobs j, governor g WHERE j.base_url IS NOT NULL;

ALTER TABLE jobs ADD COLUMN account BIGINT REFERENCES accounts (id);
UPDATE jobs SET account = (SELECT a.id FROM accounts a WHERE a.base_url = jobs.base_url);
ALTER TABLE jobs ADD COLUMN model TEXT NOT NULL DEFAULT '';
UPDATE jobs SET model = COALESCE(json_extract(request, '$.model_name'), json_extract(request, '$.model'), '');
-- When it may be claimed again, in milliseconds since 1970.
ALTER TABLE jobs ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs DROP COLUMN worker;
ALTER TABLE jobs DROP COLUMN base_url;

ALTER TABLE batches ADD COLUMN account BIGINT REFERENCES accounts (id);
UPDATE batches SET account = (SELECT MAX(j.account) FROM jobs j WHERE j.batch = batches.id);
-- The folder that the files of its requests are relative to.
ALTER TABLE batches ADD COLUMN source TEXT;
-- Whether its jobs are requests of agents, which have one budget.
ALTER TABLE batches ADD COLUMN agents BIGINT NOT NULL DEFAULT 0;
UPDATE batches SET agents = 1 WHERE name = 'kling mcp';

-- Why a job came back: attempts are limited by cause.
ALTER TABLE history ADD COLUMN cause TEXT;

DROP TABLE workers;
ALTER TABLE governor DROP COLUMN leader;
ALTER TABLE governor DROP COLUMN next_job;
ALTER TABLE governor DROP COLUMN next_batch;
ALTER TABLE governor DROP COLUMN most;
ALTER TABLE governor DROP COLUMN allowed;
ALTER TABLE governor DROP COLUMN credit;
