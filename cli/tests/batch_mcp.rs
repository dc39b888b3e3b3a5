//! Claims of the server of tools to an agent and to whoever lets an agent use it, by a client of the protocol: in the test's
//! process, or of the built command, started as hosts of agents do.
#![cfg(feature = "batch")]

mod support_batch;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use kling_cli::batch::{Fence, NewBatch, NewJob, Pace, Prices, Server, State, Store, Units, Until, Worker};
use kling_client::{Client, Operation, SystemClock};
use kling_sandbox::{Endpoint, Fault, Sandbox};
use rmcp::model::CallToolRequestParams;
use rmcp::service::RunningService;
use rmcp::transport::TokioChildProcess;
use rmcp::{RoleClient, ServiceExt as _};
use serde_json::{Value, json};
use support_batch::{KEY, PROMPT, agrees, command, directory, image, jobs, line, run, sandbox, states};
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(30);
const EXPECTED: Duration = Duration::from_secs(2);

/// The command line that lets an agent read from `in` and write to `out`.
const MCP: [&str; 5] = ["mcp", "--read", "in", "--write", "out"];

/// A folder with `in/cat.png` and `outside.png`.
fn folder(name: &str) -> PathBuf {
    let folder = directory(name);
    std::fs::create_dir(folder.join("in")).unwrap();
    for file in ["in/cat.png", "outside.png"] {
        std::fs::copy(image("cat.png"), folder.join(file)).unwrap();
    }
    folder
}

/// The record of the command, to look at.
fn record(folder: &Path) -> Store {
    Store::read(&folder.join("out/agents.kling.db")).unwrap()
}

/// A client of the command, its process, and what that prints beside the protocol.
struct Agent {
    client: RunningService<RoleClient, ()>,
    printed: tokio::task::JoinHandle<String>,
    process: u32,
}

async fn agent(sandbox: &Sandbox, folder: &Path, words: &[&str]) -> Agent {
    let command = command(sandbox.base_url(), folder, &[&MCP, words].concat());
    let (child, stderr) =
        TokioChildProcess::builder(tokio::process::Command::from(command)).stderr(Stdio::piped()).spawn().unwrap();
    let (process, mut stderr) = (child.id().unwrap(), stderr.unwrap());
    let printed = tokio::spawn(async move {
        let mut printed = String::new();
        stderr.read_to_string(&mut printed).await.unwrap();
        printed
    });
    Agent { client: ().serve(child).await.unwrap(), printed, process }
}

impl Agent {
    /// As hosts do: standard input ends, and the server with it.
    async fn leave(self) {
        self.client.cancel().await.unwrap();
        let printed = self.printed.await.unwrap();
        assert!(!printed.contains(KEY) && !printed.contains(PROMPT), "a secret is in {printed}");
    }

    async fn kill(self) {
        assert!(std::process::Command::new("kill").args(["-9", &self.process.to_string()]).status().unwrap().success());
        self.printed.await.unwrap();
    }
}

/// A client of a server in this process, with a worker beside it.
async fn here(
    sandbox: &Sandbox,
    folder: &Path,
    budget: &str,
    prices: Prices,
) -> (RunningService<RoleClient, ()>, Arc<Store>) {
    let store = Arc::new(Store::open(&folder.join("a.kling.db")).unwrap());
    let clock = Arc::new(SystemClock::new());
    let client = Client::builder(KEY).base_url(sandbox.base_url()).max_attempts(1).expected(EXPECTED).build().unwrap();
    let account = store.account(client.base_url(), "key").unwrap();
    let server = Server::open(Arc::clone(&store), prices, fence(folder), clock.clone(), budget.parse().ok()).unwrap();
    let say = Arc::new(|_: &str| {});
    let worker =
        Worker::new(Arc::clone(&store), client, account, clock, Pace::new(Some(EXPECTED)), Until::Stopped, say);
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let stop = CancellationToken::new();
    tokio::spawn(worker.run(stop.clone()));
    tokio::spawn(async move {
        let _end = stop.clone().drop_guard();
        server.serve(theirs, stop).await.unwrap();
    });
    (().serve(ours).await.unwrap(), store)
}

fn fence(folder: &Path) -> Fence {
    Fence::new(&[folder.join("in")], &folder.join("out")).unwrap()
}

