//! Measures how long a thousand operations take to compare, beside the time of reading the same documents.
//!
//! `cargo run --release -p xtask --example thousand`

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use xtask::compare::{Options, compare};
use xtask::tree::{Node, read};

const OPERATIONS: usize = 1_000;
/// The best of some runs: what else the machine does only adds.
const RUNS: usize = 5;

fn document(revision: bool) -> String {
    let mut text = String::from("openapi: 3.0.1\ninfo: {title: T, version: '1'}\npaths:\n");
    for number in 0..OPERATIONS {
        // Every tenth operation differs in what every kind of comparison looks at.
        let limit = if revision && number % 10 == 0 { 100 } else { 200 };
        let _ = write!(
            text,
            "  /v1/things{number}/{{id}}:
    post:
      operationId: make{number}
      parameters:
        - {{name: id, in: path, required: true, schema: {{type: string}}}}
        - {{name: page, in: query, schema: {{type: integer, minimum: 1}}}}
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [prompt, mode]
              properties:
                prompt: {{type: string, maxLength: {limit}, description: A text of some words}}
                mode: {{type: string, enum: [std, pro]}}
                images: {{type: array, maxItems: 4, items: {{type: object, properties: {{image: {{type: string}}}}, required: [image]}}}}
                shared: {{$ref: '#/components/schemas/Shared'}}
      responses:
        '200':
          description: fine
          content:
            application/json:
              schema: {{type: object, properties: {{code: {{type: integer}}, data: {{$ref: '#/components/schemas/Shared'}}}}}}
"
        );
    }
    text.push_str("components:\n  schemas:\n    Shared:\n      type: object\n      properties:\n");
    for number in 0..20 {
        let _ = writeln!(text, "        field{number}: {{type: string, maxLength: {number}}}");
    }
    text
}

fn best<T>(mut run: impl FnMut() -> T) -> (Duration, T) {
    let mut least: Option<(Duration, T)> = None;
    for _ in 0..RUNS {
        let start = Instant::now();
        let value = run();
        let took = start.elapsed();
        if least.as_ref().is_none_or(|(before, _)| took < *before) {
            least = Some((took, value));
        }
    }
    least.unwrap_or_else(|| unreachable!("there is at least one run"))
}

fn main() {
    let (old, new) = (document(false), document(true));
    let name: Arc<str> = Arc::from("document");
    let tree = |text: &str| -> Node { read(text, &name, 1).unwrap_or_else(|error| panic!("{error:?}")) };
    let (reading, (base, revision)) = best(|| (tree(&old), tree(&new)));
    let options = Options { identity: &|_| None, look: &|_| Vec::new() };
    let (comparing, found) =
        best(|| compare(&base, &revision, &options).unwrap_or_else(|error| panic!("{error}")).changes.len());
    println!("{OPERATIONS} operations, {} bytes a document, {found} changes", old.len());
    println!("reading both:   {:7.1} ms", reading.as_secs_f64() * 1e3);
    println!("comparing them: {:7.1} ms", comparing.as_secs_f64() * 1e3);
}
