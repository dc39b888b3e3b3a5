//! Proves what the server of tools promises an agent, and whoever lets one use it: by a client of the protocol that starts
//! the built command as hosts of agents do.

mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use kling_batch::State;
use kling_sandbox::{Endpoint, Fault, Sandbox};
use rmcp::model::CallToolRequestParams;
use rmcp::service::RunningService;
use rmcp::transport::TokioChildProcess;
use rmcp::{RoleClient, ServiceExt as _};
use serde_json::{Value, json};
use support::{KEY, PROMPT, agrees, command, directory, jobs, line, manifest, picture, record, run, sandbox, states};
use tokio::io::AsyncReadExt as _;

/// A client, its server as a child, and what the server says beside the protocol.
struct Agent {
    client: RunningService<RoleClient, ()>,
    said: tokio::task::JoinHandle<String>,
    process: u32,
}

/// `in/cat.png`, and the words that let an agent read it and write to `out`.
fn yard(name: &str) -> (PathBuf, Vec<&'static str>) {
    let folder = directory(name);
    std::fs::create_dir(folder.join("in")).unwrap();
    std::fs::copy(picture("cat.png"), folder.join("in/cat.png")).unwrap();
    std::fs::copy(picture("cat.png"), folder.join("outside.png")).unwrap();
    (folder, vec!["mcp", "--read", "in", "--write", "out", "--heartbeat", "100ms"])
}

async fn agent(sandbox: &Sandbox, folder: &Path, words: &[&str]) -> Agent {
    let command = tokio::process::Command::from(command(sandbox.base_url(), folder, "kling.db", words));
    let (child, stderr) = TokioChildProcess::builder(command).stderr(Stdio::piped()).spawn().unwrap();
    let (process, mut stderr) = (child.id().unwrap(), stderr.unwrap());
    let said = tokio::spawn(async move {
        let mut said = String::new();
        stderr.read_to_string(&mut said).await.unwrap();
        said
    });
    Agent { client: ().serve(child).await.unwrap(), said, process }
}

impl Agent {
    async fn call(&self, tool: &'static str, arguments: Value) -> Result<Value, Value> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let call = CallToolRequestParams::new(tool).with_arguments(arguments);
        let result = self.client.call_tool(call).await.unwrap();
        let value = result.structured_content.clone().unwrap();
        let text = serde_json::to_string(&result).unwrap();
        assert!(!text.contains(KEY) && !text.contains(PROMPT), "a secret is in {text}");
        assert!(!text.contains("http://"), "an address is in {text}");
        if result.is_error == Some(true) { Err(value["error"].clone()) } else { Ok(value) }
    }

    /// As hosts do: standard input ends, and the server with it. Gives what it said.
    async fn leave(self) -> String {
        self.client.cancel().await.unwrap();
        let said = self.said.await.unwrap();
        assert!(!said.contains(KEY) && !said.contains(PROMPT), "a secret is in {said}");
        said
    }

    /// As nobody should.
    async fn killed(self) {
        assert!(std::process::Command::new("kill").args(["-9", &self.process.to_string()]).status().unwrap().success());
        self.said.await.unwrap();
    }
}

fn request(image: &str) -> Value {
    json!({"image_list": [{"image": image}], "prompt": PROMPT})
}

