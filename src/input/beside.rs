//! Files that a user's file names: beside it or, where there is no such file, in the working directory.

use std::path::{Component, Path, PathBuf};

/// Where the file that the file at `named_in` calls `written` may be, the likeliest first.
pub(crate) fn candidates(named_in: &Path, written: &Path) -> Vec<PathBuf> {
    let folder = named_in.parent().unwrap_or(Path::new(""));
    let mut candidates = vec![without_dots(&folder.join(written))];
    if candidates[0] != written {
        candidates.push(written.to_owned());
    }
    candidates
}

/// `scenarios/../slos/x.yaml` as `slos/x.yaml`, for messages; leading `..` stay.
fn without_dots(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            Component::ParentDir | Component::Normal(_) | Component::RootDir | Component::Prefix(_) => {
                out.push(part);
            }
        }
    }
    out
}
