#[allow(unused_imports)]
pub use progenitor_client::{ByteStream, ClientInfo, Error, ResponseValue};
#[allow(unused_imports)]
use progenitor_client::{encode_path, ClientHooks, OperationInfo, RequestBuilderExt};
/// Types used as operation parameters and responses.
#[allow(clippy::all)]
pub mod types {
    ///`CreateImageToVideoBody`
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateImageToVideoBody {
        ///URL that receives every change of the task's status
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub callback_url: ::std::option::Option<::std::string::String>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub camera_control: ::std::option::Option<CreateImageToVideoBodyCameraControl>,
        ///How closely the video follows the prompt; unknown to the models of generation 2
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cfg_scale: ::std::option::Option<f64>,
        ///Length in seconds; 5 and 10 for every model, the others for kling-v3
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub duration: ::std::option::Option<::std::string::String>,
        ///Areas that move, each along a line
        #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
        pub dynamic_masks: ::std::vec::Vec<CreateImageToVideoBodyDynamicMasksItem>,
        ///Elements that the video shows
        #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
        pub element_list: ::std::vec::Vec<CreateImageToVideoBodyElementListItem>,
        ///The caller's own id of the task, unique in the account
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub external_task_id: ::std::option::Option<::std::string::String>,
        ///The first frame, a URL or Base64 without a prefix
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub image: ::std::option::Option<::std::string::String>,
        ///The last frame, a URL or Base64 without a prefix
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub image_tail: ::std::option::Option<::std::string::String>,
        ///Quality; 4k is for kling-v3
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub mode: ::std::option::Option<::std::string::String>,
        ///Model name
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub model_name: ::std::option::Option<::std::string::String>,
        ///The shots of a caller who plans them
        #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
        pub multi_prompt: ::std::vec::Vec<CreateImageToVideoBodyMultiPromptItem>,
        ///Whether the video has several shots
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub multi_shot: ::std::option::Option<bool>,
        ///What the video should not show
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub negative_prompt: ::std::option::Option<::std::string::String>,
        ///What the video shows; \<\<\<voice_1\>\>\> names the first voice of voice_list
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub prompt: ::std::option::Option<::std::string::String>,
        ///Who plans the shots, the caller (customize) or the model (intelligence)
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub shot_type: ::std::option::Option<::std::string::String>,
        ///Whether a sound track is generated, from kling-v2-6 on
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub sound: ::std::option::Option<::std::string::String>,
        ///The area that does not move, a mask of the ratio of image
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub static_mask: ::std::option::Option<::std::string::String>,
        ///Voices that the prompt names
        #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
        pub voice_list: ::std::vec::Vec<CreateImageToVideoBodyVoiceListItem>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub watermark_info: ::std::option::Option<CreateImageToVideoBodyWatermarkInfo>,
    }
    impl CreateImageToVideoBody {
        pub fn builder() -> builder::CreateImageToVideoBody {
            Default::default()
        }
    }
    ///Camera movement; the model chooses one where this is missing
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateImageToVideoBodyCameraControl {
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub config: ::std::option::Option<CreateImageToVideoBodyCameraControlConfig>,
        ///A named movement, or simple for the one in config
        #[serde(rename = "type", skip_serializing_if = "::std::option::Option::is_none")]
        pub type_: ::std::option::Option<::std::string::String>,
    }
    impl CreateImageToVideoBodyCameraControl {
        pub fn builder() -> builder::CreateImageToVideoBodyCameraControl {
            Default::default()
        }
    }
    ///The movement of the type simple; a single value differs from 0
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateImageToVideoBodyCameraControlConfig {
        ///Shift to the left (negative) or right
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub horizontal: ::std::option::Option<f64>,
        ///Rotation about the x axis
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub pan: ::std::option::Option<f64>,
        ///Rotation about the z axis
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub roll: ::std::option::Option<f64>,
        ///Rotation about the y axis
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub tilt: ::std::option::Option<f64>,
        ///Shift down (negative) or up
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub vertical: ::std::option::Option<f64>,
        ///Change of the focal length
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub zoom: ::std::option::Option<f64>,
    }
    impl CreateImageToVideoBodyCameraControlConfig {
        pub fn builder() -> builder::CreateImageToVideoBodyCameraControlConfig {
            Default::default()
        }
    }
    ///`CreateImageToVideoBodyDynamicMasksItem`
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateImageToVideoBodyDynamicMasksItem {
        ///The area, a mask of the ratio of image
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub mask: ::std::option::Option<::std::string::String>,
        ///The points of the line
        #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
        pub trajectories: ::std::vec::Vec<
            CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem,
        >,
    }
    impl CreateImageToVideoBodyDynamicMasksItem {
        pub fn builder() -> builder::CreateImageToVideoBodyDynamicMasksItem {
            Default::default()
        }
    }
    ///`CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem`
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem {
        ///Pixels from the left edge
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub x: ::std::option::Option<i64>,
        ///Pixels from the bottom edge
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub y: ::std::option::Option<i64>,
    }
    impl CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem {
        pub fn builder() -> builder::CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem {
            Default::default()
        }
    }
    ///`CreateImageToVideoBodyElementListItem`
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateImageToVideoBodyElementListItem {
        ///The id of an element, a number (beyond 2^53 too) or a text, sent as it came
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub element_id: ::std::option::Option<::serde_json::Value>,
    }
    impl CreateImageToVideoBodyElementListItem {
        pub fn builder() -> builder::CreateImageToVideoBodyElementListItem {
            Default::default()
        }
    }
    ///`CreateImageToVideoBodyMultiPromptItem`
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateImageToVideoBodyMultiPromptItem {
        ///Length in seconds; those of all shots add up to the length of the video
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub duration: ::std::option::Option<::std::string::String>,
        ///Place in the video, from 1
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub index: ::std::option::Option<i64>,
        ///What the shot shows
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub prompt: ::std::option::Option<::std::string::String>,
    }
    impl CreateImageToVideoBodyMultiPromptItem {
        pub fn builder() -> builder::CreateImageToVideoBodyMultiPromptItem {
            Default::default()
        }
    }
    ///`CreateImageToVideoBodyVoiceListItem`
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateImageToVideoBodyVoiceListItem {
        ///The id of a voice
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub voice_id: ::std::option::Option<::std::string::String>,
    }
    impl CreateImageToVideoBodyVoiceListItem {
        pub fn builder() -> builder::CreateImageToVideoBodyVoiceListItem {
            Default::default()
        }
    }
    ///Whether a video with a watermark is made as well
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateImageToVideoBodyWatermarkInfo {
        ///On or off
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub enabled: ::std::option::Option<bool>,
    }
    impl CreateImageToVideoBodyWatermarkInfo {
        pub fn builder() -> builder::CreateImageToVideoBodyWatermarkInfo {
            Default::default()
        }
    }
    ///`CreateMultiImageToVideoBody`
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateMultiImageToVideoBody {
        ///The aspect ratio (width:height) of the generated image.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub aspect_ratio: ::std::option::Option<::std::string::String>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub callback_url: ::std::option::Option<::std::string::String>,
        ///Video duration (in seconds) Enumerated values: 5, 10
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub duration: ::std::option::Option<::std::string::String>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub external_task_id: ::std::option::Option<::std::string::String>,
        ///Supports up to 4 images
        #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
        pub image_list: ::std::vec::Vec<CreateMultiImageToVideoBodyImageListItem>,
        ///Video generation mode Enum values: std, pro std: Standard mode (basic), cost-effective pro: Expert mode (high quality), better video quality
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub mode: ::std::option::Option<::std::string::String>,
        ///Model name Enumeration value: kling-v1-6
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub model_name: ::std::option::Option<::std::string::String>,
        ///Negative text prompts
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub negative_prompt: ::std::option::Option<::std::string::String>,
        ///Positive text prompts cannot exceed 2500 characters
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub prompt: ::std::option::Option<::std::string::String>,
    }
    impl CreateMultiImageToVideoBody {
        pub fn builder() -> builder::CreateMultiImageToVideoBody {
            Default::default()
        }
    }
    ///`CreateMultiImageToVideoBodyImageListItem`
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateMultiImageToVideoBodyImageListItem {
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub image: ::std::option::Option<::std::string::String>,
    }
    impl CreateMultiImageToVideoBodyImageListItem {
        pub fn builder() -> builder::CreateMultiImageToVideoBodyImageListItem {
            Default::default()
        }
    }
    ///`CreateTextToVideoBody`
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateTextToVideoBody {
        ///Width and height of the video
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub aspect_ratio: ::std::option::Option<::std::string::String>,
        ///URL that receives every change of the task's status
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub callback_url: ::std::option::Option<::std::string::String>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub camera_control: ::std::option::Option<CreateTextToVideoBodyCameraControl>,
        ///How closely the video follows the prompt; unknown to the models of generation 2
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub cfg_scale: ::std::option::Option<f64>,
        ///Length in seconds; 5 and 10 for every model, the others for kling-v3
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub duration: ::std::option::Option<::std::string::String>,
        ///The caller's own id of the task, unique in the account
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub external_task_id: ::std::option::Option<::std::string::String>,
        ///Quality; 4k is for kling-v3
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub mode: ::std::option::Option<::std::string::String>,
        ///Model name
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub model_name: ::std::option::Option<::std::string::String>,
        ///The shots of a caller who plans them
        #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
        pub multi_prompt: ::std::vec::Vec<CreateTextToVideoBodyMultiPromptItem>,
        ///Whether the video has several shots
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub multi_shot: ::std::option::Option<bool>,
        ///What the video should not show
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub negative_prompt: ::std::option::Option<::std::string::String>,
        ///What the video shows; left out where every shot has a prompt of its own
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub prompt: ::std::option::Option<::std::string::String>,
        ///Who plans the shots, the caller (customize) or the model (intelligence)
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub shot_type: ::std::option::Option<::std::string::String>,
        ///Whether a sound track is generated, from kling-v2-6 on
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub sound: ::std::option::Option<::std::string::String>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub watermark_info: ::std::option::Option<CreateTextToVideoBodyWatermarkInfo>,
    }
    impl CreateTextToVideoBody {
        pub fn builder() -> builder::CreateTextToVideoBody {
            Default::default()
        }
    }
    ///Camera movement; the model chooses one where this is missing
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateTextToVideoBodyCameraControl {
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub config: ::std::option::Option<CreateTextToVideoBodyCameraControlConfig>,
        ///A named movement, or simple for the one in config
        #[serde(rename = "type", skip_serializing_if = "::std::option::Option::is_none")]
        pub type_: ::std::option::Option<::std::string::String>,
    }
    impl CreateTextToVideoBodyCameraControl {
        pub fn builder() -> builder::CreateTextToVideoBodyCameraControl {
            Default::default()
        }
    }
    ///The movement of the type simple; a single value differs from 0
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateTextToVideoBodyCameraControlConfig {
        ///Shift to the left (negative) or right
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub horizontal: ::std::option::Option<f64>,
        ///Rotation about the x axis
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub pan: ::std::option::Option<f64>,
        ///Rotation about the z axis
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub roll: ::std::option::Option<f64>,
        ///Rotation about the y axis
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub tilt: ::std::option::Option<f64>,
        ///Shift down (negative) or up
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub vertical: ::std::option::Option<f64>,
        ///Change of the focal length
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub zoom: ::std::option::Option<f64>,
    }
    impl CreateTextToVideoBodyCameraControlConfig {
        pub fn builder() -> builder::CreateTextToVideoBodyCameraControlConfig {
            Default::default()
        }
    }
    ///`CreateTextToVideoBodyMultiPromptItem`
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateTextToVideoBodyMultiPromptItem {
        ///Length in seconds; those of all shots add up to the length of the video
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub duration: ::std::option::Option<::std::string::String>,
        ///Place in the video, from 1
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub index: ::std::option::Option<i64>,
        ///What the shot shows
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub prompt: ::std::option::Option<::std::string::String>,
    }
    impl CreateTextToVideoBodyMultiPromptItem {
        pub fn builder() -> builder::CreateTextToVideoBodyMultiPromptItem {
            Default::default()
        }
    }
    ///Whether a video with a watermark is made as well
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct CreateTextToVideoBodyWatermarkInfo {
        ///On or off
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub enabled: ::std::option::Option<bool>,
    }
    impl CreateTextToVideoBodyWatermarkInfo {
        pub fn builder() -> builder::CreateTextToVideoBodyWatermarkInfo {
            Default::default()
        }
    }
    /// Types for composing complex structures.
    pub mod builder {
        #[derive(Clone, Debug)]
        pub struct CreateImageToVideoBody {
            callback_url: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            camera_control: ::std::result::Result<
                ::std::option::Option<super::CreateImageToVideoBodyCameraControl>,
                ::std::string::String,
            >,
            cfg_scale: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
            duration: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            dynamic_masks: ::std::result::Result<
                ::std::vec::Vec<super::CreateImageToVideoBodyDynamicMasksItem>,
                ::std::string::String,
            >,
            element_list: ::std::result::Result<
                ::std::vec::Vec<super::CreateImageToVideoBodyElementListItem>,
                ::std::string::String,
            >,
            external_task_id: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            image: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            image_tail: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            mode: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            model_name: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            multi_prompt: ::std::result::Result<
                ::std::vec::Vec<super::CreateImageToVideoBodyMultiPromptItem>,
                ::std::string::String,
            >,
            multi_shot: ::std::result::Result<
                ::std::option::Option<bool>,
                ::std::string::String,
            >,
            negative_prompt: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            prompt: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            shot_type: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            sound: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            static_mask: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            voice_list: ::std::result::Result<
                ::std::vec::Vec<super::CreateImageToVideoBodyVoiceListItem>,
                ::std::string::String,
            >,
            watermark_info: ::std::result::Result<
                ::std::option::Option<super::CreateImageToVideoBodyWatermarkInfo>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateImageToVideoBody {
            fn default() -> Self {
                Self {
                    callback_url: Ok(Default::default()),
                    camera_control: Ok(Default::default()),
                    cfg_scale: Ok(Default::default()),
                    duration: Ok(Default::default()),
                    dynamic_masks: Ok(Default::default()),
                    element_list: Ok(Default::default()),
                    external_task_id: Ok(Default::default()),
                    image: Ok(Default::default()),
                    image_tail: Ok(Default::default()),
                    mode: Ok(Default::default()),
                    model_name: Ok(Default::default()),
                    multi_prompt: Ok(Default::default()),
                    multi_shot: Ok(Default::default()),
                    negative_prompt: Ok(Default::default()),
                    prompt: Ok(Default::default()),
                    shot_type: Ok(Default::default()),
                    sound: Ok(Default::default()),
                    static_mask: Ok(Default::default()),
                    voice_list: Ok(Default::default()),
                    watermark_info: Ok(Default::default()),
                }
            }
        }
        impl CreateImageToVideoBody {
            pub fn callback_url<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.callback_url = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for callback_url: {e}")
                    });
                self
            }
            pub fn camera_control<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::option::Option<super::CreateImageToVideoBodyCameraControl>,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.camera_control = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for camera_control: {e}"
                        )
                    });
                self
            }
            pub fn cfg_scale<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.cfg_scale = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for cfg_scale: {e}")
                    });
                self
            }
            pub fn duration<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.duration = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for duration: {e}")
                    });
                self
            }
            pub fn dynamic_masks<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::vec::Vec<super::CreateImageToVideoBodyDynamicMasksItem>,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.dynamic_masks = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for dynamic_masks: {e}")
                    });
                self
            }
            pub fn element_list<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::vec::Vec<super::CreateImageToVideoBodyElementListItem>,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.element_list = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for element_list: {e}")
                    });
                self
            }
            pub fn external_task_id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.external_task_id = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for external_task_id: {e}"
                        )
                    });
                self
            }
            pub fn image<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.image = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for image: {e}")
                    });
                self
            }
            pub fn image_tail<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.image_tail = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for image_tail: {e}")
                    });
                self
            }
            pub fn mode<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.mode = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for mode: {e}")
                    });
                self
            }
            pub fn model_name<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.model_name = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for model_name: {e}")
                    });
                self
            }
            pub fn multi_prompt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::vec::Vec<super::CreateImageToVideoBodyMultiPromptItem>,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.multi_prompt = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for multi_prompt: {e}")
                    });
                self
            }
            pub fn multi_shot<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<bool>>,
                T::Error: ::std::fmt::Display,
            {
                self.multi_shot = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for multi_shot: {e}")
                    });
                self
            }
            pub fn negative_prompt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.negative_prompt = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for negative_prompt: {e}"
                        )
                    });
                self
            }
            pub fn prompt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.prompt = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for prompt: {e}")
                    });
                self
            }
            pub fn shot_type<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.shot_type = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for shot_type: {e}")
                    });
                self
            }
            pub fn sound<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.sound = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for sound: {e}")
                    });
                self
            }
            pub fn static_mask<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.static_mask = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for static_mask: {e}")
                    });
                self
            }
            pub fn voice_list<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::vec::Vec<super::CreateImageToVideoBodyVoiceListItem>,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.voice_list = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for voice_list: {e}")
                    });
                self
            }
            pub fn watermark_info<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::option::Option<super::CreateImageToVideoBodyWatermarkInfo>,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.watermark_info = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for watermark_info: {e}"
                        )
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateImageToVideoBody>
        for super::CreateImageToVideoBody {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateImageToVideoBody,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    callback_url: value.callback_url?,
                    camera_control: value.camera_control?,
                    cfg_scale: value.cfg_scale?,
                    duration: value.duration?,
                    dynamic_masks: value.dynamic_masks?,
                    element_list: value.element_list?,
                    external_task_id: value.external_task_id?,
                    image: value.image?,
                    image_tail: value.image_tail?,
                    mode: value.mode?,
                    model_name: value.model_name?,
                    multi_prompt: value.multi_prompt?,
                    multi_shot: value.multi_shot?,
                    negative_prompt: value.negative_prompt?,
                    prompt: value.prompt?,
                    shot_type: value.shot_type?,
                    sound: value.sound?,
                    static_mask: value.static_mask?,
                    voice_list: value.voice_list?,
                    watermark_info: value.watermark_info?,
                })
            }
        }
        impl ::std::convert::From<super::CreateImageToVideoBody>
        for CreateImageToVideoBody {
            fn from(value: super::CreateImageToVideoBody) -> Self {
                Self {
                    callback_url: Ok(value.callback_url),
                    camera_control: Ok(value.camera_control),
                    cfg_scale: Ok(value.cfg_scale),
                    duration: Ok(value.duration),
                    dynamic_masks: Ok(value.dynamic_masks),
                    element_list: Ok(value.element_list),
                    external_task_id: Ok(value.external_task_id),
                    image: Ok(value.image),
                    image_tail: Ok(value.image_tail),
                    mode: Ok(value.mode),
                    model_name: Ok(value.model_name),
                    multi_prompt: Ok(value.multi_prompt),
                    multi_shot: Ok(value.multi_shot),
                    negative_prompt: Ok(value.negative_prompt),
                    prompt: Ok(value.prompt),
                    shot_type: Ok(value.shot_type),
                    sound: Ok(value.sound),
                    static_mask: Ok(value.static_mask),
                    voice_list: Ok(value.voice_list),
                    watermark_info: Ok(value.watermark_info),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateImageToVideoBodyCameraControl {
            config: ::std::result::Result<
                ::std::option::Option<super::CreateImageToVideoBodyCameraControlConfig>,
                ::std::string::String,
            >,
            type_: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateImageToVideoBodyCameraControl {
            fn default() -> Self {
                Self {
                    config: Ok(Default::default()),
                    type_: Ok(Default::default()),
                }
            }
        }
        impl CreateImageToVideoBodyCameraControl {
            pub fn config<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::option::Option<
                        super::CreateImageToVideoBodyCameraControlConfig,
                    >,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.config = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for config: {e}")
                    });
                self
            }
            pub fn type_<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.type_ = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for type_: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateImageToVideoBodyCameraControl>
        for super::CreateImageToVideoBodyCameraControl {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateImageToVideoBodyCameraControl,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    config: value.config?,
                    type_: value.type_?,
                })
            }
        }
        impl ::std::convert::From<super::CreateImageToVideoBodyCameraControl>
        for CreateImageToVideoBodyCameraControl {
            fn from(value: super::CreateImageToVideoBodyCameraControl) -> Self {
                Self {
                    config: Ok(value.config),
                    type_: Ok(value.type_),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateImageToVideoBodyCameraControlConfig {
            horizontal: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
            pan: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
            roll: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
            tilt: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
            vertical: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
            zoom: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateImageToVideoBodyCameraControlConfig {
            fn default() -> Self {
                Self {
                    horizontal: Ok(Default::default()),
                    pan: Ok(Default::default()),
                    roll: Ok(Default::default()),
                    tilt: Ok(Default::default()),
                    vertical: Ok(Default::default()),
                    zoom: Ok(Default::default()),
                }
            }
        }
        impl CreateImageToVideoBodyCameraControlConfig {
            pub fn horizontal<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.horizontal = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for horizontal: {e}")
                    });
                self
            }
            pub fn pan<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.pan = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for pan: {e}")
                    });
                self
            }
            pub fn roll<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.roll = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for roll: {e}")
                    });
                self
            }
            pub fn tilt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.tilt = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for tilt: {e}")
                    });
                self
            }
            pub fn vertical<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.vertical = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for vertical: {e}")
                    });
                self
            }
            pub fn zoom<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.zoom = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for zoom: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateImageToVideoBodyCameraControlConfig>
        for super::CreateImageToVideoBodyCameraControlConfig {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateImageToVideoBodyCameraControlConfig,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    horizontal: value.horizontal?,
                    pan: value.pan?,
                    roll: value.roll?,
                    tilt: value.tilt?,
                    vertical: value.vertical?,
                    zoom: value.zoom?,
                })
            }
        }
        impl ::std::convert::From<super::CreateImageToVideoBodyCameraControlConfig>
        for CreateImageToVideoBodyCameraControlConfig {
            fn from(value: super::CreateImageToVideoBodyCameraControlConfig) -> Self {
                Self {
                    horizontal: Ok(value.horizontal),
                    pan: Ok(value.pan),
                    roll: Ok(value.roll),
                    tilt: Ok(value.tilt),
                    vertical: Ok(value.vertical),
                    zoom: Ok(value.zoom),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateImageToVideoBodyDynamicMasksItem {
            mask: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            trajectories: ::std::result::Result<
                ::std::vec::Vec<
                    super::CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem,
                >,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateImageToVideoBodyDynamicMasksItem {
            fn default() -> Self {
                Self {
                    mask: Ok(Default::default()),
                    trajectories: Ok(Default::default()),
                }
            }
        }
        impl CreateImageToVideoBodyDynamicMasksItem {
            pub fn mask<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.mask = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for mask: {e}")
                    });
                self
            }
            pub fn trajectories<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::vec::Vec<
                        super::CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem,
                    >,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.trajectories = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for trajectories: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateImageToVideoBodyDynamicMasksItem>
        for super::CreateImageToVideoBodyDynamicMasksItem {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateImageToVideoBodyDynamicMasksItem,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    mask: value.mask?,
                    trajectories: value.trajectories?,
                })
            }
        }
        impl ::std::convert::From<super::CreateImageToVideoBodyDynamicMasksItem>
        for CreateImageToVideoBodyDynamicMasksItem {
            fn from(value: super::CreateImageToVideoBodyDynamicMasksItem) -> Self {
                Self {
                    mask: Ok(value.mask),
                    trajectories: Ok(value.trajectories),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem {
            x: ::std::result::Result<::std::option::Option<i64>, ::std::string::String>,
            y: ::std::result::Result<::std::option::Option<i64>, ::std::string::String>,
        }
        impl ::std::default::Default
        for CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem {
            fn default() -> Self {
                Self {
                    x: Ok(Default::default()),
                    y: Ok(Default::default()),
                }
            }
        }
        impl CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem {
            pub fn x<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<i64>>,
                T::Error: ::std::fmt::Display,
            {
                self.x = value
                    .try_into()
                    .map_err(|e| format!("error converting supplied value for x: {e}"));
                self
            }
            pub fn y<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<i64>>,
                T::Error: ::std::fmt::Display,
            {
                self.y = value
                    .try_into()
                    .map_err(|e| format!("error converting supplied value for y: {e}"));
                self
            }
        }
        impl ::std::convert::TryFrom<
            CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem,
        > for super::CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self { x: value.x?, y: value.y? })
            }
        }
        impl ::std::convert::From<
            super::CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem,
        > for CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem {
            fn from(
                value: super::CreateImageToVideoBodyDynamicMasksItemTrajectoriesItem,
            ) -> Self {
                Self {
                    x: Ok(value.x),
                    y: Ok(value.y),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateImageToVideoBodyElementListItem {
            element_id: ::std::result::Result<
                ::std::option::Option<::serde_json::Value>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateImageToVideoBodyElementListItem {
            fn default() -> Self {
                Self {
                    element_id: Ok(Default::default()),
                }
            }
        }
        impl CreateImageToVideoBodyElementListItem {
            pub fn element_id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::serde_json::Value>>,
                T::Error: ::std::fmt::Display,
            {
                self.element_id = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for element_id: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateImageToVideoBodyElementListItem>
        for super::CreateImageToVideoBodyElementListItem {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateImageToVideoBodyElementListItem,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    element_id: value.element_id?,
                })
            }
        }
        impl ::std::convert::From<super::CreateImageToVideoBodyElementListItem>
        for CreateImageToVideoBodyElementListItem {
            fn from(value: super::CreateImageToVideoBodyElementListItem) -> Self {
                Self {
                    element_id: Ok(value.element_id),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateImageToVideoBodyMultiPromptItem {
            duration: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            index: ::std::result::Result<
                ::std::option::Option<i64>,
                ::std::string::String,
            >,
            prompt: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateImageToVideoBodyMultiPromptItem {
            fn default() -> Self {
                Self {
                    duration: Ok(Default::default()),
                    index: Ok(Default::default()),
                    prompt: Ok(Default::default()),
                }
            }
        }
        impl CreateImageToVideoBodyMultiPromptItem {
            pub fn duration<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.duration = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for duration: {e}")
                    });
                self
            }
            pub fn index<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<i64>>,
                T::Error: ::std::fmt::Display,
            {
                self.index = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for index: {e}")
                    });
                self
            }
            pub fn prompt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.prompt = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for prompt: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateImageToVideoBodyMultiPromptItem>
        for super::CreateImageToVideoBodyMultiPromptItem {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateImageToVideoBodyMultiPromptItem,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    duration: value.duration?,
                    index: value.index?,
                    prompt: value.prompt?,
                })
            }
        }
        impl ::std::convert::From<super::CreateImageToVideoBodyMultiPromptItem>
        for CreateImageToVideoBodyMultiPromptItem {
            fn from(value: super::CreateImageToVideoBodyMultiPromptItem) -> Self {
                Self {
                    duration: Ok(value.duration),
                    index: Ok(value.index),
                    prompt: Ok(value.prompt),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateImageToVideoBodyVoiceListItem {
            voice_id: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateImageToVideoBodyVoiceListItem {
            fn default() -> Self {
                Self {
                    voice_id: Ok(Default::default()),
                }
            }
        }
        impl CreateImageToVideoBodyVoiceListItem {
            pub fn voice_id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.voice_id = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for voice_id: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateImageToVideoBodyVoiceListItem>
        for super::CreateImageToVideoBodyVoiceListItem {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateImageToVideoBodyVoiceListItem,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self { voice_id: value.voice_id? })
            }
        }
        impl ::std::convert::From<super::CreateImageToVideoBodyVoiceListItem>
        for CreateImageToVideoBodyVoiceListItem {
            fn from(value: super::CreateImageToVideoBodyVoiceListItem) -> Self {
                Self {
                    voice_id: Ok(value.voice_id),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateImageToVideoBodyWatermarkInfo {
            enabled: ::std::result::Result<
                ::std::option::Option<bool>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateImageToVideoBodyWatermarkInfo {
            fn default() -> Self {
                Self {
                    enabled: Ok(Default::default()),
                }
            }
        }
        impl CreateImageToVideoBodyWatermarkInfo {
            pub fn enabled<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<bool>>,
                T::Error: ::std::fmt::Display,
            {
                self.enabled = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for enabled: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateImageToVideoBodyWatermarkInfo>
        for super::CreateImageToVideoBodyWatermarkInfo {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateImageToVideoBodyWatermarkInfo,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self { enabled: value.enabled? })
            }
        }
        impl ::std::convert::From<super::CreateImageToVideoBodyWatermarkInfo>
        for CreateImageToVideoBodyWatermarkInfo {
            fn from(value: super::CreateImageToVideoBodyWatermarkInfo) -> Self {
                Self { enabled: Ok(value.enabled) }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateMultiImageToVideoBody {
            aspect_ratio: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            callback_url: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            duration: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            external_task_id: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            image_list: ::std::result::Result<
                ::std::vec::Vec<super::CreateMultiImageToVideoBodyImageListItem>,
                ::std::string::String,
            >,
            mode: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            model_name: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            negative_prompt: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            prompt: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateMultiImageToVideoBody {
            fn default() -> Self {
                Self {
                    aspect_ratio: Ok(Default::default()),
                    callback_url: Ok(Default::default()),
                    duration: Ok(Default::default()),
                    external_task_id: Ok(Default::default()),
                    image_list: Ok(Default::default()),
                    mode: Ok(Default::default()),
                    model_name: Ok(Default::default()),
                    negative_prompt: Ok(Default::default()),
                    prompt: Ok(Default::default()),
                }
            }
        }
        impl CreateMultiImageToVideoBody {
            pub fn aspect_ratio<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.aspect_ratio = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for aspect_ratio: {e}")
                    });
                self
            }
            pub fn callback_url<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.callback_url = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for callback_url: {e}")
                    });
                self
            }
            pub fn duration<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.duration = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for duration: {e}")
                    });
                self
            }
            pub fn external_task_id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.external_task_id = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for external_task_id: {e}"
                        )
                    });
                self
            }
            pub fn image_list<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::vec::Vec<super::CreateMultiImageToVideoBodyImageListItem>,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.image_list = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for image_list: {e}")
                    });
                self
            }
            pub fn mode<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.mode = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for mode: {e}")
                    });
                self
            }
            pub fn model_name<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.model_name = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for model_name: {e}")
                    });
                self
            }
            pub fn negative_prompt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.negative_prompt = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for negative_prompt: {e}"
                        )
                    });
                self
            }
            pub fn prompt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.prompt = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for prompt: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateMultiImageToVideoBody>
        for super::CreateMultiImageToVideoBody {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateMultiImageToVideoBody,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    aspect_ratio: value.aspect_ratio?,
                    callback_url: value.callback_url?,
                    duration: value.duration?,
                    external_task_id: value.external_task_id?,
                    image_list: value.image_list?,
                    mode: value.mode?,
                    model_name: value.model_name?,
                    negative_prompt: value.negative_prompt?,
                    prompt: value.prompt?,
                })
            }
        }
        impl ::std::convert::From<super::CreateMultiImageToVideoBody>
        for CreateMultiImageToVideoBody {
            fn from(value: super::CreateMultiImageToVideoBody) -> Self {
                Self {
                    aspect_ratio: Ok(value.aspect_ratio),
                    callback_url: Ok(value.callback_url),
                    duration: Ok(value.duration),
                    external_task_id: Ok(value.external_task_id),
                    image_list: Ok(value.image_list),
                    mode: Ok(value.mode),
                    model_name: Ok(value.model_name),
                    negative_prompt: Ok(value.negative_prompt),
                    prompt: Ok(value.prompt),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateMultiImageToVideoBodyImageListItem {
            image: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateMultiImageToVideoBodyImageListItem {
            fn default() -> Self {
                Self {
                    image: Ok(Default::default()),
                }
            }
        }
        impl CreateMultiImageToVideoBodyImageListItem {
            pub fn image<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.image = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for image: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateMultiImageToVideoBodyImageListItem>
        for super::CreateMultiImageToVideoBodyImageListItem {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateMultiImageToVideoBodyImageListItem,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self { image: value.image? })
            }
        }
        impl ::std::convert::From<super::CreateMultiImageToVideoBodyImageListItem>
        for CreateMultiImageToVideoBodyImageListItem {
            fn from(value: super::CreateMultiImageToVideoBodyImageListItem) -> Self {
                Self { image: Ok(value.image) }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateTextToVideoBody {
            aspect_ratio: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            callback_url: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            camera_control: ::std::result::Result<
                ::std::option::Option<super::CreateTextToVideoBodyCameraControl>,
                ::std::string::String,
            >,
            cfg_scale: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
            duration: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            external_task_id: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            mode: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            model_name: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            multi_prompt: ::std::result::Result<
                ::std::vec::Vec<super::CreateTextToVideoBodyMultiPromptItem>,
                ::std::string::String,
            >,
            multi_shot: ::std::result::Result<
                ::std::option::Option<bool>,
                ::std::string::String,
            >,
            negative_prompt: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            prompt: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            shot_type: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            sound: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            watermark_info: ::std::result::Result<
                ::std::option::Option<super::CreateTextToVideoBodyWatermarkInfo>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateTextToVideoBody {
            fn default() -> Self {
                Self {
                    aspect_ratio: Ok(Default::default()),
                    callback_url: Ok(Default::default()),
                    camera_control: Ok(Default::default()),
                    cfg_scale: Ok(Default::default()),
                    duration: Ok(Default::default()),
                    external_task_id: Ok(Default::default()),
                    mode: Ok(Default::default()),
                    model_name: Ok(Default::default()),
                    multi_prompt: Ok(Default::default()),
                    multi_shot: Ok(Default::default()),
                    negative_prompt: Ok(Default::default()),
                    prompt: Ok(Default::default()),
                    shot_type: Ok(Default::default()),
                    sound: Ok(Default::default()),
                    watermark_info: Ok(Default::default()),
                }
            }
        }
        impl CreateTextToVideoBody {
            pub fn aspect_ratio<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.aspect_ratio = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for aspect_ratio: {e}")
                    });
                self
            }
            pub fn callback_url<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.callback_url = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for callback_url: {e}")
                    });
                self
            }
            pub fn camera_control<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::option::Option<super::CreateTextToVideoBodyCameraControl>,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.camera_control = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for camera_control: {e}"
                        )
                    });
                self
            }
            pub fn cfg_scale<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.cfg_scale = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for cfg_scale: {e}")
                    });
                self
            }
            pub fn duration<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.duration = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for duration: {e}")
                    });
                self
            }
            pub fn external_task_id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.external_task_id = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for external_task_id: {e}"
                        )
                    });
                self
            }
            pub fn mode<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.mode = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for mode: {e}")
                    });
                self
            }
            pub fn model_name<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.model_name = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for model_name: {e}")
                    });
                self
            }
            pub fn multi_prompt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::vec::Vec<super::CreateTextToVideoBodyMultiPromptItem>,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.multi_prompt = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for multi_prompt: {e}")
                    });
                self
            }
            pub fn multi_shot<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<bool>>,
                T::Error: ::std::fmt::Display,
            {
                self.multi_shot = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for multi_shot: {e}")
                    });
                self
            }
            pub fn negative_prompt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.negative_prompt = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for negative_prompt: {e}"
                        )
                    });
                self
            }
            pub fn prompt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.prompt = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for prompt: {e}")
                    });
                self
            }
            pub fn shot_type<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.shot_type = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for shot_type: {e}")
                    });
                self
            }
            pub fn sound<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.sound = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for sound: {e}")
                    });
                self
            }
            pub fn watermark_info<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::option::Option<super::CreateTextToVideoBodyWatermarkInfo>,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.watermark_info = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for watermark_info: {e}"
                        )
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateTextToVideoBody>
        for super::CreateTextToVideoBody {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateTextToVideoBody,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    aspect_ratio: value.aspect_ratio?,
                    callback_url: value.callback_url?,
                    camera_control: value.camera_control?,
                    cfg_scale: value.cfg_scale?,
                    duration: value.duration?,
                    external_task_id: value.external_task_id?,
                    mode: value.mode?,
                    model_name: value.model_name?,
                    multi_prompt: value.multi_prompt?,
                    multi_shot: value.multi_shot?,
                    negative_prompt: value.negative_prompt?,
                    prompt: value.prompt?,
                    shot_type: value.shot_type?,
                    sound: value.sound?,
                    watermark_info: value.watermark_info?,
                })
            }
        }
        impl ::std::convert::From<super::CreateTextToVideoBody>
        for CreateTextToVideoBody {
            fn from(value: super::CreateTextToVideoBody) -> Self {
                Self {
                    aspect_ratio: Ok(value.aspect_ratio),
                    callback_url: Ok(value.callback_url),
                    camera_control: Ok(value.camera_control),
                    cfg_scale: Ok(value.cfg_scale),
                    duration: Ok(value.duration),
                    external_task_id: Ok(value.external_task_id),
                    mode: Ok(value.mode),
                    model_name: Ok(value.model_name),
                    multi_prompt: Ok(value.multi_prompt),
                    multi_shot: Ok(value.multi_shot),
                    negative_prompt: Ok(value.negative_prompt),
                    prompt: Ok(value.prompt),
                    shot_type: Ok(value.shot_type),
                    sound: Ok(value.sound),
                    watermark_info: Ok(value.watermark_info),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateTextToVideoBodyCameraControl {
            config: ::std::result::Result<
                ::std::option::Option<super::CreateTextToVideoBodyCameraControlConfig>,
                ::std::string::String,
            >,
            type_: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateTextToVideoBodyCameraControl {
            fn default() -> Self {
                Self {
                    config: Ok(Default::default()),
                    type_: Ok(Default::default()),
                }
            }
        }
        impl CreateTextToVideoBodyCameraControl {
            pub fn config<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::option::Option<
                        super::CreateTextToVideoBodyCameraControlConfig,
                    >,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.config = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for config: {e}")
                    });
                self
            }
            pub fn type_<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.type_ = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for type_: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateTextToVideoBodyCameraControl>
        for super::CreateTextToVideoBodyCameraControl {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateTextToVideoBodyCameraControl,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    config: value.config?,
                    type_: value.type_?,
                })
            }
        }
        impl ::std::convert::From<super::CreateTextToVideoBodyCameraControl>
        for CreateTextToVideoBodyCameraControl {
            fn from(value: super::CreateTextToVideoBodyCameraControl) -> Self {
                Self {
                    config: Ok(value.config),
                    type_: Ok(value.type_),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateTextToVideoBodyCameraControlConfig {
            horizontal: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
            pan: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
            roll: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
            tilt: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
            vertical: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
            zoom: ::std::result::Result<
                ::std::option::Option<f64>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateTextToVideoBodyCameraControlConfig {
            fn default() -> Self {
                Self {
                    horizontal: Ok(Default::default()),
                    pan: Ok(Default::default()),
                    roll: Ok(Default::default()),
                    tilt: Ok(Default::default()),
                    vertical: Ok(Default::default()),
                    zoom: Ok(Default::default()),
                }
            }
        }
        impl CreateTextToVideoBodyCameraControlConfig {
            pub fn horizontal<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.horizontal = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for horizontal: {e}")
                    });
                self
            }
            pub fn pan<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.pan = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for pan: {e}")
                    });
                self
            }
            pub fn roll<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.roll = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for roll: {e}")
                    });
                self
            }
            pub fn tilt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.tilt = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for tilt: {e}")
                    });
                self
            }
            pub fn vertical<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.vertical = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for vertical: {e}")
                    });
                self
            }
            pub fn zoom<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<f64>>,
                T::Error: ::std::fmt::Display,
            {
                self.zoom = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for zoom: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateTextToVideoBodyCameraControlConfig>
        for super::CreateTextToVideoBodyCameraControlConfig {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateTextToVideoBodyCameraControlConfig,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    horizontal: value.horizontal?,
                    pan: value.pan?,
                    roll: value.roll?,
                    tilt: value.tilt?,
                    vertical: value.vertical?,
                    zoom: value.zoom?,
                })
            }
        }
        impl ::std::convert::From<super::CreateTextToVideoBodyCameraControlConfig>
        for CreateTextToVideoBodyCameraControlConfig {
            fn from(value: super::CreateTextToVideoBodyCameraControlConfig) -> Self {
                Self {
                    horizontal: Ok(value.horizontal),
                    pan: Ok(value.pan),
                    roll: Ok(value.roll),
                    tilt: Ok(value.tilt),
                    vertical: Ok(value.vertical),
                    zoom: Ok(value.zoom),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateTextToVideoBodyMultiPromptItem {
            duration: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            index: ::std::result::Result<
                ::std::option::Option<i64>,
                ::std::string::String,
            >,
            prompt: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateTextToVideoBodyMultiPromptItem {
            fn default() -> Self {
                Self {
                    duration: Ok(Default::default()),
                    index: Ok(Default::default()),
                    prompt: Ok(Default::default()),
                }
            }
        }
        impl CreateTextToVideoBodyMultiPromptItem {
            pub fn duration<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.duration = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for duration: {e}")
                    });
                self
            }
            pub fn index<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<i64>>,
                T::Error: ::std::fmt::Display,
            {
                self.index = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for index: {e}")
                    });
                self
            }
            pub fn prompt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.prompt = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for prompt: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateTextToVideoBodyMultiPromptItem>
        for super::CreateTextToVideoBodyMultiPromptItem {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateTextToVideoBodyMultiPromptItem,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    duration: value.duration?,
                    index: value.index?,
                    prompt: value.prompt?,
                })
            }
        }
        impl ::std::convert::From<super::CreateTextToVideoBodyMultiPromptItem>
        for CreateTextToVideoBodyMultiPromptItem {
            fn from(value: super::CreateTextToVideoBodyMultiPromptItem) -> Self {
                Self {
                    duration: Ok(value.duration),
                    index: Ok(value.index),
                    prompt: Ok(value.prompt),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct CreateTextToVideoBodyWatermarkInfo {
            enabled: ::std::result::Result<
                ::std::option::Option<bool>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for CreateTextToVideoBodyWatermarkInfo {
            fn default() -> Self {
                Self {
                    enabled: Ok(Default::default()),
                }
            }
        }
        impl CreateTextToVideoBodyWatermarkInfo {
            pub fn enabled<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<bool>>,
                T::Error: ::std::fmt::Display,
            {
                self.enabled = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for enabled: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<CreateTextToVideoBodyWatermarkInfo>
        for super::CreateTextToVideoBodyWatermarkInfo {
            type Error = super::error::ConversionError;
            fn try_from(
                value: CreateTextToVideoBodyWatermarkInfo,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self { enabled: value.enabled? })
            }
        }
        impl ::std::convert::From<super::CreateTextToVideoBodyWatermarkInfo>
        for CreateTextToVideoBodyWatermarkInfo {
            fn from(value: super::CreateTextToVideoBodyWatermarkInfo) -> Self {
                Self { enabled: Ok(value.enabled) }
            }
        }
    }
    /// Error types.
    pub mod error {
        /// Error from a `TryFrom` or `FromStr` implementation.
        pub struct ConversionError(::std::borrow::Cow<'static, str>);
        impl ::std::error::Error for ConversionError {}
        impl ::std::fmt::Display for ConversionError {
            fn fmt(
                &self,
                f: &mut ::std::fmt::Formatter<'_>,
            ) -> Result<(), ::std::fmt::Error> {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }
        impl ::std::fmt::Debug for ConversionError {
            fn fmt(
                &self,
                f: &mut ::std::fmt::Formatter<'_>,
            ) -> Result<(), ::std::fmt::Error> {
                ::std::fmt::Debug::fmt(&self.0, f)
            }
        }
        impl From<&'static str> for ConversionError {
            fn from(value: &'static str) -> Self {
                Self(value.into())
            }
        }
        impl From<String> for ConversionError {
            fn from(value: String) -> Self {
                Self(value.into())
            }
        }
    }
}
#[derive(Clone, Debug)]
/**Client for



Version: 1.0.0*/
pub struct Client {
    pub(crate) baseurl: String,
    pub(crate) client: reqwest::Client,
    pub(crate) inner: crate::transport::Exchange,
}
impl Client {
    /// Create a new client.
    ///
    /// `baseurl` is the base URL provided to the internal
    /// `reqwest::Client`, and should include a scheme and hostname,
    /// as well as port and a path stem if applicable.
    pub fn new(baseurl: &str, inner: crate::transport::Exchange) -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        let client = {
            let dur = ::std::time::Duration::from_secs(15u64);
            reqwest::ClientBuilder::new().connect_timeout(dur).timeout(dur)
        };
        #[cfg(target_arch = "wasm32")]
        let client = reqwest::ClientBuilder::new();
        Self::new_with_client(baseurl, client.build().unwrap(), inner)
    }
    /// Construct a new client with an existing `reqwest::Client`,
    /// allowing more control over its configuration.
    ///
    /// `baseurl` is the base URL provided to the internal
    /// `reqwest::Client`, and should include a scheme and hostname,
    /// as well as port and a path stem if applicable.
    pub fn new_with_client(
        baseurl: &str,
        client: reqwest::Client,
        inner: crate::transport::Exchange,
    ) -> Self {
        Self {
            baseurl: baseurl.to_string(),
            client,
            inner,
        }
    }
}
impl ClientInfo<crate::transport::Exchange> for Client {
    fn api_version() -> &'static str {
        "1.0.0"
    }
    fn baseurl(&self) -> &str {
        self.baseurl.as_str()
    }
    fn client(&self) -> &reqwest::Client {
        &self.client
    }
    fn inner(&self) -> &crate::transport::Exchange {
        &self.inner
    }
}
const _: () = {
    #[allow(dead_code)]
    fn assert_client_hooks()
    where
        Client: ClientHooks<crate::transport::Exchange>,
    {}
};
impl Client {
    /**List tasks, page by page

Sends a `GET` request to `/kling/v1/videos/image2video`

Arguments:
- `page_num`: The page, from 1
- `page_size`: How many tasks a page holds
```ignore
let response = client.list_image_to_video()
    .page_num(page_num)
    .page_size(page_size)
    .send()
    .await;
```*/
    pub fn list_image_to_video(&self) -> builder::ListImageToVideo<'_> {
        builder::ListImageToVideo::new(self)
    }
    /**Generate a video from a first or a last frame

Sends a `POST` request to `/kling/v1/videos/image2video`

```ignore
let response = client.create_image_to_video()
    .body(body)
    .send()
    .await;
```*/
    pub fn create_image_to_video(&self) -> builder::CreateImageToVideo<'_> {
        builder::CreateImageToVideo::new(self)
    }
    /**Query one task

Sends a `GET` request to `/kling/v1/videos/image2video/{id}`

Arguments:
- `id`: The task id, or the external task id where the gateway resolves it
```ignore
let response = client.get_image_to_video()
    .id(id)
    .send()
    .await;
```*/
    pub fn get_image_to_video(&self) -> builder::GetImageToVideo<'_> {
        builder::GetImageToVideo::new(self)
    }
    /**List tasks, page by page

Sends a `GET` request to `/kling/v1/videos/multi-image2video`

Arguments:
- `page_num`: The page, from 1
- `page_size`: How many tasks a page holds
```ignore
let response = client.list_multi_image_to_video()
    .page_num(page_num)
    .page_size(page_size)
    .send()
    .await;
```*/
    pub fn list_multi_image_to_video(&self) -> builder::ListMultiImageToVideo<'_> {
        builder::ListMultiImageToVideo::new(self)
    }
    /**Multiple images and reference videos

Sends a `POST` request to `/kling/v1/videos/multi-image2video`

```ignore
let response = client.create_multi_image_to_video()
    .body(body)
    .send()
    .await;
```*/
    pub fn create_multi_image_to_video(&self) -> builder::CreateMultiImageToVideo<'_> {
        builder::CreateMultiImageToVideo::new(self)
    }
    /**Query one task

Sends a `GET` request to `/kling/v1/videos/multi-image2video/{id}`

Arguments:
- `id`: The task id, or the external task id where the gateway resolves it
```ignore
let response = client.get_multi_image_to_video()
    .id(id)
    .send()
    .await;
```*/
    pub fn get_multi_image_to_video(&self) -> builder::GetMultiImageToVideo<'_> {
        builder::GetMultiImageToVideo::new(self)
    }
    /**List tasks, page by page

Sends a `GET` request to `/kling/v1/videos/text2video`

Arguments:
- `page_num`: The page, from 1
- `page_size`: How many tasks a page holds
```ignore
let response = client.list_text_to_video()
    .page_num(page_num)
    .page_size(page_size)
    .send()
    .await;
```*/
    pub fn list_text_to_video(&self) -> builder::ListTextToVideo<'_> {
        builder::ListTextToVideo::new(self)
    }
    /**Generate a video from text

Sends a `POST` request to `/kling/v1/videos/text2video`

```ignore
let response = client.create_text_to_video()
    .body(body)
    .send()
    .await;
```*/
    pub fn create_text_to_video(&self) -> builder::CreateTextToVideo<'_> {
        builder::CreateTextToVideo::new(self)
    }
    /**Query one task

Sends a `GET` request to `/kling/v1/videos/text2video/{id}`

Arguments:
- `id`: The task id, or the external task id where the gateway resolves it
```ignore
let response = client.get_text_to_video()
    .id(id)
    .send()
    .await;
```*/
    pub fn get_text_to_video(&self) -> builder::GetTextToVideo<'_> {
        builder::GetTextToVideo::new(self)
    }
}
/// Types for composing operation parameters.
#[allow(clippy::all)]
pub mod builder {
    use super::types;
    #[allow(unused_imports)]
    use super::{
        encode_path, ByteStream, ClientInfo, ClientHooks, Error, OperationInfo,
        RequestBuilderExt, ResponseValue,
    };
    /**Builder for [`Client::list_image_to_video`]

[`Client::list_image_to_video`]: super::Client::list_image_to_video*/
    #[derive(Debug, Clone)]
    pub struct ListImageToVideo<'a> {
        client: &'a super::Client,
        page_num: Result<Option<i64>, String>,
        page_size: Result<Option<i64>, String>,
    }
    impl<'a> ListImageToVideo<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                page_num: Ok(None),
                page_size: Ok(None),
            }
        }
        pub fn page_num<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<i64>,
        {
            self.page_num = value
                .try_into()
                .map(Some)
                .map_err(|_| "conversion to `i64` for page_num failed".to_string());
            self
        }
        pub fn page_size<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<i64>,
        {
            self.page_size = value
                .try_into()
                .map(Some)
                .map_err(|_| "conversion to `i64` for page_size failed".to_string());
            self
        }
        ///Sends a `GET` request to `/kling/v1/videos/image2video`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<::serde_json::Value>, Error<()>> {
            let Self { client, page_num, page_size } = self;
            let page_num = page_num.map_err(Error::InvalidRequest)?;
            let page_size = page_size.map_err(Error::InvalidRequest)?;
            let url = format!("{}/kling/v1/videos/image2video", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .query(&progenitor_client::QueryParam::new("pageNum", &page_num))
                .query(&progenitor_client::QueryParam::new("pageSize", &page_size))
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "list_image_to_video",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200..=299 => ResponseValue::from_response(response).await,
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::create_image_to_video`]

[`Client::create_image_to_video`]: super::Client::create_image_to_video*/
    #[derive(Debug, Clone)]
    pub struct CreateImageToVideo<'a> {
        client: &'a super::Client,
        body: Result<types::builder::CreateImageToVideoBody, String>,
    }
    impl<'a> CreateImageToVideo<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::CreateImageToVideoBody>,
            <V as std::convert::TryInto<
                types::CreateImageToVideoBody,
            >>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!(
                        "conversion to `CreateImageToVideoBody` for body failed: {}", s
                    )
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::CreateImageToVideoBody,
            ) -> types::builder::CreateImageToVideoBody,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `POST` request to `/kling/v1/videos/image2video`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<::serde_json::Value>, Error<()>> {
            let Self { client, body } = self;
            let body = body
                .and_then(|v| {
                    types::CreateImageToVideoBody::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/kling/v1/videos/image2video", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "create_image_to_video",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200..=299 => ResponseValue::from_response(response).await,
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::get_image_to_video`]