fn with(mut request: Value, name: &str, value: Value) -> Value {
    request[name] = value;
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_checks_estimates_orders_and_gets_its_video() {
    let (sandbox, (folder, words)) = (sandbox().start().await.unwrap(), yard("mcp-whole"));
    let words = [&words[..], &["--budget", "5"]].concat();
    let here = agent(&sandbox, &folder, &words).await;
    let tools = here.client.list_all_tools().await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    assert_eq!(names, ["check", "estimate", "generate", "status", "download"]);

    let wrong = json!({"image_list": [], "prompt": ""});
    let checked = here.call("check", wrong.clone()).await.unwrap();
    assert_eq!(checked["valid"], false);
    let paths: Vec<_> = checked["violations"].as_array().unwrap().iter().map(|wrong| wrong["path"].clone()).collect();
    assert_eq!(paths, ["image_list", "prompt"]);
    let refused = here.call("generate", wrong).await.unwrap_err();
    assert_eq!(refused["violations"], checked["violations"]);
    let checked = here.call("check", request("cat.png")).await.unwrap();
    assert_eq!(checked, json!({"valid": true, "asked_for_before": null}));
    let estimate = here.call("estimate", request("cat.png")).await.unwrap();
    assert_eq!((&estimate["units"], &estimate["account"]["left"]), (&json!("2"), &json!("5")));
    assert!(estimate["price"]["source"].as_str().unwrap().contains("assumption"));
    assert_eq!(sandbox.requests().len(), 0, "all that is free of charge");

    let asked = with(request("cat.png"), "file", json!("sub/cat.mp4"));
    let ordered = here.call("generate", asked.clone()).await.unwrap();
    let id = ordered["job"]["id"].clone();
    assert_eq!((&ordered["ordered"], &ordered["job"]["state"]), (&json!(true), &json!("intended")));
    let ended = here.call("status", json!({"job": id, "wait_seconds": 30})).await.unwrap();
    assert_eq!(ended["job"]["state"], "delivered");
    assert_eq!(ended["job"]["external_id"], ordered["job"]["external_id"]);
    assert_eq!(ended["job"]["task_id"], json!(sandbox.tasks()[0].id));
    let got = here.call("download", json!({"job": id})).await.unwrap();
    let file = got["job"]["file"].as_str().unwrap();
    assert_eq!(Path::new(file), folder.join("out/sub/cat.mp4").canonicalize().unwrap());
    assert_eq!(std::fs::read(file).unwrap(), sandbox.video_bytes());
    here.leave().await;

    // A purchase and a budget survive the server.
    let here = agent(&sandbox, &folder, &words).await;
    let again = here.call("generate", asked).await.unwrap();
    assert_eq!((&again["ordered"], &again["already_paid"], &again["job"]["id"]), (&json!(false), &json!(true), &id));
    assert_eq!(here.call("check", request("cat.png")).await.unwrap()["asked_for_before"]["id"], id);
    let insists = with(request("cat.png"), "again", json!(true));
    let second = here.call("generate", insists.clone()).await.unwrap();
    assert_eq!(second["ordered"], true);
    let refused = here.call("generate", insists).await.unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("1 are left of the budget"), "{refused}");
    // A file that is gone is fetched again, for nothing.
    std::fs::remove_file(file).unwrap();
    let gone = here.call("download", json!({"job": id})).await.unwrap_err();
    assert!(gone["message"].as_str().unwrap().contains("is fetched again"), "{gone}");
    here.call("download", json!({"job": id, "wait_seconds": 30})).await.unwrap();
    here.call("download", json!({"job": second["job"]["id"], "wait_seconds": 30})).await.unwrap();
    let status = here.call("status", json!({})).await.unwrap();
    assert_eq!(status["not_done"], json!([]));
    assert_eq!((&status["account"]["booked"], &status["account"]["left"]), (&json!("4"), &json!("1")));
    here.leave().await;
    assert_eq!((sandbox.tasks_charged(), sandbox.posts_begun()), (2, 2));
    agrees(&record(&folder).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_names_any_operation_and_its_files_at_any_place() {
    let (sandbox, (folder, words)) = (sandbox().start().await.unwrap(), yard("mcp-operations"));
    let table = json!({"dated": "2026-11-30", "source": "our invoice", "prices": [
        {"operation": "image2video", "units": "3"}, {"operation": "omni-video", "mode": "std", "units": "4"}]});
    std::fs::write(folder.join("prices.json"), table.to_string()).unwrap();
    let here = agent(&sandbox, &folder, &[&words[..], &["--budget", "9", "--prices", "prices.json"]].concat()).await;
    let image = |tail: &str| {
        json!({"operation": "image2video", "model_name": "kling-v2-6", "mode": "pro", "image": "cat.png",
            "image_tail": tail, "prompt": PROMPT})
    };
    let omni = |image: &str, mode: &str| {
        json!({"operation": "omni-video", "model_name": "kling-v3-omni", "mode": mode, "duration": "5", "prompt": PROMPT,
            "image_list": [{"image_url": "https://example.com/cat.png"}, {"image_url": image, "type": "first_frame"}]})
    };
    for (request, path) in
        [(image("../outside.png"), "image_tail"), (omni("../outside.png", "std"), "image_list[1].image_url")]
    {
        let refused = here.call("generate", request).await.unwrap_err();
        assert_eq!(refused["violations"][0]["path"], path, "{refused}");
    }
    let refused = here.call("generate", omni("cat.png", "pro")).await.unwrap_err();
    let line =
        r#"add {"operation": "omni-video", "model": "kling-v3-omni", "mode": "pro", "duration": "5", "units": "…"}"#;
    assert!(refused["message"].as_str().unwrap().contains(line), "{refused}");
    let refused = here.call("check", json!({"operation": "text2vidio", "prompt": PROMPT})).await.unwrap_err();
    assert!(
        refused["message"].as_str().unwrap().contains("expected one of multi-image2video, text2video"),
        "{refused}"
    );
    let refused = here.call("check", with(omni("cat.png", "std"), "image_tail", json!("cat.png"))).await.unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("unknown field `image_tail`"), "{refused}");
    for (request, units) in [(image("cat.png"), "3"), (omni("cat.png", "std"), "4")] {
        let estimate = here.call("estimate", request.clone()).await.unwrap();
        assert_eq!((&estimate["units"], &estimate["price"]["source"]), (&json!(units), &json!("our invoice")));
        let ordered = here.call("generate", request).await.unwrap();
        let got = here.call("download", json!({"job": ordered["job"]["id"], "wait_seconds": 30})).await.unwrap();
        assert_eq!(std::fs::read(got["job"]["file"].as_str().unwrap()).unwrap(), sandbox.video_bytes());
    }
    here.leave().await;
    let operations: Vec<_> = jobs(&record(&folder).await).await.iter().map(|job| job.operation.to_string()).collect();
    assert_eq!((operations, sandbox.tasks_charged()), (vec!["image2video".into(), "omni-video".into()], 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_budget_nothing_is_bought() {
    let (sandbox, (folder, words)) = (sandbox().start().await.unwrap(), yard("mcp-poor"));
    let here = agent(&sandbox, &folder, &words).await;
    let refused = here.call("generate", request("cat.png")).await.unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("without a budget"), "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("--budget"), "{refused}");
    here.call("check", request("cat.png")).await.unwrap();
    here.leave().await;
    let here = agent(&sandbox, &folder, &[&words[..], &["--budget", "1.9"]].concat()).await;
    let refused = here.call("generate", request("cat.png")).await.unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("about 2 units, and 1.9 are left"), "{refused}");
    here.leave().await;
    assert!(jobs(&record(&folder).await).await.is_empty());
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_reaches_nothing_outside_its_directories() {
    let (sandbox, (folder, words)) = (sandbox().start().await.unwrap(), yard("mcp-fence"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.join("outside.png"), folder.join("in/linked.png")).unwrap();
        std::fs::create_dir(folder.join("out")).unwrap();
        std::os::unix::fs::symlink(&folder, folder.join("out/up")).unwrap();
    }
    let here = agent(&sandbox, &folder, &[&words[..], &["--budget", "50"]].concat()).await;
    let outside = folder.join("outside.png");
    let mut told = Vec::new();
    for image in [outside.to_str().unwrap(), "../outside.png", "in/../../outside.png", "linked.png"] {
        let refused = here.call("generate", request(image)).await.unwrap_err();
        assert_eq!(refused["violations"][0]["path"], "image_list[0].image", "{image}: {refused}");
        told.push(refused["violations"][0]["expected"].clone());
    }
    // What is there and what is not look the same.
    let nowhere = here.call("generate", request("../nowhere.png")).await.unwrap_err();
    told.push(nowhere["violations"][0]["expected"].clone());
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    let within = folder.join("out/a.mp4");
    for file in ["../a.mp4", "up/a.mp4", "sub/../../a.mp4", "kling.db", within.to_str().unwrap()] {
        let refused = here.call("generate", with(request("cat.png"), "file", json!(file))).await.unwrap_err();
        assert_eq!(refused["violations"][0]["path"], "file", "{file}: {refused}");
    }
    for (tool, arguments, named) in [
        ("generate", with(request("cat.png"), "callback_url", json!("https://example.com")), "callback_url"),
        ("generate", with(request("cat.png"), "agian", json!(true)), "agian"),
        ("check", with(request("cat.png"), "file", json!("a.mp4")), "file"),
        ("status", json!({"jobs": 1}), "jobs"),
        ("download", json!({"job": 1, "to": "/elsewhere"}), "to"),
    ] {
        let refused = here.call(tool, arguments).await.unwrap_err();
        assert!(refused["message"].as_str().unwrap().contains(&format!("unknown field `{named}`")), "{refused}");
    }
    assert!(here.call("download", json!({"job": 7})).await.is_err());
    let unknown = here.client.call_tool(CallToolRequestParams::new("shell")).await;
    assert!(unknown.is_err(), "{unknown:?}");
    here.leave().await;
    assert_eq!(sandbox.requests().len(), 0);
    assert!(jobs(&record(&folder).await).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_it_orders_has_bought_once() {
    let (sandbox, (folder, words)) = (sandbox().start().await.unwrap(), yard("mcp-killed"));
    sandbox.fault_next(Endpoint::Create, Fault::silence().charged());
    let words = [&words[..], &["--budget", "5"]].concat();
    let here = agent(&sandbox, &folder, &words).await;
    // It answers although the gateway never does.
    let ordered = here.call("generate", request("cat.png")).await.unwrap();
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, sandbox.until(|sandbox| sandbox.tasks_charged() == 1)).await.unwrap();
    here.killed().await;
    let here = agent(&sandbox, &folder, &words).await;
    let id = ordered["job"]["id"].clone();
    let again = here.call("generate", request("cat.png")).await.unwrap();
    assert_eq!((&again["ordered"], &again["job"]["id"]), (&json!(false), &id));
    let store = record(&folder).await;
    // It is taken for dead after some beats, then its order is looked for.
    let found = async {
        loop {
            let asked = here.call("download", json!({"job": id, "wait_seconds": 1})).await;
            if asked.is_ok() {
                break;
            }
        }
    };
    tokio::time::timeout(limit, found).await.expect("it is found");
    here.leave().await;
    assert_eq!((sandbox.tasks_charged(), sandbox.posts_begun()), (1, 1));
    assert_eq!(states(&store).await, [State::Delivered]);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_not_an_agents_is_not_done_by_its_server() {
    let (sandbox, (folder, words)) = (sandbox().start().await.unwrap(), yard("mcp-others"));
    let manifest = manifest(&folder, [line(1)]);
    run(&sandbox, &folder, &["batch", "add", manifest.to_str().unwrap()]).await.exits(0);
    let words = [&words[..], &["--budget", "5", "--json"]].concat();
    let refused = run(&sandbox, &folder, &words).await.exits(2);
    assert!(refused.stderr().contains("job 1 of the record is intended"), "{}", refused.stderr());
    assert!(refused.stderr().contains("--database"), "{}", refused.stderr());
    assert_eq!(refused.stdout(), "", "it is the protocol's alone");
    assert_eq!(sandbox.requests().len(), 0);
    // What is done disturbs nobody, and is paid for agents, too.
    run(&sandbox, &folder, &["batch", "resume"]).await.exits(0);
    let here = agent(&sandbox, &folder, &words).await;
    let asked = json!({"image_list": [{"image": line(1)["image"]}], "prompt": line(1)["prompt"]});
    let known = here.call("generate", asked).await.unwrap();
    assert_eq!((&known["ordered"], &known["already_paid"]), (&json!(false), &json!(true)));
    here.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_output_carries_the_protocol_and_nothing_else() {
    let (sandbox, (folder, words)) = (sandbox().start().await.unwrap(), yard("mcp-output"));
    let words = [&words[..], &["--budget", "5", "--json"]].concat();
    let mut child = command(sandbox.base_url(), &folder, "kling.db", &words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begin = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}});
    let call = |id: u32, tool: &str, arguments: Value| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
    let mut stdin = child.stdin.take().unwrap();
    for message in [
        begin,
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        call(2, "generate", request("cat.png")),
        json!({"jsonrpc": "2.0", "id": 3, "method": "tools/list"}),
    ] {
        writeln!(stdin, "{message}").unwrap();
    }
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, sandbox.until(|sandbox| sandbox.tasks_charged() == 1)).await.unwrap();
    drop(stdin);
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    let lines: Vec<Value> = ended
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let mut ids: Vec<_> = lines.iter().map(|line| line["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3]);
    assert!(lines.iter().all(|line| line["jsonrpc"] == "2.0" && line["result"].is_object()), "{lines:?}");
    assert!(String::from_utf8_lossy(&ended.stderr).contains("task "), "what is done is told beside it");
}
