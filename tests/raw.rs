//! The feature `raw`: the generated client with the key, the timeouts and the single POST of the facade.
#![cfg(feature = "raw")]

mod support;

use std::time::Duration;

use kling_client::raw;
use kling_sandbox::{Endpoint, ScriptedResponse};

#[tokio::test]
async fn the_raw_client_sends_the_key_and_returns_the_response_unchanged() {
    let (sandbox, client, _) = support::sandbox(Duration::ZERO).await;
    let raw = client.raw();
    let item =
        raw::types::CreateMultiImageToVideoBodyImageListItem::builder().image("https://example.com/cat.png".to_owned());
    let sent = raw
        .create_multi_image_to_video()
        .body_map(|body| {
            body.model_name("kling-v1-6".to_owned())
                .prompt("The cat puts the hat on".to_owned())
                .mode("std".to_owned())
                .duration("5".to_owned())
                .image_list(vec![item.try_into().unwrap()])
        })
        .send()
        .await
        .unwrap();
    let id = sent["data"]["task_id"].as_str().unwrap().to_owned();
    let task = raw.get_multi_image_to_video().id(&id).send().await.unwrap();
    assert_eq!(task["data"]["task_status"], "succeed");
    assert_eq!(sandbox.tasks_charged(), 1);
}

#[tokio::test]
async fn the_raw_client_repeats_no_post_either() {
    for status in [303, 307] {
        let (sandbox, client, _) = support::sandbox(Duration::ZERO).await;
        for _ in 0..5 {
            sandbox.respond_next(
                Endpoint::Create,
                ScriptedResponse::redirect(status, format!("{}/7", sandbox.endpoint())),
            );
        }
        let body = |body: raw::types::builder::CreateMultiImageToVideoBody| {
            body.model_name("m".to_owned())
                .prompt("p".to_owned())
                .mode("std".to_owned())
                .duration("5".to_owned())
                .image_list(vec![])
        };
        let sent = client.raw().create_multi_image_to_video().body_map(body).send().await;
        let text = chain(&sent.unwrap_err());
        assert!(text.contains("Unexpected Response"), "{text}");
        assert_eq!(sandbox.posts_received_whole(), 1);
    }
}

#[tokio::test]
async fn a_transport_error_is_an_error_of_the_raw_client_without_the_key() {
    let (sandbox, client, _) = support::sandbox(Duration::ZERO).await;
    let key = sandbox.api_key().to_owned();
    sandbox.shutdown().await;
    let error = client.raw().get_multi_image_to_video().id("7").send().await.unwrap_err();
    let text = chain(&error);
    assert!(matches!(error, raw::Error::CommunicationError(_)) && !text.contains(&key), "{text}");
}

/// An error and its sources.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
