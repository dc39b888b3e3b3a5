//! The shots of a video in several.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Violation;
use crate::values::{ShotType, VideoDuration};

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

    pub(crate) fn in_order(shots: impl IntoIterator<Item = Self>) -> Vec<Self> {
        shots.into_iter().zip(1..).map(|(shot, index)| Self { index, ..shot }).collect()
    }

    /// A prompt or shots, whichever the division into shots leaves to the caller (Kling's reference): what is of no use
    /// there would be ignored, and paid.
    pub(crate) fn division(
        multi_shot: Option<bool>,
        shot_type: Option<&ShotType>,
        prompt: Option<&str>,
        shots: Option<&[Self]>,
        found: &mut Vec<Violation>,
    ) {
        let mut refuse = |path: &str, limit: &str, given: &str| found.push(Violation::new(path, limit, given));
        let customized = shot_type == Some(&ShotType::Customize);
        match multi_shot {
            Some(true) if customized => {
                if shots.is_none() {
                    refuse("multi_prompt", "1–6 items where shot_type is customize", "nothing");
                }
                if prompt.is_some() {
                    refuse("prompt", "nothing where shot_type is customize: each shot has its own", "a prompt");
                }
            }
            Some(true) => {
                if shot_type.is_none() {
                    refuse("shot_type", "customize or intelligence where multi_shot is true", "nothing");
                }
                if prompt.is_none() && (shots.is_none() || shot_type == Some(&ShotType::Intelligence)) {
                    refuse("prompt", "1–2500 characters, or shots of which shot_type is customize", "nothing");
                }
                if shots.is_some() && shot_type == Some(&ShotType::Intelligence) {
                    refuse("multi_prompt", "nothing where shot_type is intelligence", "shots");
                }
            }
            _ => {
                if prompt.is_none() {
                    refuse("prompt", "1–2500 characters where multi_shot is not true", "nothing");
                }
                for (path, is_given) in [("shot_type", shot_type.is_some()), ("multi_prompt", shots.is_some())] {
                    if is_given {
                        refuse(path, "nothing where multi_shot is not true", "a value");
                    }
                }
            }
        }
    }

    /// The lengths of the shots must add up to that of the video.
    pub(crate) fn rules(shots: &[Self], duration: &VideoDuration, found: &mut Vec<Violation>) {
        let lengths = shots.iter().map(|shot| shot.duration.seconds());
        let sum: Option<f64> = lengths.sum();
        if let (Some(sum), Some(whole)) = (sum, duration.seconds())
            && sum != whole
            && !shots.is_empty()
        {
            let limit = format!("shots whose durations add up to the video's {whole} seconds");
            found.push(Violation::new("multi_prompt", limit, format!("{sum} seconds")));
        }
    }
}
