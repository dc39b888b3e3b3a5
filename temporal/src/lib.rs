//! Batches of requests to Kling's API from many machines, on Temporal: the command `kling-temporal`.
//!
//! A workflow for each video submits its request once, waits for its task and downloads its output ([`video`]). A workflow for
//! each batch starts them, some at a time and within a budget ([`batch`]). A workflow for each account hands out places among
//! its running tasks ([`account`]). Workers on any number of machines carry them out; the API key is in their environments
//! alone, and manifest, images and outputs are on a file system that all of them share, by the same paths.
//!
//! # What is charged once
//! - A video's workflow has the external id of its task as its id, computed from account, batch and work. So the id is in the
//!   history before the POST, and is the same after that history is lost.
//! - The activity `submit` has one attempt. Just before the POST it records in the server that it begins, with a heartbeat. It
//!   returns every outcome as data. An error of it after that record, such as the death of its worker, means *outcome unknown*:
//!   the task is looked up for half an hour. If it is not found, the video waits for `kling-temporal resolve`, and its estimate
//!   stays reserved. Nothing is submitted again without that word.
//! - Only what surely made no task is submitted again: a submit that never began, because its worker died or never received it; a
//!   refused connection; Kling's own limits. After a limit without Kling's own code the task is looked up for more than a minute
//!   first, as the client does. Six failures in a row, other than by Kling's own limits, halt the batch.
//! - Two guards precede the POST. After a reset of the workflow, `submit` returns *outcome unknown*. Otherwise it looks the
//!   external id up first: the task may have been submitted in a history that is lost.
//! - What may be charged is brought home: `kling-temporal cancel` ends what has not been submitted, nothing else.
//!
//! # What the server's database is worth
//! It is the record of money: which requests were submitted, and which tasks are theirs. Back it up as such. If it is lost, start
//! the same manifests with `--restart`: each submit finds the task that was made, as long as the gateway resolves external ids
//! (`kling find` shows whether it does) and has made them visible. A request that was on its way at that moment may be submitted
//! a second time, so wait some minutes first. The same holds for a database that is restored from a backup.
//!
//! It holds no key, no prompt, no image and no signed URL: a workflow knows the manifest, the line and the hash of its work.
//! `submit` reads the line itself, and refuses one that has changed.
//!
//! **Retention.** The server forgets closed workflows after the namespace's retention, one day by default, and then their ids can
//! be used again. A batch that is started again after that submits nothing twice either, because of the look-up. Set the
//! retention to longer than a gateway keeps tasks (`temporal operator namespace update --retention 30d`).
//!
//! **Reset.** Never reset the workflow of a video or its activities. One that is reset does not submit again, and looks its task up; if the task is
//! not found, it waits for `resolve`. A reset batch repeats no video, because their ids are taken.
//!
//! **Terminate.** `kling-temporal cancel` is the way to end a batch. A video that is terminated all the same may have been charged;
//! it gives its place back within ten minutes, and its batch waits for it until it is cancelled, which counts it as ambiguous.
//!
//! # Stopping a worker
//! On SIGTERM or SIGINT a worker takes no more work, lets submits under way end, and leaves waits and downloads to the others. A
//! submit takes as long as its upload and the response, so give it two minutes before SIGKILL
//! (`terminationGracePeriodSeconds: 120`). A submit that the server hands out at that very moment, and that no worker receives, is
//! handed out again a minute later. After SIGKILL the outcome of a submit that had begun is unknown, and is looked up.
//!
//! # Changing this code
//! Workflows replay their histories. A worker whose workflows decide otherwise makes a running batch hang, which the tests prevent
//! by replaying stored histories. Let batches end before such a change, or keep both ways with `patched`.

#![expect(missing_docs, reason = "items that the macros of the SDK make, and fields that their names explain")]

pub mod account;
pub mod activities;
pub mod batch;
mod command;
pub mod data;
pub mod decide;
pub mod ids;
pub mod server;
pub mod video;
pub mod worker;

pub use command::main;
