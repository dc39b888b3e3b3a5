//! The client, by the options or else the environment; and the account that it submits to, as a record keeps it.

use std::env::{VarError, var};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use kling_client::{
    ACCESS_KEY_VARIABLE, ALLOW_HTTP_VARIABLE, BASE_URL_VARIABLE, Client, ClientBuilder, Credentials, EXPECT_VARIABLE,
    ErrorKind, KEY_VARIABLE, SECRET_KEY_VARIABLE,
};

use crate::arguments::Access;
use crate::failure::{Failure, Result, shortened};

/// A client that submits once in each call, for the batch, whose record has the retries; and what that record keeps of it.
pub struct Connection {
    /// Client with one attempt in each call.
    pub client: Client,
    /// Base URL of the gateway.
    pub base_url: String,
    /// The first 16 hex digits of the SHA-256 of the API key, or of the access key; the secret key is in none.
    pub fingerprint: String,
    /// Expected time of a task, by the environment.
    pub expected: Option<Duration>,
}

/// A client by the options and the environment. Connects to nothing yet.
pub fn client(access: &Access) -> Result<Client> {
    explained(builder(access).and_then(|builder| Ok(builder.build()?)))
}

/// The same for the batch.
pub fn connection(access: &Access) -> Result<Connection> {
    connection_with(access, |builder| builder)
}

/// The same, with more settings.
pub fn connection_with(access: &Access, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Connection> {
    let client = explained(builder(access).and_then(|builder| Ok(set(builder.max_attempts(1)).build()?)))?;
    let key = match &access.api_key_file {
        Some(file) => key_in(file)?,
        None => variable(KEY_VARIABLE)?.or(variable(ACCESS_KEY_VARIABLE)?).unwrap_or_default(),
    };
    let base_url = client.base_url().to_owned();
    Ok(Connection { client, base_url, fingerprint: fingerprint(&key), expected: expected()? })
}

/// What tells keys apart and reveals none; a key with its scheme is the same one.
fn fingerprint(key: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let bare = key.strip_prefix("Bearer").filter(|rest| rest.starts_with(char::is_whitespace)).unwrap_or(key);
    Sha256::digest(bare.trim()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn explained(client: Result<Client>) -> Result<Client> {
    client.map_err(|failure| match failure.kind {
        ErrorKind::Invalid => failure.with_hint(format!(
            "set the key in {KEY_VARIABLE} or by --api-key-file (at Kling itself {ACCESS_KEY_VARIABLE} and \
             {SECRET_KEY_VARIABLE}), the base URL in {BASE_URL_VARIABLE} or by --base-url; to try things without a key: kling sandbox"
        )),
        _ => failure,
    })
}

fn builder(access: &Access) -> Result<ClientBuilder> {
    let credentials = match &access.api_key_file {
        Some(file) => key_in(file)?.into(),
        None => Credentials::from_env()?,
    };
    let mut builder = Client::builder(credentials);
    let base_url = access.base_url.clone().map_or_else(|| variable(BASE_URL_VARIABLE), |given| Ok(Some(given)))?;
    if let Some(url) = base_url {
        builder = builder.base_url(url);
    }
    if let Some(time) = expected()? {
        builder = builder.expected(time);
    }
    let allowed = match variable(ALLOW_HTTP_VARIABLE)?.as_deref() {
        None | Some("0" | "false") => access.allow_http,
        Some("1" | "true") => true,
        Some(_) => return Err(refused(ALLOW_HTTP_VARIABLE, "1, true, 0 or false", "another word")),
    };
    Ok(builder.allow_http(allowed))
}

/// Expected time of a task, by the environment.
fn expected() -> Result<Option<Duration>> {
    let time = variable(EXPECT_VARIABLE)?.map(|time| humantime::parse_duration(&time)).transpose();
    time.map_err(|reason| refused(EXPECT_VARIABLE, "a time such as 90s or 4m", &reason.to_string()))
}

fn refused(name: &str, limit: &str, given: &str) -> Box<Failure> {
    Failure::invalid(format!("{name}: expected {limit}, given {given}"))
}

/// A variable that is set and not blank.
fn variable(name: &str) -> Result<Option<String>> {
    match var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        // Never a default instead: the key would go to another host than the one that was meant.
        Err(VarError::NotUnicode(_)) => Err(refused(name, "text", "bytes that are not UTF-8")),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_the_bare_key_and_does_not_reveal_it() {
        // As `printf sk-test-0123456789abcdef | sha256sum` prints it.
        let of = fingerprint;
        assert_eq!(of("sk-test-0123456789abcdef"), "c871f067542d565c");
        assert_eq!(of("Bearer sk-test-0123456789abcdef"), of("sk-test-0123456789abcdef"));
        assert_ne!(of("Bearersk"), of("sk"));
    }
}
