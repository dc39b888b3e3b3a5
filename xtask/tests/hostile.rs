//! Proves that no document, however it was made, stops the drift check with a panic, or keeps it for ever: there is a
//! result, or one clear line.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use xtask::compare::{Comparison, Level, Options, compare};
use xtask::error::{Error, Result};
use xtask::page::Page;
use xtask::repair::read_page;
use xtask::tree::{Node, read};

/// Far above what any of these takes, in an unoptimised build on a busy machine; an endless run never ends at all.
const PATIENCE: Duration = Duration::from_secs(120);

fn against(old: &str, new: &str) -> Result<Comparison> {
    let tree = |text: &str| {
        read(text, &Arc::from("d"), 1).map_err(|error| Error::refused(format_args!("d:{}", error.line), error.reason))
    };
    trees(&tree(old)?, &tree(new)?)
}

fn trees(old: &Node, new: &Node) -> Result<Comparison> {
    let options = Options { identity: &|_| None, look: &|_| Vec::new() };
    let start = Instant::now();
    let done = compare(old, new, &options);
    assert!(start.elapsed() < PATIENCE, "took {:?}", start.elapsed());
    done
}

fn body(schema: &str, components: &str) -> String {
    format!(
        "openapi: 3.0.0\npaths: {{/a: {{post: {{requestBody: {{content: {{application/json: {{schema: {schema}}}}}}}, responses: {{}}}}}}}}\ncomponents:\n  schemas:\n{components}"
    )
}

#[test]
fn references_that_lead_in_circles_end() {
    let entry = "{$ref: '#/components/schemas/A'}";
    for components in [
        "    A: {$ref: '#/components/schemas/A'}\n",
        "    A: {$ref: '#/components/schemas/B'}\n    B: {$ref: '#/components/schemas/A'}\n",
        "    A: {allOf: [{$ref: '#/components/schemas/A'}, {type: object}]}\n",
        "    A: {oneOf: [{$ref: '#/components/schemas/A'}, {type: object}]}\n",
        "    A: {oneOf: [{$ref: '#/components/schemas/A'}]}\n",
        "    A: {anyOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/A'}, {items: {$ref: '#/components/schemas/A'}}]}\n",
        "    A: {properties: {x: {oneOf: [{$ref: '#/components/schemas/A'}, {type: object}, {$ref: '#/components/schemas/A'}]}}}\n",
        "    A: {items: {$ref: '#/components/schemas/A'}}\n",
        "    A: {$ref: 'https://elsewhere.example/a.yaml#/A'}\n",
        "    A: {$ref: 'no pointer'}\n",
        "    A: {$ref: '#/components/schemas/%ZZ~3'}\n",
        "    A: {$ref: 5}\n",
    ] {
        let one = body(entry, components);
        let other = body(entry, &components.replace("object", "array"));
        let plain = body("{type: string}", "    A: {}\n");
        let single = body(entry, "    A: {properties: {x: {$ref: '#/components/schemas/A'}}}\n");
        for (old, new) in
            [(&one, &one), (&one, &other), (&other, &plain), (&plain, &one), (&one, &single), (&single, &one)]
        {
            assert!(against(old, new).is_ok(), "{components}");
        }
    }
}

