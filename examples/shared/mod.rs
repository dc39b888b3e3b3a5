//! What the examples share: the API that they go to, and the directory that they write to.
//!
//! Each takes `[--live] [DIRECTORY]`. Without `--live` the API is played by the sandbox, on this machine and for nothing;
//! with it, it is the gateway that `KLING_API_KEY` and `KLING_BASE_URL` name, and costs money.

#![allow(dead_code, reason = "each example uses a part")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kling_client::{Client, ClientBuilder, Image, MultiImageToVideo};
use kling_sandbox::Sandbox;

/// Where an example plays.
pub struct Stage {
    /// It stops when it is dropped.
    sandbox: Option<Sandbox>,
    directory: PathBuf,
}

impl Stage {
    /// As the command line says.
    pub async fn from_arguments() -> Result<Self, Box<dyn Error>> {
        let (mut live, mut directory) = (false, PathBuf::from("."));
        for argument in std::env::args_os().skip(1) {
            match argument.to_str() {
                Some("--live") => live = true,
                Some(option) if option.starts_with('-') => return Err(format!("unknown option {option:?}").into()),
                _ => directory = argument.into(),
            }
        }
        let sandbox = match live {
            true => None,
            false => Some(Sandbox::builder().task_time(Duration::from_secs(1)).start().await?),
        };
        Ok(Self { sandbox, directory })
    }

    /// The beginning of a client of that API.
    pub fn client(&self) -> Result<ClientBuilder, Box<dyn Error>> {
        let Some(sandbox) = &self.sandbox else {
            let key = std::env::var(kling_client::KEY_VARIABLE)?;
            let client = Client::builder(key);
            return Ok(match std::env::var(kling_client::BASE_URL_VARIABLE) {
                Ok(url) => client.base_url(url),
                Err(_) => client,
            });
        };
        Ok(Client::builder(sandbox.api_key()).base_url(sandbox.base_url()))
    }

    /// Where a file goes.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.join(name)
    }
}

/// One of the project's pictures: `cat.png` or `hat.jpg`.
pub fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/images").join(name)
}

/// A cat, a hat, and what is to become of them.
pub fn request() -> kling_client::Result<MultiImageToVideo> {
    MultiImageToVideo::builder()
        .images([Image::file(picture("cat.png")), Image::file(picture("hat.jpg"))])
        .prompt("The cat puts the hat on")
        .build()
}
