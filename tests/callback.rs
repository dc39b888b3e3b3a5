//! Proves that callbacks are read in every wrap, and that only those signed with the secret, in time, are trusted.

use kling_client::{ErrorKind, TaskStatus, callback};

#[test]
fn a_callback_is_read_bare_and_wrapped() {
    let bare = r#"{"task_id":"7001","task_status":"succeed","task_status_msg":"","created_at":1765519848595,"updated_at":1765520080995,
        "task_result":{"images":[],"videos":[{"id":"v","url":"https://cdn.example/a.mp4","duration":"5.1"}],"audios":[]}}"#;
    for body in [
        bare.to_owned(),
        format!(r#"{{"code":0,"message":"SUCCEED","data":{bare}}}"#),
        format!(
            r#"{{"code":"success","data":{{"task_id":"7001","status":"SUCCESS","data":{{"code":0,"data":{bare}}}}}}}"#
        ),
    ] {
        let info = callback::parse(body.as_bytes()).unwrap();
        assert_eq!((info.task_id.as_str(), &info.status, info.outputs.len()), ("7001", &TaskStatus::Succeed, 1));
    }
    let short =
        br#"{"id":"7001","status":"succeeded","message":"","create_time":1781080778802,"update_time":1781080794151}"#;
    assert_eq!(callback::parse(short).unwrap().task_id, "7001");
    for body in ["", "{}", "[]", "null", "<html>", r#"{"task_status":"succeed"}"#, "\u{0}", r#"{"task_id":""}"#] {
        assert_eq!(callback::parse(body.as_bytes()).unwrap_err().kind(), ErrorKind::UnexpectedResponse, "{body}");
    }
}

