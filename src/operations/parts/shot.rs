//! The shots of a video in several.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Violation;
use crate::values::{VideoDuration, open_enumeration};

/// The shots of a video in several: a prompt for each one, or one prompt that the model divides (Kling's reference).
///
/// ```
/// use kling_client::{Shot, Shots};
///
/// let yours = Shots::custom([Shot::new("A cat", 5), Shot::new("It puts a hat on", 3)]);
/// let the_models = Shots::intelligent();
/// ```
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Shots {
    /// Whether the video has several shots; for models of version 3.
    #[schemars(extend("x-group" = "Advanced"))]
    multi_shot: Option<bool>,
    /// Who divides the video into shots.
    #[schemars(extend("x-group" = "Advanced"))]
    shot_type: Option<ShotType>,
    /// The shots, 1–6; their lengths add up to that of the video.
    #[schemars(length(min = 1, max = 6), extend("x-option" = "shots", "x-group" = "Advanced"))]
    multi_prompt: Option<Vec<Shot>>,
}

open_enumeration! {
    /// Who divides a video into shots.
    ShotType {
        /// The caller, shot by shot.
        Customize = "customize",
        /// The model, from the prompt.
        Intelligence = "intelligence",
    }
}

/// One shot of a video in several: a prompt of at most 512 characters, and a length in seconds (Kling's reference).
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Shot {
    /// Its place, from 1.
    #[schemars(range(min = 1))]
    index: u32,
    /// What it shows.
    #[schemars(length(min = 1, max = 512))]
    prompt: String,
    /// Its length in seconds, as a string.
    #[schemars(extend("x-extensible-enum" = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]))]
    duration: VideoDuration,
}

impl Shot {
    /// A shot of this many seconds; its place is its place in the list.
    pub fn new(prompt: impl Into<String>, duration: impl Into<VideoDuration>) -> Self {
        Self { index: 1, prompt: prompt.into(), duration: duration.into() }
    }
}

impl Shots {
    /// 1–6 shots, whose lengths add up to that of the video; the request has no prompt of its own.
    pub fn custom(shots: impl IntoIterator<Item = Shot>) -> Self {
        let shots = shots.into_iter().zip(1..).map(|(shot, index)| Shot { index, ..shot });
        Self { multi_prompt: Some(shots.collect()), ..Self::of(ShotType::Customize) }
    }

    /// Shots into which the model divides the prompt.
    pub fn intelligent() -> Self {
        Self::of(ShotType::Intelligence)
    }

    fn of(shot_type: ShotType) -> Self {
        Self { multi_shot: Some(true), shot_type: Some(shot_type), multi_prompt: None }
    }

    /// Whether the video has several shots.
    pub(crate) fn are_several(&self) -> bool {
        self.multi_shot == Some(true)
    }

    /// A prompt or shots, whichever the division into shots leaves to the caller (Kling's reference): what is of no use
    /// there would be ignored, and paid. The lengths of the shots must add up to that of the video.
    pub(crate) fn rules<'a>(
        &self,
        prompt: Option<&str>,
        duration: impl Into<Option<&'a VideoDuration>>,
        found: &mut Vec<Violation>,
    ) {
        let mut refuse = |path: &str, limit: &str, given: &str| found.push(Violation::new(path, limit, given));
        let (shots, intelligent) = (&self.multi_prompt, self.shot_type == Some(ShotType::Intelligence));
        if !self.are_several() {
            if prompt.is_none() {
                refuse("prompt", "1–2500 characters where multi_shot is not true", "nothing");
            }
            for (path, is_given) in [("shot_type", self.shot_type.is_some()), ("multi_prompt", shots.is_some())] {
                if is_given {
                    refuse(path, "nothing where multi_shot is not true", "a value");
                }
            }
        } else if self.shot_type == Some(ShotType::Customize) {
            if shots.is_none() {
                refuse("multi_prompt", "1–6 items where shot_type is customize", "nothing");
            }
            if prompt.is_some() {
                refuse("prompt", "nothing where shot_type is customize: each shot has its own", "a prompt");
            }
        } else {
            if self.shot_type.is_none() {
                refuse("shot_type", "customize or intelligence where multi_shot is true", "nothing");
            }
            if prompt.is_none() && (shots.is_none() || intelligent) {
                refuse("prompt", "1–2500 characters, or shots of which shot_type is customize", "nothing");
            }
            if shots.is_some() && intelligent {
                refuse("multi_prompt", "nothing where shot_type is intelligence", "shots");
            }
        }
        let shots = shots.as_deref().unwrap_or_default();
        let sum: Option<f64> = shots.iter().map(|shot| shot.duration.seconds()).sum();
        if let (Some(sum), Some(whole)) = (sum, duration.into().and_then(VideoDuration::seconds))
            && sum != whole
            && !shots.is_empty()
        {
            let limit = format!("shots whose durations add up to the video's {whole} seconds");
            refuse("multi_prompt", &limit, &format!("{sum} seconds"));
        }
    }
}
