//! The gateway and the key, from the options or else from the environment.

use std::env::{VarError, var};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use kling_client::{BASE_URL_VARIABLE, Client, EXPECT_VARIABLE, ErrorKind, KEY_VARIABLE};

use crate::arguments::Access;
use crate::failure::{Failure, Result, shortened};

/// A client for what was typed. Connects to nothing yet.
pub fn client(access: &Access) -> Result<Client> {
    made(access).map_err(|failure| match failure.kind {
        ErrorKind::Invalid => failure.with_hint(format!(
            "the key is read from {KEY_VARIABLE} or from the file of --api-key-file, the gateway from \
             {BASE_URL_VARIABLE} or --base-url; to try things without a key: kling sandbox"
        )),
        _ => failure,
    })
}

fn made(access: &Access) -> Result<Client> {
    let key = match &access.api_key_file {
        Some(file) => key_in(file)?,
        None => variable(KEY_VARIABLE)?
            .ok_or_else(|| Failure::invalid(format!("{KEY_VARIABLE}: expected the API key, given nothing")))?,
    };
    let mut builder = Client::builder(key);
    let base_url = access.base_url.clone().map_or_else(|| variable(BASE_URL_VARIABLE), |given| Ok(Some(given)))?;
    if let Some(url) = base_url {
        builder = builder.base_url(url);
    }
    if let Some(expected) = variable(EXPECT_VARIABLE)? {
        let expected = humantime::parse_duration(expected.trim()).map_err(|reason| {
            Failure::invalid(format!(
                "{EXPECT_VARIABLE}: expected a time such as 90s or 4m, given what is none: {reason}"
            ))
        })?;
        builder = builder.expected(expected);
    }
    Ok(builder.build()?)
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Result<Option<String>> {
    match var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.trim().is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        // Never a default instead: the key would go to another host than the one that was meant.
        Err(VarError::NotUnicode(_)) => {
            Err(Failure::invalid(format!("{name}: expected text, given bytes that are not UTF-8")))
        }
    }
}

fn key_in(file: &Path) -> Result<String> {
    /// Far longer than any key, far shorter than what is no key file.
    const LONGEST: u64 = 16 * 1024;
    let refuse = |found: String| {
        Failure::invalid(format!(
            "api-key-file: expected a file with the API key, given {}: {found}",
            shortened(&file.to_string_lossy())
        ))
    };
    let mut key = String::new();
    File::open(file)
        .and_then(|file| file.take(LONGEST + 1).read_to_string(&mut key))
        .map_err(|reason| refuse(reason.to_string()))?;
    match key.trim() {
        "" => Err(refuse("it is empty".to_owned())),
        _ if key.len() as u64 > LONGEST => Err(refuse(format!("it has more than {LONGEST} bytes"))),
        key => Ok(key.to_owned()),
    }
}
