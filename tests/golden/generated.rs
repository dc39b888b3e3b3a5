#[allow(unused_imports)]
pub use progenitor_client::{ByteStream, ClientInfo, Error, ResponseValue};
#[allow(unused_imports)]
use progenitor_client::{encode_path, ClientHooks, OperationInfo, RequestBuilderExt};
/// Types used as operation parameters and responses.
#[allow(clippy::all)]
pub mod types {
    ///`CreateMultiImageToVideoBody`
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct CreateMultiImageToVideoBody {
        ///The aspect ratio (width:height) of the generated image.
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub aspect_ratio: ::std::option::Option<::std::string::String>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub callback_url: ::std::option::Option<::std::string::String>,
        ///Video duration (in seconds) Enumerated values: 5, 10
        pub duration: ::std::string::String,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub external_task_id: ::std::option::Option<::std::string::String>,
        ///Supports up to 4 images
        pub image_list: ::std::vec::Vec<CreateMultiImageToVideoBodyImageListItem>,
        ///Video generation mode Enum values: std, pro std: Standard mode (basic), cost-effective pro: Expert mode (high quality), better video quality
        pub mode: ::std::string::String,
        ///Model name Enumeration value: kling-v1-6
        pub model_name: ::std::string::String,
        ///Negative text prompts
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub negative_prompt: ::std::option::Option<::std::string::String>,
        ///Positive text prompts cannot exceed 2500 characters
        pub prompt: ::std::string::String,
    }
    impl CreateMultiImageToVideoBody {
        pub fn builder() -> builder::CreateMultiImageToVideoBody {
            Default::default()
        }
    }
    ///`CreateMultiImageToVideoBodyImageListItem`
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct CreateMultiImageToVideoBodyImageListItem {
        pub image: ::std::string::String,
    }
    impl CreateMultiImageToVideoBodyImageListItem {
        pub fn builder() -> builder::CreateMultiImageToVideoBodyImageListItem {
            Default::default()
        }
    }
    /// Types for composing complex structures.
    pub mod builder {
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
                ::std::string::String,
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
            mode: ::std::result::Result<::std::string::String, ::std::string::String>,
            model_name: ::std::result::Result<
                ::std::string::String,
                ::std::string::String,
            >,
            negative_prompt: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            prompt: ::std::result::Result<::std::string::String, ::std::string::String>,
        }
        impl ::std::default::Default for CreateMultiImageToVideoBody {
            fn default() -> Self {
                Self {
                    aspect_ratio: Ok(Default::default()),
                    callback_url: Ok(Default::default()),
                    duration: Err("no value supplied for duration".to_string()),
                    external_task_id: Ok(Default::default()),
                    image_list: Err("no value supplied for image_list".to_string()),
                    mode: Err("no value supplied for mode".to_string()),
                    model_name: Err("no value supplied for model_name".to_string()),
                    negative_prompt: Ok(Default::default()),
                    prompt: Err("no value supplied for prompt".to_string()),
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
                T: ::std::convert::TryInto<::std::string::String>,
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
                T: ::std::convert::TryInto<::std::string::String>,
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
                T: ::std::convert::TryInto<::std::string::String>,
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
                T: ::std::convert::TryInto<::std::string::String>,
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
            image: ::std::result::Result<::std::string::String, ::std::string::String>,
        }
        impl ::std::default::Default for CreateMultiImageToVideoBodyImageListItem {
            fn default() -> Self {
                Self {
                    image: Err("no value supplied for image".to_string()),
                }
            }
        }
        impl CreateMultiImageToVideoBodyImageListItem {
            pub fn image<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
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
    pub(crate) inner: crate::hooks::Call,
}
impl Client {
    /// Create a new client.
    ///
    /// `baseurl` is the base URL provided to the internal
    /// `reqwest::Client`, and should include a scheme and hostname,
    /// as well as port and a path stem if applicable.
    pub fn new(baseurl: &str, inner: crate::hooks::Call) -> Self {
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
        inner: crate::hooks::Call,
    ) -> Self {
        Self {
            baseurl: baseurl.to_string(),
            client,
            inner,
        }
    }
}
impl ClientInfo<crate::hooks::Call> for Client {
    fn api_version() -> &'static str {
        "1.0.0"
    }
    fn baseurl(&self) -> &str {
        self.baseurl.as_str()
    }
    fn client(&self) -> &reqwest::Client {
        &self.client
    }
    fn inner(&self) -> &crate::hooks::Call {
        &self.inner
    }
}
const _: () = {
    #[allow(dead_code)]
    fn assert_client_hooks()
    where
        Client: ClientHooks<crate::hooks::Call>,
    {}
};
impl Client {
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
