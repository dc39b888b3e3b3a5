//! How the camera moves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Violation;
use crate::values::open_enumeration;

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
#[schemars(extend("x-option" = "camera", "x-group" = "Advanced"))]
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
    pub(crate) fn rules(&self, found: &mut Vec<Violation>) {
        const CONFIG: &str = "camera_control.config";
        let moving = self.config.as_ref().map(CameraConfig::moving);
        match (&self.r#type, moving) {
            (Movement::Simple, Some(1)) | (Movement::Other(_), _) => {}
            (Movement::Simple, moving) => found.push(Violation::new(
                CONFIG,
                "exactly one value other than 0",
                moving.map_or("nothing".to_owned(), |count| format!("{count} values other than 0")),
            )),
            (_, Some(_)) => {
                found.push(Violation::new(CONFIG, "nothing, unless the type is simple", "a config"));
            }
            (_, None) => {}
        }
    }
}