[`Client::get_image_to_video`]: super::Client::get_image_to_video*/
    #[derive(Debug, Clone)]
    pub struct GetImageToVideo<'a> {
        client: &'a super::Client,
        id: Result<::std::string::String, String>,
    }
    impl<'a> GetImageToVideo<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                id: Err("id was not initialized".to_string()),
            }
        }
        pub fn id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for id failed"
                        .to_string()
                });
            self
        }
        ///Sends a `GET` request to `/kling/v1/videos/image2video/{id}`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<::serde_json::Value>, Error<()>> {
            let Self { client, id } = self;
            let id = id.map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/kling/v1/videos/image2video/{}", client.baseurl, encode_path(& id
                .to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "get_image_to_video",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200..=299 => ResponseValue::from_response(response).await,
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::list_multi_image_to_video`]

[`Client::list_multi_image_to_video`]: super::Client::list_multi_image_to_video*/
    #[derive(Debug, Clone)]
    pub struct ListMultiImageToVideo<'a> {
        client: &'a super::Client,
        page_num: Result<Option<i64>, String>,
        page_size: Result<Option<i64>, String>,
    }
    impl<'a> ListMultiImageToVideo<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                page_num: Ok(None),
                page_size: Ok(None),
            }
        }
        pub fn page_num<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<i64>,
        {
            self.page_num = value
                .try_into()
                .map(Some)
                .map_err(|_| "conversion to `i64` for page_num failed".to_string());
            self
        }
        pub fn page_size<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<i64>,
        {
            self.page_size = value
                .try_into()
                .map(Some)
                .map_err(|_| "conversion to `i64` for page_size failed".to_string());
            self
        }
        ///Sends a `GET` request to `/kling/v1/videos/multi-image2video`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<::serde_json::Value>, Error<()>> {
            let Self { client, page_num, page_size } = self;
            let page_num = page_num.map_err(Error::InvalidRequest)?;
            let page_size = page_size.map_err(Error::InvalidRequest)?;
            let url = format!("{}/kling/v1/videos/multi-image2video", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .query(&progenitor_client::QueryParam::new("pageNum", &page_num))
                .query(&progenitor_client::QueryParam::new("pageSize", &page_size))
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "list_multi_image_to_video",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200..=299 => ResponseValue::from_response(response).await,
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::create_multi_image_to_video`]

