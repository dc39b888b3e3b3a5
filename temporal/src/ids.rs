//! Ids, each computed from what it stands for: the same after a lost history, on any machine.

use sha2::{Digest as _, Sha256};

/// Id of an account, by the base URL of its gateway and the fingerprint of its key. It names its workflow and its task queue, so
/// a worker with another key takes nothing from it.
pub fn account(base_url: &str, fingerprint: &str) -> String {
    format!("kling-account-{}", uuid(&["account", base_url, fingerprint]))
}

/// Task queue of an account's submits, of which the server limits the rate.
pub fn submit_queue(account: &str) -> String {
    format!("{account}-submit")
}

/// Id of a batch, by its account and its name. It names its workflow.
pub fn batch(account: &str, name: &str) -> String {
    format!("kling-batch-{}", uuid(&["batch", account, name]))
}

/// External id of a video, by account, batch and the hash of its work: a line that moves within its manifest keeps it, a line
/// that changes gets another. It names its workflow.
pub fn video(account: &str, batch: &str, hash: &str) -> String {
    uuid(&["video", account, batch, hash])
}

/// Short digest of a text, for a file's name.
pub fn digest(text: &str) -> String {
    uuid(&[text])[..13].to_owned()
}

fn uuid(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // With its length before each part, no two lists hash the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.finalize()).for_each(|(byte, hashed)| *byte = hashed);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_everywhere_and_another_for_each_account_batch_and_work() {
        let one = account("https://a.example", "c871f067542d565c");
        let ids = [
            video(&one, "one", "h"),
            video(&one, "two", "h"),
            video(&one, "one", "g"),
            video(&account("https://a.example", "0"), "one", "h"),
            video(&one, "on", "eh"),
        ];
        for (at, id) in ids.iter().enumerate() {
            assert!(uuid::Uuid::try_parse(id).is_ok() && !ids[..at].contains(id), "{id}");
        }
        // A later version finds what an earlier one submitted.
        assert_eq!(
            (one.as_str(), ids[0].as_str()),
            ("kling-account-c1649207-e567-8efc-8ce4-bb709b51331b", "00b43a5b-9234-86c5-84f1-caa851f8e555")
        );
    }
}
