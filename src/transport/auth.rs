//! What a client authenticates with: a key, or, at Kling itself, a token that is signed with the account's secret key.
//!
//! A token is a JWT with HS256. It is kept until a minute before it expires, and the clones of a client share it.

use http::HeaderValue;

use crate::clock::Clock;
use crate::error::Violation;

/// What stands before a key or a token in its header.
const SCHEME: &str = "Bearer ";

/// API key, or access key and secret key of an account at Kling itself.
///
/// Text is an API key: `Client::builder("my-key")`. `Debug` shows neither.
#[derive(Clone)]
pub struct Credentials(Given);

#[derive(Clone)]
enum Given {
    Key(String),
    #[cfg(feature = "jwt")]
    Pair(String, String),
}

debug_fields!(Credentials);

impl<T: Into<String>> From<T> for Credentials {
    fn from(key: T) -> Self {
        Self(Given::Key(key.into()))
    }
}

impl Credentials {
    /// Access key and secret key, as Kling's console gives them. Each request has a token that is signed with them by the
    /// client's [`Clock`], valid for 30 minutes and renewed before it expires.
    ///
    /// A request that is refused because its token has expired or is not valid yet (codes 1003 and 1004), which makes no
    /// task, is repeated once with a new token: from the time in the response's `Date` if this machine's clock is off.
    #[cfg(feature = "jwt")]
    #[cfg_attr(docsrs, doc(cfg(feature = "jwt")))]
    pub fn new(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self(Given::Pair(access_key.into(), secret_key.into()))
    }

    /// Whether they are of Kling itself, and of no gateway.
    pub(crate) fn are_klings(&self) -> bool {
        !matches!(self.0, Given::Key(_))
    }
}

/// Credentials that were checked.
#[derive(Clone)]
pub(crate) enum Auth {
    /// The header of a key or a token. Marked as sensitive: `Debug` does not show it.
    Fixed(HeaderValue),
    #[cfg(feature = "jwt")]
    Signed(std::sync::Arc<jwt::Signer>),
}

impl Auth {
    pub(crate) fn new(credentials: &Credentials) -> Result<Self, Violation> {
        match &credentials.0 {
            Given::Key(key) => of_key(key).map(Self::Fixed),
            #[cfg(feature = "jwt")]
            Given::Pair(access, secret) => Ok(Self::Signed(jwt::Signer::new(access, secret)?.into())),
        }
    }

    /// The header of a request that is sent now.
    pub(crate) fn header(&self, _clock: &dyn Clock) -> HeaderValue {
        match self {
            Self::Fixed(header) => header.clone(),
            #[cfg(feature = "jwt")]
            Self::Signed(signer) => signer.header(_clock),
        }
    }

    /// Forgets the token of a header that was refused in a response of this `Date`; whether there can be a new one.
    pub(crate) fn renew(&self, _used: &HeaderValue, _date: Option<&HeaderValue>, _clock: &dyn Clock) -> bool {
        match self {
            Self::Fixed(_) => false,
            #[cfg(feature = "jwt")]
            Self::Signed(signer) => signer.renew(_used, _date, _clock),
        }
    }

    /// What is redacted in what a server says.
    pub(crate) fn secrets(&self) -> Vec<String> {
        match self {
            Self::Fixed(header) => vec![bare(header).to_owned()],
            #[cfg(feature = "jwt")]
            Self::Signed(signer) => signer.secrets(),
        }
    }
}

fn bare(header: &HeaderValue) -> &str {
    header.to_str().ok().and_then(|value| value.strip_prefix(SCHEME)).unwrap_or_default()
}

/// The header of a key, with or without its scheme.
fn of_key(key: &str) -> Result<HeaderValue, Violation> {
    let given = key.trim();
    let without = given.strip_prefix("Bearer").filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
    let key = without.unwrap_or(given).trim();
    let header = HeaderValue::try_from(format!("{SCHEME}{key}")).ok().filter(|_| !key.is_empty() && key.is_ascii());
    let mut header = header.ok_or_else(|| {
        let given = format!("{} characters", key.chars().count());
        Violation::new("key", "the API key: letters, digits and signs of ASCII", given)
    })?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(feature = "jwt")]
