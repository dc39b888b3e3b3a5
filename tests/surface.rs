//! Holds the public surface: it is listed in `tests/surface/api.rs`, nothing that is generated is in it, and what crosses
//! threads may. `UPDATE_GOLDEN=1 cargo test --test surface` accepts a change that is meant.
//!
//! The listing is read off the sources, so that it needs no more than Rust: what `lib.rs` exports, without documentation and
//! bodies. What a macro makes is not seen; what the macro is given is listed in its place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kling_client as kling;
use syn::{Attribute, Fields, FnArg, ImplItem, Item, TraitItem, Type, UseTree, Visibility};

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name)
}

fn parse(path: &Path) -> syn::File {
    syn::parse_file(&std::fs::read_to_string(path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The modules of the crate: their names and their items.
fn modules() -> Vec<(String, Vec<Item>)> {
    let mut paths: Vec<_> = std::fs::read_dir(source("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    paths.sort();
    paths.iter().map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), parse(path).items)).collect()
}

/// Of the attributes, those that a user's code can notice.
fn visible(attributes: &mut Vec<Attribute>) {
    const VISIBLE: [&str; 6] = ["builder", "cfg", "default", "derive", "must_use", "non_exhaustive"];
    attributes.retain(|attribute| VISIBLE.iter().any(|name| attribute.path().is_ident(name)));
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_builder(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("builder"))
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test" || name == "doctest")
    })
}

/// The fields that are public, and one that says whether there are others.
fn public_fields(fields: &mut Fields) {
    let Fields::Named(named) = fields else {
        if let Fields::Unnamed(unnamed) = fields {
            unnamed.unnamed = std::mem::take(&mut unnamed.unnamed).into_iter().filter(|f| is_public(&f.vis)).collect();
        }
        return;
    };
    let all = std::mem::take(&mut named.named);
    let count = all.len();
    named.named = all.into_iter().filter(|field| is_public(&field.vis)).collect();
    if named.named.len() < count {
        let Item::Struct(model) = syn::parse_str("struct Model { and_private_ones: () }").unwrap() else {
            unreachable!()
        };
        named.named.extend(model.fields);
    }
    for field in &mut named.named {
        visible(&mut field.attrs);
    }
}

/// What an item shows of itself, if it is exported or belongs to what is; `all` where the whole module is public.
fn shown(item: Item, exported: &BTreeSet<String>, all: bool) -> Option<Item> {
    let is_exported = |name: &syn::Ident, visibility: &Visibility| {
        is_public(visibility) && (all || exported.contains(&name.to_string()))
    };
    Some(match item {
        Item::Struct(mut item) if is_exported(&item.ident, &item.vis) => {
            visible(&mut item.attrs);
            public_fields(&mut item.fields);
            Item::Struct(item)
        }
        Item::Enum(mut item) if is_exported(&item.ident, &item.vis) => {
            visible(&mut item.attrs);
            for variant in &mut item.variants {
                visible(&mut variant.attrs);
                variant.fields.iter_mut().for_each(|field| visible(&mut field.attrs));
            }
            Item::Enum(item)
        }
        Item::Trait(mut item) if is_exported(&item.ident, &item.vis) => {
            visible(&mut item.attrs);
            for part in &mut item.items {
                if let TraitItem::Fn(function) = part {
                    visible(&mut function.attrs);
                    if let Some(block) = &mut function.default {
                        block.stmts.clear();
                    }
                }
            }
            Item::Trait(item)
        }
        Item::Type(mut item) if is_exported(&item.ident, &item.vis) => {
            visible(&mut item.attrs);
            Item::Type(item)
        }
        Item::Const(mut item) if is_exported(&item.ident, &item.vis) => {
            visible(&mut item.attrs);
            Item::Const(item)
        }
        Item::Fn(mut item) if is_exported(&item.sig.ident, &item.vis) => {
            visible(&mut item.attrs);
            item.block.stmts.clear();
            Item::Fn(item)
        }
        Item::Impl(mut item) => {
            let Type::Path(of) = &*item.self_ty else { return None };
            // Of another crate or module when it has a path.
            if of.path.segments.len() > 1 {
                return None;
            }
            let name = of.path.segments.first()?.ident.to_string();
            let built = name.strip_suffix("Builder").is_some_and(|name| exported.contains(name));
            if !(all || built || exported.contains(&name)) || is_for_tests(&item.attrs) {
                return None;
            }
            visible(&mut item.attrs);
            let of_trait = item.trait_.is_some();
            item.items.retain_mut(|part| match part {
                // What is built of a function's arguments shows their names in its setters, although it is private.
                ImplItem::Fn(function) if !of_trait && (is_public(&function.vis) || is_builder(&function.attrs)) => {
                    visible(&mut function.attrs);
                    for argument in &mut function.sig.inputs {
                        if let FnArg::Typed(argument) = argument {
                            visible(&mut argument.attrs);
                        }
                    }
                    function.block.stmts.clear();
                    true
                }
                ImplItem::Const(constant) if !of_trait && is_public(&constant.vis) => {
                    visible(&mut constant.attrs);
                    true
                }
                ImplItem::Type(_) => true,
                _ => false,
            });
            if !of_trait && item.items.is_empty() {
                return None;
            }
            Item::Impl(item)
        }
        _ => return None,
    })
}