async fn call(client: &RunningService<RoleClient, ()>, tool: &'static str, arguments: Value) -> Result<Value, Value> {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let result = client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await.unwrap();
    let value = result.structured_content.clone().unwrap();
    let text = serde_json::to_string(&result).unwrap();
    assert!(!text.contains(KEY) && !text.contains(PROMPT), "a secret is in {text}");
    assert!(!text.contains("http://"), "a URL is in {text}");
    if result.is_error == Some(true) { Err(value) } else { Ok(value) }
}

/// The message of a refusal.
fn message(refused: &Value) -> &str {
    refused["error"]["message"].as_str().unwrap()
}

fn request(image: &str) -> Value {
    json!({"image_list": [{"image": image}], "prompt": PROMPT})
}

fn with(mut request: Value, name: &str, value: Value) -> Value {
    request[name] = value;
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_checks_generates_and_downloads_and_its_budget_survives_the_server() {
    let (sandbox, folder) = (sandbox().start().await.unwrap(), folder("mcp-whole"));
    let here = agent(&sandbox, &folder, &["--budget", "5"]).await;
    let tools = here.client.list_all_tools().await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    assert_eq!(names, ["check", "generate", "status", "download"]);

    let wrong = json!({"image_list": [], "prompt": ""});
    let checked = call(&here.client, "check", wrong.clone()).await.unwrap();
    assert_eq!(checked["valid"], false);
    let paths: Vec<_> = checked["violations"].as_array().unwrap().iter().map(|found| found["path"].clone()).collect();
    assert_eq!(paths, ["image_list", "prompt"]);
    let refused = call(&here.client, "generate", wrong).await.unwrap_err();
    assert_eq!(refused["violations"], checked["violations"]);
    let checked = call(&here.client, "check", request("cat.png")).await.unwrap();
    assert_eq!((&checked["valid"], &checked["known_job"]), (&json!(true), &Value::Null));
    assert_eq!((&checked["price"]["units"], &checked["budget"]["left"]), (&json!("2"), &json!("5")));
    assert!(checked["price"]["source"]["source"].as_str().unwrap().contains("assumption"));
    assert_eq!(sandbox.requests().len(), 0, "a check is free");

    let asked = with(request("cat.png"), "file", json!("sub/cat.mp4"));
    let added = call(&here.client, "generate", asked.clone()).await.unwrap();
    let id = added["job"]["id"].clone();
    assert_eq!((&added["added"], &added["job"]["state"]), (&json!(true), &json!("intended")));
    let ended = call(&here.client, "status", json!({"job": id, "wait_seconds": 30})).await.unwrap();
    assert_eq!(ended["job"]["state"], "delivered");
    assert_eq!(ended["job"]["external_id"], added["job"]["external_id"]);
    assert_eq!(ended["job"]["task_id"], json!(sandbox.tasks()[0].id));
    let downloaded = call(&here.client, "download", json!({"job": id})).await.unwrap();
    let file = downloaded["job"]["file"].as_str().unwrap();
    assert_eq!(Path::new(file), folder.join("out/sub/cat.mp4").canonicalize().unwrap());
    assert_eq!(std::fs::read(file).unwrap(), sandbox.video_bytes());
    here.leave().await;

    let here = agent(&sandbox, &folder, &["--budget", "5"]).await;
    let again = call(&here.client, "generate", asked).await.unwrap();
    assert_eq!((&again["added"], &again["job"]["id"], &again["job"]["booked"]), (&json!(false), &id, &json!("2")));
    assert_eq!(call(&here.client, "check", request("cat.png")).await.unwrap()["known_job"]["id"], id);
    let insistent = with(request("cat.png"), "again", json!(true));
    let second = call(&here.client, "generate", insistent.clone()).await.unwrap();
    assert_eq!(second["added"], true);
    let refused = call(&here.client, "generate", insistent).await.unwrap_err();
    assert!(message(&refused).contains("1 are left of the budget"), "{refused}");
    // A file that is gone is downloaded again, for nothing.
    std::fs::remove_file(file).unwrap();
    let gone = call(&here.client, "download", json!({"job": id})).await.unwrap_err();
    assert!(message(&gone).contains("is downloaded again"), "{gone}");
    for job in [&id, &second["job"]["id"]] {
        call(&here.client, "download", json!({"job": job, "wait_seconds": 30})).await.unwrap();
    }
    let status = call(&here.client, "status", json!({})).await.unwrap();
    assert_eq!(status["open"], json!([]));
    assert_eq!((&status["budget"]["booked"], &status["budget"]["left"]), (&json!("4"), &json!("1")));
    here.leave().await;
    assert_eq!((sandbox.tasks_charged(), sandbox.posts_begun()), (2, 2));
    agrees(&record(&folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tools_have_every_field_of_every_operation_but_the_withheld_ones() {
    let sandbox = sandbox().start().await.unwrap();
    let (client, _) = here(&sandbox, &folder("mcp-tools"), "none", Prices::builtin().unwrap()).await;
    let tools = client.list_all_tools().await.unwrap();
    for tool in tools.into_iter().filter(|tool| ["check", "generate"].contains(&tool.name.as_ref())) {
        let schema = Value::Object(tool.input_schema.as_ref().clone());
        let of = |form: &Value, operation: &Operation| {
            form["title"].as_str().unwrap().split(", ").any(|of| *operation == of.into())
        };
        assert_eq!(schema["properties"]["operation"]["enum"], json!(Operation::KNOWN));
        assert_eq!(schema["additionalProperties"], json!(false), "{}", tool.name);
        for own in ["file", "again"] {
            assert_eq!(schema["properties"][own].is_object(), tool.name == "generate", "{} {own}", tool.name);
        }
        assert!(schema.get("required").is_none(), "{}", tool.name);
        for operation in Operation::all() {
            for (name, field) in operation.json_schema().unwrap()["properties"].as_object().unwrap() {
                let forms = schema["properties"][name]["anyOf"].as_array();
                let form = forms.and_then(|forms| forms.iter().find(|form| of(form, &operation)));
                let is_withheld = ["callback_url", "external_task_id"].contains(&name.as_str());
                assert_eq!(form.is_none(), is_withheld, "{operation} {name}");
                for limit in ["type", "maxLength", "minItems", "maxItems", "minimum", "maximum", "items"] {
                    assert!(form.is_none_or(|form| form[limit] == field[limit]), "{operation} {name} {limit}");
                }
            }
        }
    }
    client.cancel().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_names_any_operation_with_files_at_any_place_and_reads_remarks() {
    let (sandbox, folder) = (sandbox().start().await.unwrap(), folder("mcp-operations"));
    let table = json!({"dated": "2026-11-30", "source": "our invoice", "prices": [
        {"operation": "image2video", "units": "3"}, {"operation": "omni-video", "mode": "std", "units": "4"}]});
    let (client, store) = here(&sandbox, &folder, "9", serde_json::from_value(table).unwrap()).await;
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
        let refused = call(&client, "generate", request).await.unwrap_err();
        assert_eq!(refused["violations"][0]["path"], path, "{refused}");
    }
    let line = r#"{"operation": "omni-video", "model": "kling-v3-omni", "mode": "pro", "duration": "5", "#;
    let refused = call(&client, "generate", omni("cat.png", "pro")).await.unwrap_err();
    assert!(message(&refused).contains(line), "{refused}");
    let checked = call(&client, "check", omni("cat.png", "pro")).await.unwrap();
    assert!(checked["price"]["missing"].as_str().unwrap().contains(line), "{checked}");
    let refused = call(&client, "check", json!({"operation": "text2vidio", "prompt": PROMPT})).await.unwrap_err();
    assert!(message(&refused).contains("expected one of multi-image2video, text2video"), "{refused}");
    let refused =
        call(&client, "check", with(omni("cat.png", "std"), "image_tail", json!("cat.png"))).await.unwrap_err();
    assert!(message(&refused).contains("unknown field `image_tail`"), "{refused}");
    let unknown = with(image("cat.png"), "model_name", json!("kling-v99"));
    let checked = call(&client, "check", unknown).await.unwrap();
    assert!(checked["remarks"][0].as_str().unwrap().starts_with("model_name: "), "{checked}");
    for (request, units) in [(image("cat.png"), "3"), (omni("cat.png", "std"), "4")] {
        let checked = call(&client, "check", request.clone()).await.unwrap();
        assert_eq!((&checked["price"]["units"], &checked["remarks"]), (&json!(units), &json!([])));
        assert_eq!(checked["price"]["source"]["source"], "our invoice");
        let added = call(&client, "generate", request).await.unwrap();
        let downloaded =
            call(&client, "download", json!({"job": added["job"]["id"], "wait_seconds": 30})).await.unwrap();
        assert_eq!(std::fs::read(downloaded["job"]["file"].as_str().unwrap()).unwrap(), sandbox.video_bytes());
    }
    client.cancel().await.unwrap();
    let operations: Vec<_> = jobs(&store).into_iter().map(|job| job.operation).collect();
    assert_eq!((operations, sandbox.tasks_charged()), (vec![Operation::ImageToVideo, Operation::OmniVideo], 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_budget_nothing_is_submitted() {
    let sandbox = sandbox().start().await.unwrap();
    for (budget, expected) in [("none", "without a budget"), ("1.9", "cost 2 units, and 1.9 are left")] {
        let (client, store) = here(&sandbox, &folder("mcp-budget"), budget, Prices::builtin().unwrap()).await;
        let refused = call(&client, "generate", request("cat.png")).await.unwrap_err();
        assert!(message(&refused).contains(expected), "{refused}");
        assert!(refused["error"]["hint"].as_str().unwrap().contains("--budget"), "{refused}");
        call(&client, "check", request("cat.png")).await.unwrap();
        client.cancel().await.unwrap();
        assert!(jobs(&store).is_empty());
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_reaches_nothing_outside_its_folders() {
    let (sandbox, folder) = (sandbox().start().await.unwrap(), folder("mcp-fence"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.join("outside.png"), folder.join("in/linked.png")).unwrap();
        std::fs::create_dir(folder.join("out")).unwrap();
        std::os::unix::fs::symlink(&folder, folder.join("out/up")).unwrap();
    }
    let (client, store) = here(&sandbox, &folder, "50", Prices::builtin().unwrap()).await;
    let outside = folder.join("outside.png");
    let mut violations = Vec::new();
    // What exists outside and what does not look the same.
    for image in [outside.to_str().unwrap(), "../outside.png", "in/../../outside.png", "linked.png", "../nowhere.png"] {
        let refused = call(&client, "generate", request(image)).await.unwrap_err();
        assert_eq!(refused["violations"][0]["path"], "image_list[0].image", "{image}: {refused}");
        violations.push(refused["violations"].clone());
    }
    assert!(violations.windows(2).all(|pair| pair[0] == pair[1]), "{violations:?}");
    let within = folder.join("out/a.mp4");
    for file in ["../a.mp4", "up/a.mp4", "sub/../../a.mp4", "agents.kling.db", within.to_str().unwrap()] {
        let refused = call(&client, "generate", with(request("cat.png"), "file", json!(file))).await.unwrap_err();
        assert_eq!(refused["violations"][0]["path"], "file", "{file}: {refused}");
    }
    for (tool, arguments, name) in [
        ("generate", with(request("cat.png"), "callback_url", json!("https://example.com")), "callback_url"),
        ("generate", with(request("cat.png"), "external_task_id", json!("mine")), "external_task_id"),
        ("generate", with(request("cat.png"), "agian", json!(true)), "agian"),
        ("check", with(request("cat.png"), "file", json!("a.mp4")), "file"),
        ("status", json!({"jobs": 1}), "jobs"),
        ("download", json!({"job": 1, "to": "/elsewhere"}), "to"),
    ] {
        let refused = call(&client, tool, arguments).await.unwrap_err();
        assert!(message(&refused).contains(&format!("unknown field `{name}`")), "{refused}");
    }
    assert!(call(&client, "download", json!({"job": 7})).await.is_err());
    let unknown = client.call_tool(CallToolRequestParams::new("shell")).await;
    assert!(unknown.is_err(), "{unknown:?}");
    client.cancel().await.unwrap();
    assert_eq!(sandbox.requests().len(), 0);
    assert!(jobs(&store).is_empty());
}

#[test]
fn a_record_with_open_jobs_outside_of_the_fence_is_refused() {
    let folder = folder("mcp-others");
    let (inside, fence) = (folder.canonicalize().unwrap(), fence(&folder));
    let open = |store: &Arc<Store>| {
        let clock = Arc::new(SystemClock::new());
        Server::open(Arc::clone(store), Prices::builtin().unwrap(), fence.clone(), clock, "5".parse().ok())
    };
    let new = |image: &Path, output: &str| NewJob {
        line: 0,
        name: None,
        external_id: None,
        operation: Operation::ImageToVideo,
        model: String::new(),
        request: json!({"image": image, "prompt": "x"}).to_string(),
        request_hash: output.to_owned(),
        output: inside.join(output),
        estimate: Units::default(),
    };
    let (cat, outside) = (inside.join("in/cat.png"), inside.join("outside.png"));
    let in_line = |store: &Arc<Store>| open(store).err().map(|failure| failure.in_one_line()).unwrap_or_default();
    for (image, output, is_within) in [
        (cat.as_path(), "out/a.mp4", true),
        (Path::new("https://example.com/cat.png"), "out/a.mp4", true),
        (&outside, "out/a.mp4", false),
        (&inside.join("in/../outside.png"), "out/a.mp4", false),
        (Path::new("cat.png"), "out/a.mp4", false),
        (&cat, "a.mp4", false),
        (&cat, "out/../a.mp4", false),
    ] {
        let store = Arc::new(Store::in_memory().unwrap());
        let batch = store.agents_batch("5".parse().unwrap(), fence.out_dir()).unwrap();
        store.add(batch, new(image, output), true).unwrap();
        let refused = in_line(&store);
        assert_eq!(refused.is_empty(), is_within, "{}: {refused}", image.display());
        assert!(is_within || refused.contains("job 1 is intended") && refused.contains("--record"), "{refused}");
        store.drop_job(1).unwrap();
        assert_eq!(in_line(&store), "", "a job that is not open disturbs nobody");
    }
    let store = Arc::new(Store::in_memory().unwrap());
    let batch = NewBatch { name: "agents", budget: None, source: &inside, out_dir: &inside };
    store.add_batch(&batch, true, [Ok(new(&cat, "out/a.mp4"))], |_, _| {}).unwrap();
    assert!(in_line(&store).contains("job 1 is intended"), "a manifest's job is not an agent's");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_of_a_manifest_is_known_to_an_agent_and_refused_while_it_is_open() {
    let (sandbox, folder) = (sandbox().start().await.unwrap(), folder("mcp-manifest"));
    support_batch::manifest(&folder, [line(1)]);
    run(&sandbox, &folder, &["batch", "add", "manifest.jsonl"]).await.exits(0);
    let words = ["--record", "manifest.jsonl.kling.db", "--budget", "5", "--json"];
    let refused = run(&sandbox, &folder, &[&MCP, &words[..]].concat()).await.exits(2);
    assert!(refused.stderr().contains("job 1 is intended"), "{}", refused.stderr());
    assert_eq!((refused.stdout().as_str(), sandbox.requests().len()), ("", 0), "standard output is the protocol's");
    run(&sandbox, &folder, &["batch", "resume", "manifest.jsonl"]).await.exits(0);
    let here = agent(&sandbox, &folder, &words).await;
    let asked = json!({"image_list": [{"image": line(1)["image"]}], "prompt": line(1)["prompt"]});
    let known = call(&here.client, "generate", asked).await.unwrap();
    assert_eq!((&known["added"], &known["job"]["state"]), (&json!(false), &json!("delivered")));
    here.leave().await;
    assert_eq!(sandbox.tasks_charged(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_during_a_submit_is_charged_once() {
    let (sandbox, folder) = (sandbox().start().await.unwrap(), folder("mcp-killed"));
    sandbox.fault_next(Endpoint::Create, Fault::silence().charged());
    let here = agent(&sandbox, &folder, &["--budget", "5"]).await;
    // It responds although the gateway never does.
    let added = call(&here.client, "generate", request("cat.png")).await.unwrap();
    tokio::time::timeout(LIMIT, sandbox.until(|sandbox| sandbox.tasks_charged() == 1)).await.unwrap();
    here.kill().await;
    let here = agent(&sandbox, &folder, &["--budget", "5"]).await;
    let id = added["job"]["id"].clone();
    let again = call(&here.client, "generate", request("cat.png")).await.unwrap();
    assert_eq!((&again["added"], &again["job"]["id"]), (&json!(false), &id));
    let found = async {
        while call(&here.client, "download", json!({"job": id, "wait_seconds": 1})).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, found).await.expect("its task is looked up");
    here.leave().await;
    assert_eq!((sandbox.tasks_charged(), sandbox.posts_begun()), (1, 1));
    assert_eq!(states(&record(&folder)), [State::Delivered]);
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_output_carries_the_protocol_and_nothing_else() {
    let (sandbox, folder) = (sandbox().start().await.unwrap(), folder("mcp-output"));
    let mut child = command(sandbox.base_url(), &folder, &[&MCP, &["--budget", "5", "--json"][..]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begin = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}});
    let generate = json!({"name": "generate", "arguments": request("cat.png")});
    let mut stdin = child.stdin.take().unwrap();
    for message in [
        begin,
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": generate}),
        json!({"jsonrpc": "2.0", "id": 3, "method": "tools/list"}),
    ] {
        writeln!(stdin, "{message}").unwrap();
    }
    tokio::time::timeout(LIMIT, sandbox.until(|sandbox| sandbox.tasks_charged() == 1)).await.unwrap();
    drop(stdin);
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    let lines = ended.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    let mut ids: Vec<_> = lines.iter().map(|line| line["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3]);
    assert!(lines.iter().all(|line| line["jsonrpc"] == "2.0" && line["result"].is_object()), "{lines:?}");
    assert!(String::from_utf8_lossy(&ended.stderr).contains("task "), "progress goes to standard error");
}

/// `in/cat.png`, `in/sub/`, `out/taken.mp4`, `secret.png`, and a fence around `in` and `out`.
fn fenced(name: &str) -> (PathBuf, Fence) {
    let here = directory(name).canonicalize().unwrap();
    ["in/sub", "out", "elsewhere"].iter().for_each(|name| std::fs::create_dir_all(here.join(name)).unwrap());
    ["in/cat.png", "out/taken.mp4", "secret.png"].iter().for_each(|name| std::fs::write(here.join(name), "x").unwrap());
    let fence = Fence::new(&[here.join("in")], &here.join("out")).unwrap();
    (here, fence)
}

#[test]
fn an_image_is_within_its_folders_and_exists() {
    let (here, fence) = fenced("fence-image");
    let absolute = |name: &str| here.join(name).to_str().unwrap().to_owned();
    for name in ["cat.png", "sub/../cat.png", &absolute("in/cat.png"), &absolute("out/../in/cat.png")] {
        assert_eq!(fence.image(name), Some(here.join("in/cat.png")), "{name}");
    }
    let outside = [absolute("secret.png"), absolute("in/../secret.png")];
    for name in ["../secret.png", &outside[0], &outside[1], "nowhere.png", "sub", "", "cat.png\0"] {
        assert_eq!(fence.image(name), None, "{name}");
    }
    for (path, reads, writes) in [
        ("in/cat.png", true, false),
        ("out/a.mp4", false, true),
        ("out/../secret.png", false, false),
        ("output/a.mp4", false, false),
    ] {
        assert_eq!((fence.reads(&here.join(path)), fence.writes(&here.join(path))), (reads, writes), "{path}");
    }
}

#[test]
fn an_output_is_a_new_file_below_its_folder() {
    let (here, fence) = fenced("fence-output");
    for name in ["a.mp4", "b/c/a.mp4"] {
        assert_eq!(fence.output(name).unwrap(), here.join("out").join(name));
    }
    let absolute = here.join("out/a.mp4");
    let names = ["../a.mp4", "b/../../a.mp4", "./../a.mp4", "taken.mp4", "taken.mp4/a.mp4", "a.db", "", "..", ".mp4"];
    for name in names.into_iter().chain(absolute.to_str()) {
        assert!(fence.output(name).is_err(), "{name}");
    }
    let film = Fence::new(&[], &here.join("out.mp4")).unwrap();
    assert!(film.output("").is_err() && film.output(".").is_err(), "the folder itself");
}

#[cfg(unix)]
#[test]
fn no_link_leads_out() {
    let (here, fence) = fenced("fence-link");
    for (target, link) in [
        ("secret.png", "in/linked.png"),
        ("", "in/up"),
        ("in/cat.png", "in/within.png"),
        ("elsewhere", "out/away"),
        ("elsewhere/new.mp4", "out/dangling.mp4"),
        ("in", "images"),
    ] {
        std::os::unix::fs::symlink(here.join(target), here.join(link)).unwrap();
    }
    assert_eq!(fence.image("within.png"), Some(here.join("in/cat.png")));
    assert_eq!(["linked.png", "up/secret.png"].map(|name| fence.image(name)), [None, None]);
    for name in ["away/a.mp4", "away/b/a.mp4", "dangling.mp4"] {
        assert!(fence.output(name).is_err(), "{name}");
    }
    assert_eq!(std::fs::read_dir(here.join("elsewhere")).unwrap().count(), 0);
    // A folder that is named by a link is the folder behind it.
    let fence = Fence::new(&[here.join("images")], &here.join("out")).unwrap();
    assert_eq!(fence.image("cat.png"), Some(here.join("in/cat.png")));
}