mod jwt {
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::time::{SystemTime, UNIX_EPOCH};

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use http::HeaderValue;
    use sha2::Sha256;

    use super::{SCHEME, bare};
    use crate::clock::Clock;
    use crate::error::Violation;

    // In seconds; the first two by Kling's reference.
    const VALID_FOR: i64 = 30 * 60;
    /// By how much a token is valid before it is signed, so how far this machine's clock may be ahead.
    const SLACK: i64 = 5;
    const RENEWED_BEFORE: i64 = 60;

    pub(crate) struct Signer {
        access: String,
        secret: String,
        mac: Hmac<Sha256>,
        state: Mutex<State>,
    }

    #[derive(Default)]
    struct State {
        token: Option<(HeaderValue, i64)>,
        /// By how many seconds the server's clock is ahead of the client's, as far as it matters.
        ahead: i64,
    }

    impl Signer {
        pub(super) fn new(access: &str, secret: &str) -> Result<Self, Violation> {
            let (access, secret) = (access.trim().to_owned(), secret.trim().to_owned());
            for (name, key) in [("access_key", &access), ("secret_key", &secret)] {
                if key.is_empty() {
                    return Err(Violation::new(name, "the key of Kling's console", "nothing"));
                }
            }
            let mac = Hmac::new_from_slice(secret.as_bytes());
            let mac = mac.map_err(|_| Violation::new("secret_key", "a key that can sign", "another one"))?;
            Ok(Self { access, secret, mac, state: Mutex::default() })
        }

        fn state(&self) -> MutexGuard<'_, State> {
            self.state.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(super) fn header(&self, clock: &dyn Clock) -> HeaderValue {
            let mut state = self.state();
            let now = seconds(clock.wall()).saturating_add(state.ahead);
            match &state.token {
                // Not that of a clock which was set back since.
                Some((header, signed)) if (0..VALID_FOR - RENEWED_BEFORE).contains(&now.saturating_sub(*signed)) => {
                    header.clone()
                }
                _ => state.token.insert((self.sign(now), now)).0.clone(),
            }
        }

        /// Another call may have signed a new token meanwhile, which is then the one to try.
        pub(super) fn renew(&self, used: &HeaderValue, date: Option<&HeaderValue>, clock: &dyn Clock) -> bool {
            let mut state = self.state();
            if state.token.as_ref().is_some_and(|(token, _)| token == used) {
                let date = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
                let ahead = date.map_or(0, |date| seconds(date).saturating_sub(seconds(clock.wall())));
                *state = State { token: None, ahead: if ahead.abs() > SLACK { ahead } else { 0 } };
            }
            true
        }

        pub(super) fn secrets(&self) -> Vec<String> {
            let token = self.state().token.as_ref().map(|(header, _)| bare(header).to_owned());
            token.into_iter().chain([self.secret.clone(), self.access.clone()]).collect()
        }

        fn sign(&self, now: i64) -> HeaderValue {
            let claims = serde_json::json!({
                "iss": self.access,
                "exp": now.saturating_add(VALID_FOR),
                "nbf": now.saturating_sub(SLACK),
            });
            let parts = [r#"{"alg":"HS256","typ":"JWT"}"#.to_owned(), claims.to_string()];
            let signed = parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
            let signature = self.mac.clone().chain_update(&signed).finalize().into_bytes();
            let header = format!("{SCHEME}{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
            // Base64 and dots fit into every header.
            let mut header = HeaderValue::try_from(header).unwrap_or_else(|_| HeaderValue::from_static(SCHEME));
            header.set_sensitive(true);
            header
        }
    }

    fn seconds(time: SystemTime) -> i64 {
        time.duration_since(UNIX_EPOCH).ok().and_then(|time| time.as_secs().try_into().ok()).unwrap_or_default()
    }
}