#[test]
fn references_that_fan_out_end_in_one_line_or_a_result() {
    // Each schema holds the next one twice: two to the power of the number of schemas.
    let fan = |kind: &str| {
        let mut components = String::new();
        for number in 0..60 {
            let next = format!("{{$ref: '#/components/schemas/S{}'}}", number + 1);
            let _ = writeln!(components, "    S{number}: {{type: object, properties: {{a: {next}, b: {next}}}}}");
        }
        let _ = writeln!(components, "    S60: {{type: {kind}}}");
        body("{$ref: '#/components/schemas/S0'}", &components)
    };
    assert!(against(&fan("string"), &fan("string")).is_ok_and(|compared| compared.changes.is_empty()));
    let error = against(&fan("string"), &fan("integer")).map(|compared| compared.changes.len());
    assert!(error.as_ref().is_err_and(|error| error.to_string().lines().count() == 1), "{error:?}");
    // Compositions of compositions.
    let mut components = String::new();
    for number in 0..40 {
        let next = format!("{{$ref: '#/components/schemas/S{}'}}", number + 1);
        let _ = writeln!(components, "    S{number}: {{allOf: [{next}, {next}]}}");
    }
    components.push_str("    S40: {type: string}\n");
    let all = body("{$ref: '#/components/schemas/S0'}", &components);
    let plain = body("{type: string}", "    S0: {}\n");
    for (old, new) in [(&all, &plain), (&plain, &all), (&all, &all)] {
        match against(old, new) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.to_string().lines().count(), 1, "{error}"),
        }
    }
}