[`Client::create_multi_image_to_video`]: super::Client::create_multi_image_to_video*/
    #[derive(Debug, Clone)]
    pub struct CreateMultiImageToVideo<'a> {
        client: &'a super::Client,
        body: Result<types::builder::CreateMultiImageToVideoBody, String>,
    }
    impl<'a> CreateMultiImageToVideo<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::CreateMultiImageToVideoBody>,
            <V as std::convert::TryInto<
                types::CreateMultiImageToVideoBody,
            >>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!(
                        "conversion to `CreateMultiImageToVideoBody` for body failed: {}",
                        s
                    )
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::CreateMultiImageToVideoBody,
            ) -> types::builder::CreateMultiImageToVideoBody,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `POST` request to `/kling/v1/videos/multi-image2video`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<::serde_json::Value>, Error<()>> {
            let Self { client, body } = self;
            let body = body
                .and_then(|v| {
                    types::CreateMultiImageToVideoBody::try_from(v)
                        .map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/kling/v1/videos/multi-image2video", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "create_multi_image_to_video",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200..=299 => ResponseValue::from_response(response).await,
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::get_multi_image_to_video`]

[`Client::get_multi_image_to_video`]: super::Client::get_multi_image_to_video*/
    #[derive(Debug, Clone)]
    pub struct GetMultiImageToVideo<'a> {
        client: &'a super::Client,
        id: Result<::std::string::String, String>,
    }
    impl<'a> GetMultiImageToVideo<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                id: Err("id was not initialized".to_string()),
            }
        }
        pub fn id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for id failed"
                        .to_string()
                });
            self
        }
        ///Sends a `GET` request to `/kling/v1/videos/multi-image2video/{id}`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<::serde_json::Value>, Error<()>> {
            let Self { client, id } = self;
            let id = id.map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/kling/v1/videos/multi-image2video/{}", client.baseurl, encode_path(&
                id.to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "get_multi_image_to_video",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200..=299 => ResponseValue::from_response(response).await,
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::list_text_to_video`]

[`Client::list_text_to_video`]: super::Client::list_text_to_video*/
    #[derive(Debug, Clone)]
    pub struct ListTextToVideo<'a> {
        client: &'a super::Client,
        page_num: Result<Option<i64>, String>,
        page_size: Result<Option<i64>, String>,
    }
    impl<'a> ListTextToVideo<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                page_num: Ok(None),
                page_size: Ok(None),
            }
        }
        pub fn page_num<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<i64>,
        {
            self.page_num = value
                .try_into()
                .map(Some)
                .map_err(|_| "conversion to `i64` for page_num failed".to_string());
            self
        }
        pub fn page_size<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<i64>,
        {
            self.page_size = value
                .try_into()
                .map(Some)
                .map_err(|_| "conversion to `i64` for page_size failed".to_string());
            self
        }
        ///Sends a `GET` request to `/kling/v1/videos/text2video`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<::serde_json::Value>, Error<()>> {
            let Self { client, page_num, page_size } = self;
            let page_num = page_num.map_err(Error::InvalidRequest)?;
            let page_size = page_size.map_err(Error::InvalidRequest)?;
            let url = format!("{}/kling/v1/videos/text2video", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .query(&progenitor_client::QueryParam::new("pageNum", &page_num))
                .query(&progenitor_client::QueryParam::new("pageSize", &page_size))
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "list_text_to_video",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200..=299 => ResponseValue::from_response(response).await,
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::create_text_to_video`]

[`Client::create_text_to_video`]: super::Client::create_text_to_video*/
    #[derive(Debug, Clone)]
    pub struct CreateTextToVideo<'a> {
        client: &'a super::Client,
        body: Result<types::builder::CreateTextToVideoBody, String>,
    }
    impl<'a> CreateTextToVideo<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::CreateTextToVideoBody>,
            <V as std::convert::TryInto<
                types::CreateTextToVideoBody,
            >>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!(
                        "conversion to `CreateTextToVideoBody` for body failed: {}", s
                    )
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::CreateTextToVideoBody,
            ) -> types::builder::CreateTextToVideoBody,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `POST` request to `/kling/v1/videos/text2video`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<::serde_json::Value>, Error<()>> {
            let Self { client, body } = self;
            let body = body
                .and_then(|v| {
                    types::CreateTextToVideoBody::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/kling/v1/videos/text2video", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "create_text_to_video",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200..=299 => ResponseValue::from_response(response).await,
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::get_text_to_video`]

[`Client::get_text_to_video`]: super::Client::get_text_to_video*/
    #[derive(Debug, Clone)]
    pub struct GetTextToVideo<'a> {
        client: &'a super::Client,
        id: Result<::std::string::String, String>,
    }
    impl<'a> GetTextToVideo<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                id: Err("id was not initialized".to_string()),
            }
        }
        pub fn id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for id failed"
                        .to_string()
                });
            self
        }
        ///Sends a `GET` request to `/kling/v1/videos/text2video/{id}`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<::serde_json::Value>, Error<()>> {
            let Self { client, id } = self;
            let id = id.map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/kling/v1/videos/text2video/{}", client.baseurl, encode_path(& id
                .to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "get_text_to_video",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200..=299 => ResponseValue::from_response(response).await,
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
}
/// Items consumers will typically use such as the Client.
pub mod prelude {
    pub use self::super::Client;
}

/// What the document says of itself.
pub mod document {
    /// Its title, empty if it has none.
    pub const TITLE: &str = "";
    /// Its version.
    pub const VERSION: &str = "1.0.0";
    /// The first server it names.
    pub const SERVER: &str = "https://api.chainhub.tech";
}
