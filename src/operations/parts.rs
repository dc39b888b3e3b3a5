//! Parts that requests of several operations share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Violation;
use crate::values::{ShotType, VideoDuration, open_enumeration};

/// What a builder keeps beside the fields.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Extra {
    /// Fields that this crate does not know.
    #[serde(skip)]
    pub(crate) fields: Map<String, Value>,
    /// Whether no external id is minted.
    #[serde(skip)]
    pub(crate) anonymous: bool,
}

#[cfg_attr(not(test), expect(dead_code, reason = "of the first operation that is answered at once"))]
impl Extra {
    pub(crate) fn extra(&self) -> &Self {
        self
    }

    pub(crate) fn extra_mut(&mut self) -> &mut Self {
        self
    }
}

/// What every request of a task may have.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Common {
    /// A public http or https URL that is notified of every change of status.
    #[schemars(url, extend("x-group" = "Task"))]
    pub(crate) callback_url: Option<String>,
    /// Your own id of the task, unique in your account; one is minted by default.
    #[schemars(extend("x-option" = "external-id", "x-group" = "Task"))]
    pub(crate) external_task_id: Option<String>,
    #[serde(skip)]
    extra: Extra,
}

impl Common {
    pub(crate) fn extra(&self) -> &Extra {
        &self.extra
    }

    pub(crate) fn extra_mut(&mut self) -> &mut Extra {
        &mut self.extra
    }
}

/// Whether a watermarked output is made as well.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-option" = "watermark"))]
pub(crate) struct Watermark {
    /// On or off.
    enabled: bool,
}

impl From<bool> for Watermark {
    fn from(enabled: bool) -> Self {
        Self { enabled }
    }
}

open_enumeration! {
    /// A movement of the camera.
    Movement {
        /// By one of six values.
        Simple = "simple",
        DownBack = "down_back",
        ForwardUp = "forward_up",
        RightTurnForward = "right_turn_forward",
        LeftTurnForward = "left_turn_forward",
    }
}

/// How the camera moves: by one value from −10 to 10, or in one of the named ways (Kling's reference).
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-option" = "camera"))]
pub struct Camera {
    /// The movement.
    r#type: Movement,
    /// The value of a simple movement: exactly one differs from 0.
    config: Option<CameraConfig>,
}

#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
struct CameraConfig {
    /// Along the x axis.
    #[schemars(range(min = -10.0, max = 10.0))]
    horizontal: Option<f64>,
    /// Along the y axis.
    #[schemars(range(min = -10.0, max = 10.0))]
    vertical: Option<f64>,
    /// Rotation around the x axis.
    #[schemars(range(min = -10.0, max = 10.0))]
    pan: Option<f64>,
    /// Rotation around the y axis.
    #[schemars(range(min = -10.0, max = 10.0))]
    tilt: Option<f64>,
    /// Rotation around the z axis.
    #[schemars(range(min = -10.0, max = 10.0))]
    roll: Option<f64>,
    /// Narrower or wider field of view.
    #[schemars(range(min = -10.0, max = 10.0))]
    zoom: Option<f64>,
}

/// A constructor for each value of a simple movement.
macro_rules! simple {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        impl Camera {
            $($(#[$doc])* pub fn $name(value: f64) -> Self {
                let config = CameraConfig { $name: Some(value), ..CameraConfig::default() };
                Self { r#type: Movement::Simple, config: Some(config) }
            })+
        }

        impl CameraConfig {
            fn moving(&self) -> usize {
                [$(self.$name),+].into_iter().flatten().filter(|value| *value != 0.0).count()
            }
        }
    };
}

simple! {
    /// Moves left (below 0) or right, −10 to 10.
    horizontal,
    /// Moves down (below 0) or up, −10 to 10.
    vertical,
    /// Turns around the x axis, −10 to 10.
    pan,
    /// Turns around the y axis, −10 to 10.
    tilt,
    /// Turns around the z axis, −10 to 10.
    roll,
    /// Zooms: a longer focal length below 0, a shorter one above, −10 to 10.
    zoom,
}

impl From<Movement> for Camera {
    /// One of the named movements, which take no value.
    fn from(movement: Movement) -> Self {
        Self { r#type: movement, config: None }
    }
}

impl Camera {
    pub(crate) fn rules(&self, path: &str, found: &mut Vec<Violation>) {
        let moving = self.config.as_ref().map(CameraConfig::moving);
        match (&self.r#type, moving) {
            (Movement::Simple, Some(1)) | (Movement::Other(_), _) => {}
            (Movement::Simple, moving) => found.push(Violation::new(
                format!("{path}.config"),
                "exactly one value other than 0",
                moving.map_or("nothing".to_owned(), |count| format!("{count} values other than 0")),
            )),
            (_, Some(_)) => {
                found.push(Violation::new(format!("{path}.config"), "nothing, unless the type is simple", "a config"));
            }
            (_, None) => {}
        }
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
