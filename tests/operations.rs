//! Proves every operation from its request to the file on disk, and what is particular to one of them.

mod support;

use std::time::Duration;

use http::Method;
use kling_client::{
    Client, ErrorKind, Image, InputVideo, Mode, Model, OmniImage, OmniVideo, Operation, Reason, Request,
};
use kling_sandbox::{Clock, Sandbox};
use serde_json::{Value, json};
use support::{Jumping, client, picture};

const TASK_TIME: Duration = Duration::from_secs(240);

/// A sandbox, and a client of it on a clock that jumps.
async fn start(sandbox: kling_sandbox::Builder) -> (Sandbox, Client) {
    let clock = Clock::manual();
    let sandbox = sandbox.clock(clock.clone()).task_time(TASK_TIME).start().await.unwrap();
    let client = client(&sandbox).clock(Jumping::over(&clock)).build().unwrap();
    (sandbox, client)
}

/// A request of each operation, with a path in the place of an image.
fn data(operation: &Operation) -> Value {
    let image = "cat.png";
    match operation {
        Operation::MultiImageToVideo => json!({"image_list": [{"image": image}, {"image": "hat.jpg"}], "prompt": "x"}),
        Operation::TextToVideo => json!({"model_name": "kling-v2-6", "prompt": "x"}),
        Operation::ImageToVideo => json!({
            "model_name": "kling-v2-6", "image": image, "image_tail": image, "prompt": "x", "mode": "pro",
        }),
        Operation::OmniVideo => json!({
            "model_name": "kling-v3-omni", "mode": "std", "prompt": "x", "duration": "5",
            "image_list": [{"image_url": image, "type": "first_frame"}, {"image_url": "hat.jpg"}],
            "element_list": [{"element_id": 835_266_081_714_884_677_u64}],
        }),
        other => panic!("a request of {other} is missing here"),
    }
}

#[tokio::test]
async fn a_request_of_each_operation_becomes_a_file_and_arrives_as_it_was_written() {
    for operation in Operation::all() {
        let (sandbox, client) = start(Sandbox::builder()).await;
        let data = data(&operation);
        let request = Request::from_json_with(operation.clone(), data.clone(), |name| Image::file(picture(&name)));
        let task = client.submit(request.unwrap()).await.unwrap();
        assert_eq!(task.operation(), operation);
        let finished = task.wait().await.unwrap();
        let target = support::directory(operation.as_str()).join("cat.mp4");
        finished.download(&target).await.unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), sandbox.video_bytes(), "{operation}");

        let requests = sandbox.requests();
        let posted = requests[0].body.json.as_ref().unwrap();
        for (name, value) in data.as_object().unwrap().iter().filter(|(_, value)| !value.to_string().contains("cat")) {
            assert_eq!(&posted[name], value, "{operation}: {name}");
        }
        assert!(requests[0].path.ends_with(&format!("/{operation}")), "{}", requests[0].path);
        sandbox.assert_key_never_leaked();
    }
}

fn edit() -> Request {
    let video = InputVideo::to_edit("https://example.com/cat.mp4").keep_sound(true);
    let request = OmniVideo::builder().model(Model::KlingVideoO1).mode(Mode::Pro).video(video);
    request.prompt("Take the hat off the cat in <<<video_1>>>").build().unwrap()
}

/// The paths of the queries that a sandbox received.
fn queries(sandbox: &Sandbox) -> Vec<String> {
    let requests = sandbox.requests();
    let queries = requests.iter().filter(|request| request.method == Method::GET && !request.path.contains(".mp4"));
    queries.map(|query| query.path.rsplit_once('/').unwrap().0.to_owned()).collect()
}

const OWN: &str = "/kling/v1/videos/omni-video";
const ELSEWHERE: &str = "/kling/v1/images/omni-image";

#[tokio::test]
async fn a_video_to_edit_sends_no_length_and_no_ratio() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    client.submit(edit()).await.unwrap().wait().await.unwrap();
    let posted = sandbox.requests()[0].body.json.clone().unwrap();
    let video =
        json!([{"video_url": "https://example.com/cat.mp4", "refer_type": "base", "keep_original_sound": "yes"}]);
    assert_eq!(posted["video_list"], video);
    assert!(posted.get("duration").is_none() && posted.get("aspect_ratio").is_none(), "{posted}");
    assert!(queries(&sandbox).iter().all(|path| path == OWN), "{:?}", queries(&sandbox));
}

#[tokio::test]
async fn a_task_that_a_gateway_knows_at_another_path_alone_is_found_there_and_the_path_is_remembered() {
    let (sandbox, client) = start(Sandbox::builder().queries_at_omni_image(true)).await;
    let mut task = client.submit(edit()).await.unwrap();
    task.refresh().await.unwrap();
    assert_eq!(queries(&sandbox), [OWN, ELSEWHERE]);
    task.refresh().await.unwrap();
    assert_eq!(queries(&sandbox), [OWN, ELSEWHERE, ELSEWHERE]);
    let finished = task.wait().await.unwrap();
    assert_eq!(finished.videos().count(), 1);
}

#[tokio::test]
async fn an_unknown_task_is_asked_for_at_both_paths_and_neither_is_remembered() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let mut task = client.task(Operation::OmniVideo, "123").unwrap();
    for _ in 0..2 {
        let error = task.refresh().await.unwrap_err();
        assert_eq!(error.reason(), Reason::NotFound, "{error}");
    }
    assert_eq!(queries(&sandbox), [OWN, ELSEWHERE, OWN, ELSEWHERE]);
    // An operation with one path is asked for once, and an id of the caller's at the own path alone.
    client.task(Operation::TextToVideo, "123").unwrap().refresh().await.unwrap_err();
    assert_eq!(client.find_task(Operation::OmniVideo, "line-7").await.unwrap().map(|task| task.id().to_owned()), None);
    assert_eq!(queries(&sandbox)[4..].iter().filter(|path| *path == ELSEWHERE).count(), 0, "{:?}", queries(&sandbox));
}

#[tokio::test]
async fn a_retired_model_is_refused_with_the_models_that_are_served() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let data = json!({"model_name": "kling-v2-master", "prompt": "x"});
    let request = Request::from_json(Operation::TextToVideo, data).unwrap();
    assert!(request.remarks()[0].message.contains("retired"), "{:?}", request.remarks());
    let error = client.submit(request).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Rejected, Reason::ModelRetired), "{error}");
    let hint = error.hint().unwrap();
    assert!(hint.ends_with("known to be served: kling-v2-5-turbo, kling-v2-6, kling-v3"), "{hint}");
    assert_eq!(sandbox.tasks_charged(), 0);
}

#[tokio::test]
async fn frames_and_references_of_an_omni_video_keep_their_order() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let request = OmniVideo::builder()
        .model(Model::KlingV3Omni)
        .mode(Mode::Std)
        .images([
            OmniImage::first_frame(Image::url("https://example.com/1.png")),
            OmniImage::from(Image::url("https://example.com/2.png")),
            OmniImage::end_frame(Image::url("https://example.com/3.png")),
        ])
        .elements(["elem_80"])
        .prompt("x")
        .duration(5)
        .build()
        .unwrap();
    client.submit(request).await.unwrap();
    let posted = sandbox.requests()[0].body.json.clone().unwrap();
    let expected = json!([
        {"image_url": "https://example.com/1.png", "type": "first_frame"},
        {"image_url": "https://example.com/2.png"},
        {"image_url": "https://example.com/3.png", "type": "end_frame"},
    ]);
    assert_eq!((&posted["image_list"], &posted["element_list"]), (&expected, &json!([{"element_id": "elem_80"}])));
}
