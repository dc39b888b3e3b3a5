//! The file for an output: its name, and whether it can be made.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Component, Path, is_separator};

use super::{Lines, NewJob};
use crate::failure::shortened;
use crate::target::extension;

/// Maximum length in bytes of a name, on all usual file systems.
const LONGEST_NAME: usize = 255;

/// Longest ending of the files that a download makes beside its target.
const BESIDE: &str = ".part.json";

impl Lines<'_> {
    /// The output as given; else that by the job's name, and that by its line, for a job without a name or with that of
    /// another.
    pub(super) fn files(&self, job: &NewJob, given: Option<&str>) -> Vec<String> {
        let extension = job.operation.output().map_or("mp4", extension);
        let stem = self.plan.manifest.file_stem().unwrap_or_default().to_string_lossy();
        let numbered = |name: &str| format!("{name}-{:05}.{extension}", job.line);
        let name = job.name.as_deref().map(plain).filter(|name| !name.is_empty());
        match (given, name) {
            (Some(given), _) => vec![given.to_owned()],
            (None, Some(name)) => vec![format!("{name}.{extension}"), numbered(&name)],
            (None, None) => vec![numbered(&plain(&stem))],
        }
    }

    /// Why the output of a job cannot be made, whatever its folder.
    pub(super) fn obstacle(&mut self, job: &NewJob, given: &str) -> Option<String> {
        let inside = job.output.strip_prefix(&self.out_dir).ok();
        let climbs = inside.is_none_or(|file| file.components().any(|part| part == Component::ParentDir));
        let file = job.output.file_name().map_or(0, |name| name.len() + BESIDE.len());
        let longest = job.output.iter().map(OsStr::len).chain([file]).max().unwrap_or_default();
        let shown = shortened(&job.output.to_string_lossy()).into_owned();
        let (expected, given) = if inside == Some(Path::new("")) || file == 0 || given.ends_with(is_separator) {
            ("a file", "a directory".to_owned())
        } else if climbs && !self.plan.outside {
            ("a path inside of the output folder, or --allow-outside", shown)
        } else if longest > LONGEST_NAME {
            ("names of at most 255 bytes, with .part.json of a download", format!("{longest} bytes"))
        } else {
            let kind = job.output.symlink_metadata().map_err(|reason| reason.kind());
            match kind {
                Ok(_) if !(self.may_exist)(job) => {
                    ("a file that can be made", format!("{shown}: it exists and is kept"))
                }
                Err(kind @ (ErrorKind::InvalidInput | ErrorKind::InvalidFilename)) => {
                    ("a valid path", kind.to_string())
                }
                _ => return None,
            }
        };
        Some(format!("output: expected {expected}, given {given}"))
    }

    /// Why the folder of an output takes no files or cannot be made: probed at the nearest folder that exists, once.
    pub(super) fn folder_obstacle(&mut self, output: &Path) -> Option<String> {
        let nearest = output.ancestors().skip(1).find(|folder| folder.symlink_metadata().is_ok())?;
        let probe = || tempfile::tempfile_in(nearest).err().map(|reason| reason.kind());
        let reason = self.folders.entry(nearest.to_owned()).or_insert_with(probe).as_ref()?;
        Some(format!("output: expected a folder that takes files, given {}: {reason}", nearest.display()))
    }
}

/// A name as that of a file, which leads nowhere else.
fn plain(name: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || "-_. ".contains(c) { c } else { '-' };
    let name: String = name.trim().chars().map(kept).collect();
    name.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::read;
    use super::*;

    fn line((number, (name, value)): (usize, (&str, &str))) -> Value {
        json!({"image": "https://example.com/cat.png", "prompt": number.to_string(), name: value})
    }

    #[test]
    fn an_output_is_a_new_file_that_can_be_made_inside_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        std::fs::create_dir(&out).unwrap();
        for name in ["taken.mp4", "file"] {
            std::fs::write(out.join(name), "mine").unwrap();
        }
        std::fs::create_dir(out.join("closed")).unwrap();
        let mut permissions = out.metadata().unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(out.join("closed"), permissions).unwrap();
        let is_root = tempfile::tempfile_in(out.join("closed")).is_ok();

        let (long, absolute) = (|count| "n".repeat(count), |name: &str| out.join(name).display().to_string());
        let cases = [
            ("new/sub/a.mp4", ""),
            (&absolute("inside.mp4"), ""),
            (&long(245), ""),
            (&long(246), "given 256 bytes"),
            (&format!("{}/a.mp4", long(256)), "given 256 bytes"),
            ("../a.mp4", "--allow-outside"),
            ("new/../a.mp4", "--allow-outside"),
            (&absolute("../b.mp4"), "--allow-outside"),
            ("new/", "given a directory"),
            ("..", "given a directory"),
            (".", "given a directory"),
            ("taken.mp4", "it exists and is kept"),
            ("file/a.mp4", "out/file: not a directory"),
            ("a\0b.mp4", "a valid path"),
            ("closed/a.mp4", if is_root { "" } else { "out/closed: permission denied" }),
        ];
        let lines: Vec<_> = cases.iter().map(|(output, _)| ("output", *output)).enumerate().map(line).collect();
        for ((output, expected), read) in cases.iter().zip(read(folder.path(), &lines, |_| ())) {
            let reason = read.err().unwrap_or_default();
            assert!(reason.contains(expected) && reason.is_empty() == expected.is_empty(), "{output}: {reason}");
        }
        let read = read(folder.path(), &lines, |lines| {
            lines.plan.outside = true;
            lines.may_exist = Box::new(|job| job.output.ends_with("taken.mp4"));
        });
        for at in [5, 6, 7, 11] {
            assert_eq!(read[at].as_ref().unwrap().output, out.join(cases[at].0));
        }
        assert_eq!(std::fs::read_dir(out).unwrap().count(), 3);
    }

    #[test]
    fn a_name_makes_a_file_of_its_own_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["cat", "cat", "../a:b", "...", &"é".repeat(121)];
        let lines: Vec<_> = names.into_iter().map(|name| ("name", name)).enumerate().map(line).collect();
        let outputs: Vec<_> =
            read(folder.path(), &lines, |_| ()).into_iter().map(|read| Some(read.ok()?.output)).collect();
        let expected = ["cat.mp4", "cat-00002.mp4", "-a-b.mp4", "all-00004.mp4"]
            .map(|file| Some(folder.path().join("out").join(file)));
        assert_eq!(outputs, [&expected[..], &[None]].concat());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn folders_need_not_be_utf_8() {
        use std::os::unix::ffi::OsStrExt as _;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join(OsStr::from_bytes(b"no\xffUTF-8"));
        std::fs::create_dir(&folder).unwrap();
        let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/images/cat.png");
        std::fs::copy(image, folder.join("cat.png")).unwrap();
        let read = read(&folder, &[line((1, ("image", "cat.png")))], |lines| assert_eq!(lines.folder, folder));
        let job = read[0].as_ref().unwrap();
        assert_eq!(job.output, folder.join("out/all-00001.mp4"));
        assert!(job.request.contains(r#"{"image":"cat.png"}"#));
    }
}
