//! Proves that the feature `raw` shows the generated client with the key, the limits and the one POST of the facade.
#![cfg(feature = "raw")]

mod support;

use std::time::Duration;

use kling_client::raw;
use kling_sandbox::{Answer, Operation};

#[tokio::test]
async fn the_raw_client_sends_the_key_and_gives_the_answer_as_it_came() {
    let (sandbox, client, _) = support::sandbox(Duration::ZERO).await;
    let raw = client.raw();
    let item = raw::types::CreateMultiImageToVideoBodyImageListItem::builder().image("https://example.com/cat.png");
    let sent = raw
        .create_multi_image_to_video()
        .body_map(|body| {
            body.model_name("kling-v1-6")
                .prompt("The cat puts the hat on")
                .mode("std")
                .duration("5")
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
    let (sandbox, client, _) = support::sandbox(Duration::ZERO).await;
    let following = support::client(&sandbox).http_client(reqwest::Client::new()).build().unwrap();
    for client in [client, following] {
        let before = sandbox.posts_received_whole();
        for _ in 0..5 {
            sandbox.answer_next(Operation::Create, Answer::redirect(307, sandbox.endpoint()));
        }
        let body = |body: raw::types::builder::CreateMultiImageToVideoBody| {
            body.model_name("m").prompt("p").mode("std").duration("5").image_list(vec![])
        };
        let sent = client.raw().create_multi_image_to_video().body_map(body).send().await;
        assert!(sent.is_err());
        assert_eq!(sandbox.posts_received_whole() - before, 1);
    }
}

#[tokio::test]
async fn a_failure_of_the_transport_is_an_error_of_the_raw_client_without_the_key() {
    let (sandbox, client, _) = support::sandbox(Duration::ZERO).await;
    let key = sandbox.api_key().to_owned();
    sandbox.shutdown().await;
    let error = client.raw().get_multi_image_to_video().id("7").send().await.unwrap_err();
    assert!(matches!(error, raw::Error::Custom(_)) && !error.to_string().contains(&key), "{error}");
}