#[test]
fn a_callback_tells_the_kind_of_its_outputs_by_their_key_or_their_extension() {
    use kling_client::OutputKind::{Audio, Image, Video};

    for (result, expected) in [
        (r#""task_result":{"videos":[{"id":"v","url":"https://cdn.example/a"}],"images":[],"audios":[]}"#, vec![Video]),
        (r#""task_result":{"images":[{"index":0,"url":"https://cdn.example/a"}],"videos":null}"#, vec![Image]),
        (
            r#""task_result":{"videos":[{"url":"https://cdn.example/a"}],"audios":[{"url_mp3":"https://cdn.example/b"}]}"#,
            vec![Video, Audio],
        ),
        (r#""url":"https://cdn.example/a""#, vec![Video]),
        (r#""url":"https://cdn.example/a.webp?sig=1""#, vec![Image]),
        (r#""audio_url":"https://cdn.example/a""#, vec![Audio]),
    ] {
        let body = format!(r#"{{"task_id":"7001","task_status":"succeed",{result}}}"#);
        let info = callback::parse(body.as_bytes()).unwrap();
        let kinds: Vec<_> = info.outputs.iter().map(|output| output.kind).collect();
        assert_eq!(kinds, expected, "{body}");
        let counts = [info.videos().count(), info.images().count(), info.audios().count()];
        assert_eq!(counts, [Video, Image, Audio].map(|kind| kinds.iter().filter(|found| **found == kind).count()));
    }
}

#[cfg(feature = "webhooks")]
mod signed {
    use super::*;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    // Made with Python's hmac, hashlib and base64, over `id.timestamp.body`.
    const SECRET: &str = "whsec_b3VyIG93biBzZWNyZXQgZm9yIHRlc3Rz";
    const SIGNATURE: &str = "v1,Axw9wkzPd7oBW7YjvpjHCZDYYNDJRGUI2SaZILVyaKc=";
    const ID: &str = "msg-1";
    const TIME: u64 = 1_790_000_000;
    const BODY: &[u8] = br#"{"task_id":"7001","task_status":"processing"}"#;

    fn headers(id: &str, time: &str, signature: &str) -> http::HeaderMap {
        let pairs = [("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)];
        pairs.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn at(time: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(time)
    }

    #[test]
    fn the_right_signature_is_trusted_also_among_others() {
        let time = TIME.to_string();
        for signature in
            [SIGNATURE.to_owned(), format!("v1,AAAA {SIGNATURE}"), format!("v1a,AAAA not-one {SIGNATURE} v2,BBBB")]
        {
            for secret in [SECRET, &SECRET["whsec_".len()..]] {
                for now in [TIME - 300, TIME, TIME + 300] {
                    callback::verify_at(&headers(ID, &time, &signature), BODY, secret, at(now)).unwrap();
                }
            }
        }
    }

    #[test]
    fn anything_else_is_not() {
        let time = TIME.to_string();
        let good = headers(ID, &time, SIGNATURE);
        let without = |name: &str| {
            let mut headers = good.clone();
            headers.remove(name);
            headers
        };
        let other = "whsec_YW5vdGhlciBzZWNyZXQgZm9yIHRlc3Rz";
        for (name, headers, body, secret, now) in [
            ("too old", good.clone(), BODY, SECRET, TIME + 301),
            ("too new", good.clone(), BODY, SECRET, TIME - 301),
            ("another body", good.clone(), b"{}".as_slice(), SECRET, TIME),
            ("another secret", good.clone(), BODY, other, TIME),
            ("another id", headers("msg-2", &time, SIGNATURE), BODY, SECRET, TIME),
            ("another time", headers(ID, &(TIME + 1).to_string(), SIGNATURE), BODY, SECRET, TIME),
            ("no time", headers(ID, "soon", SIGNATURE), BODY, SECRET, TIME),
            ("a time before time", headers(ID, "-9223372036854775808", SIGNATURE), BODY, SECRET, TIME),
            ("the end of time", headers(ID, &u64::MAX.to_string(), SIGNATURE), BODY, SECRET, TIME),
            ("no version", headers(ID, &time, &SIGNATURE[3..]), BODY, SECRET, TIME),
            ("another version", headers(ID, &time, &SIGNATURE.replace("v1", "v2")), BODY, SECRET, TIME),
            ("a shorter signature", headers(ID, &time, &SIGNATURE[..20]), BODY, SECRET, TIME),
            ("an empty signature", headers(ID, &time, "v1,"), BODY, SECRET, TIME),
            ("no id header", without("webhook-id"), BODY, SECRET, TIME),
            ("no time header", without("webhook-timestamp"), BODY, SECRET, TIME),
            ("no signature header", without("webhook-signature"), BODY, SECRET, TIME),
        ] {
            let error = callback::verify_at(&headers, body, secret, at(now)).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Invalid, "{name}");
            assert!(!error.to_string().contains("b3VyIG93"), "{error}");
        }
        assert!(callback::verify(&good, BODY, SECRET).is_err(), "now is not then");
    }

    #[test]
    fn a_secret_is_the_same_key_in_every_form_in_which_it_is_pasted() {
        // 16 bytes, the fewest that are taken, whose Base64 has padding and both characters of which there are two kinds.
        let signature = "v1,f+YjZc/7Vzb+AlIW5FuV4ne+q+bVvNqDv0wLaQBecFk=";
        let headers = headers(ID, &TIME.to_string(), signature);
        for secret in [
            "whsec_+//++//++//++//++//+AQ==",
            "whsec_+//++//++//++//++//+AQ",
            "whsec_-__--__--__--__--__-AQ==",
            "whsec_-__--__--__--__--__-AQ",
            "v1,whsec_+//++//++//++//++//+AQ==",
            "v1,whsec_-__--__--__--__--__-AQ",
            "+//++//++//++//++//+AQ==",
            "-__--__--__--__--__-AQ",
            " whsec_+//++//++//++//++//+AQ==\r\n",
            "v1, whsec_+//++//++/\n/++//++//+AQ==",
        ] {
            callback::verify_at(&headers, BODY, secret, at(TIME)).expect(secret);
        }
    }

    #[test]
    fn a_secret_that_anybody_could_guess_is_refused_whatever_it_signed() {
        let empty = "v1,5ALRnBgUKabMc2laBOtThHGkKu1wwZJsQykaZoz4gSU=";
        let short = "v1,w2l0K+m0qB8eimZ3ZmEP0pCqtdedS4YccfP1EcdKDx0=";
        for (secret, signature, found) in [
            ("", empty, "has 0 bytes"),
            (" ", empty, "has 0 bytes"),
            ("whsec_", empty, "has 0 bytes"),
            (" whsec_ ", empty, "has 0 bytes"),
            ("v1,whsec_", empty, "has 0 bytes"),
            ("whsec_ZmlmdGVlbiBieXRlcy4u", short, "has 15 bytes"),
            ("whsec_!", SIGNATURE, "is not Base64"),
            ("my own pass phrase, not theirs", SIGNATURE, "is not Base64"),
            ("whsec_b3VyIG93biBzZWNyZXQgZm9yIHRlc3RzA", SIGNATURE, "is not Base64"),
        ] {
            let headers = headers(ID, &TIME.to_string(), signature);
            // Also where something else is wrong: it is wrong for every callback.
            for now in [TIME, 0] {
                let error = callback::verify_at(&headers, BODY, secret, at(now)).expect_err(secret);
                assert_eq!(error.kind(), ErrorKind::Invalid, "{secret}");
                assert!(error.message().starts_with(&format!("the signing secret {found}")), "{secret}: {error}");
                assert!(secret.len() < 8 || !error.to_string().contains(secret), "{error}");
            }
        }
    }
}