/// The names that a tree of imports ends in.
fn names(tree: &UseTree, into: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => names(&path.tree, into),
        UseTree::Group(group) => group.items.iter().for_each(|tree| names(tree, into)),
        UseTree::Name(name) => _ = into.insert(name.ident.to_string()),
        UseTree::Rename(name) => _ = into.insert(name.rename.to_string()),
        UseTree::Glob(_) => {}
    }
}

/// The listing: what `lib.rs` exports as it stands there, then each module's part of it.
fn listing() -> String {
    let modules = modules();
    let root = &modules.iter().find(|(name, _)| name == "lib").unwrap().1;
    let (mut exports, mut exported, mut open) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for item in root {
        match item {
            Item::Use(uses) if is_public(&uses.vis) => names(&uses.tree, &mut exported),
            Item::Mod(module) if is_public(&module.vis) => _ = open.insert(module.ident.to_string()),
            _ => continue,
        }
        let mut item = item.clone();
        if let Item::Mod(module) = &mut item {
            visible(&mut module.attrs);
        }
        exports.push(item);
    }
    let print = |items: Vec<Item>| {
        let mut file = syn::parse_file("").unwrap();
        file.items = items;
        let text = prettyplease::unparse(&file);
        // Macros are given as they stand, and what documents is no part of the surface.
        text.lines()
            .filter(|line| !line.trim_start().starts_with("///"))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let mut text = format!("// lib\n{}", print(exports));
    for (name, items) in modules {
        let macros = macros(&name);
        let shown: Vec<_> = items.into_iter().filter_map(|item| shown(item, &exported, open.contains(&name))).collect();
        if !shown.is_empty() || !macros.is_empty() {
            text += &format!(
                "
// {name}
{macros}{}",
                print(shown)
            );
        }
    }
    text
}

/// The text of a module's own macro and of what it is given, as it stands in the source.
fn macros(module: &str) -> String {
    let text = std::fs::read_to_string(source(module).with_extension("rs")).unwrap();
    let Some(defined) = text.lines().find_map(|line| line.strip_prefix("macro_rules! ")) else { return String::new() };
    let name = defined.trim_end_matches(" {");
    let begins = |line: &str| line == format!("macro_rules! {name} {{") || line == format!("{name}! {{");
    let (mut listed, mut within) = (String::new(), false);
    for line in text.lines() {
        within |= begins(line);
        if within && !line.trim_start().starts_with("///") {
            listed += line;
            listed += "\n";
        }
        within &= line != "}";
    }
    listed
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The lines of a listing that name what is generated, or comes from the generator, under any name that it was imported by.
fn foreign(listing: &str, imported: &BTreeSet<String>) -> Vec<String> {
    let is_foreign = |word: &str| word == "generated" || word.starts_with("progenitor") || imported.contains(word);
    let lines = listing.lines().filter(|line| !line.starts_with("//"));
    // The two that are meant: constants that say which document it was, and the raw client under its feature.
    let meant = ["pub use generated::document;", "pub mod raw;"];
    let mut lines: Vec<_> = lines.filter(|line| !meant.contains(line)).map(str::to_owned).collect();
    // What stands under the feature `raw` may name it: the line after its `cfg`.
    let mut under_raw = false;
    lines.retain(|line| {
        let keep = !under_raw && words(line).any(is_foreign);
        under_raw = line.contains(r#"feature = "raw""#);
        keep
    });
    lines
}

/// What the crate's files import from the generated client or from progenitor.
fn imported() -> BTreeSet<String> {
    fn of(tree: &UseTree, into: &mut BTreeSet<String>, within: bool) {
        match tree {
            UseTree::Path(path) => {
                let name = path.ident.to_string();
                of(&path.tree, into, within || name == "generated" || name.starts_with("progenitor"));
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| of(tree, into, within)),
            tree if within => names(tree, into),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for (_, items) in modules() {
        for item in items {
            if let Item::Use(uses) = item {
                of(&uses.tree, &mut found, false);
            }
        }
    }
    found.remove("document");
    found.remove("_");
    // The hook's error is `Error` there; the crate's own has that name everywhere else.
    found.remove("Error");
    found
}

#[test]
fn the_public_surface_is_as_it_was_accepted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/surface/api.rs");
    let listing = listing();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &listing).unwrap();
    }
    let accepted = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = accepted.lines().zip(listing.lines()).position(|(accepted, now)| accepted != now);
    let at = differs.unwrap_or(accepted.lines().count().min(listing.lines().count()));
    assert!(
        accepted == listing,
        "ACTION: if this change of the public surface is meant, UPDATE_GOLDEN=1 cargo test --test surface\n\
         first difference in line {}:\n- {}\n+ {}",
        at + 1,
        accepted.lines().nth(at).unwrap_or("the end"),
        listing.lines().nth(at).unwrap_or("the end"),
    );
}

#[test]
fn nothing_generated_is_public_without_the_feature_raw() {
    let imported = imported();
    assert!(imported.contains("types") && imported.contains("ClientHooks"), "the walk found {imported:?}");
    let found = foreign(&listing(), &imported);
    assert!(found.is_empty(), "in the public surface: {found:#?}");
}

#[test]
fn what_is_generated_would_be_seen_in_each_place_where_it_could_stand() {
    let imported = BTreeSet::from(["types".to_owned(), "OperationInfo".to_owned()]);
    for line in [
        "    pub fn body(&self) -> types::CreateMultiImageToVideoBody {}",
        "impl From<progenitor_client::Error<()>> for Error {}",
        "    pub info: OperationInfo,",
        "pub use generated::types;",
    ] {
        assert_eq!(foreign(line, &imported), [line]);
    }
    let raw = "#[cfg(feature = \"raw\")]\n    pub fn raw(&self) -> generated::Client {}";
    assert!(foreign(raw, &imported).is_empty());
}

#[test]
fn every_feature_is_in_the_table_of_the_documentation() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let features = manifest.split("[features]").nth(1).unwrap().split("\n[").next().unwrap();
    let names = features.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    let names: Vec<_> = names.map(|(name, _)| name).filter(|name| *name != "default").collect();
    assert!(names.contains(&"raw") && names.contains(&"rustls"), "{names:?}");
    let table = std::fs::read_to_string(source("guide/reference.md")).unwrap();
    for name in names {
        assert!(table.contains(&format!("\n| `{name}`")), "{name} is not in src/guide/reference.md");
    }
}

/// Held by the compiler: what a server keeps in its state, and what it moves between threads.
#[expect(dead_code, reason = "that it compiles is the claim")]
mod crosses_threads {
    use super::kling;

    fn shared<T: Send + Sync + 'static>() {}
    fn moved<T: Send + Unpin + 'static>() {}
    fn a_future<T: Send>(_: T) {}

    fn the_main_types_are_shared() {
        shared::<(kling::Client, kling::ClientBuilder, kling::Task, kling::SavedTask, kling::TaskInfo)>();
        shared::<(kling::Image, kling::MultiImageToVideo, kling::FinishedTask, kling::Video, kling::Violation)>();
        shared::<(kling::Error, kling::WaitEvent, kling::TaskStatus, kling::Model, kling::Mode)>();
        shared::<(kling::VideoDuration, kling::AspectRatio, kling::PollState, kling::SteadyPolling)>();
        shared::<(kling::SystemClock, kling::DownloadProgress, kling::ErrorKind)>();
    }

    fn what_waits_is_moved() {
        moved::<(kling::Wait, kling::Waiting, kling::WaitAll, kling::VideoStream)>();
        moved::<<kling::Download as IntoFuture>::IntoFuture>();
    }

    fn what_is_awaited_is_spawned(client: &kling::Client, request: &kling::MultiImageToVideo, task: &mut kling::Task) {
        a_future(client.submit(request));
        a_future(client.reconcile("mine"));
        a_future(client.list(1, 30));
        a_future(task.refresh());
    }
}
