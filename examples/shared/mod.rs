//! What the examples share: the API that they use, and the directory that they write to.
//!
//! Each takes `[--live] [DIRECTORY]`. By default the sandbox plays the API on this machine, for nothing; with `--live` it is
//! the gateway of `KLING_BASE_URL` with the key `KLING_API_KEY`, which costs money.

#![allow(dead_code, reason = "each example uses a part")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kling_client::{Client, ClientBuilder, Image, MultiImageToVideo, Request};
use kling_sandbox::Sandbox;

/// How long a task of the sandbox takes.
const TASK_TIME: Duration = Duration::from_secs(1);

/// The surroundings of an example.
pub struct Stage {
    /// Stops when it is dropped.
    sandbox: Option<Sandbox>,
    directory: PathBuf,
}

impl Stage {
    /// Reads the command line.
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
            false => Some(Sandbox::builder().task_time(TASK_TIME).start().await?),
        };
        Ok(Self { sandbox, directory })
    }

    /// Builder for a client of that API.
    pub fn client(&self) -> Result<ClientBuilder, Box<dyn Error>> {
        let Some(sandbox) = &self.sandbox else {
            return Ok(Client::builder_from_env()?);
        };
        Ok(Client::builder(sandbox.api_key()).base_url(sandbox.base_url()).expected(TASK_TIME))
    }

    /// The path of a file in the directory.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.join(name)
    }
}

/// A sample image: `cat.png` or `hat.jpg`.
pub fn image(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/images").join(name)
}

/// A request for a video from both sample images.
pub fn request() -> kling_client::Result<Request> {
    MultiImageToVideo::builder()
        .images([Image::file(image("cat.png")), Image::file(image("hat.jpg"))])
        .prompt("The cat puts the hat on")
        .build()
}
