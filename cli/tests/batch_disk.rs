//! Claims about a disk that is really full: no double charge, nothing lost, a hint, and the run goes on once there is space.
//! The disk is a small tmpfs, so these tests need a user who may mount, and say where they are skipped.
#![cfg(all(target_os = "linux", feature = "batch"))]

mod support_batch;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kling_cli::batch::State;
use kling_sandbox::{Endpoint, Fault};
use support_batch::{Running, agrees, command, directory, jobs, line, manifest, record, run, sandbox, states};

/// A disk of a megabyte, which is gone with its test.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: &Path) -> Option<Self> {
        // What a killed test left.
        _ = Command::new("umount").arg("-l").arg(path).stderr(Stdio::null()).status();
        _ = std::fs::remove_dir_all(path);
        std::fs::create_dir_all(path).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(path).output();
        match mounted {
            Ok(mounted) if mounted.status.success() => Some(Self(path.to_owned())),
            failed => {
                eprintln!("SKIPPED: no small disk can be mounted, so nothing is shown of a full one: {failed:?}");
                None
            }
        }
    }

    /// Fills it, but for so many bytes.
    fn fill(&self, left: u64) {
        let mut ballast = File::create(self.0.join("ballast")).unwrap();
        while ballast.write_all(&[1; 4096]).is_ok() {}
        ballast.set_len(ballast.metadata().unwrap().len() - left).unwrap();
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_on_a_full_disk_is_written_once_there_is_space() {
    const JOBS: usize = 6;
    const SENT: u64 = 3;
    let folder = directory("disk-record");
    let place = folder.with_file_name("disk-record-full");
    let Some(disk) = Disk::mount(&place) else { return };
    let sandbox = sandbox().task_time(Duration::from_millis(100)).start().await.unwrap();
    let manifest = manifest(&folder, (1..=JOBS).map(line));
    let record = place.join("a.kling.db");
    let record = record.to_str().unwrap();
    let words = |words: &[&str]| command(sandbox.base_url(), &folder, words);
    let mut add = words(&["batch", "add", manifest.to_str().unwrap(), "--record", record]);
    assert!(add.stderr(Stdio::null()).status().unwrap().success());
    // The submits are under way when the disk gets full, so that their responses cannot be recorded.
    for _ in 0..SENT {
        sandbox.fault_next(Endpoint::Create, Fault::delayed(Duration::from_millis(1500)));
    }
    let mut resume = words(&["batch", "resume", record, "--max-running", "3"]);
    let mut resumed = Running(resume.stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(resumed.0.stderr.take().unwrap()).lines();
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, sandbox.until(|sandbox| sandbox.posts_begun() == SENT)).await.expect("three submits");
    disk.fill(0);
    let found = tokio::task::spawn_blocking(move || {
        let found = lines.by_ref().map_while(Result::ok).find(|line| line.contains("cannot be recorded"));
        (found, lines)
    });
    let (found, mut lines) = tokio::time::timeout(limit, found).await.expect("it is reported").unwrap();
    let found = found.unwrap();
    assert!(found.contains(": task ") && found.contains("free space on the disk of the record"), "{found}");
    assert_eq!((sandbox.posts_begun(), sandbox.tasks_charged()), (SENT, SENT as usize), "nothing more is submitted");

    disk.free();
    let ended = tokio::task::spawn_blocking(move || {
        let rest: Vec<_> = lines.by_ref().map_while(Result::ok).collect();
        (resumed.0.wait().unwrap(), rest)
    });
    let (ended, rest) = tokio::time::timeout(limit, ended).await.expect("it ends").unwrap();
    assert_eq!(ended.code(), Some(0), "{rest:?}");
    let store = kling_cli::batch::Store::read(std::path::Path::new(record)).unwrap();
    assert_eq!(states(&store), [State::Delivered; JOBS]);
    assert_eq!((sandbox.posts_begun(), sandbox.tasks_charged()), (JOBS as u64, JOBS));
    agrees(&store);
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_that_find_no_space_stay_at_the_gateway_until_there_is_some() {
    const JOBS: usize = 4;
    let folder = directory("disk-videos");
    let place = folder.with_file_name("disk-videos-full");
    let Some(disk) = Disk::mount(&place) else { return };
    let sandbox = sandbox().task_time(Duration::from_millis(100)).video_length(100_000).start().await.unwrap();
    let manifest = manifest(&folder, (1..=JOBS).map(line));
    // One video fits.
    disk.fill(180_000);
    let words = ["batch", "run", manifest.to_str().unwrap(), "--out-dir", place.to_str().unwrap()];
    let ran = run(&sandbox, &folder, &words).await.exits(1);
    let ran = ran.stderr() + &ran.stdout();
    for expected in ["the disk is full", "free space on it", "resume"] {
        assert!(ran.contains(expected), "{expected:?} is missing: {ran}");
    }
    let store = record(&folder);
    let found = states(&store);
    assert!(found.contains(&State::Finished) && !found.contains(&State::Failed), "{found:?}");
    assert_eq!(sandbox.tasks_charged(), JOBS);

    disk.free();
    run(&sandbox, &folder, &["batch", "resume", "manifest.jsonl"]).await.exits(0);
    for job in jobs(&store) {
        assert_eq!(job.state, State::Delivered);
        assert_eq!(std::fs::read(&job.output).unwrap().len(), job.file_size.unwrap() as usize);
        assert!(job.file_size.unwrap() >= 100_000);
    }
    assert_eq!((sandbox.posts_begun(), sandbox.tasks_charged()), (JOBS as u64, JOBS));
    agrees(&store);
}
