//! The client, by the options or else the environment.

use std::env::{VarError, var};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use kling_client::{
    ACCESS_KEY_VARIABLE, ALLOW_HTTP_VARIABLE, BASE_URL_VARIABLE, Client, Credentials, EXPECT_VARIABLE, ErrorKind,
    KEY_VARIABLE, SECRET_KEY_VARIABLE,
};

use crate::arguments::Access;
use crate::failure::{Failure, Result, shortened};

/// A client by the options and the environment. Connects to nothing yet.
pub fn client(access: &Access) -> Result<Client> {
    build(access).map_err(|failure| match failure.kind {
        ErrorKind::Invalid => failure.with_hint(format!(
            "set the key in {KEY_VARIABLE} or by --api-key-file (at Kling itself {ACCESS_KEY_VARIABLE} and \
             {SECRET_KEY_VARIABLE}), the base URL in {BASE_URL_VARIABLE} or by --base-url; to try things without a key: kling sandbox"
        )),
        _ => failure,
    })
}

fn build(access: &Access) -> Result<Client> {
    let expected =
        |name: &str, limit: &str, given: &str| Failure::invalid(format!("{name}: expected {limit}, given {given}"));
    let credentials = match &access.api_key_file {
        Some(file) => key_in(file)?.into(),
        None => Credentials::from_env()?,
    };
    let mut builder = Client::builder(credentials);
    let base_url = access.base_url.clone().map_or_else(|| variable(BASE_URL_VARIABLE), |given| Ok(Some(given)))?;
    if let Some(url) = base_url {
        builder = builder.base_url(url);
    }
    if let Some(time) = variable(EXPECT_VARIABLE)? {
        let time = humantime::parse_duration(&time);
        builder = builder.expected(
            time.map_err(|reason| expected(EXPECT_VARIABLE, "a time such as 90s or 4m", &reason.to_string()))?,
        );
    }
    let allowed = match variable(ALLOW_HTTP_VARIABLE)?.as_deref() {
        None | Some("0" | "false") => access.allow_http,
        Some("1" | "true") => true,
        Some(_) => return Err(expected(ALLOW_HTTP_VARIABLE, "1, true, 0 or false", "another word")),
    };
    Ok(builder.allow_http(allowed).build()?)
}

/// A variable that is set and not blank.
fn variable(name: &str) -> Result<Option<String>> {
    match var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        // Never a default instead: the key would go to another host than the one that was meant.
        Err(VarError::NotUnicode(_)) => {
            Err(Failure::invalid(format!("{name}: expected text, given bytes that are not UTF-8")))
        }
    }
}

fn key_in(file: &Path) -> Result<String> {
    /// Far longer than any key.
    const LONGEST: u64 = 16 * 1024;
    let refuse = |given: String| {
        let file = file.to_string_lossy();
        Failure::invalid(format!("api-key-file: expected a file with the API key, given {}: {given}", shortened(&file)))
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