#[test]
fn unions_of_unions_against_one_schema_end_in_one_line_or_a_result() {
    let mut components = String::new();
    for number in 0..40 {
        let next = format!("{{$ref: '#/components/schemas/S{}'}}", number + 1);
        let _ = writeln!(components, "    S{number}: {{anyOf: [{next}, {next}, {next}]}}");
    }
    let union = body("{$ref: '#/components/schemas/S0'}", &(components + "    S40: {type: string}\n"));
    let plain = body("{type: integer}", "    S0: {}\n");
    for (old, new) in [(&union, &plain), (&plain, &union)] {
        if let Err(error) = against(old, new) {
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }
}

#[test]
fn parts_that_all_got_other_names_are_paired_in_time() {
    // Each schema is made of three of the next level, all of them renamed: each pair is tried once.
    let levels = |name: char| {
        let mut components = String::new();
        for level in 0..12 {
            for part in 0..3 {
                let next: Vec<String> =
                    (0..3).map(|next| format!("{{$ref: '#/components/schemas/{name}{}_{next}'}}", level + 1)).collect();
                let inner = if level == 11 {
                    format!("type: string, maxLength: {}", part + 1)
                } else {
                    format!("allOf: [{}]", next.join(", "))
                };
                let _ = writeln!(components, "    {name}{level}_{part}: {{properties: {{p{part}: {{{inner}}}}}}}");
            }
        }
        body(&format!("{{allOf: [{{$ref: '#/components/schemas/{name}0_0'}}]}}"), &components)
    };
    let compared = against(&levels('A'), &levels('B'));
    let grave = |compared: &Comparison| compared.changes.iter().map(|change| change.level).max();
    assert_eq!(compared.map(|compared| grave(&compared)), Ok(Some(Level::Source)));
}

#[test]
fn a_long_chain_of_schemas_ends_in_one_line_or_a_result() {
    let chain = |kind: &str| {
        let mut components = String::new();
        for number in 0..5_000 {
            let _ = writeln!(
                components,
                "    S{number}: {{properties: {{a: {{$ref: '#/components/schemas/S{}'}}}}}}",
                number + 1
            );
        }
        let _ = writeln!(components, "    S5000: {{type: {kind}}}");
        body("{$ref: '#/components/schemas/S0'}", &components)
    };
    let error = against(&chain("string"), &chain("integer")).map(|compared| compared.changes.len());
    assert!(error.as_ref().is_err_and(|error| error.to_string().contains("deep; compare smaller parts")), "{error:?}");
}

#[test]
fn what_stands_where_something_else_belongs_is_compared_all_the_same() {
    let odd = [
        "openapi: 3.0.0\npaths: {/a: 5, /b: {get: 7}, /c: {get: {parameters: 3, responses: [], requestBody: x}}}\n",
        "openapi: 3.0.0\npaths: {/c: {get: {parameters: [1, {name: 1, in: 2}, null], responses: {200: 1}, security: {a: b}, servers: 3, tags: 4}}}\ncomponents: []\nsecurity: 5\n",
        "openapi: 3.0.0\npaths: {/c: {get: {requestBody: {content: {a: 1, b: {schema: 2}}}, responses: {'200': {content: 5, headers: [1]}}}}}\ncomponents: {schemas: [1], securitySchemes: {a: 1}}\n",
        "openapi: 3.0.0\npaths: {/c: {post: {requestBody: {content: {a: {schema: {type: [1, null], enum: 5, properties: [], required: 3, allOf: {}, oneOf: 3, items: [], minimum: x, maxLength: [], not: 1, discriminator: 5, additionalProperties: 7}}}}, responses: {}}}}\n",
        "openapi: 3.0.0\npaths:\n",
    ];
    for old in odd {
        for new in odd {
            assert!(against(old, new).is_ok(), "{old}\n{new}");
        }
    }
    assert!(against("openapi: 3.0.0\n", odd[0]).is_err());
    assert!(against("[]", "5").is_err());
}

#[test]
fn a_document_of_many_megabytes_ends() {
    // Wide in every direction that a comparison by pairs would multiply.
    let wide = |kind: &str| {
        let mut properties = String::new();
        let mut required = String::new();
        let mut values = String::new();
        for number in 0..20_000 {
            let _ = write!(properties, "p{number}: {{type: {kind}}}, ");
            let _ = write!(required, "p{number}, ");
            let _ = write!(values, "v{kind}{number}, ");
        }
        let parts: String = (0..2_000).map(|number| format!("{{type: {kind}, maxLength: {number}}}, ")).collect();
        body(
            &format!(
                "{{type: object, properties: {{x: {{enum: [{values}]}}, y: {{oneOf: [{parts}]}}, {properties}}}, required: [{required}]}}"
            ),
            "    A: {}\n",
        )
    };
    assert!(against(&wide("string"), &wide("string")).is_ok_and(|compared| compared.changes.is_empty()));
    match against(&wide("string"), &wide("integer")) {
        Ok(compared) => assert!(!compared.changes.is_empty()),
        Err(error) => assert!(error.to_string().contains("more than 20000 changes"), "{error}"),
    }
}

#[test]
fn documents_with_lines_lost_doubled_or_swapped_are_compared_without_a_fault() {
    let pages = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let mut texts: Vec<Page> = Vec::new();
    for entry in std::fs::read_dir(pages).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Ok(page) = xtask::page::open(&entry.path(), &name) {
            texts.push(page);
        }
    }
    assert!(texts.len() > 5);
    // A fixed sequence: what fails once fails again.
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below.max(1) as u64).unwrap_or_default()
    };
    let words = [
        "type: object",
        "$ref: '#/components/schemas/A'",
        "allOf: []",
        "oneOf: [1]",
        "enum: {}",
        "x: 5",
        "required: [a]",
        "- a",
    ];
    let mut compared = 0;
    for _ in 0..1_500 {
        let page = &texts[next(texts.len())];
        let mut lines: Vec<String> = page.yaml.lines().map(str::to_owned).collect();
        for _ in 0..=next(3) {
            let (a, b) = (next(lines.len()), next(lines.len()));
            match next(4) {
                0 => drop(lines.remove(a)),
                1 => lines.swap(a, b),
                2 => lines.insert(a, lines[b].clone()),
                _ => {
                    let indent = lines[a].len() - lines[a].trim_start().len();
                    lines[a] = format!("{}{}", " ".repeat(indent), words[next(words.len())]);
                }
            }
        }
        let changed = Page { yaml: lines.join("\n"), ..page.clone() };
        let (Ok(old), Ok(new)) = (read_page(page), read_page(&changed)) else { continue };
        for (old, new) in [(&old.root, &new.root), (&new.root, &old.root)] {
            match trees(old, new) {
                Ok(_) => compared += 1,
                Err(error) => assert!(!error.to_string().contains("defect"), "{error}\n{}", changed.yaml),
            }
        }
    }
    assert!(compared > 500, "{compared}");
}
