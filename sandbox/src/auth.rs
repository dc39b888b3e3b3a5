//! Who may call the API: the bearer of a gateway's key, or, at Kling itself, of a token that is signed with the secret key of an
//! account. A token is a JWT with HS256; its times are those of the sandbox's clock, and no difference of clocks is tolerated.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, header};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::response::Refusal;

/// The access key of the only account.
pub(crate) const ACCESS_KEY: &str = "sandbox-access-key";

/// The secret key of the only account.
pub(crate) const SECRET_KEY: &str = "sandbox-secret-key-of-no-account";

/// What the API accepts.
pub(crate) enum Auth {
    Key(String),
    Token,
}

impl Auth {
    /// What must never reach another origin. Every token holds the access key, in Base64.
    pub fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Key(key) => vec![key],
            Self::Token => vec![ACCESS_KEY, SECRET_KEY],
        }
    }

    pub fn check(&self, headers: &HeaderMap, now: Duration) -> Result<(), Refusal> {
        let given = headers.get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes()).trim_ascii();
        if given.is_empty() {
            return Err(Refusal::NoKey);
        }
        let (scheme, bearer) = given.split_at_checked("bearer".len()).ok_or(Refusal::NotBearer)?;
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            return Err(Refusal::NotBearer);
        }
        match (bearer, self) {
            (b"", _) => Err(Refusal::NoKey),
            ([b' ', bearer @ ..], Self::Token) => check_token(bearer.trim_ascii(), now),
            ([b' ', bearer @ ..], Self::Key(key)) if bearer.trim_ascii() == key.as_bytes() => Ok(()),
            ([b' ', ..], Self::Key(_)) => Err(Refusal::WrongKey),
            _ => Err(Refusal::NotBearer),
        }
    }
}

/// A token of the account, from now on and for this time.
pub(crate) fn token(now: Duration, valid_for: Duration) -> String {
    let claims = json!({
        "iss": ACCESS_KEY,
        "exp": now.saturating_add(valid_for).as_secs(),
        "nbf": now.as_secs(),
    });
    let [head, claims] = [json!({"alg": "HS256", "typ": "JWT"}), claims].map(|part| encoded(part.to_string()));
    let signed = format!("{head}.{claims}");
    // A key of any length is valid: there is no error.
    let signature = hmac(signed.as_bytes()).map(|mac| encoded(mac.finalize().into_bytes())).unwrap_or_default();
    format!("{signed}.{signature}")
}

/// The access key comes before the signature, which is checked with its secret key, and the times come last: they mean
/// nothing before.
fn check_token(token: &[u8], now: Duration) -> Result<(), Refusal> {
    let token = std::str::from_utf8(token).map_err(|_| Refusal::WrongKey)?;
    let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::WrongKey)?;
    let (head, claims) = signed.split_once('.').ok_or(Refusal::WrongKey)?;
    let [head, claims] = [head, claims].map(decoded);
    let (head, claims) = (head.ok_or(Refusal::WrongKey)?, claims.ok_or(Refusal::WrongKey)?);
    if head["alg"] != "HS256" || claims["iss"] != ACCESS_KEY {
        return Err(Refusal::WrongKey);
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refusal::WrongKey)?;
    let verified = hmac(signed.as_bytes()).is_some_and(|mac| mac.verify_slice(&signature).is_ok());
    if !verified {
        return Err(Refusal::WrongSignature);
    }
    let now = now.as_secs_f64();
    let expires = claims["exp"].as_f64().ok_or(Refusal::WrongKey)?;
    if expires <= now {
        return Err(Refusal::Expired);
    }
    match claims.get("nbf").map(Value::as_f64) {
        Some(None) => Err(Refusal::WrongKey),
        Some(Some(begins)) if now < begins => Err(Refusal::NotYetValid),
        _ => Ok(()),
    }
}

fn hmac(signed: &[u8]) -> Option<Hmac<Sha256>> {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET_KEY.as_bytes()).ok()?;
    Some(mac.chain_update(signed))
}

fn encoded(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// The JSON object that a part of a token is.
fn decoded(part: &str) -> Option<Value> {
    let part = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&part).ok().filter(Value::is_object)
}
