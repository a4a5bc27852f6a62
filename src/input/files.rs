//! The way to users' files, and what is said when there is none. Whoever calls does the reading.

use std::io;
use std::path::{Path, PathBuf};

use super::suggest::{nearest, one_of, quoted};
use super::{Place, Problem, Problems};

/// How files are read.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// The text of a file.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
    /// The names of what is in a folder, for the likeliest meant one; none when it cannot be listed.
    pub names: &'a dyn Fn(&Path) -> Vec<String>,
}

impl Files<'_> {
    /// The text of the first of `paths` that is there, with its path. `place` names it in the problem of there being
    /// none.
    pub(crate) fn read_first<'p>(
        self,
        paths: &'p [PathBuf],
        place: &Place,
        problems: &mut Problems,
    ) -> Option<(&'p Path, String)> {
        for path in paths {
            match (self.read)(path) {
                Ok(text) => return Some((path, text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    problems.push(unreadable(place, path, &error));
                    return None;
                }
            }
        }
        problems.push(self.missing(paths, place));
        None
    }

    fn missing(self, paths: &[PathBuf], place: &Place) -> Problem {
        let shown: Vec<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
        let problem = Problem::error(place, format!("there is no file {}", one_of(&shown)));
        if let Some(near) = paths.iter().find_map(|path| self.near(path)) {
            return problem.help(format!("did you mean {}?", quoted(&near.to_string_lossy())));
        }
        problem.help("look at the name, and at the folder it is relative to")
    }

    /// The file beside `path` that is likely to be meant.
    fn near(self, path: &Path) -> Option<PathBuf> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let names = (self.names)(folder.unwrap_or(Path::new(".")));
        // Endings that are alike make no names alike.
        let alike = |name: &&String| match (ending(Path::new(name)), ending(path)) {
            (Some(of_name), Some(written)) => of_name == written,
            (of_name, None) => of_name == Some(YAML),
            (None, Some(_)) => false,
        };
        let (stems, names): (Vec<String>, Vec<&String>) =
            names.iter().filter(alike).map(|name| (stem(Path::new(name)), name)).unzip();
        let near = nearest(&stem(path), &stems)?;
        let place = stems.iter().position(|stem| stem == near)?;
        Some(path.with_file_name(names[place]))
    }
}

/// The two endings of YAML are one.
const YAML: &str = "yaml";

fn ending(path: &Path) -> Option<&str> {
    path.extension()
        .and_then(std::ffi::OsStr::to_str)
        .map(|ending| if ending == "yml" { YAML } else { ending })
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn unreadable(place: &Place, path: &Path, error: &io::Error) -> Problem {
    let problem =
        Problem::error(place, format!("failed to read {}: {error}", quoted(&path.to_string_lossy())));
    if error.kind() == io::ErrorKind::InvalidData {
        problem.help("the file must be UTF-8 text: is it the right one?")
    } else if error.kind() == io::ErrorKind::IsADirectory {
        problem.help("name a file in this folder")
    } else {
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Source;

    #[track_caller]
    fn check(paths: &[&str], message: &str, help: &str) {
        let files = Files {
            read: &|_| Err(io::ErrorKind::NotFound.into()),
            names: &|folder| match folder.to_str() {
                Some("slos") => vec!["default.yaml".to_owned(), "smoke.yml".to_owned()],
                _ => Vec::new(),
            },
        };
        let mut problems = Problems::new();
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        assert!(files.read_first(&paths, &Place::whole(&Source::new("x", "")), &mut problems).is_none());
        let problem = problems.iter().next().unwrap();
        assert_eq!((problem.message.as_str(), problem.help.as_deref()), (message, Some(help)));
    }

    #[test]
    fn a_missing_file_tells_what_was_tried_and_what_is_near() {
        let nothing = "look at the name, and at the folder it is relative to";
        check(&["a/x.yaml", "x.yaml"], "there is no file `a/x.yaml` or `x.yaml`", nothing);
        check(
            &["slos/defualt.yaml"],
            "there is no file `slos/defualt.yaml`",
            "did you mean `slos/default.yaml`?",
        );
        check(&["slos/default"], "there is no file `slos/default`", "did you mean `slos/default.yaml`?");
        check(
            &["x.yml", "slos/smoke.yaml"],
            "there is no file `x.yml` or `slos/smoke.yaml`",
            "did you mean `slos/smoke.yml`?",
        );
        check(&["slos/other.yaml"], "there is no file `slos/other.yaml`", nothing);
        // Three letters of nine are another name where the other six are its ending.
        check(&["slos/spoon.yml"], "there is no file `slos/spoon.yml`", nothing);
    }
}
